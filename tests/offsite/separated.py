"""A separated account as far as imports go: what is shared with it, its copies, keys, ledger and queues, in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

from tests.offsite.retained_account import FakeTable, refusal

from backup_actions.aws import Clients, World
from backup_actions.model.arn import Arn
from backup_actions.model.offsite import Announcement
from backup_actions.offsite.imports import Import, Imports
from backup_actions.offsite.naming import copy_name
from backup_actions.offsite.receiving import receive
from backup_actions.offsite.settings import ImportSettings
from backup_actions.offsite.snapshots import NAME_TAG, name_in
from backup_actions_local.clock import START, SimulatedClock

SOURCE, HERE, STRANGER = "111122223333", "444455556666", "999988887777"
TOPIC = f"arn:aws:sns:us-east-1:{SOURCE}:backup-actions-offsite-copy-announcements"
ACKNOWLEDGEMENTS = f"https://sqs.us-east-1.amazonaws.com/{SOURCE}/backup-actions-offsite-copy-acknowledgements"
QUEUE, DEAD_LETTERS = (f"https://sqs.us-east-1.amazonaws.com/{HERE}/{name}" for name in ("announcements", "dead"))
MACHINE = f"arn:aws:states:us-east-1:{HERE}:stateMachine:backup-actions-offsite-import"
SOURCE_KEY = f"arn:aws:kms:us-east-1:{SOURCE}:key/11111111-1111-1111-1111-111111111111"
IMPORT_KEY = f"arn:aws:kms:us-east-1:{HERE}:key/44444444-4444-4444-4444-444444444444"
SECURITY_TAG = {"backup-actions": "yes"}
BACKED_UP = START - timedelta(hours=2)
SETTINGS = ImportSettings(
    accounts=(SOURCE,), topics=(TOPIC,), acknowledgement_queues=(ACKNOWLEDGEMENTS,), tell_each_success=True
)

DATABASE = Announcement(
    snapshot_arn=f"arn:aws:rds:us-east-1:{SOURCE}:snapshot:backup-actions-offsite-0123456789abcdef",
    resource_type="RDS",
    resource_arn=f"arn:aws:rds:us-east-1:{SOURCE}:db:shop",
    recovery_point_arn=f"arn:aws:rds:us-east-1:{SOURCE}:snapshot:awsbackup:job-0000",
    created_at=BACKED_UP.isoformat(),
    engine="postgres",
    engine_version="17.6",
    size_gib=20,
    key_arn=SOURCE_KEY,
    run="rds-awsbackup-job-0000-0123456789ab",
)
CLUSTER = replace(
    DATABASE,
    snapshot_arn=f"arn:aws:rds:us-east-1:{SOURCE}:cluster-snapshot:backup-actions-offsite-0123456789abcdef",
    resource_type="Aurora",
    resource_arn=f"arn:aws:rds:us-east-1:{SOURCE}:cluster:shop",
    recovery_point_arn=f"arn:aws:rds:us-east-1:{SOURCE}:cluster-snapshot:awsbackup:job-0000",
    engine="aurora-postgresql",
    size_gib=1,
)
DISK = replace(
    DATABASE,
    snapshot_arn="arn:aws:ec2:us-east-1::snapshot/snap-0123456789abcdef0",
    resource_type="EBS",
    resource_arn=f"arn:aws:ec2:us-east-1:{SOURCE}:volume/vol-0123456789abcdef0",
    recovery_point_arn="arn:aws:ec2:us-east-1::snapshot/snap-00000000000000000",
    engine="",
    engine_version="",
)
KINDS = {"RDS": DATABASE, "Aurora": CLUSTER, "EBS": DISK}


def notification(message: str, **fields: Any) -> str:
    """What SNS makes of a message."""
    envelope = {"Type": "Notification", "MessageId": "1", "TopicArn": TOPIC, "Message": message, **fields}
    return json.dumps({**envelope, "Timestamp": "2026-11-22T07:00:00.000Z", "SignatureVersion": "1"})


def announcing(announced: Announcement) -> str:
    """The message that announces it."""
    return notification(announced.to_bytes().decode())


def shown(announced: Announcement, **fields: Any) -> dict[str, Any]:
    """What AWS says of a snapshot that is just as announced; ``fields`` differ."""
    if announced.resource_type == "EBS":
        told: dict[str, Any] = {
            "SnapshotId": name_in(announced.snapshot_arn),
            "OwnerId": SOURCE,
            "State": "completed",
            "VolumeSize": announced.size_gib,
            "Encrypted": True,
            "KmsKeyId": announced.key_arn,
            "StartTime": START - timedelta(hours=1),
        }
        return {**told, **fields}
    of, resource = ("DBCluster", "DBCluster") if announced.resource_type == "Aurora" else ("DB", "DBInstance")
    told = {
        f"{of}SnapshotArn": announced.snapshot_arn,
        f"{resource}Identifier": name_in(announced.resource_arn),
        "Status": "available",
        "Engine": announced.engine,
        "EngineVersion": announced.engine_version,
        "AllocatedStorage": announced.size_gib,
        "Encrypted": True,
        "StorageEncrypted": True,
        "KmsKeyId": announced.key_arn,
        "SnapshotCreateTime": START - timedelta(hours=1),
        "OriginalSnapshotCreateTime": BACKED_UP,
    }
    return {**told, **fields}


class Called:
    """The operations that were asked for, in order, and those that are refused the next time."""

    def __init__(self) -> None:
        self.operations: list[str] = []
        self.refusals: dict[str, list[str]] = {}

    def __call__(self, operation: str) -> None:
        """Note it, and refuse it where that is wanted."""
        self.operations.append(operation)
        if self.refusals.get(operation):
            raise refusal(self.refusals[operation].pop(0))


class FakeAws:
    """RDS, EC2, KMS, SQS, S3 and Step Functions. A copy takes ``looks`` looks until it has come to its ``end``."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.called = Called()
        self.shared: dict[str, dict[str, Any]] = {}
        self.copies: dict[str, dict[str, Any]] = {}
        self.looks, self.end = 3, "available"
        self.about_copies: dict[str, Any] = {}
        """What AWS says of copies besides what was shared."""
        self.found_late = self.looks_in_vain = 0
        """For how many looks a copy of a disk is not found by its name at first; and for how many more."""
        self.shown_by_id = False
        """Whether it is shown to who asks for its id meanwhile."""
        self.keys: dict[str, str] = {}
        self.sent: list[tuple[str, str, str]] = []
        """Queue, message, reason."""
        self.started: dict[str, Any] = {}
        self.ended: dict[str, str] = {}
        """Executions and how they ended."""
        self.objects: dict[str, bytes] = {}
        self.meta = SimpleNamespace(region_name="us-east-1")
        self._clock = clock

    # ------------------------------------------------------------------------------------------------------- databases
    def describe_db_snapshots(self, *, DBSnapshotIdentifier: str, SnapshotType: str = "") -> Any:  # noqa: N803
        self.called("DescribeDBSnapshots")
        return {"DBSnapshots": self._databases(DBSnapshotIdentifier, SnapshotType, "DBSnapshotNotFound")}

    def describe_db_cluster_snapshots(self, *, DBClusterSnapshotIdentifier: str, SnapshotType: str = "") -> Any:  # noqa: N803
        self.called("DescribeDBClusterSnapshots")
        missing = "DBClusterSnapshotNotFoundFault"
        return {"DBClusterSnapshots": self._databases(DBClusterSnapshotIdentifier, SnapshotType, missing)}

    def copy_db_snapshot(self, **asked: Any) -> Any:
        self.called("CopyDBSnapshot")
        return {"DBSnapshot": self._copy_database(asked, "DB", "DBSnapshotNotFound")}

    def copy_db_cluster_snapshot(self, **asked: Any) -> Any:
        self.called("CopyDBClusterSnapshot")
        return {"DBClusterSnapshot": self._copy_database(asked, "DBCluster", "DBClusterSnapshotNotFoundFault")}

    def delete_db_snapshot(self, *, DBSnapshotIdentifier: str) -> None:  # noqa: N803 - boto3's name
        self.called("DeleteDBSnapshot")
        del self.copies[DBSnapshotIdentifier]

    def delete_db_cluster_snapshot(self, *, DBClusterSnapshotIdentifier: str) -> None:  # noqa: N803 - boto3's name
        self.called("DeleteDBClusterSnapshot")
        del self.copies[DBClusterSnapshotIdentifier]

    def _databases(self, name: str, kind: str, missing: str) -> list[dict[str, Any]]:
        found = self.shared if name.startswith("arn:") else self.copies
        assert (kind == "shared") == name.startswith("arn:")
        if name not in found:
            raise refusal(missing)
        return [self._looked_at(found[name], "Status", self.end)]

    def _copy_database(self, asked: dict[str, Any], of: str, missing: str) -> Any:
        source, name = asked[f"Source{of}SnapshotIdentifier"], asked[f"Target{of}SnapshotIdentifier"]
        if source not in self.shared:
            raise refusal(missing)
        if name in self.copies:
            raise refusal("DBSnapshotAlreadyExists" if of == "DB" else "DBClusterSnapshotAlreadyExistsFault")
        origin = "SourceDBSnapshotIdentifier" if of == "DB" else "SourceDBClusterSnapshotArn"
        self.copies[name] = {
            **self.shared[source],
            f"{of}SnapshotArn": f"{source.replace(SOURCE, HERE).rpartition(':')[0]}:{name}",
            "KmsKeyId": asked["KmsKeyId"],
            "TagList": asked["Tags"],
            "Status": "copying",
            "looks": self.looks,
            origin: source,
            "SnapshotCreateTime": self._clock.now(),
            **self.about_copies,
        }
        return self.copies[name]

    # ----------------------------------------------------------------------------------------------------------- disks
    def describe_snapshots(self, *, SnapshotIds: list[str]) -> Any:  # noqa: N803 - boto3's name
        self.called("DescribeSnapshots")
        found = [each for arn, each in self.shared.items() if name_in(arn) in SnapshotIds]
        if self.looks_in_vain <= 0 or self.shown_by_id:
            copies = [each for name, each in self.copies.items() if name in SnapshotIds]
            found += [self._looked_at(each, "State", self._ended) for each in copies]
        if not found:
            raise refusal("InvalidSnapshot.NotFound")
        return {"Snapshots": found}

    def copy_snapshot(self, **asked: Any) -> Any:
        self.called("CopySnapshot")
        found = [each for arn, each in self.shared.items() if name_in(arn) == asked["SourceSnapshotId"]]
        if not found:
            raise refusal("InvalidSnapshot.NotFound")
        name = f"snap-{len(self.copies):017x}"
        (of,) = [each["Tags"] for each in asked["TagSpecifications"]]
        self.copies[name] = {
            **found[0],
            "SnapshotId": name,
            "OwnerId": HERE,
            "KmsKeyId": asked["KmsKeyId"],
            "Tags": of,
            "State": "pending",
            "looks": self.looks,
            "StartTime": self._clock.now(),
            **self.about_copies,
        }
        self.looks_in_vain = self.found_late
        return {"SnapshotId": name}

    def delete_snapshot(self, *, SnapshotId: str) -> None:  # noqa: N803 - boto3's name
        self.called("DeleteSnapshot")
        del self.copies[SnapshotId]

    def get_paginator(self, _: str) -> Any:
        return SimpleNamespace(paginate=self._own_disks)

    def _own_disks(self, *, Filters: list[dict[str, Any]], **_: Any) -> Iterator[Any]:  # noqa: N803 - boto3's name
        self.called("DescribeSnapshots")
        self.looks_in_vain -= 1
        if self.looks_in_vain >= 0:
            yield {"Snapshots": []}
            return
        (wanted,) = Filters[0]["Values"]
        tag = {"Key": NAME_TAG, "Value": wanted}
        copies = [each for each in self.copies.values() if tag in each.get("Tags", [])]
        yield {"Snapshots": [self._looked_at(each, "State", self._ended) for each in copies]}

    @property
    def _ended(self) -> str:
        """In EC2's words."""
        return {"available": "completed", "failed": "error"}.get(self.end, self.end)

    def _looked_at(self, found: dict[str, Any], status: str, ended: str) -> dict[str, Any]:
        """As it is shown; a copy comes to its end by being looked at."""
        if "looks" in found:
            found["looks"] -= 1
            if found["looks"] <= 0:
                del found["looks"]
                found[status] = ended
        return {name: value for name, value in found.items() if name != "looks"}

    # ----------------------------------------------------------------------------------------- keys, messages, objects
    def describe_key(self, *, KeyId: str) -> Any:  # noqa: N803 - boto3's name
        self.called("DescribeKey")
        return {"KeyMetadata": {"KeyState": self.keys.get(KeyId, "Enabled")}}

    def send_message(self, *, QueueUrl: str, MessageBody: str, **more: Any) -> None:  # noqa: N803 - boto3's names
        self.called("SendMessage")
        reason = more.get("MessageAttributes", {}).get("reason", {}).get("StringValue", "")
        self.sent.append((QueueUrl, MessageBody, reason))

    def start_execution(self, **asked: Any) -> None:
        self.called("StartExecution")
        if asked["name"] in self.started:
            raise refusal("ExecutionAlreadyExists")
        self.started[asked["name"]] = json.loads(asked["input"])

    def describe_execution(self, *, executionArn: str) -> Any:  # noqa: N803 - boto3's name
        self.called("DescribeExecution")
        name = executionArn.rpartition(":")[2]
        return {"executionArn": executionArn, "name": name, "status": self.ended.get(name, "RUNNING")}

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803 - boto3's names
        self.called("PutObject")
        self.objects[Key] = Body

    def head_object(self, *, Key: str, **_: Any) -> Any:  # noqa: N803 - boto3's name
        self.called("HeadObject")
        if Key not in self.objects:
            raise refusal("404")
        return {"ContentLength": len(self.objects[Key]), "ChecksumCRC64NVME": "crc"}

    def get_object(self, *, Key: str, **_: Any) -> Any:  # noqa: N803 - boto3's name
        self.called("GetObject")
        if Key not in self.objects:
            raise refusal("NoSuchKey")
        return {"Body": SimpleNamespace(read=lambda: self.objects[Key])}


