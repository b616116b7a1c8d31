"""A night in which thousands of recovery points appear, on an embedded AWS with its quotas and troubles."""

from __future__ import annotations

import itertools
import math
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

import pytest
from tests.scale import timed_jobs
from tests.scale.troubles import SpotMarket, Throttling, no_announcements

from backup_actions.aws import Clients, World
from backup_actions.cli.deployments import estate_of
from backup_actions.estate.replaying import replay
from backup_actions.plugins import installed_action
from backup_actions.settings import from_mapping
from backup_actions_local.cloud import Cloud
from backup_actions_local.states.execution import Event, Execution
from backup_actions_testing.runs import Run

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.seaweed import ObjectServer

NAME, VAULT, ZONES = "backup-actions", "backups", ("us-east-1a", "us-east-1b")
ACTIONS = ("ebs-archive", "rds-export", "dynamodb-export")
VCPUS_OF_A_JOB = 2
EXPORTS_AT_ONCE = 5
RUN_TAG = "backup-actions:run"
_LOST_FROM, _LOST_UNTIL = 0.40, 0.45
_ENDS = {"ExecutionSucceeded", "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"}
_SWEEP_AFTER = timedelta(hours=25)
_TOLD_EVERY = 250
_VOLUMES, _TABLES, _DATABASES = 20, 5, 10
_numbers = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How many points of which kind appear in how much time, and how often something goes wrong."""

    points: int
    points_an_hour: float = 1250
    """10,000 in a night of eight hours."""
    rds_percent: int = 5
    dynamodb_percent: int = 12
    throttled_one_in: int = 100
    spot_one_in: int = 25
    vcpus_per_zone: int = 32
    """What a deployment has unless its settings say otherwise."""
    at_most_minutes: float = math.inf
    """Of this machine's time: afterwards no point appears any more, and what is under way comes to its end."""

    @property
    def jobs_at_once(self) -> int:
        """In each zone."""
        return self.vcpus_per_zone // VCPUS_OF_A_JOB

    def kinds(self) -> list[str]:
        """The resource types of the points, in the order in which they appear."""
        rds, tables = self.points * self.rds_percent // 100, self.points * self.dynamodb_percent // 100
        kinds = ["RDS"] * rds + ["DynamoDB"] * tables + ["EBS"] * (self.points - rds - tables)
        random.Random(self.points).shuffle(kinds)  # noqa: S311 - the same order every time
        return kinds


@dataclass
class Records:
    """What is noted while it happens, because later nobody could say it any more."""

    volumes_at_most: int = 0
    volumes: Counter[str] = field(default_factory=Counter)
    history_at_most: int = 0
    transitions: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, cloud: Cloud, execution: Execution, event: Event) -> None:
        """Note it; the history of what has ended is let go, or thousands of them would not find room in memory."""
        if event.type == "TaskSucceeded" and event.details.get("resource") == "aws-sdk:ec2:createVolume":
            standing = sum(RUN_TAG in volume.tags and volume.gone_at is None for volume in cloud.store.volumes())
            with self._lock:
                self.volumes_at_most = max(self.volumes_at_most, standing)
        if event.type in _ENDS:
            with self._lock:
                self.history_at_most = max(self.history_at_most, len(execution.history))
                self.transitions += sum(each.type.endswith("StateEntered") for each in execution.history)
            execution.history.clear()


