"""One account as far as the short steps of an off-site copy ask it, held in dictionaries."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from backup_actions.model.progress import Silence
from backup_actions.model.recovery_point import RecoveryPoint

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ACCOUNT, SEPARATED = "111122223333", "444455556666"
BUCKET, PREFIX, EVIDENCE = "archives", "offsite-copy/point", "evidence/point"
EXPORT_KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/export"
SOURCES = {
    "RDS": f"arn:aws:rds:us-east-1:{ACCOUNT}:snapshot:awsbackup:job-1",
    "Aurora": f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster-snapshot:awsbackup:job-1",
    "EBS": "arn:aws:ec2:us-east-1::snapshot/snap-source",
}
RESOURCES = {
    "RDS": f"arn:aws:rds:us-east-1:{ACCOUNT}:db:shop",
    "Aurora": f"arn:aws:rds:us-east-1:{ACCOUNT}:cluster:shop",
    "EBS": f"arn:aws:ec2:us-east-1:{ACCOUNT}:volume/vol-1",
}
KINDS = tuple(SOURCES)


def refusal(code: str) -> ClientError:
    """What boto3 raises for a code."""
    return ClientError({"Error": {"Code": code, "Message": f"the words of {code}"}}, "Operation")


def point_of(kind: str) -> dict[str, Any]:
    """The recovery point as a workflow passes it on."""
    raw = {"arn": SOURCES[kind], "vaultName": "v", "resourceArn": RESOURCES[kind], "resourceType": kind}
    return dict(RecoveryPoint.from_json(raw).to_json())


class FakeAccount:
    """Snapshots by their ARNs, with ``status``, ``key``, ``tags``, ``shared`` and whatever else a test says of them."""

    def __init__(self) -> None:
        self.now = NOW
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, bytes] = {}
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.published: list[str] = []
        self.buried: list[dict[str, Any]] = []
        self.sent: list[str] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refuses: dict[str, str] = {}
        self.key_state = "Enabled"
        self.options: list[dict[str, Any]] = []
        for kind, arn in SOURCES.items():
            self.add(arn, engine="aurora-postgresql" if kind == "Aurora" else "postgres")

    def add(self, arn: str, **about: Any) -> dict[str, Any]:
        """A snapshot with the tag that may be copied."""
        usual: dict[str, Any] = {
            "status": "completed" if ":ec2:" in arn else "available",
            "key": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/own",
            "tags": {"encryption_key": "offsite"},
            "shared": set(),
            "engine": "postgres",
            "option_group": "default:postgres-17",
        }
        self.snapshots[arn] = {**usual, "arn": arn, **about}
        return self.snapshots[arn]

    @property
    def copies(self) -> dict[str, dict[str, Any]]:
        """What is not AWS Backup's."""
        return {arn: each for arn, each in self.snapshots.items() if arn not in SOURCES.values()}

    def called(self, name: str) -> list[dict[str, Any]]:
        """The parameters of every call of an operation."""
        return [asked for operation, asked in self.calls if operation == name]

    def world(self, **environment: str) -> Any:
        """A world of this account."""
        clients = SimpleNamespace(
            region="us-east-1",
            rds=_Rds(self, "us-east-1"),
            rds_in=lambda region: _Rds(self, region),
            ec2_in=lambda region: _Ec2(self, region),
            s3=_S3(self),
            dynamodb=_DynamoDB(self),
            sns=SimpleNamespace(publish=self._publish),
            sqs=SimpleNamespace(send_message=lambda **asked: self.buried.append(asked)),
            kms=SimpleNamespace(describe_key=lambda KeyId: {"KeyMetadata": {"KeyState": self.key_state}}),  # noqa: N803
            stepfunctions=SimpleNamespace(send_task_success=lambda taskToken, output: self.sent.append(taskToken)),  # noqa: N803
        )
        clock = SimpleNamespace(now=lambda: self.now)
        return SimpleNamespace(clients=clients, clock=clock, progress=Silence(), environment=environment)

    def _publish(self, *, TopicArn: str, Message: str, Subject: str = "") -> None:  # noqa: N803 - boto3's names
        self.note("publish", {"TopicArn": TopicArn, "Subject": Subject})
        self.published.append(Message)

    def note(self, operation: str, asked: dict[str, Any]) -> None:
        """A call that changes something; refused where a test wants it."""
        self.calls.append((operation, asked))
        if operation in self.refuses:
            raise refusal(self.refuses[operation])