class Separated:
    """A world with all of these."""

    def __init__(self, settings: ImportSettings = SETTINGS) -> None:
        self.settings = settings
        self.clock = SimulatedClock()
        self.table, self.aws = FakeTable(), FakeAws(self.clock)
        clients = SimpleNamespace(
            region="us-east-1",
            dynamodb=self.table,
            **dict.fromkeys(("rds", "ec2", "kms", "sqs", "s3", "stepfunctions"), self.aws),
        )
        self.world = World(
            cast("Clients", clients),
            clock=self.clock,
            environment={
                "BACKUP_ACTIONS_SETTINGS": json.dumps(settings.to_json()),
                "BACKUP_ACTIONS_LEDGER": "ledger",
                "BACKUP_ACTIONS_IMPORT_MACHINE": MACHINE,
                "BACKUP_ACTIONS_DEAD_LETTERS": DEAD_LETTERS,
            },
        )

    @property
    def ledger(self) -> Imports:
        """Its imports."""
        return Imports(cast("Any", self.table), "ledger", self.clock)

    def share(self, announced: Announcement, **fields: Any) -> None:
        """The source shares a snapshot that is as announced, but for the fields."""
        self.aws.shared[announced.snapshot_arn] = shown(announced, **fields)

    def hear(self, body: str, *, times_received: int = 3) -> Any:
        """A message is taken out of the queue."""
        record = {"body": body, "attributes": {"ApproximateReceiveCount": str(times_received)}}
        return receive(self.world, {"Records": [record]})

    def known(self, announced: Announcement = DATABASE) -> Import:
        """What the ledger says of its import."""
        found = self.ledger.find(announced.snapshot_arn)
        assert found is not None
        return found

    def imported_arn(self, announced: Announcement = DATABASE) -> str:
        """The ARN that its import has."""
        arn = Arn.parse(announced.snapshot_arn)
        if announced.resource_type == "EBS":
            return str(replace(arn, resource="snapshot/snap-00000000000000000"))
        kind = arn.resource.partition(":")[0]
        return str(replace(arn, account=HERE, resource=f"{kind}:{copy_name(announced)}"))
