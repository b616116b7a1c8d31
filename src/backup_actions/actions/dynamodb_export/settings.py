"""What can be chosen about the DynamoDB export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backup_actions.contract import Settings, setting

_LONGEST_HOURS = 48  # two such waits and the jobs together stay under the machine's seven days


@dataclass(frozen=True, kw_only=True)
class DynamodbExportSettings(Settings):
    """Settings of the action ``dynamodb-export``."""

    route: Literal["auto", "pitr", "restore"] = setting(
        "pitr exports the live table's history at the backup's time, restore exports a table restored from the backup; "
        "auto takes pitr where the history reaches back that far, and restore elsewhere.",
        default="auto",
        one_of=("auto", "pitr", "restore"),
    )
    keep_original: bool = setting(
        "Keep DynamoDB's own files (gzipped JSON) beside the Parquet files that are made of them.", default=True
    )
    restore_timeout_hours: int = setting(
        "How long the restore of a table may take before it is given up.",
        default=24,
        at_least=1,
        at_most=_LONGEST_HOURS,
    )
    export_timeout_hours: int = setting(
        "How long DynamoDB's export may take before it is given up.", default=24, at_least=1, at_most=_LONGEST_HOURS
    )
    placement_timeout_minutes: int = setting(
        "How long a job may wait for Spot capacity in one zone before the next zone is tried.",
        default=30,
        at_least=5,
        at_most=24 * 60,
    )
    attempt_timeout_hours: int = setting(
        "How long one attempt of a job may take before it is given up.", default=12, at_least=1, at_most=24
    )