class _Rds:
    def __init__(self, account: FakeAccount, region: str) -> None:
        self._account, self._region = account, region

    def describe_db_snapshots(self, *, DBSnapshotIdentifier: str) -> dict[str, Any]:  # noqa: N803
        found = self._find("snapshot", DBSnapshotIdentifier, "DBSnapshotNotFound")
        return {"DBSnapshots": [{**_described(found), "DBSnapshotArn": found["arn"]}]}

    def describe_db_cluster_snapshots(self, *, DBClusterSnapshotIdentifier: str) -> dict[str, Any]:  # noqa: N803
        found = self._find("cluster-snapshot", DBClusterSnapshotIdentifier, "DBClusterSnapshotNotFoundFault")
        return {"DBClusterSnapshots": [{**_described(found), "DBClusterSnapshotArn": found["arn"]}]}

    def describe_option_groups(self, *, OptionGroupName: str) -> dict[str, Any]:  # noqa: N803
        return {"OptionGroupsList": [{"OptionGroupName": OptionGroupName, "Options": self._account.options}]}

    def copy_db_snapshot(self, **asked: Any) -> None:
        self._copy("copy_db_snapshot", "snapshot", asked["TargetDBSnapshotIdentifier"], asked)

    def copy_db_cluster_snapshot(self, **asked: Any) -> None:
        self._copy("copy_db_cluster_snapshot", "cluster-snapshot", asked["TargetDBClusterSnapshotIdentifier"], asked)

    def modify_db_snapshot_attribute(self, **asked: Any) -> None:
        self._account.note("modify_db_snapshot_attribute", asked)
        _share(self._find("snapshot", asked["DBSnapshotIdentifier"], "DBSnapshotNotFound"), asked)

    def modify_db_cluster_snapshot_attribute(self, **asked: Any) -> None:
        self._account.note("modify_db_cluster_snapshot_attribute", asked)
        name = asked["DBClusterSnapshotIdentifier"]
        _share(self._find("cluster-snapshot", name, "DBClusterSnapshotNotFoundFault"), asked)

    def delete_db_snapshot(self, *, DBSnapshotIdentifier: str) -> None:  # noqa: N803
        self._account.note("delete_db_snapshot", {})
        self._find("snapshot", DBSnapshotIdentifier, "DBSnapshotNotFound")["status"] = "deleting"

    def delete_db_cluster_snapshot(self, *, DBClusterSnapshotIdentifier: str) -> None:  # noqa: N803
        self._account.note("delete_db_cluster_snapshot", {})
        name = DBClusterSnapshotIdentifier
        self._find("cluster-snapshot", name, "DBClusterSnapshotNotFoundFault")["status"] = "deleting"

    def _copy(self, operation: str, kind: str, name: str, asked: dict[str, Any]) -> None:
        self._account.note(operation, asked)
        tags = {tag["Key"]: tag["Value"] for tag in asked["Tags"]}
        engine = "postgres" if kind == "snapshot" else "aurora-postgresql"
        self._account.add(self._arn(kind, name), status="copying", key=asked["KmsKeyId"], tags=tags, engine=engine)

    def _find(self, kind: str, name: str, otherwise: str) -> dict[str, Any]:
        if self._arn(kind, name) not in self._account.snapshots:
            raise refusal(otherwise)
        return self._account.snapshots[self._arn(kind, name)]

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:rds:{self._region}:{ACCOUNT}:{kind}:{name}"


class _Ec2:
    def __init__(self, account: FakeAccount, region: str) -> None:
        self._account, self._region = account, region

    def describe_snapshots(self, *, SnapshotIds: list[str]) -> dict[str, Any]:  # noqa: N803
        return {"Snapshots": [self._answer(self._find(each)) for each in SnapshotIds]}

    def get_paginator(self, name: str) -> SimpleNamespace:
        assert name == "describe_snapshots"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, *, OwnerIds: list[str], Filters: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:  # noqa: N803
        assert OwnerIds == ["self"]
        (asked,) = Filters
        key = asked["Name"].removeprefix("tag:")
        own = (each for arn, each in self._account.snapshots.items() if f":ec2:{self._region}:" in arn)
        yield {"Snapshots": [self._answer(each) for each in own if each["tags"].get(key) in asked["Values"]]}

    def copy_snapshot(self, **asked: Any) -> None:
        self._account.note("copy_snapshot", asked)
        (tags,) = asked["TagSpecifications"]
        number = len(self._account.copies) + 1
        self._account.add(
            f"arn:aws:ec2:{self._region}::snapshot/snap-{number}",
            status="pending",
            key=asked["KmsKeyId"],
            tags={tag["Key"]: tag["Value"] for tag in tags["Tags"]},
        )

    def modify_snapshot_attribute(self, **asked: Any) -> None:
        self._account.note("modify_snapshot_attribute", asked)
        shared = self._find(asked["SnapshotId"])["shared"]
        change = shared.update if asked["OperationType"] == "add" else shared.difference_update
        change(asked["UserIds"])

    def delete_snapshot(self, *, SnapshotId: str) -> None:  # noqa: N803
        self._account.note("delete_snapshot", {})
        del self._account.snapshots[self._find(SnapshotId)["arn"]]

    def _find(self, name: str) -> dict[str, Any]:
        arn = f"arn:aws:ec2:{self._region}::snapshot/{name}"
        if arn not in self._account.snapshots:
            raise refusal("InvalidSnapshot.NotFound")
        return self._account.snapshots[arn]

    def _answer(self, found: dict[str, Any]) -> dict[str, Any]:
        return {
            "SnapshotId": found["arn"].rpartition("/")[2],
            "State": found["status"],
            "StateMessage": found.get("message", ""),
            "StartTime": NOW,
            "VolumeSize": 8,
            "KmsKeyId": found["key"],
            "StorageTier": found.get("tier", "standard"),
            "Tags": _tag_list(found["tags"]),
        }


