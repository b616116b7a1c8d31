"""Two accounts on one clock: the source of backups, and the separated one that imports them."""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.flow.flow import MAIN, NAME, VAULT, Flow, OnReport, Plan

from backup_actions.offsite.imports import Import, Imports
from backup_actions.plugins import installed_action
from backup_actions.settings import from_mapping
from backup_actions_local.clock import SimulatedClock
from backup_actions_local.cloud import Cloud
from backup_actions_local.services.durations import Durations
from backup_actions_local.services.neighbours import Neighbours
from backup_actions_local.services.place import Place

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.seaweed import ObjectServer
    from backup_actions_local.services.messages_queue import Message
    from backup_actions_local.states.execution import Event, Execution

SOURCE, SEPARATED, THIRD = "111122223333", "444455556666", "777788889999"
COPY, IMPORT = f"{NAME}-offsite-copy", f"{NAME}-offsite-import"
ANNOUNCEMENTS, ACKNOWLEDGEMENTS = f"{COPY}-announcements", f"{COPY}-acknowledgements"
REVIEW = f"{COPY}-unacknowledged"
MARK = {"encryption_key": "offsite"}
"""The tag of recovery points that go off-site."""

_numbers = itertools.count(1)


@dataclass
class Accounts:
    """Both worlds. Ask them after ``back_up`` or ``wait``: then nothing moves any more."""

    source: Flow
    separated: Flow
    neighbours: Neighbours

    def wait(self) -> None:
        """Nothing moves any more in either; they share a clock."""
        self.source.wait()

    # ------------------------------------------------------------------------------------------------------- happening

    def database(self, image: DatabaseImage | None = None, *, name: str = "shop", **about: Any) -> str:
        """A customer's database in the source account, encrypted with a key of theirs; its ARN."""
        about.setdefault("kms_key_id", self.source.cloud.place.arn("kms", "key/customer"))
        engine = about.pop("engine", "" if image else "postgres")
        return self.source.cloud.databases.make(name, image, engine=engine, **about).arn

    def back_up(self, arn: str, *, marked: bool = True) -> None:
        """AWS Backup backs that up, with the mark of what goes off-site, and everything that follows has ended."""
        self.begin_backup(arn, marked=marked)
        self.wait()

    def begin_backup(self, arn: str, *, marked: bool = True) -> None:
        """AWS Backup begins to back that up."""
        with self.source.cloud.clock.actor():
            self.source.cloud.administrator.client("backup").start_backup_job(
                BackupVaultName=VAULT,
                ResourceArn=arn,
                IamRoleArn=self.source.cloud.place.role_arn("backup"),
                RecoveryPointTags=MARK if marked else {},
            )

    def replay(self) -> None:
        """The source's main machine is begun again by hand, with the same input under another name."""
        place, states = self.source.cloud.place, self.source.cloud.administrator.client("stepfunctions")
        states.start_execution(
            stateMachineArn=place.arn("states", f"stateMachine:{MAIN}"),
            name="replayed",
            input=json.dumps(self.source.main.input),
        )

    def review(self, *, days: int) -> list[str]:
        """What the source's daily look at copies tells so many days later; then an hour passes, in which RDS deletes.

        Nothing else is called by its schedule any more.
        """
        cloud = self.source.cloud
        for each in (cloud, self.separated.cloud):
            each.schedules.close()
        with cloud.clock.actor():
            cloud.clock.sleep(days * 24 * 3600.0)
            answer = cloud.administrator.client("lambda").invoke(FunctionName=REVIEW, Payload=b"{}")
            cloud.clock.sleep(3600)
        self.wait()
        told: list[str] = json.loads(answer["Payload"].read()).get("told", [])
        return told

    # ------------------------------------------------------------------------------------------------------ what became

    @property
    def copying(self) -> Execution:
        """The first execution of the source's copying machine; later ones clean up after it."""
        return self.source.executions(COPY)[0]

    @property
    def importing(self) -> list[Execution]:
        """All executions of the separated account's machine."""
        return self.separated.executions(IMPORT)

    def imports(self) -> list[Import]:
        """What the separated ledger says."""
        cloud, deployment = self.separated.cloud, self.separated.deployment
        client, table = cloud.administrator.client("dynamodb"), deployment.resources["LedgerTable"]
        return Imports(client, table, cloud.clock).all()

    def acknowledgement(self) -> dict[str, Any] | None:
        """The document in the source's evidence, if there is one."""
        keys = [key for key in self.source.stored() if key.endswith("/acknowledgement.json")]
        if not keys:
            return None
        (key,) = keys
        document: dict[str, Any] = json.loads(
            self.source.s3.get_object(Bucket=self.source.bucket, Key=key)["Body"].read()
        )
        return document


