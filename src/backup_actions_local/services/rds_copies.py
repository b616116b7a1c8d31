"""RDS's copies of snapshots: of the account's own, of AWS Backup's, and of those that other accounts share.

Error codes: the botocore model. Limits and rules:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_CopySnapshot.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services.keys import ENABLED, Grant, Key
from backup_actions_local.services.paging import only
from backup_actions_local.services.rds_events import SOURCE, snapshot_event
from backup_actions_local.services.rds_records import Database, DatabaseSnapshot, default_option_group
from backup_actions_local.services.rds_snapshots import KINDS, SnapshotKind

if TYPE_CHECKING:
    from backup_actions_local.services.copying import Copying
    from backup_actions_local.services.durations import Durations
    from backup_actions_local.services.keys import Keys
    from backup_actions_local.services.neighbours import Neighbours
    from backup_actions_local.services.rds_databases import Databases

# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBSnapshot.html
_NAME = re.compile(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]*(?<!-)")
_INVALID, _QUOTA = "InvalidParameterValue", "SnapshotQuotaExceeded"
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html
_COPIES_AT_ONCE, _MANUAL_AT_MOST = 20, 100


class RdsCopies:
    """The operations."""

    name = "rds"
    everywhere = frozenset({"CopyDBSnapshot", "CopyDBClusterSnapshot"})

    def __init__(
        self,
        databases: Databases,
        keys: Keys,
        neighbours: Neighbours,
        copying: Copying,
        *,
        durations: Durations,
        emit: Callable[..., object],
    ) -> None:
        self._databases, self._keys, self._neighbours, self._copying = databases, keys, neighbours, copying
        self._durations, self._emit = durations, emit
        self._place, self._clock = databases.place, databases.clock

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        return {f"Copy{kind.noun}": partial(self._copy, kind=kind) for kind in KINDS}

    def _copy(self, call: Call, kind: SnapshotKind) -> Mapping[str, Any]:
        only(
            call, f"Source{kind.noun}Identifier", f"Target{kind.noun}Identifier", "KmsKeyId", "Tags", "CopyTags",
            "PreSignedUrl",
        )  # fmt: skip
        asked, region = dict(call.params), call.region or self._place.region
        source = self._source(asked[f"Source{kind.noun}Identifier"], kind, region)
        arn = self._new_arn(asked[f"Target{kind.noun}Identifier"], kind, region)
        old_key, new_key = self._old_key(source), self._new_key(asked, source, kind, region)
        self._check_quotas(kind, region)
        copy = self._begun(asked, source, arn, kind, new_key)
        grants = [
            self._keys.grant(key, "rds", issued_in=self._place.account)
            for key in dict.fromkeys((old_key, new_key))
            if key is not None
        ]
        self._tell(copy, source, is_done=False)
        self._copying.begin(
            copy.arn,
            self._durations.database_snapshot_copied_seconds,
            trouble=lambda: self._trouble(copy, source, grants),
            done=lambda cause: self._done(copy, source, grants, cause),
        )
        return {kind.noun: copy.answer(self._clock.now())}

    # ------------------------------------------------------------------------------------------------ what is asked for

    def _source(self, identifier: str, kind: SnapshotKind, region: str) -> DatabaseSnapshot:
        """The snapshot of this name, of this ARN, or shared by another account under this ARN."""
        missing = Refused(kind.not_found, f"{kind.noun} {identifier} not found.", 404)
        arn = self._databases.snapshot_arn(identifier, clusters=kind.clusters, region=region)
        if (":cluster-snapshot:" in arn) != kind.clusters:
            raise missing
        if arn.split(":")[4] == self._place.account:
            source = self._databases.snapshot(arn)
        else:
            shared = self._neighbours.database_snapshots_for(self._place.account)
            found = next((each for each in shared if each.arn == arn), None)
            if found is None:
                raise missing
            source = found
        if source.status(self._clock.now()) != "available":
            raise Refused(kind.wrong_state, f"The source snapshot {source.id} is not in available state.")
        return source

    def _new_arn(self, name: str, kind: SnapshotKind, region: str) -> str:
        if not _NAME.fullmatch(name) or len(name) > kind.name_at_most:
            message = (
                f"The parameter Target{kind.noun}Identifier is not a valid identifier. Identifiers must begin with a "
                "letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or "
                f"contain two consecutive hyphens; and have {kind.name_at_most} characters at most."
            )
            raise Refused(_INVALID, message)
        arn = self._databases.snapshot_arn(name.lower(), clusters=kind.clusters, region=region)
        if any(each.arn == arn for each in self._databases.snapshots(clusters=kind.clusters, region=region)):
            raise Refused(kind.exists, f"Cannot create the snapshot because one named {name} already exists.")
        return arn

    def _check_quotas(self, kind: SnapshotKind, region: str) -> None:
        of_both = [self._databases.snapshots(clusters=each.clusters, region=region) for each in KINDS]
        if sum(each.is_under_way for each in (*of_both[0], *of_both[1])) >= _COPIES_AT_ONCE:
            raise Refused(_QUOTA, f"Cannot copy more than {_COPIES_AT_ONCE} snapshots across regions")
        if sum(each.kind == "manual" for each in of_both[KINDS.index(kind)]) >= _MANUAL_AT_MOST:
            raise Refused(_QUOTA, f"Cannot create more than {_MANUAL_AT_MOST} manual snapshots")

    def _old_key(self, source: DatabaseSnapshot) -> Key | None:
        """The key of the source. Raises Refused for one that cannot be used."""
        if not source.of.kms_key_id:
            return None
        key = self._keys.at(source.of.kms_key_id) or self._neighbours.key(source.of.kms_key_id)
        if key is None or key.state != ENABLED:
            raise _inaccessible("source snapshot", source.of.kms_key_id)
        return key

    def _new_key(
        self, asked: Mapping[str, Any], source: DatabaseSnapshot, kind: SnapshotKind, region: str
    ) -> Key | None:
        """The key of the copy. Raises Refused for one that cannot be used, or none where one must be named."""
        wanted, is_encrypted = asked.get("KmsKeyId"), bool(source.of.kms_key_id)
        if not wanted:
            if is_encrypted and source.account != self._place.account:
                raise _inaccessible("target", None)
            if is_encrypted and source.region != region:
                raise Refused(_INVALID, "Must specify new KMS key for cross region encrypted snapshot copy.")
            return self._old_key(source)
        if kind.clusters and not is_encrypted:
            message = "A KMS key cannot be given for the copy of an unencrypted DB cluster snapshot."
            raise Refused("InvalidParameterCombination", message)
        key = self._keys.find(wanted, region=region) or self._neighbours.key(wanted)
        if key is None or key.state != ENABLED or key.region != region:
            raise _inaccessible("target", wanted)
        return key

    # ----------------------------------------------------------------------------------------------------- what happens

    def _begun(
        self, asked: Mapping[str, Any], source: DatabaseSnapshot, arn: str, kind: SnapshotKind, key: Key | None
    ) -> DatabaseSnapshot:
        now = self._clock.now()
        tags = {tag["Key"]: tag.get("Value") or "" for tag in asked.get("Tags") or ()}
        if asked.get("CopyTags") and source.account == self._place.account:
            tags = {name: value for name, value in source.tags.items() if not name.startswith("aws:")} | tags
        copy = DatabaseSnapshot(
            id=arn.rpartition(":")[2], arn=arn, of=self._described(source, arn, key), image=source.image, created=now,
            available_at=now, kind="manual", tags=tags, copied_from=source.arn,
            original=source.original or source.created, copying=kind.while_copied,
        )  # fmt: skip
        self._databases.keep_snapshot(copy)
        return copy

    def _described(self, source: DatabaseSnapshot, arn: str, key: Key | None) -> Database:
        """The database as the copy knows it: an option group stays where it is."""
        of = replace(source.of, kms_key_id=key.arn if key else "")
        if arn.split(":")[3:5] != source.arn.split(":")[3:5]:
            of.option_group = default_option_group(of.engine, of.engine_version)
        return of

    def _trouble(self, copy: DatabaseSnapshot, source: DatabaseSnapshot, grants: list[Grant]) -> str:
        if copy.gone_at is not None:
            return "given up"
        if source.gone_at is not None:
            return "the source is gone"
        if source.account != copy.account and not source.is_shared_with(copy.account):
            return "the source is not shared any more"
        return "" if all(grant.is_good for grant in grants) else "a key cannot be used any more"

    def _done(self, copy: DatabaseSnapshot, source: DatabaseSnapshot, grants: list[Grant], cause: str) -> None:
        for grant in grants:
            grant.end()
        if copy.gone_at is not None:
            return
        copy.copying, copy.available_at = "failed" if cause else "", self._clock.now()
        self._clock.changed()
        if not cause:
            self._tell(copy, source, is_done=True)

    def _tell(self, copy: DatabaseSnapshot, source: DatabaseSnapshot, *, is_done: bool) -> None:
        """Source: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html"""
        if copy.region != self._place.region:  # another region's events are on its own bus
            return
        now, category = self._clock.now(), "notification"
        if copy.of.is_cluster:
            category = "backup"
            number = "RDS-EVENT-0075" if is_done else "RDS-EVENT-0074"
            message = "Manual cluster snapshot created" if is_done else "Creating manual cluster snapshot"
        elif source.region == copy.region:
            number = "RDS-EVENT-0197" if is_done else "RDS-EVENT-0196"
            message = f"{'Finished' if is_done else 'Started'} copy of snapshot {source.id} in region {source.region}"
        else:
            number = "RDS-EVENT-0060" if is_done else "RDS-EVENT-0059"
            message = f"{'Finished' if is_done else 'Started'} copy of snapshot {source.id} from region {source.region}"
            minutes = int((now - copy.created).total_seconds() // 60)
            message += f" in {minutes} minutes" if is_done else ""
        self._emit(SOURCE, *snapshot_event(copy, number, message, category=category, now=now))


def _inaccessible(which: str, key: object) -> Refused:
    said = f"The {which} KMS key [{key}] does not exist, is not enabled or you do not have permissions to access it."
    return Refused("KMSKeyNotAccessibleFault", said)