class _S3:
    def __init__(self, account: FakeAccount) -> None:
        self._account = account

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        assert Bucket == BUCKET
        if Key not in self._account.objects:
            raise refusal("NoSuchKey")
        return {"Body": io.BytesIO(self._account.objects[Key])}

    def head_object(self, *, Bucket: str, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        body = self.get_object(Bucket=Bucket, Key=Key)["Body"].read()
        return {"ContentLength": len(body), "ChecksumCRC64NVME": "crc"}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str, **_: Any) -> None:  # noqa: N803
        assert (Bucket, IfNoneMatch) == (BUCKET, "*")
        self._account.note("put_object", {"Key": Key})
        if Key in self._account.objects:
            raise refusal("PreconditionFailed")
        self._account.objects[Key] = Body

    def get_paginator(self, name: str) -> SimpleNamespace:
        assert name == "list_objects_v2"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, *, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        assert Bucket == BUCKET
        yield {"Contents": [{"Key": key} for key in sorted(self._account.objects) if key.startswith(Prefix)]}


class _DynamoDB:
    def __init__(self, account: FakeAccount) -> None:
        self._account, self._items = account, account.items

    def put_item(self, *, TableName: str, Item: dict[str, Any], **condition: Any) -> None:  # noqa: N803
        assert TableName == "ledger"
        self._account.note("put_item", {})
        key = Item["point"]["S"], Item["item"]["S"]
        if condition and not condition["ConditionExpression"].startswith("NOT "):  # who waits, waits on
            (read,) = condition.get("ExpressionAttributeValues", {":none": None}).values()
            if self._items.get(key, {}).get("version") != read:
                raise refusal("ConditionalCheckFailedException")
        self._items[key] = Item

    def get_item(self, *, Key: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803
        item = self._items.get((Key["point"]["S"], Key["item"]["S"]))
        return {"Item": item} if item else {}

    def delete_item(self, *, Key: dict[str, Any], **_: Any) -> None:  # noqa: N803
        del self._items[Key["point"]["S"], Key["item"]["S"]]

    def get_paginator(self, name: str) -> SimpleNamespace:
        assert name == "query"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, *, ExpressionAttributeValues: dict[str, Any], **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
        (value,) = ExpressionAttributeValues.values()
        yield {"Items": [item for item in self._items.values() if value in (item["point"], item.get("standing"))]}


def _described(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "Status": found["status"],
        "SnapshotCreateTime": NOW,
        "AllocatedStorage": found.get("size_gib", 20),
        "KmsKeyId": found["key"],
        "TagList": _tag_list(found["tags"]),
        "Engine": found["engine"],
        "EngineVersion": "17.5",
        "OptionGroupName": found["option_group"],
        **({"TdeCredentialArn": found["tde"]} if "tde" in found else {}),
        **({"OriginalSnapshotCreateTime": found["original"]} if "original" in found else {}),
    }


def _share(found: dict[str, Any], asked: dict[str, Any]) -> None:
    assert asked["AttributeName"] == "restore"
    found["shared"].update(asked.get("ValuesToAdd", ()))
    found["shared"].difference_update(asked.get("ValuesToRemove", ()))


def _tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def evidence_of(account: FakeAccount) -> dict[str, Any] | None:
    """The document of the acknowledgement, if it stands."""
    stored = account.objects.get(f"{EVIDENCE}/offsite-copy/run-1/acknowledgement.json")
    document: dict[str, Any] | None = json.loads(stored) if stored else None
    return document
