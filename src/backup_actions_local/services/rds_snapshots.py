"""RDS's snapshots: described to their owner and to those they are shared with, shared, deleted.

Error codes: the botocore model. Rules of sharing:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/share-encrypted-snapshot.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services.paging import only, page
from backup_actions_local.services.rds_events import SOURCE, snapshot_event

if TYPE_CHECKING:
    from backup_actions_local.services.durations import Durations
    from backup_actions_local.services.keys import Keys
    from backup_actions_local.services.neighbours import Neighbours
    from backup_actions_local.services.rds_databases import Databases
    from backup_actions_local.services.rds_records import Answer, DatabaseSnapshot

_INVALID = "InvalidParameterValue"
_ACCOUNT = re.compile(r"[0-9]{12}")
_ACCOUNTS_AT_MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotKind:
    """What is different of snapshots of DB instances and of clusters."""

    noun: str
    of: str
    clusters: bool
    name_at_most: int
    not_found: str
    wrong_state: str
    exists: str
    while_copied: str
    """The status of a copy that is being made."""


INSTANCES = SnapshotKind(
    noun="DBSnapshot", of="DBInstance", clusters=False, name_at_most=255, not_found="DBSnapshotNotFound",
    wrong_state="InvalidDBSnapshotState", exists="DBSnapshotAlreadyExists", while_copied="creating",
)  # fmt: skip
CLUSTERS = SnapshotKind(
    noun="DBClusterSnapshot", of="DBCluster", clusters=True, name_at_most=63,
    not_found="DBClusterSnapshotNotFoundFault", wrong_state="InvalidDBClusterSnapshotStateFault",
    exists="DBClusterSnapshotAlreadyExistsFault", while_copied="copying",
)  # fmt: skip
KINDS = (INSTANCES, CLUSTERS)


class RdsSnapshots:
    """The operations."""

    name = "rds"

    def __init__(
        self,
        databases: Databases,
        keys: Keys,
        neighbours: Neighbours,
        *,
        durations: Durations,
        emit: Callable[..., object],
    ) -> None:
        self._databases, self._keys, self._neighbours = databases, keys, neighbours
        self._durations, self._emit = durations, emit
        self._account = databases.place.account

    @property
    def everywhere(self) -> frozenset[str]:
        """The operations that answer in every region."""
        return frozenset(self.handlers())

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        operations = {
            "Describe{}s": self._describe,
            "Describe{}Attributes": self._describe_attributes,
            "Modify{}Attribute": self._modify_attribute,
            "Delete{}": self._delete,
        }
        return {
            name.format(kind.noun): partial(operation, kind=kind)
            for name, operation in operations.items()
            for kind in KINDS
        }

    def _describe(self, call: Call, kind: SnapshotKind) -> Mapping[str, Any]:
        only(
            call, f"{kind.noun}Identifier", f"{kind.of}Identifier", "SnapshotType", "IncludeShared", "IncludePublic",
            "Marker", "MaxRecords",
        )  # fmt: skip
        found = list(self._visible(call, kind))
        if of := call.params.get(f"{kind.of}Identifier"):
            found = [answer for answer in found if answer[f"{kind.of}Identifier"] == of.lower()]
        if wanted := call.params.get(f"{kind.noun}Identifier"):
            names = (f"{kind.noun}Identifier", f"{kind.noun}Arn")
            found = [answer for answer in found if wanted in {answer[name] for name in names}]
            if not found:
                raise Refused(kind.not_found, f"{kind.noun} {wanted} not found.", 404)
        part, marker = page(found, call.params.get("Marker"), call.params.get("MaxRecords"), refusal=_INVALID)
        return {f"{kind.noun}s": list(part)} | ({"Marker": marker} if marker else {})

    def _visible(self, call: Call, kind: SnapshotKind) -> Iterator[Answer]:
        """Own ones and, if they are asked for, those of others."""
        params, now = call.params, self._databases.clock.now()
        wanted = params.get("SnapshotType")
        for snapshot in self._databases.snapshots(clusters=kind.clusters, region=call.region):
            if wanted in {None, snapshot.kind}:
                yield snapshot.answer(now)
        asked_for = {
            self._account: wanted == "shared" or (wanted is None and params.get("IncludeShared")),
            "all": wanted == "public" or (wanted is None and params.get("IncludePublic")),
        }
        region = call.region or self._databases.place.region
        for snapshot in self._neighbours.database_snapshots_for(self._account):
            is_asked_for = any(asked_for[name] for name in snapshot.shared_with & asked_for.keys())
            if is_asked_for and (snapshot.of.is_cluster, snapshot.region) == (kind.clusters, region):
                yield snapshot.answer_for_others(now)

    def _describe_attributes(self, call: Call, kind: SnapshotKind) -> Mapping[str, Any]:
        only(call, f"{kind.noun}Identifier")
        return _attributes(self._own(call, kind), kind)

    def _modify_attribute(self, call: Call, kind: SnapshotKind) -> Mapping[str, Any]:
        only(call, f"{kind.noun}Identifier", "AttributeName", "ValuesToAdd", "ValuesToRemove")
        snapshot = self._own(call, kind)
        if call.params["AttributeName"] != "restore":
            raise Refused(_INVALID, f"Invalid attribute name: {call.params['AttributeName']}")
        if snapshot.kind != "manual":
            raise Refused(kind.wrong_state, f"{snapshot.kind} snapshots cannot be shared: copy {snapshot.id} first.")
        if snapshot.status(self._databases.clock.now()) != "available":
            raise Refused(kind.wrong_state, f"The snapshot {snapshot.id} is not in available state.")
        added = set(call.params.get("ValuesToAdd") or ())
        if added:
            self._check_sharing(snapshot, added)
        snapshot.shared_with |= added
        snapshot.shared_with -= set(call.params.get("ValuesToRemove") or ())
        self._databases.clock.changed()
        return _attributes(snapshot, kind)

    def _check_sharing(self, snapshot: DatabaseSnapshot, accounts: set[str]) -> None:
        if wrong := [name for name in accounts if name != "all" and not _ACCOUNT.fullmatch(name)]:
            raise Refused(_INVALID, f"Invalid value for the attribute restore: {wrong[0]}")
        if lasting := self._databases.lasting_options(snapshot.of.option_group):
            # The model knows no code that says exactly this.
            raise Refused(_INVALID, f"A snapshot with the options {', '.join(lasting)} cannot be shared.")
        key = self._keys.at(snapshot.of.kms_key_id) if snapshot.of.kms_key_id else None
        if key and key.is_default:
            message = "Sharing snapshots encrypted with the default service key for RDS is currently not supported."
            raise Refused(_INVALID, message)
        if "all" in accounts and snapshot.of.kms_key_id:
            raise Refused(_INVALID, "Encrypted snapshots cannot be shared publicly.")
        if len((snapshot.shared_with | accounts) - {"all"}) > _ACCOUNTS_AT_MOST:
            raise Refused(
                "SharedSnapshotQuotaExceeded", f"A snapshot can be shared with {_ACCOUNTS_AT_MOST} accounts at most."
            )

    def _delete(self, call: Call, kind: SnapshotKind) -> Mapping[str, Any]:
        only(call, f"{kind.noun}Identifier")
        snapshot, now = self._own(call, kind), self._databases.clock.now()
        if snapshot.kind != "manual":
            raise Refused(kind.wrong_state, "Only manual snapshots may be deleted.")
        if snapshot.status(now) == "deleting":
            raise Refused(kind.wrong_state, f"The snapshot {snapshot.id} is already being deleted.")
        was_under_way = snapshot.is_under_way
        snapshot.gone_at = now + timedelta(seconds=self._durations.database_snapshot_deleted_seconds)
        self._databases.clock.changed()
        if not kind.clusters and snapshot.region == self._databases.place.region:
            self._emit(SOURCE, *_event_of_end(snapshot, was_under_way=was_under_way, now=now))
        return {kind.noun: snapshot.answer(now) | {"Status": "deleted"}}

    def _own(self, call: Call, kind: SnapshotKind) -> DatabaseSnapshot:
        identifier = call.params[f"{kind.noun}Identifier"]
        return self._databases.named_snapshot(identifier, clusters=kind.clusters, region=call.region)


def _event_of_end(snapshot: DatabaseSnapshot, *, was_under_way: bool, now: Any) -> tuple[Any, ...]:
    """What RDS tells of a snapshot that is deleted, or whose copying is given up by that."""
    if not was_under_way:
        return snapshot_event(snapshot, "RDS-EVENT-0041", "Deleted manual snapshot", category="deletion", now=now)
    source, region = snapshot.copied_from.split(":", 6)[-1], snapshot.copied_from.split(":")[3]
    number, where = ("RDS-EVENT-0190", "in") if region == snapshot.region else ("RDS-EVENT-0061", "from")
    message = f"Canceled snapshot copy request of {source} {where} region {region}"
    return snapshot_event(snapshot, number, message, category="notification", now=now)


def _attributes(snapshot: DatabaseSnapshot, kind: SnapshotKind) -> Mapping[str, Any]:
    restore = {"AttributeName": "restore", "AttributeValues": sorted(snapshot.shared_with)}
    return {
        f"{kind.noun}AttributesResult": {
            f"{kind.noun}Identifier": snapshot.id,
            f"{kind.noun}Attributes": [restore],
        }
    }
