"""What RDS itself says of an export: the two kinds of JSON files that it writes, and the task's warning.

Their forms are not specified: what is read here is what public programs read, and whatever is not understood counts as
a warning, never as good news. https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.FileNames.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_RANGE = re.compile(r"_from_(\d+)_to_(\d+)\.json$")


@dataclass(frozen=True, slots=True)
class ToldTable:
    """One entry of ``perTableStatus``."""

    target: str
    """Database, schema and table joined by dots."""
    status: str
    size_gb: float
    missing_parts: int = 0
    """How many of the parts that RDS reads a table in are not there, as far as it says."""

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> ToldTable:
        """Raise KeyError, TypeError, ValueError or AttributeError for what is no such entry."""
        target, status = str(entry["target"]), str(entry["status"])
        parts = (entry.get("tableStatistics") or {}).get("partitioningInfo") or {}
        missing = int(parts.get("numberOfPartitions") or 0) - int(parts.get("numberOfCompletedPartitions") or 0)
        return cls(target, status, float(entry.get("sizeGB") or 0), missing)


def left_out(warning_message: str) -> list[str]:
    """What the export did not take along, a sentence each. Nothing was left out only where nothing is warned of."""
    if not warning_message:
        return []
    try:
        said = json.loads(warning_message)
        return [f"{_word(kind)} {_text(each)}" for kind, entries in said.items() for each in entries]
    except (ValueError, TypeError, AttributeError):
        return [f"RDS warns: {warning_message}"]


def missing_ranges(names: Iterable[str]) -> str | None:
    """Which of the files that together list all tables is not there, or None."""
    ranges = sorted((int(found[1]), int(found[2])) for name in names if (found := _RANGE.search(name)))
    expected = 1
    for first, last in ranges:
        if first != expected:
            return f"no file lists the tables from {expected} to {first - 1}"
        expected = last + 1
    return None if ranges else "no file lists the tables"


def path_of(target: str, family: str) -> tuple[str, ...]:
    """A table's name, step by step. A dot within the name of the database or schema cannot be told from one between."""
    return tuple(target.split(".", 2 if family == "postgresql" else 1))


def folder_of(path: Sequence[str]) -> str:
    """Where RDS puts the table's files, below the export's own folder."""
    database, *rest = path
    return f"{database}/{'.'.join(rest) if len(rest) > 1 else f'{database}.{rest[0]}'}"


def as_in_a_key(name: str) -> str:
    """A name as it stands in a key: backslashes, backticks, quotes and spaces become underscores."""
    return re.sub(r"[\\`\"' ]", "_", name)


def is_asked_for(path: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether one of the parts of a database (as in ExportOnly) contains the table."""
    return any(tuple(part.split(".")) == tuple(path[: part.count(".") + 1]) for part in parts)


def _word(kind: str) -> str:
    return {"skippedTables": "left out the table", "skippedObjectives": "left out", "general": "warns of"}.get(
        kind, f"says of {kind}:"
    )


def _text(entry: Any) -> str:
    return ", ".join(map(str, entry.values())) if isinstance(entry, dict) else str(entry)
