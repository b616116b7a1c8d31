"""What accounts in one process see of each other, by ARN; whether they may touch it, policies say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backup_actions_local.front.resource_policies import ResourcePolicy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from backup_actions_local.services.block_store import BlockStore
    from backup_actions_local.services.keys import Key, Keys
    from backup_actions_local.services.messages_queue import Queue
    from backup_actions_local.services.messages_topic import Topic
    from backup_actions_local.services.rds_databases import Databases
    from backup_actions_local.services.rds_records import DatabaseSnapshot
    from backup_actions_local.services.snapshot_copies import Snapshots
    from backup_actions_local.services.volumes import Snapshot


class Neighbours:
    """Given to every ``Cloud`` of a neighbourhood, on one clock. An account alone has one for itself."""

    def __init__(self) -> None:
        self.queues: dict[str, Queue] = {}
        self.topics: dict[str, Topic] = {}
        self.buckets: dict[str, str] = {}
        """The account that has the bucket of this name."""
        self.keys: dict[str, Keys] = {}
        """By account; so are the following."""
        self.databases: dict[str, Databases] = {}
        self.volumes: dict[str, BlockStore] = {}
        self.snapshots: dict[str, Snapshots] = {}

    def policy_of(self, arn: str) -> ResourcePolicy | None:
        """The policy that has a say in the use of this resource; None where resources of its kind have none here.

        Of what does not exist it is the policy that allows nobody anything: a stranger learns nothing else.
        """
        match arn.split(":", 3)[:3]:
            case [_, _, "sqs"]:
                return self.queues[arn].policy if arn in self.queues else ResourcePolicy()
            case [_, _, "sns"]:
                return self.topics[arn].policy if arn in self.topics else ResourcePolicy()
            case [_, _, "kms"]:
                account = arn.split(":")[4]
                return self.keys[account].rules_of(arn) if account in self.keys else ResourcePolicy(rules_alone=True)
            case _:
                return None

    def key(self, arn: str) -> Key | None:
        """The key with this ARN, whoever may use it; None if there is none."""
        account = arn.split(":")[4] if arn.startswith("arn:") else ""
        return self.keys[account].find(arn) if account in self.keys else None

    def database_snapshots_for(self, account: str) -> Iterator[DatabaseSnapshot]:
        """What others share with this account, of databases."""
        for owner, databases in list(self.databases.items()):
            if owner != account:
                yield from databases.shared_with(account)

    def volume_snapshots_for(self, account: str) -> Iterator[tuple[str, Snapshot]]:
        """What others share with this account, of volumes, and who."""
        for owner, store in list(self.volumes.items()):
            if owner != account:
                yield from ((owner, snapshot) for snapshot in store.shared_with(account))

    def key_of_shared(self, arn: str, account: str) -> str | None:
        """The key of a snapshot that another account shares with this one; None if none encrypts it."""
        for database in self.database_snapshots_for(account):
            if database.arn == arn:
                return database.of.kms_key_id or None
        for _, snapshot in self.volume_snapshots_for(account):
            if arn.endswith(f":{snapshot.region}::snapshot/{snapshot.id}"):
                return snapshot.kms_key_id or None
        return None

    def owner_of(self, arn: str) -> str:
        """Whose snapshot of a volume this is; empty if there is none."""
        for account, store in self.volumes.items():
            if store.has_snapshot(arn.rpartition("/")[2]):
                return account
        return ""

    def tell_of_sharing(self, owner: str, snapshot: Snapshot, account: str, now: datetime) -> None:
        """The other account, if it is in the neighbourhood, hears that this snapshot is shared with it."""
        if account in self.snapshots:
            self.snapshots[account].hear_of_sharing(owner, snapshot, now)

    def is_foreign_bucket(self, name: str, account: str) -> bool:
        """Whether the bucket is another account's; none of ours lets strangers in."""
        return self.buckets.get(name, account) != account

    def forget(self, account: str) -> None:
        """Nothing of the account is seen any more."""
        for seen in (self.queues, self.topics):
            for arn in [arn for arn in seen if arn.split(":")[4] == account]:
                del seen[arn]
        for name in [name for name, owner in self.buckets.items() if owner == account]:
            del self.buckets[name]
        self.keys.pop(account, None)
        self.databases.pop(account, None)
        self.volumes.pop(account, None)
        self.snapshots.pop(account, None)
