"""EC2's snapshots: described to their owner and to those they are shared with, copied, shared, deleted.

Error codes: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
Rules: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html
https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services import ec2_answers as answers
from backup_actions_local.services.keys import Grant, Key
from backup_actions_local.services.paging import only, page
from backup_actions_local.services.volumes import Snapshot, tags_for

if TYPE_CHECKING:
    from backup_actions_local.services.block_store import BlockStore
    from backup_actions_local.services.copying import Copying
    from backup_actions_local.services.keys import Keys
    from backup_actions_local.services.neighbours import Neighbours

Operation = Callable[[Call, datetime], Mapping[str, Any]]
_ACCOUNT = re.compile(r"[0-9]{12}")
# https://docs.aws.amazon.com/general/latest/gr/ebs-service.html
_COPIES_AT_ONCE = 20
_SHARING = "createVolumePermission"
# Nobody hears of a key that may not be used before the copy has failed.
# https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html
_NO_KEY = "Given key ID is not accessible"
_NO_SOURCE = "Source snapshot ID is not valid"


class Snapshots:
    """The operations. ``emit`` puts an event on the account's bus."""

    name = "ec2"

    def __init__(
        self,
        store: BlockStore,
        keys: Keys,
        neighbours: Neighbours,
        copying: Copying,
        emit: Callable[..., object],
    ) -> None:
        self._store, self._keys, self._neighbours, self._copying = store, keys, neighbours, copying
        self._emit = emit
        self._place, self._account = store.place, store.place.account

    @property
    def everywhere(self) -> frozenset[str]:
        """The operations that answer in every region."""
        return frozenset(self.handlers())

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        operations: Mapping[str, Operation] = {
            "DescribeSnapshots": self._describe,
            "CopySnapshot": self._copy,
            "ModifySnapshotAttribute": self._modify_attribute,
            "DescribeSnapshotAttribute": self._describe_attribute,
            "DeleteSnapshot": self._delete,
        }
        return {name: partial(self._settled, operation) for name, operation in operations.items()}

    def _settled(self, operation: Operation, call: Call) -> Mapping[str, Any]:
        with self._store.settled() as now:
            return operation(call, now)

    # --------------------------------------------------------------------------------------------------------- describe

    def _describe(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "SnapshotIds", "OwnerIds", "RestorableByUserIds", "Filters", "NextToken", "MaxResults")
        wanted = list(self._visible(call))
        if ids := call.params.get("SnapshotIds") or ():
            wanted = [each for each in wanted if each[1].id in ids]
            if missing := set(ids) - {snapshot.id for _, snapshot in wanted}:
                raise _missing(min(missing))
        if owners := self._accounts(call.params.get("OwnerIds")):
            wanted = [each for each in wanted if each[0] in owners]
        if users := self._accounts(call.params.get("RestorableByUserIds")):
            wanted = [(owner, each) for owner, each in wanted if each.shared_with & users]
        chosen = answers.filtered(
            wanted,
            call.params.get("Filters"),
            {
                "encrypted": lambda each: [str(bool(each[1].kms_key_id)).lower()],
                "owner-id": lambda each: [each[0]],
                "snapshot-id": lambda each: [each[1].id],
                "status": lambda each: [each[1].state(now)],
                "volume-id": lambda each: [each[1].volume_id],
            },
            lambda each: each[1].tags if each[0] == self._account else {},
        )
        part, token = page(chosen, call.params.get("NextToken"), call.params.get("MaxResults"))
        described = [
            answers.snapshot_answer(snapshot, owner, now, for_owner=owner == self._account) for owner, snapshot in part
        ]
        return {"Snapshots": described} | ({"NextToken": token} if token else {})

    def _visible(self, call: Call) -> Iterator[tuple[str, Snapshot]]:
        """Every snapshot of the region that the account may copy, with its owner."""
        region = call.region or self._place.region
        for snapshot in self._store.snapshots(region=region):
            yield self._account, snapshot
        for owner, snapshot in self._neighbours.volume_snapshots_for(self._account):
            if snapshot.region == region:
                yield owner, snapshot

    def _accounts(self, names: list[str] | None) -> set[str]:
        return {self._account if name == "self" else name for name in names or ()}

    # ------------------------------------------------------------------------------------------------------------- copy

    def _copy(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(
            call, "SourceRegion", "SourceSnapshotId", "Description", "Encrypted", "KmsKeyId", "TagSpecifications",
            "PresignedUrl", "DestinationRegion",
        )  # fmt: skip
        params, region = call.params, call.region or self._place.region
        owner, source = self._source(params["SourceRegion"], params["SourceSnapshotId"])
        if source.state(now) != "completed":
            raise Refused("IncorrectState", f"Snapshot is in invalid state - {source.state(now)}")
        if sum(each.is_under_way for each in self._store.snapshots(region=region)) >= _COPIES_AT_ONCE:
            limit = f"The limit is {_COPIES_AT_ONCE} for this destination region."
            raise Refused("ResourceLimitExceeded", f"Too many snapshot copies in progress. {limit}")
        new_key = self._new_key(params, source, region)
        copy = self._store.begin_copy(
            source,
            region=region,
            description=params.get("Description") or f"[Copied {source.id} from {source.region}]",
            kms_key_id=new_key.arn if new_key else str(params.get("KmsKeyId") or ""),
            tags=tags_for(params, "snapshot"),
        )
        grants = self._grants(source, copy, new_key, lacking=any(each.startswith("kms:") for each in call.lacking))
        self._copying.begin(
            copy.id,
            self._store.durations.snapshot_copied_seconds,
            trouble=lambda: _NO_KEY if grants is None else self._trouble(copy, owner, source, grants),
            done=lambda cause: self._done(copy, source, grants or [], cause),
        )
        return {"SnapshotId": copy.id, "Tags": answers.tag_list(copy.tags)}

    def _grants(self, source: Snapshot, copy: Snapshot, new_key: Key | None, *, lacking: bool) -> list[Grant] | None:
        """What EC2 was granted to read the source and to write the copy; None where it may not, and fails."""
        old_key = self._key(source.kms_key_id)
        is_missing = (source.kms_key_id and not old_key) or (copy.kms_key_id and not new_key)
        keys = [key for key in dict.fromkeys((old_key, new_key)) if key]
        if is_missing or (keys and lacking):
            return None
        return [self._keys.grant(key, "ec2", issued_in=self._account) for key in keys]

    def _source(self, region: str, snapshot_id: str) -> tuple[str, Snapshot]:
        """The snapshot and its owner, this account or one that shares it."""
        for snapshot in self._store.snapshots(region=region):
            if snapshot.id == snapshot_id:
                return self._account, snapshot
        for owner, snapshot in self._neighbours.volume_snapshots_for(self._account):
            if (snapshot.id, snapshot.region) == (snapshot_id, region):
                return owner, snapshot
        raise _missing(snapshot_id)

    def _key(self, arn: str) -> Key | None:
        return (self._keys.at(arn) or self._neighbours.key(arn)) if arn else None

    def _new_key(self, params: Mapping[str, Any], source: Snapshot, region: str) -> Key | None:
        wanted = params.get("KmsKeyId")
        if wanted and not params.get("Encrypted"):
            message = "The parameter KmsKeyId requires the parameter Encrypted to be set."
            raise Refused("InvalidParameterDependency", message)
        if wanted:
            key = self._keys.find(wanted, region=region) or self._neighbours.key(wanted)
            return key if key and key.region == region else None
        needs_one = source.kms_key_id or params.get("Encrypted")
        return self._keys.managed_by("ebs", region=region) if needs_one else None

    def _trouble(self, copy: Snapshot, owner: str, source: Snapshot, grants: list[Grant]) -> str:
        if copy.is_gone:
            return "given up"
        if source.is_gone or (owner != self._account and not source.is_shared_with(self._account)):
            return _NO_SOURCE
        return "" if all(grant.is_good for grant in grants) else _NO_KEY

    def _done(self, copy: Snapshot, source: Snapshot, grants: list[Grant], cause: str) -> None:
        for grant in grants:
            grant.end()
        if copy.is_gone:
            return
        with self._store.settled() as now:
            copy.error, copy.completes_at, copy.is_under_way = cause, now, False
        if copy.region != self._place.region:  # another region's events are on its own bus
            return
        about = {
            "event": "copySnapshot",
            "result": "failed" if cause else "succeeded",
            "cause": cause,
            "source": _arn_in_events(self._place.partition, source),
            **({} if cause else {"incremental": "false", "transferType": "standard"}),
        }
        self._tell(copy, about, copy.started, now)

    # ---------------------------------------------------------------------------------------------- share, look, delete

    def _modify_attribute(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(
            call, "SnapshotId", "Attribute", "CreateVolumePermission", "OperationType", "UserIds", "GroupNames",
        )  # fmt: skip
        snapshot = self._own(call)
        if call.params.get("Attribute") not in {None, _SHARING}:
            message = f"Value ({call.params['Attribute']}) for parameter attribute is invalid"
            raise Refused("InvalidParameterValue", message)
        if snapshot.managed_by_backup:
            raise _managed(snapshot, "modified")
        added, removed = _sharing(call.params)
        if wrong := [name for name in added | removed if name != "all" and not _ACCOUNT.fullmatch(name)]:
            raise Refused("InvalidUserID.Malformed", f'Invalid user id: "{wrong[0]}"')
        key = self._keys.at(snapshot.kms_key_id) if snapshot.kms_key_id and added else None
        if key and key.is_default:
            raise Refused("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared")
        if key and "all" in added:
            raise Refused("OperationNotPermitted", "Encrypted snapshots cannot be shared publicly")
        new = added - snapshot.shared_with - {"all"}
        snapshot.shared_with = (snapshot.shared_with | added) - removed
        for account in new:
            self._neighbours.tell_of_sharing(self._account, snapshot, account, now)
        return {}

    def _describe_attribute(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "SnapshotId", "Attribute")
        del now
        snapshot = self._own(call)
        shared = [{"Group": name} if name == "all" else {"UserId": name} for name in sorted(snapshot.shared_with)]
        return {"SnapshotId": snapshot.id, "CreateVolumePermissions": shared}

    def _delete(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "SnapshotId")
        del now
        snapshot = self._own(call)
        if snapshot.managed_by_backup:
            raise _managed(snapshot, "deleted")
        self._store.remove_snapshot(snapshot.id)
        return {}

    def _own(self, call: Call) -> Snapshot:
        snapshot_id = call.params["SnapshotId"]
        if any(snapshot.id == snapshot_id for _, snapshot in self._neighbours.volume_snapshots_for(self._account)):
            raise Refused("AuthFailure", f"Not authorized for snapshot '{snapshot_id}'", 403)
        return self._store.snapshot(snapshot_id, region=call.region)

    def hear_of_sharing(self, owner: str, snapshot: Snapshot, now: datetime) -> None:
        """Another account shares a snapshot with this one."""
        if snapshot.region == self._place.region:
            about = {"event": "shareSnapshot", "result": "succeeded", "cause": "", "source": owner}
            self._tell(snapshot, about, now, now)

    def _tell(self, snapshot: Snapshot, about: Mapping[str, str], began: datetime, ended: datetime) -> None:
        """https://docs.aws.amazon.com/ebs/latest/userguide/ebs-cloud-watch-events.html#snapshot-events ."""
        arn = _arn_in_events(self._place.partition, snapshot)
        times = {name: at.strftime("%Y-%m-%dT%H:%M:%SZ") for name, at in (("startTime", began), ("endTime", ended))}
        self._emit(
            "aws.ec2", "EBS Snapshot Notification", {**about, "request-id": "", "snapshot_id": arn, **times}, [arn]
        )


def _arn_in_events(partition: str, snapshot: Snapshot) -> str:
    """Events have the region where ARNs have the account."""
    return f"arn:{partition}:ec2::{snapshot.region}:snapshot/{snapshot.id}"


def _sharing(params: Mapping[str, Any]) -> tuple[set[str], set[str]]:
    """Who is added and who removed, in either form of the call."""
    change = params.get("CreateVolumePermission") or {}
    added, removed = (
        {str(each.get("UserId") or each.get("Group")) for each in change.get(name) or ()} for name in ("Add", "Remove")
    )
    named = set(params.get("UserIds") or ()) | set(params.get("GroupNames") or ())
    return (added, removed | named) if params.get("OperationType") == "remove" else (added | named, removed)


def _managed(snapshot: Snapshot, what: str) -> Refused:
    return Refused(
        "InvalidParameterValue",
        f"The snapshot {snapshot.id} is managed by the AWS Backup service and cannot be {what} via EC2 APIs.",
    )


def _missing(snapshot_id: str) -> Refused:
    return Refused("InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' does not exist.")
