"""What can be chosen about the RDS export."""

from __future__ import annotations

import re
from dataclasses import dataclass

from backup_actions.contract import Settings, setting
from backup_actions.errors import SettingInvalid

# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartExportTask.html
_PART_OF_A_DATABASE = re.compile(r"[A-Za-z0-9$_]+(\.[A-Za-z0-9$_]+){0,2}")
_LIMITS = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html"


@dataclass(frozen=True, kw_only=True)
class RdsExportSettings(Settings):
    """Settings of the action ``rds-export``."""

    export_only: tuple[str, ...] = setting(
        "Export these alone: database, database.table (MySQL family), database.schema or database.schema.table "
        "(PostgreSQL family).",
        default=(),
    )
    concurrent_exports: int = setting(
        "How many exports may run in the account at the same time; fewer leave room for those of others.",
        default=5,
        at_least=1,
        at_most=5,
        why=_LIMITS,
    )
    export_timeout_hours: int = setting(
        "How long one export may take before it is canceled.", default=48, at_least=1, at_most=72
    )
    placement_timeout_minutes: int = setting(
        "How long the verifying job may wait for Spot capacity in one zone before the next zone is tried.",
        default=30,
        at_least=5,
        at_most=24 * 60,
    )
    attempt_timeout_hours: int = setting(
        "How long one attempt of the verifying job may take before it is given up.", default=6, at_least=1, at_most=24
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for part in self.export_only:
            if not _PART_OF_A_DATABASE.fullmatch(part):
                reason = "RDS takes names of letters, digits, $ and _ alone, up to three of them joined by dots"
                raise SettingInvalid(name="export_only", value=part, reason=reason)