@contextmanager
def two_accounts(
    directory: Path,
    objects: ObjectServer,
    *,
    policy: str = "delete",
    copying: Mapping[str, object] | None = None,
    importing: Mapping[str, object] | None = None,
    separated_actions: Mapping[str, Mapping[str, object]] | None = None,
    durations: Durations | None = None,
    on_report: OnReport = lambda _name, _report: None,
    disk: Path | None = None,
    separated_region: str = "us-east-1",
) -> Iterator[Accounts]:
    """Both deployed, each by its own settings. ``copying`` are the action's settings, ``importing`` the imports'."""
    number = next(_numbers)
    folder = directory / f"accounts-{number}"
    clock, neighbours = SimulatedClock(), Neighbours()
    plans: list[Plan] = []

    def heard(execution: Execution, event: Event) -> None:
        for plan in [plan for plan in plans if plan.is_due(execution, event)]:
            plans.remove(plan)
            plan.happens()

    def cloud_of(account: str, region: str) -> Cloud:
        return Cloud(
            folder / account,
            objects,
            clock=clock,
            mode="inline",
            place=Place(account=account, region=region, zones=(f"{region}a", f"{region}b")),
            neighbours=neighbours,
            durations=durations,
            on_event=heard,
            on_report=on_report,
        )

    def flow_of(cloud: Cloud, settings: Mapping[str, Any], actions: tuple[str, ...], bucket: str) -> Flow:
        installed = [installed_action(name) for name in actions]
        common = {"account": cloud.place.account, "region": cloud.place.region, "zones": list(cloud.place.zones)}
        deployment = cloud.deploy(from_mapping({**common, **settings}, installed), installed, bucket=bucket)
        return Flow(cloud, deployment, folder / cloud.place.account, objects, disk or folder / "no-disk", plans)

    with cloud_of(SOURCE, "us-east-1") as source_cloud, cloud_of(SEPARATED, separated_region) as separated_cloud:
        own = {"enabled": True, "separated_account": SEPARATED, "acknowledgement_timeout_hours": 1, **(copying or {})}
        source = flow_of(
            source_cloud,
            {
                "vaults": [VAULT],
                "deletion": {"policy": policy},
                "notifications": {"success": "each"},
                "actions": {"offsite-copy": own},
            },
            ("offsite-copy",),
            f"source-{number}",
        )
        chosen = dict(separated_actions or {})
        separated = flow_of(
            separated_cloud,
            {"imports": {"sources": [as_source(source)], **(importing or {})}, "actions": chosen},
            tuple(chosen),
            f"separated-{number}",
        )
        elsewhere, tempfile.tempdir = tempfile.tempdir, str(folder)
        try:
            yield Accounts(source, separated, neighbours)
        finally:
            tempfile.tempdir = elsewhere
            source.remove_bucket()
            separated.remove_bucket()


def as_source(flow: Flow) -> dict[str, str]:
    """What a separated account's settings say of this account."""
    place = flow.cloud.place
    sqs = flow.cloud.administrator.client("sqs")
    return {
        "account": place.account,
        "announcements_topic_arn": place.arn("sns", ANNOUNCEMENTS),
        "acknowledgements_queue_url": sqs.get_queue_url(QueueName=ACKNOWLEDGEMENTS)["QueueUrl"],
    }


# -------------------------------------------------------------------------------------------------------- the snapshots


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of an account's own that AWS Backup did not make."""

    arn: str
    key_arn: str
    status: str
    tags: Mapping[str, str]


def snapshots(flow: Flow) -> list[Snapshot]:
    """Of databases, of clusters and of volumes, as the APIs tell their owner."""
    return [*_database_snapshots(flow), *_volume_snapshots(flow)]


def _database_snapshots(flow: Flow) -> Iterator[Snapshot]:
    rds = flow.cloud.administrator.client("rds")
    instances = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    clusters = rds.describe_db_cluster_snapshots(SnapshotType="manual")["DBClusterSnapshots"]
    named: list[tuple[str, Any]] = [(each["DBSnapshotArn"], each) for each in instances]
    named += [(each["DBClusterSnapshotArn"], each) for each in clusters]
    for arn, each in named:
        tags = {tag["Key"]: tag["Value"] for tag in each["TagList"]}
        yield Snapshot(arn, each.get("KmsKeyId", ""), each["Status"], tags)


def _volume_snapshots(flow: Flow) -> Iterator[Snapshot]:
    found = flow.cloud.administrator.client("ec2").describe_snapshots(OwnerIds=["self"])["Snapshots"]
    for each in found:
        tags = {tag["Key"]: tag["Value"] for tag in each.get("Tags", ())}
        if "aws:backup:source-resource" not in tags:
            arn = flow.cloud.place.arn("ec2", f"snapshot/{each['SnapshotId']}", account="")
            yield Snapshot(arn, str(each.get("KmsKeyId", "")), str(each["State"]), tags)


# ------------------------------------------------------------------------------------------------------------- messages


class Held:
    """Messages of a queue are handed to nobody, until they are let go."""

    def __init__(self, accounts: Accounts, flow: Flow, name: str) -> None:
        self._queue = accounts.neighbours.queues[flow.cloud.place.arn("sqs", name)]
        self._deliver = self._queue.on_arrival
        self.messages: list[Message] = []
        self._queue.on_arrival = self.messages.append

    def let_go(self) -> None:
        """They are handed over now, and so are later ones."""
        self._queue.on_arrival = self._deliver
        for message in self.messages:
            self._deliver(message)


def buried(flow: Flow) -> list[dict[str, Any]]:
    """The dead letters that have come since the last time: body and what says why."""
    sqs, url = flow.cloud.administrator.client("sqs"), flow.deployment.resources["DeadLetterQueueUrl"]
    found: list[dict[str, Any]] = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get(
        "Messages"
    ):
        for message in batch:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(dict(message))
    return found
