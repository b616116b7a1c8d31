"""A separated account as far as retention sees it: its ledger, its snapshots and its topic, held in dictionaries."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from botocore.exceptions import ClientError
from tests.offsite.kept_imports import NOW

from backup_actions.aws import Clients, World
from backup_actions.offsite.comparing import tags_of_copy
from backup_actions.offsite.imports import Import, Imports
from backup_actions.offsite.naming import copy_name
from backup_actions.offsite.snapshots import NAME_TAG, name_in

TAG = {"backup-actions": "yes"}
MACHINE = "arn:aws:states:us-east-1:444455556666:stateMachine:backup-actions-offsite-import"
TABLE, TOPIC = "ledger", "arn:aws:sns:us-east-1:444455556666:backup-actions"


def refusal(code: str, message: str = "no") -> ClientError:
    """What boto3 raises for a code."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


class Failing:
    """A client whose calls are counted together with those of others; one of them is refused, once."""

    def __init__(self, client: Any, count: Iterator[int], number: int) -> None:
        self._client, self._count, self._number = client, count, number

    def __getattr__(self, operation: str) -> Any:
        call = getattr(self._client, operation)

        def counted(*asked: Any, **more: Any) -> Any:
            if next(self._count) == self._number:
                raise refusal("AccessDenied")
            return call(*asked, **more)

        return counted


