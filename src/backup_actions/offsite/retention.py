"""Which imports may go. A pure function of what is known of them; every verdict has its reasons."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Self, TypeAlias

from backup_actions.offsite.imports import Acted, Import

# A copy of the largest snapshot and a few attempts at it take no longer.
_IN_TIME = timedelta(days=3)

_SOUND = frozenset({Acted.NONE, Acted.PROVEN})

Periods: TypeAlias = Mapping[str, Sequence[str]]
"""Announced snapshot → the periods for which it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All imports are kept for some days; then, of so many days, weeks, months and years, the newest backup of each.

    Days, weeks (ISO 8601), months and years are those of the backup, in UTC, and only those count in which there is
    one: where no backup comes any more, none goes. The days for which all are kept begin with the import, by the clock
    of the account that imports.

    When a backup was made is the source's word, for which AWS vouches only in part. Therefore what was imported days
    after that time is counted by itself, and there who came first stays: whoever has taken the source over puts
    nothing into the place of old backups. It goes when so many periods have passed in which backups came in time.

    All of that is done twice: with all imports, and with those at which no action has failed. What does not load stands
    in nobody's place.
    """

    days: int
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0

    @classmethod
    def among(cls, settings: Mapping[str, Any]) -> Self:
        """The rules that stand among these settings."""
        return cls(**{field.name: settings[field.name] for field in fields(cls)})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an import stays, and why."""

    imported: Import
    keeps: bool
    because: str


@dataclass(frozen=True, slots=True)
class _Period:
    """What one of the rules counts; ``name_of`` names the one that a time is in."""

    rule: str
    noun: str
    name_of: Callable[[datetime], str]


def _iso_week(time: datetime) -> str:
    year, week, _ = time.isocalendar()
    return f"{year}-W{week:02}"


_PERIODS = (
    _Period("daily", "day", lambda time: time.isoformat()[:10]),
    _Period("weekly", "week", _iso_week),
    _Period("monthly", "month", lambda time: time.isoformat()[:7]),
    _Period("yearly", "year", lambda time: time.isoformat()[:4]),
)


def decide(imports: Iterable[Import], rules: Rules, now: datetime) -> list[Verdict]:
    """A verdict on each import: resource by resource, the newest backup first.

    To be given those that are there: one that has vanished must not stand for the others of its resource.
    """
    of_resource: dict[str, list[Import]] = defaultdict(list)
    for each in imports:
        of_resource[each.announcement.resource_arn].append(each)
    return [verdict for _, found in sorted(of_resource.items()) for verdict in _on_one_resource(found, rules, now)]


def _on_one_resource(imports: Iterable[Import], rules: Rules, now: datetime) -> Iterator[Verdict]:
    newest_first = sorted(imports, key=_time_of_backup, reverse=True)
    verified = [each for each in newest_first if each.is_verified]
    sound = [each for each in verified if each.acted in _SOUND]
    everything, what_is_sound = _standing_for(verified, rules), _standing_for(sound, rules)
    for each in newest_first:
        reasons = list(_reasons_to_keep(each, rules, now))
        if each in verified[:1]:
            reasons.append("it is the newest of its resource")
        elif each in sound[:1]:
            reasons.append("it is the newest of its resource at which no action has failed")
        if each in verified:
            reasons += _reasons_among_others(each, everything, what_is_sound)
        no_reason = f"its {rules.days} days are over, and it stands for no day, week, month or year that counts"
        yield Verdict(each, bool(reasons), "; ".join(reasons) or no_reason)


def _reasons_to_keep(each: Import, rules: Rules, now: datetime) -> Iterator[str]:
    """Those that it has whatever else there is of its resource."""
    if each.hold:
        yield f"it is under a hold: {each.hold}"
    if each.is_being_imported:
        yield "an execution is at it"
    elif not each.is_at_rest:
        yield "actions run on it"
    if not each.is_verified:
        yield "it is not verified"
    elif now - datetime.fromisoformat(each.imported_at) < timedelta(days=rules.days):
        yield f"it was imported on {each.imported_at[:10]}, and all are kept for {rules.days} days"
    elif each.promised_until and now < datetime.fromisoformat(each.promised_until):
        yield f"its source was told that it is kept until {each.promised_until[:10]}"


def _reasons_among_others(each: Import, everything: Periods, what_is_sound: Periods) -> Iterator[str]:
    arn, came = each.announcement.snapshot_arn, "" if _came_in_time(each) else "came late and "
    periods = everything.get(arn, ())
    if periods:
        yield f"it {came}stands for {', '.join(periods)}"
    if more := [period for period in what_is_sound.get(arn, ()) if period not in periods]:
        yield f"it {came}stands for {', '.join(more)} among those at which no action has failed"


def _standing_for(newest_first: Sequence[Import], rules: Rules) -> Periods:
    """For which periods each stands."""
    in_time = [each for each in newest_first if _came_in_time(each)]
    late = [each for each in newest_first if not _came_in_time(each)]
    return {**_in_time_standing_for(in_time, rules), **_late_standing_for(late, in_time, rules)}


def _in_time_standing_for(newest_first: Sequence[Import], rules: Rules) -> Periods:
    """The same of those that came in time: the newest of a period stands for it."""
    found: dict[str, list[str]] = defaultdict(list)
    for period in _PERIODS:
        newest: dict[str, Import] = {}
        for each in newest_first:
            newest.setdefault(period.name_of(each.backed_up_at.astimezone(UTC)), each)
        for name, each in islice(newest.items(), getattr(rules, period.rule)):
            found[each.announcement.snapshot_arn].append(f"the {period.noun} {name}")
    return found


def _late_standing_for(late: Sequence[Import], in_time: Sequence[Import], rules: Rules) -> Periods:
    """The same of those that came late: by the order in which they came, which is this account's own word."""
    found: dict[str, list[str]] = defaultdict(list)
    for period in _PERIODS:
        count: int = getattr(rules, period.rule)
        passed = {period.name_of(each.backed_up_at.astimezone(UTC)) for each in in_time}
        first: dict[str, Import] = {}
        for each in sorted(late, key=lambda each: each.imported_at):
            name = period.name_of(each.backed_up_at.astimezone(UTC))
            if sum(other > name for other in passed) < count:
                first.setdefault(name, each)
        for name, each in islice(first.items(), count):
            found[each.announcement.snapshot_arn].append(f"the {period.noun} {name}")
    return found


def _came_in_time(each: Import) -> bool:
    return datetime.fromisoformat(each.imported_at) - each.backed_up_at <= _IN_TIME


def _time_of_backup(each: Import) -> tuple[datetime, str, str]:
    """Of two of the same instant, the one that was imported later comes later."""
    return each.backed_up_at.astimezone(UTC), each.imported_at, each.announcement.snapshot_arn
