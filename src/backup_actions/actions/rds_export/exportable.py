"""What RDS cannot export, recognised before it is asked to: a pure function of what is known of the snapshot.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal

Family = Literal["mysql", "postgresql"]

FAMILIES: Mapping[str, Family] = {
    "mariadb": "mysql",
    "mysql": "mysql",
    "aurora-mysql": "mysql",
    "postgres": "postgresql",
    "aurora-postgresql": "postgresql",
}
"""The engines whose snapshots can be exported, and which names their tables have."""

# The first version of each release that can be exported, as the user guide listed them when there were older ones; a
# release that is not here is newer than the list. Snapshots outlive the versions that RDS still runs.
_SINCE: Mapping[str, Mapping[tuple[int, ...], tuple[int, ...]]] = {
    "mariadb": {(10, 0): (10, 0, 32), (10, 1): (10, 1, 26), (10, 2): (10, 2, 12)},
    "mysql": {(5, 6): (5, 6, 40), (5, 7): (5, 7, 24), (8, 0): (8, 0, 13)},
    "postgres": {(9, 4): (9, 4, 21), (9, 5): (9, 5, 16), (9, 6): (9, 6, 6), (10,): (10, 7), (11,): (11, 2)},
}
_OLDEST: Mapping[str, tuple[int, ...]] = {"mariadb": (10, 0), "mysql": (5, 6), "postgres": (9, 4)}

INSTEAD = "take a native dump of it instead"


def objection(*, engine: str, version: str, storage_type: str, status: str) -> str | None:
    """Why RDS will not export such a snapshot and what else can be done, or None."""
    if engine not in FAMILIES:
        known = "MariaDB, MySQL, PostgreSQL and Aurora MySQL 2 or later and Aurora PostgreSQL"
        return f"RDS exports snapshots of {known}, not of {engine}: {INSTEAD}"
    if first := _first_exportable(engine, version):
        return f"RDS exports {engine} {first} and later, not {version}: {INSTEAD}"
    if storage_type == "standard":
        return f"RDS exports no snapshots of magnetic storage: {INSTEAD}, or copy a restored database to gp3"
    if status != "available":
        return f"the snapshot is {status}: export it when it is available"
    return None


def objection_to_parts(parts: Sequence[str], family: Family) -> str | None:
    """Why these parts of a database cannot be asked for, or None."""
    too_long = [part for part in parts if family == "mysql" and part.count(".") > 1]
    if too_long:
        return f"export_only names {', '.join(too_long)}, and MySQL and MariaDB have no schemas: write database.table"
    return None


def objection_to_place(*, bucket_region: str, region: str, prefix: str) -> str | None:
    """Why RDS cannot write there, or None."""
    if bucket_region != region:
        return (
            f"the bucket is in {bucket_region} and the snapshot in {region}: RDS writes to buckets of its region alone"
        )
    if ":" in prefix:
        return f"the prefix {prefix} has a colon, which RDS does not take"
    return None


def _first_exportable(engine: str, version: str) -> str | None:
    """The first version of this release that can be exported, when the version is older; None when it is not."""
    numbers = tuple(map(int, re.findall(r"\d+", version)))
    if engine not in _SINCE or not numbers:
        return None
    if numbers[:2] < _OLDEST[engine]:
        return _dotted(_SINCE[engine][_OLDEST[engine]])
    for release, first in _SINCE[engine].items():
        if numbers[: len(release)] == release and numbers < first:
            return _dotted(first)
    return None


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(map(str, numbers))