@dataclass
class Night(Run):
    """One deployment of three actions and its recovery points. Ask it after ``pass_by``."""

    plan: Plan
    records: Records
    throttling: Throttling
    spot: SpotMarket
    resources: dict[str, list[str]]
    events_lost: int = 0
    swept: list[dict[str, Any]] = field(default_factory=list)
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    _began: tuple[float, float] = (0.0, 0.0)
    _appeared: int = 0

    @classmethod
    @contextmanager
    def begun(cls, directory: Path, objects: ObjectServer, image: DatabaseImage, plan: Plan) -> Iterator[Self]:
        """The world before the night."""
        actions = [installed_action(name) for name in ACTIONS]
        told = {
            "account": "111122223333",
            "region": "us-east-1",
            "zones": list(ZONES),
            "vcpus_per_zone": plan.vcpus_per_zone,
            "vaults": [VAULT],
            "deletion": {"policy": "delete"},
            "notifications": {"success": "digest"},
            "actions": {name: {} for name in ACTIONS},
        }
        folder, records, spot = directory / "night", Records(), SpotMarket(plan.spot_one_in)

        def heard(execution: Execution, event: Event) -> None:
            records.hear(cloud, execution, event)

        with Cloud(folder, objects, mode="inline", on_event=heard, on_report=spot.hear) as cloud:
            deployment = cloud.deploy(from_mapping(told, actions), actions, bucket=f"night-{next(_numbers)}")
            for name, definition in cloud.jobs.definitions.items():
                cloud.jobs.definitions[name] = replace(definition, entry=timed_jobs.ENTRY)
            for queue in cloud.jobs.queues.values():
                queue.max_concurrent_jobs = plan.jobs_at_once
            spot.cloud = cloud
            throttling = Throttling(plan.throttled_one_in)
            resources = _resources(cloud, directory, image)
            night = cls(cloud, deployment, folder, objects, plan, records, throttling, spot, resources)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(tempfile, "tempdir", str(folder))
                # Whoever was throttled waits before the next try, and does so on the real clock.
                patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None))
                try:
                    yield night
                finally:
                    night.remove_bucket()

    def pass_by(self) -> None:
        """All points have appeared, what followed has come to its end, and a sweep has looked after it."""
        self._began = wall, cpu = time.monotonic(), time.process_time()
        self.throttling.plan(self.cloud)
        with self.cloud.clock.actor():
            self._back_up()
        self._tell("all have appeared")
        self.wait()
        self._tell("all have come to their ends")
        self._replay()
        self._sweep()
        self.wall_seconds, self.cpu_seconds = time.monotonic() - wall, time.process_time() - cpu

    def failed(self) -> list[Execution]:
        """The runs that did not end well."""
        return [execution for execution in self.executions(self.main_name) if execution.status != "SUCCEEDED"]

    def stored(self) -> list[str]:
        """Every object of the archive bucket, however many there are."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def _back_up(self) -> None:
        """AWS Backup makes one backup after the other; events of some of them are lost."""
        kinds, seconds = self.plan.kinds(), 3600 / self.plan.points_an_hour
        lost_from, lost_until = int(_LOST_FROM * len(kinds)), int(_LOST_UNTIL * len(kinds))
        self._begin(kinds[:lost_from], seconds)
        with no_announcements(self.cloud) as lost:
            self._begin(kinds[lost_from:lost_until], seconds)
            self.cloud.clock.sleep(300)  # backups take three minutes: those that have just begun end unheard too
        self.events_lost = lost()
        self._begin(kinds[lost_until:], seconds)

    def _begin(self, kinds: list[str], seconds: float) -> None:
        backup, role = self.cloud.administrator.client("backup"), self.cloud.place.role_arn("backup")
        for number, kind in enumerate(kinds):
            if time.monotonic() - self._began[0] > 60 * self.plan.at_most_minutes:
                return
            arn = self.resources[kind][number % len(self.resources[kind])]
            backup.start_backup_job(BackupVaultName=VAULT, ResourceArn=arn, IamRoleArn=role)
            self.cloud.clock.sleep(seconds)
            self._appeared += 1
            if self._appeared % _TOLD_EVERY == 0:
                self._tell(f"{self._appeared} of {self.plan.points} have appeared")

    def _tell(self, what: str) -> None:
        """How far it is, for who watches."""
        wall, cpu = time.monotonic() - self._began[0], time.process_time() - self._began[1]
        memory_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
        minutes = f"{wall / 60:.0f} minutes, {cpu / 60:.1f} of them at work"
        sys.stderr.write(f"{what}: {minutes}, {threading.active_count()} threads, {memory_gib:.1f} GiB\n")

    def _replay(self) -> None:
        """What people were told of as failed, they replay, as the notice says; once."""
        clients = Clients(self.cloud.administrator)
        world, estate = World(clients, clock=self.cloud.clock), estate_of(NAME, clients)
        with self.cloud.clock.actor():
            for execution in self.failed():
                replay(world, estate, point_of(execution), again=False)
        self.wait()

    def _sweep(self) -> None:
        """Day by day, until there is nothing to put right: a sweep begins a hundred runs at most."""
        while self._day_of_a_sweep():
            pass

    def _day_of_a_sweep(self) -> int:
        """The schedule calls the sweep until it says that it has looked at everything. How much it has put right."""
        answers: list[dict[str, Any]] = []
        with self.cloud.clock.actor():
            self.cloud.clock.sleep(_SWEEP_AFTER.total_seconds())
            while not answers or not answers[-1]["done"]:
                answers.append(self.cloud.functions.invoke(f"{NAME}-sweep", {}))
        self.wait()
        self.swept += answers
        return put_right(answers)


def put_right(answers: Iterable[Mapping[str, Any]]) -> int:
    """How much sweeps have put right by what they answered."""
    return sum(answer["found"] - answer["left"] for answer in answers)


def point_of(execution: Execution) -> str:
    """The ARN of the recovery point that a run of the main machine is at."""
    told: Any = execution.input
    return str(told["recoveryPoint"]["arn"])


def _resources(cloud: Cloud, directory: Path, image: DatabaseImage) -> dict[str, list[str]]:
    """What is backed up, each many times: tiny disks and tables, small databases."""
    disk, place = _disk(directory), cloud.place
    volumes = [cloud.store.make_volume(disk, zone=ZONES[0]) for _ in range(_VOLUMES)]
    names = [f"orders-{number}" for number in range(_TABLES)]
    dynamodb = cloud.administrator.client("dynamodb")
    with cloud.clock.actor():
        for name in names:
            dynamodb.create_table(
                TableName=name,
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )
            dynamodb.put_item(TableName=name, Item={"id": {"S": "o-1"}, "price": {"N": "12.50"}})
            dynamodb.update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
        cloud.clock.sleep(3600)
    return {
        "EBS": [place.arn("ec2", f"volume/{volume}") for volume in volumes],
        "DynamoDB": [cloud.tables.arn_of(name) for name in names],
        "RDS": [cloud.databases.make(f"shop-{number}", image).arn for number in range(_DATABASES)],
    }


def _disk(directory: Path) -> Path:
    """An ext4 file system of 1 MiB with one small file."""
    tree, image = directory / "tree", directory / "tiny.img"
    tree.mkdir(parents=True)
    (tree / "note.txt").write_text("note\n" * 50)
    with image.open("wb") as disk:
        disk.truncate(1 << 20)
    command = ["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", str(tree), str(image)]
    subprocess.run(command, check=True)
    return image
