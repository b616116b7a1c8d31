"""Which imports may go. A pure function of what is known of them; every verdict has its reasons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from backup_actions.offsite.imports import Import, ImportStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All imports are kept for some days; then, of so many days, weeks, months and years, the newest backup of each.

    Days, weeks (ISO 8601), months and years are those of the backup itself, in UTC, and only those count in which there
    is one: where no backups come any more, none goes. The days for which all are kept begin with the import, by the clock
    of the account that imports.
    """

    days: int
    daily: int
    weekly: int
    monthly: int
    yearly: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an import stays, and why."""

    imported: Import
    keeps: bool
    because: str


@dataclass(frozen=True, slots=True)
class _Period:
    """A rule of the settings, and what it counts; ``name_of`` names the one that a day is in."""

    rule: str
    noun: str
    name_of: Callable[[datetime], str]


def _iso_week(day: datetime) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


_PERIODS = (
    _Period("daily", "day", lambda day: day.date().isoformat()),
    _Period("weekly", "week", _iso_week),
    _Period("monthly", "month", lambda day: day.date().isoformat()[:7]),
    _Period("yearly", "year", lambda day: day.date().isoformat()[:4]),
)


def decide(imports: Iterable[Import], rules: Rules, now: datetime) -> list[Verdict]:
    """A verdict on each import: resource by resource, the newest backup first.

    The imports are those that are there: one that has vanished must not stand for the others of its resource.
    """
    of_resource: dict[str, list[Import]] = defaultdict(list)
    for each in imports:
        of_resource[each.resource_arn].append(each)
    return [verdict for _, found in sorted(of_resource.items()) for verdict in _decide_resource(found, rules, now)]
