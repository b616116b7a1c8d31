"""What can be chosen about native dumps of databases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from backup_actions.contract import Settings, setting
from backup_actions.errors import SettingInvalid

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.html
_INSTANCE_CLASS = re.compile(r"db\.[a-z0-9-]+\.[a-z0-9]+")


@dataclass(frozen=True, kw_only=True)
class RdsDumpSettings(Settings):
    """Settings of the action ``rds-dump``."""

    instance_classes: tuple[str, ...] = setting(
        "Classes of the temporary instance, best first: the first that RDS offers for the engine, its version and a "
        "zone is taken, the next ones where there is no capacity.",
        default=(
            "db.t4g.medium",
            "db.t4g.large",
            "db.m7g.large",
            "db.r7g.large",
            "db.t3.medium",
            "db.m6i.large",
            "db.r6i.large",
        ),
    )
    databases: tuple[str, ...] = setting(
        "Dump these databases alone; none named: all of the server. A deletion policy then lets the backup go with all "
        "that was not named.",
        default=(),
    )
    streams: int = setting("How many programs dump or load tables at the same time.", default=4, at_least=1, at_most=16)
    codec: Literal["zstd", "gzip"] = setting("Compression of the dump.", default="zstd", one_of=("zstd", "gzip"))
    level: int | None = setting(
        "Compression level; 1 is as fast as the disk, 3 about a tenth smaller; null: 1, and a higher one while the "
        "processor waits for the database or the network.",
        default=None,
        at_least=1,
        at_most=19,
    )
    verify: Literal["restore", "list"] = setting(
        "restore: every database is loaded back into a scratch database on the temporary instance and compared, table "
        "by table and object by object; list: the dump's bytes, structure and counts are checked.",
        default="restore",
        one_of=("restore", "list"),
    )
    extra_storage_percent: int = setting(
        "Storage of the temporary instance beyond the snapshot's, in percent: with verify: restore the largest "
        "database is on it twice. Aurora's storage grows by itself.",
        default=100,
        at_least=0,
        at_most=300,
    )
    restore_timeout_hours: int = setting(
        "How long the restore of a database may take before it is given up.", default=12, at_least=1, at_most=48
    )
    capacity_timeout_hours: int = setting(
        "How long to wait for a place: for capacity of RDS or Spot in any zone, or for the account's quotas.",
        default=24,
        at_least=1,
        at_most=48,
    )
    placement_timeout_minutes: int = setting(
        "How long a job may wait for Spot capacity in one zone before the next zone is tried.",
        default=30,
        at_least=5,
        at_most=24 * 60,
    )
    attempt_timeout_hours: int = setting(
        "How long one attempt of a job may take before it is given up.", default=24, at_least=1, at_most=48
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.instance_classes:
            raise SettingInvalid(name="instance_classes", value=[], reason="it needs at least one")
        for name in self.instance_classes:
            if not _INSTANCE_CLASS.fullmatch(name):
                reason = "the name of an instance class reads db.t4g.large"
                raise SettingInvalid(name="instance_classes", value=name, reason=reason)
