"""The demo's run: things are made, backed up, and from then on the deployed workflows do what they do."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from backup_actions.contract import Action
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions.plugins import installed
from backup_actions.settings import from_mapping
from backup_actions_local.clock import SimulatedClock
from backup_actions_local.cloud import Cloud
from backup_actions_local.demo import promises
from backup_actions_local.demo.live import Screen, Watch
from backup_actions_local.demo.offsite import SEPARATED, OffSite
from backup_actions_local.demo.outcome import Check, Outcome, outcome_of
from backup_actions_local.demo.queries import ask
from backup_actions_local.demo.report import write_report
from backup_actions_local.demo.restoring import dump_check, restore_checks
from backup_actions_local.demo.tabular import CHOSEN, DUMP, EXPORT, OFFSITE, Spoilt, SpoiltDatabase, spoilt_resources
from backup_actions_local.demo.volumes import MIB, DemoDisk, make_disks
from backup_actions_local.deployment import Deployment
from backup_actions_local.samples import VAULT, Sample, sample_of
from backup_actions_local.seaweed import object_server
from backup_actions_local.services.hosting.devices import loops_over
from backup_actions_local.services.neighbours import Neighbours
from backup_actions_local.services.place import Place

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BUCKET = "backup-actions-archive"
DISKS, TABLES = "ebs-archive", "dynamodb-export"
STAGED = (DISKS, EXPORT, DUMP, OFFSITE, TABLES)
"""The actions that the demo has a story for; those of others are tried on their samples."""
_SMALL_FILES = 3000
_UNLUCKY_AFTER_BYTES = 24 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """Everything that is shown at the end."""

    outcomes: Mapping[str, Outcome]
    checks: list[Check]
    report: Path
    calls: int
    refused: int
    notifications: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether everything was true."""
        return all(check.holds for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """What is backed up, by name."""

    disks: Mapping[str, DemoDisk]
    spoilt: Mapping[str, Spoilt]
    samples: Mapping[str, Sample]
    """By the names of the actions that are tried on them."""

    @property
    def stories(self) -> dict[str, str]:
        """What is told of each."""
        told: Mapping[str, DemoDisk | Spoilt | Sample] = {**self.disks, **self.spoilt, **self.samples}
        return {name: each.story for name, each in told.items()}


def can_mount() -> bool:
    """Whether file systems can be mounted here; otherwise they are archived raw."""
    return os.geteuid() == 0 and Path("/dev/loop-control").exists() and shutil.which("losetup") is not None


def run_demo(
    folder: Path,
    report: Path,
    screen: Screen,
    talk: Callable[[str], None],
    *,
    port: int | None,
    actions: Sequence[str],
) -> DemoResult:
    """Run the story of these actions; nothing runs, is mounted or attached any more when this returns or raises."""
    if DISKS in actions and not can_mount():
        talk("not root on Linux with loop devices: nothing is mounted here, every file system takes the raw route")
    names: dict[str, str] = {}
    talk("starting the embedded AWS on 127.0.0.1")
    with _accounts(folder, Watch(screen, names), port, actions) as (cloud, deployment, samples, away):
        talk(f"the embedded AWS answers on {cloud.front.url}; making what is to be backed up")
        subjects = _make(folder, actions, samples, talk)
        talk(f"backing up: {', '.join(subjects.stories)}")
        points = _back_up(cloud, subjects, names)
        for spoilt in subjects.spoilt.values():
            talk(f"{spoilt.name} is backed up, and then: {spoilt.mishap}")
            spoilt.spoil(cloud)
        cloud.clock.wait_for_rest()
        talk("reading back from the bucket and comparing")
        outcomes, checks, told = _conclude(cloud, deployment, subjects, points, folder)
        if away:
            checks += _off_site(away, cloud, subjects, outcomes)
    left = [str(loop) for loop in loops_over(folder)] + [f"process {child}" for child in _children()]
    checks.append(
        Check(sentence="nothing is left running, mounted or attached", holds=not left, detail=", ".join(left))
    )
    write_report(report, cloud, outcomes, checks, told)
    return DemoResult(
        outcomes=outcomes,
        checks=checks,
        report=report,
        calls=len(cloud.audit.entries),
        refused=len(cloud.audit.refused()),
        notifications=told,
    )


@contextmanager
def _accounts(
    folder: Path, watch: Watch, port: int | None, actions: Sequence[str]
) -> Iterator[tuple[Cloud, Deployment, Mapping[str, Sample], OffSite | None]]:
    """The account with the backups, and where they go off-site another one beside it, on the same clock.

    Actions of others have their samples there. Raises SampleMissing, SampleBroken.
    """
    clock, neighbours = SimulatedClock(flows=True), Neighbours()
    with ExitStack() as stack:
        objects = stack.enter_context(object_server(folder / "objects"))

        def begun(place: Place, directory: Path, port: int | None = None) -> Cloud:
            cloud = Cloud(
                directory,
                objects,
                clock=clock,
                place=place,
                neighbours=neighbours,
                port=port,
                on_event=watch.execution,
                on_report=watch.job,
            )
            return stack.enter_context(cloud)

        cloud = begun(Place(), folder, port)
        samples = {action.name: sample_of(action, cloud) for action in _of_others(actions)}
        deployment = _deploy(cloud, actions, samples)
        for sample in samples.values():
            stack.enter_context(sample.beside(deployment))
        away = OffSite.beside(cloud, begun(SEPARATED, folder / "separated")) if OFFSITE in actions else None
        yield cloud, deployment, samples, away


def _children() -> list[str]:
    """Processes that this one has started and that still run; none where the system does not tell."""
    return [child for task in Path("/proc/self/task").glob("*/children") for child in task.read_text().split()]


def _of_others(actions: Sequence[str]) -> list[Action]:
    found = installed()
    return [found.action(name) for name in actions if name not in STAGED]


def _deploy(cloud: Cloud, actions: Sequence[str], samples: Mapping[str, Sample]) -> Deployment:
    found = installed()
    chosen = [found.action(name) for name in actions]
    own: dict[str, Mapping[str, object]] = {
        **{name: {"enabled": True, **sample.settings} for name, sample in samples.items()},
        DUMP: {"select": CHOSEN[DUMP]},
        OFFSITE: {"enabled": True, "separated_account": SEPARATED.account},
    }
    settings = from_mapping(
        {
            "account": cloud.place.account,
            "region": cloud.place.region,
            "zones": list(cloud.place.zones),
            "vaults": [VAULT],
            "deletion": {"policy": "delete"},
            "notifications": {"success": "each"},
            "actions": {name: own[name] for name in actions if name in own},
        },
        chosen,
    )
    return cloud.deploy(settings, chosen, bucket=BUCKET)


def _make(folder: Path, actions: Sequence[str], samples: Mapping[str, Sample], talk: Callable[[str], None]) -> Subjects:
    disks = make_disks(folder / "disks", files=_SMALL_FILES) if DISKS in actions else []
    return Subjects(
        disks={disk.name: disk for disk in disks},
        spoilt={each.name: each for each in spoilt_resources(folder / "databases", actions, talk)},
        samples=samples,
    )


def _back_up(cloud: Cloud, subjects: Subjects, names: dict[str, str]) -> dict[str, RecoveryPoint]:
    """Start an AWS Backup job for each subject; return the recovery points once they exist."""
    backup = cloud.administrator.client("backup")
    with cloud.clock.actor():  # time stands still while this thread prepares
        jobs = {}
        for name, arn in _arns(cloud, subjects).items():
            names[_last(arn)] = name
            jobs[name] = backup.start_backup_job(
                BackupVaultName=VAULT, ResourceArn=arn, IamRoleArn=cloud.place.role_arn("backup")
            )["BackupJobId"]
        points: dict[str, RecoveryPoint] = {}
        while len(points) < len(jobs):
            cloud.clock.sleep(1)
            for name, job_id in jobs.items():
                job = backup.describe_backup_job(BackupJobId=job_id)
                if job["State"] == "COMPLETED" and name not in points:
                    arns = Arn.parse(job["RecoveryPointArn"]), Arn.parse(job["ResourceArn"])
                    points[name] = RecoveryPoint(arns[0], VAULT, arns[1], job["ResourceType"])
        for name, sample in subjects.samples.items():
            if sample.planted:
                names[_last(sample.resource_arn)] = name
                sample.back_up(cloud)
                points[name] = sample.planted
        if unlucky := points.get("unlucky"):
            cloud.mishaps.kill_job(f"{unlucky.execution_name}_archive", after_bytes=_UNLUCKY_AFTER_BYTES, attempts=None)
    return points


def _last(arn: str) -> str:
    return arn.rpartition("/" if "/" in arn else ":")[2]


def _arns(cloud: Cloud, subjects: Subjects) -> dict[str, str]:
    """The resources, made."""
    zone, place = cloud.place.zones[0], cloud.place
    volumes = {
        name: cloud.store.make_volume(disk.image, zone=zone, tags={"Name": name})
        for name, disk in subjects.disks.items()
    }
    return {
        **{name: place.arn("ec2", f"volume/{volume}") for name, volume in volumes.items()},
        **{name: spoilt.make(cloud) for name, spoilt in subjects.spoilt.items()},
        **{name: sample.resource_arn for name, sample in subjects.samples.items() if sample.planted is None},
    }


def _conclude(
    cloud: Cloud,
    deployment: Deployment,
    subjects: Subjects,
    points: Mapping[str, RecoveryPoint],
    folder: Path,
) -> tuple[dict[str, Outcome], list[Check], tuple[str, ...]]:
    """What became of each backup, what is true of all that, and what people were told."""
    s3 = cloud.administrator.client("s3")
    main = deployment.name_of(deployment.machines[0].machine)
    runs = {e.name: e for e in cloud.stepfunctions.executions() if e.machine.name == main}
    outcomes = {
        name: outcome_of(name, subjects.stories[name], point, runs[point.execution_name], s3, BUCKET)
        for name, point in points.items()
    }
    for name, spoilt in subjects.spoilt.items():
        if outcomes[name].work("export"):
            outcomes[name] = replace(outcomes[name], answer=ask(spoilt, s3, BUCKET))
    told = _notifications(cloud, deployment)
    checks = [*promises.of_disks(outcomes)] if subjects.disks else []
    for name, spoilt in subjects.spoilt.items():
        checks += _promised(spoilt, outcomes[name], s3)
    for name, sample in subjects.samples.items():
        checks += promises.of_sample(outcomes[name], sample, s3, BUCKET)
    checks += promises.of_what_is_left(cloud, deployment, s3)
    checks += promises.of_words_and_rights(cloud, outcomes, told)
    if subjects.disks:
        checks += restore_checks(subjects.disks, outcomes, s3, folder / "restored")
    return outcomes, checks, told


def _promised(spoilt: Spoilt, outcome: Outcome, s3: S3Client) -> Iterator[Check]:
    if any(action.endswith("-export") for action in spoilt.actions):
        yield from promises.of_export(outcome)
    if DUMP in spoilt.actions and isinstance(spoilt, SpoiltDatabase):
        yield from promises.of_dump(outcome)
        yield dump_check(spoilt, outcome, s3)
    if OFFSITE in spoilt.actions:
        yield from promises.of_copy(outcome)
    if not {DUMP, OFFSITE} & set(spoilt.actions):
        yield from promises.of_export_alone(outcome)


def _off_site(away: OffSite, home: Cloud, subjects: Subjects, outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
    """What is true of what went to the other account."""
    for name, spoilt in subjects.spoilt.items():
        if isinstance(spoilt, SpoiltDatabase) and outcomes[name].work("copy"):
            yield from away.checks(home, spoilt)


def _notifications(cloud: Cloud, deployment: Deployment) -> tuple[str, ...]:
    sqs = cloud.administrator.client("sqs")
    texts: list[str] = []
    while True:
        answer = sqs.receive_message(QueueUrl=deployment.resources["InboxUrl"], MaxNumberOfMessages=10)
        if not answer.get("Messages"):
            return tuple(texts)
        for message in answer["Messages"]:
            body = json.loads(message["Body"])
            texts.append(f"{body.get('Subject', '')}\n{body['Message']}")
            sqs.delete_message(QueueUrl=deployment.resources["InboxUrl"], ReceiptHandle=message["ReceiptHandle"])
