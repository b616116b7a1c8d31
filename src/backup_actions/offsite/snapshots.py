"""What is said of a snapshot of whatever kind, and the verbs that every kind has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from backup_actions.errors import AwsCallFailed

NAME_TAG = "backup-actions:import"
"""On every copy: its name. A disk's snapshot has no other, and is found by it."""

# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBSnapshots.html (Errors) and its sisters
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
_GONE = frozenset(
    {
        "DBClusterSnapshotNotFoundFault",
        "DBSnapshotNotFound",
        "DBSnapshotNotFoundFault",
        "InvalidSnapshot.NotFound",
    }
)
_TAKEN = frozenset({"DBClusterSnapshotAlreadyExistsFault", "DBSnapshotAlreadyExists"})
# What is being made, or used, cannot be removed yet.
_NOT_YET = frozenset(
    {
        "IncorrectState",
        "InvalidDBClusterSnapshotStateFault",
        "InvalidDBSnapshotState",
        "InvalidSnapshot.InUse",
    }
)

State = Literal["copying", "available", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What AWS says of a snapshot. ``backed_up_at`` and ``resource`` are empty where AWS does not say."""

    arn: str
    owner: str
    state: State
    status: str
    """In AWS's own words, with its reason where it has failed."""
    engine: str = ""
    engine_version: str = ""
    size_gib: int
    key_arn: str
    """Empty: not encrypted."""
    resource: str = ""
    """``db:shop``, ``cluster:shop``."""
    taken_at: datetime | None
    """When this snapshot, which may be a copy, was made."""
    backed_up_at: datetime | None = None
    """When the first one was that it is a copy of."""
    copied_from: str = ""
    """The ARN of another account's snapshot."""
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A copy that is wanted: of whose snapshot, under which name, key and tags."""

    snapshot_arn: str
    name: str
    key_arn: str
    tags: Mapping[str, str]


class Snapshots(Protocol):
    """One kind of snapshot in one region. Raises AwsBusy and AwsCallFailed, as every caller of AWS here does."""

    def shared(self, arn: str) -> Snapshot | None:
        """Another account's, where it is shared with this one."""
        ...

    def own(self, name: str, known_arn: str = "") -> list[Snapshot]:
        """Our copies of that name: one of a database, any number of a disk.

        AWS may not show for a while what it has begun. ``known_arn`` is a copy that was begun, and may be shown before
        it is found by its name.
        """
        ...

    def begin_copy(self, order: Order) -> str:
        """A copy is being made, and this is its ARN; empty where one of that name is left alone."""
        ...

    def remove(self, arn: str) -> bool:
        """Whether the removal was accepted; it may be too early for it."""
        ...


def name_in(arn: str) -> str:
    """The snapshot's own name, or its id."""
    return arn.replace("/", ":").rpartition(":")[2]


def is_gone(refusal: AwsCallFailed) -> bool:
    """Whether the call was refused because there is no such snapshot, or none that this account may see."""
    return refusal.facts["error_code"] in _GONE


def is_taken(refusal: AwsCallFailed) -> bool:
    """Whether the call was refused because there is a snapshot of that name."""
    return refusal.facts["error_code"] in _TAKEN


def accepted_all_the_same(refusal: AwsCallFailed) -> bool:
    """What a refused removal means: true where nothing is there, false where it is too early. Raises it otherwise."""
    if refusal.facts["error_code"] in _NOT_YET:
        return False
    if is_gone(refusal):
        return True
    raise refusal