class PassingClock:
    """Time passes when somebody sleeps, and only then."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        """The present time."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """It is later now."""
        self.time += timedelta(seconds=seconds)


class FakeTable:
    """DynamoDB with one table, as far as imports go."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Any]] = {}
        self.counts: dict[tuple[str, str], int] = {}
        self.puts = 0

    def put_item(self, *, Item: dict[str, Any], **asked: Any) -> None:  # noqa: N803 - boto3's name
        """Unless there is a condition, and it is lost."""
        key = (Item["point"]["S"], Item["item"]["S"])
        if "ConditionExpression" in asked and self._is_lost(self.items.get(key), asked):
            raise refusal("ConditionalCheckFailedException")
        self.items[key] = Item
        self.puts += 1

    @staticmethod
    def _is_lost(there: dict[str, Any] | None, asked: dict[str, Any]) -> bool:
        """Imports ask for the version that they have read, the ledger for what no other run has proven."""
        values = asked.get("ExpressionAttributeValues", {})
        if ":run" not in values:
            return bool((there and there["version"]) != values.get(":read"))
        proven = [value for name, value in values.items() if name not in {":run", ":waiting"}]
        standing = asked["ExpressionAttributeNames"]["#standing"]
        return there is not None and there.get(standing) in proven and there["run"] != values[":run"]

    def update_item(self, *, Key: dict[str, Any], ExpressionAttributeValues: dict[str, Any], **_: Any) -> None:  # noqa: N803
        """One more is counted, unless there are as many as there may be."""
        key = (Key["point"]["S"], Key["item"]["S"])
        if self.counts.get(key, 0) >= int(ExpressionAttributeValues[":at_most"]["N"]):
            raise refusal("ConditionalCheckFailedException")
        self.counts[key] = self.counts.get(key, 0) + 1

    def get_item(self, *, Key: dict[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """One item, or none."""
        item = self.items.get((Key["point"]["S"], Key["item"]["S"]))
        return {"Item": item} if item else {}

    def get_paginator(self, _: str) -> SimpleNamespace:
        """Of all items below one key."""

        def paginate(*, ExpressionAttributeValues: dict[str, Any], **_more: Any) -> Any:  # noqa: N803 - boto3's name
            (asked,) = ExpressionAttributeValues.values()
            return iter([{"Items": [item for (point, _), item in self.items.items() if point == asked["S"]]}])

        return SimpleNamespace(paginate=paginate)


class FakeSnapshots:
    """Snapshots by name or id, of every kind; one that is deleted takes a while to go."""

    def __init__(self, clock: PassingClock) -> None:
        self._clock = clock
        self.found: dict[str, dict[str, Any]] = {}
        self.shares: dict[str, list[str]] = {}
        self.refuses: dict[str, ClientError] = {}
        self.deleted: list[str] = []
        self.deletion_seconds = 20.0
        self.when_asked_for_shares: Callable[[], object] = lambda: None
        self._gone_at: dict[str, datetime] = {}

    def is_there(self, name: str) -> bool:
        """Whether AWS shows it."""
        if name in self._gone_at and self._gone_at[name] <= self._clock.now():
            self.found.pop(name, None)
        return name in self.found

    def shown(self, name: str, missing: str) -> list[dict[str, Any]]:
        """What AWS says of it, or the refusal."""
        if not self.is_there(name):
            raise refusal(missing)
        return [self.found[name]]

    def delete(self, name: str, missing: str, status: str = "Status") -> None:
        """It is going from now on."""
        if name in self.refuses:
            raise self.refuses[name]
        self.shown(name, missing)
        self.deleted.append(name)
        self._gone_at[name] = self._clock.now() + timedelta(seconds=self.deletion_seconds)
        self.found[name][status] = "deleting"

    def attributes(self, name: str) -> list[dict[str, Any]]:
        """With whom it is shared, as RDS says it."""
        self.when_asked_for_shares()
        return [{"AttributeName": "restore", "AttributeValues": self.shares.get(name, [])}]


class FakeDatabases:
    """RDS."""

    def __init__(self, snapshots: FakeSnapshots) -> None:
        self._snapshots = snapshots

    def describe_db_snapshots(self, *, DBSnapshotIdentifier: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """That one."""
        return {"DBSnapshots": self._snapshots.shown(DBSnapshotIdentifier, "DBSnapshotNotFound")}

    def describe_db_cluster_snapshots(self, *, DBClusterSnapshotIdentifier: str) -> dict[str, Any]:  # noqa: N803
        """That one."""
        missing = "DBClusterSnapshotNotFoundFault"
        return {"DBClusterSnapshots": self._snapshots.shown(DBClusterSnapshotIdentifier, missing)}

    def describe_db_snapshot_attributes(self, *, DBSnapshotIdentifier: str) -> dict[str, Any]:  # noqa: N803
        """With whom that one is shared."""
        attributes = self._snapshots.attributes(DBSnapshotIdentifier)
        return {"DBSnapshotAttributesResult": {"DBSnapshotAttributes": attributes}}

    def describe_db_cluster_snapshot_attributes(self, *, DBClusterSnapshotIdentifier: str) -> dict[str, Any]:  # noqa: N803
        """With whom that one is shared."""
        attributes = self._snapshots.attributes(DBClusterSnapshotIdentifier)
        return {"DBClusterSnapshotAttributesResult": {"DBClusterSnapshotAttributes": attributes}}

    def delete_db_snapshot(self, *, DBSnapshotIdentifier: str) -> None:  # noqa: N803 - boto3's name
        """That one."""
        self._snapshots.delete(DBSnapshotIdentifier, "DBSnapshotNotFound")

    def delete_db_cluster_snapshot(self, *, DBClusterSnapshotIdentifier: str) -> None:  # noqa: N803 - boto3's name
        """That one."""
        self._snapshots.delete(DBClusterSnapshotIdentifier, "DBClusterSnapshotNotFoundFault")


class FakeDisks:
    """EC2."""

    def __init__(self, snapshots: FakeSnapshots) -> None:
        self._snapshots = snapshots

    def get_paginator(self, _: str) -> SimpleNamespace:
        """Of the snapshots with the name in their tag."""
        return SimpleNamespace(paginate=self._named)

    def _named(self, *, Filters: list[dict[str, Any]], **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
        (wanted,) = Filters[0]["Values"]
        tag = {"Key": NAME_TAG, "Value": wanted}
        there = [name for name in list(self._snapshots.found) if self._snapshots.is_there(name)]
        found = [self._snapshots.found[name] for name in there]
        yield {"Snapshots": [each for each in found if tag in each.get("Tags", [])]}

    def describe_snapshots(self, *, SnapshotIds: list[str]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """That one."""
        (name,) = SnapshotIds
        return {"Snapshots": self._snapshots.shown(name, "InvalidSnapshot.NotFound")}

    def describe_snapshot_attribute(self, *, SnapshotId: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        """With whom that one is shared."""
        shares = self._snapshots.shares.get(SnapshotId, [])
        return {
            "CreateVolumePermissions": [{"Group" if each == "all" else "UserId": each} for each in shares],
        }

    def delete_snapshot(self, *, SnapshotId: str) -> None:  # noqa: N803 - boto3's name
        """That one."""
        self._snapshots.delete(SnapshotId, "InvalidSnapshot.NotFound", "State")


class FakeTopic:
    """SNS."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def publish(self, **said: Any) -> None:
        """People are told."""
        self.told.append(said)


class FakeExecutions:
    """Step Functions: all go on but those that have ended."""

    def __init__(self) -> None:
        self.ended: set[str] = set()

    def describe_execution(self, *, executionArn: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        """How it stands."""
        name = executionArn.rpartition(":")[2]
        return {"executionArn": executionArn, "name": name, "status": "ABORTED" if name in self.ended else "RUNNING"}


class Account:
    """A world with all of these, and imports in it."""

    def __init__(self, imports: Iterable[Import], rules: str) -> None:
        self.clock = PassingClock()
        self.table, self.topic, self.executions = FakeTable(), FakeTopic(), FakeExecutions()
        self.snapshots = FakeSnapshots(self.clock)
        self.clients = SimpleNamespace(
            region="us-east-1",
            dynamodb=self.table,
            rds=FakeDatabases(self.snapshots),
            ec2=FakeDisks(self.snapshots),
            sns=self.topic,
            stepfunctions=self.executions,
        )
        ((key, value),) = TAG.items()
        self.world = World(
            cast("Clients", self.clients),
            clock=self.clock,
            environment={
                "BACKUP_ACTIONS_IMPORT_MACHINE": MACHINE,
                "BACKUP_ACTIONS_LEDGER": TABLE,
                "BACKUP_ACTIONS_SETTINGS": rules,
                "BACKUP_ACTIONS_TAG_KEY": key,
                "BACKUP_ACTIONS_TAG_VALUE": value,
                "BACKUP_ACTIONS_TOPIC": TOPIC,
            },
        )
        for each in imports:
            self.ledger.stand(each)
            if each.imported_arn:
                self.snapshots.found[name_in(each.imported_arn)] = _snapshot(each)

    def failing(self, number: int) -> World:
        """The same world, where the call of that number is refused."""
        count = itertools.count(1)
        clients = {
            name: Failing(client, count, number) for name, client in vars(self.clients).items() if name != "region"
        }
        return replace(self.world, clients=cast("Clients", SimpleNamespace(region="us-east-1", **clients)))

    @property
    def ledger(self) -> Imports:
        """Its imports."""
        return Imports(cast("Any", self.table), TABLE, self.clock)

    def known(self, name: str) -> Import:
        """What the ledger says of an import now."""
        (found,) = [each for each in self.ledger.all() if each.announcement.run == f"run-{name}"]
        return found


def _snapshot(each: Import) -> dict[str, Any]:
    announced = each.announcement
    tags = tags_of_copy(announced, copy_name(announced), TAG)
    tag_list = [{"Key": key, "Value": value} for key, value in tags.items()]
    taken = datetime.fromisoformat(each.imported_at)
    resource = name_in(announced.resource_arn)
    if announced.resource_type == "EBS":
        return {
            "SnapshotId": name_in(each.imported_arn),
            "OwnerId": "444455556666",
            "State": "completed",
            "VolumeSize": each.size_gib,
            "Encrypted": True,
            "KmsKeyId": "key",
            "StartTime": taken,
            "Tags": tag_list,
        }
    of = "DBCluster" if announced.resource_type == "Aurora" else "DB"
    return {
        f"{of}SnapshotArn": each.imported_arn,
        f"{of}{'' if of == 'DBCluster' else 'Instance'}Identifier": resource,
        "Status": "available",
        "Engine": announced.engine,
        "EngineVersion": announced.engine_version,
        "AllocatedStorage": each.size_gib,
        "Encrypted": True,
        "StorageEncrypted": True,
        "KmsKeyId": "key",
        "SnapshotCreateTime": taken,
        "TagList": tag_list,
    }
