"""What a deployment measures of itself: the metrics that AWS has none for.

Ages are published and not what is too old: so the alarms, which know the limits, can be changed without code.
"""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "BackupActions/{name}"
"""With the name of the deployment."""


@dataclass(frozen=True, slots=True)
class Metric:
    """Its name and unit as CloudWatch has them, and what it says."""

    name: str
    unit: str
    doc: str


OLDEST_UNARCHIVED_HOURS = Metric(
    "OldestUnarchivedHours", "None", "age of the oldest backup that is not archived: being worked on, or failed"
)
OLDEST_UNVERIFIED_HOURS = Metric(
    "OldestUnverifiedHours",
    "None",
    "hours since that archive was proven, or too cold for that was looked at, of which that is longest ago",
)
FAILED_POINTS = Metric("FailedPoints", "Count", "backups whose last run failed: they wait for a person")
DAMAGED_ARCHIVES = Metric("DamagedArchives", "Count", "archives that were proven once and are not what they were")
POINTS_AT_WORK = Metric("PointsAtWork", "Count", "backups that are being worked on")
WAITING_ACTIONS = Metric("WaitingActions", "Count", "actions that wait for a quota of the account or for capacity")
LONGEST_WAIT_HOURS = Metric("LongestWaitHours", "None", "how long the one of them has waited that waits longest")
UNACKNOWLEDGED_HOURS = Metric(
    "UnacknowledgedHours", "None", "age of the oldest off-site copy that the other account has not acknowledged"
)
SWEEP_AGE_HOURS = Metric(
    "SweepAgeHours", "None", "hours since a sweep last came to its end, or since the very first was begun"
)
MONTH_COST_USD = Metric(
    "MonthToDateCostUsd", "None", "what the runs of this month have cost, where the region's prices are known"
)
SOURCE_BYTES = Metric("SourceBytes", "Bytes", "what the runs that ended since the last measurement have read")
STORED_BYTES = Metric("StoredBytes", "Bytes", "what those runs have stored")

PER_ESTATE = (
    OLDEST_UNARCHIVED_HOURS,
    OLDEST_UNVERIFIED_HOURS,
    FAILED_POINTS,
    DAMAGED_ARCHIVES,
    POINTS_AT_WORK,
    WAITING_ACTIONS,
    LONGEST_WAIT_HOURS,
    UNACKNOWLEDGED_HOURS,
    SWEEP_AGE_HOURS,
    MONTH_COST_USD,
)
"""One value each."""

PER_ACTION = (SOURCE_BYTES, STORED_BYTES)
"""One value for each action, with the dimension ``Action``."""

ACTION_DIMENSION = "Action"
