"""Schedules as AWS writes them: ``cron(minutes hours day-of-month month day-of-week year)``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from zoneinfo import available_timezones

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]

# https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
_RANGES: Mapping[str, tuple[int, int]] = {
    "minutes": (0, 59),
    "hours": (0, 23),
    "day-of-month": (1, 31),
    "month": (1, 12),
    "day-of-week": (1, 7),
    "year": (1970, 2199),
}
_NAMES: Mapping[str, Mapping[str, int]] = {
    "month": {name: number for number, name in enumerate(_MONTHS, start=1)},
    "day-of-week": {name: number for number, name in enumerate(_DAYS, start=1)},
}
_SPECIAL: Mapping[str, str] = {
    "day-of-month": r"\?|L|LW|([1-9]|[12][0-9]|3[01])W",
    "day-of-week": r"\?|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)?L|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)#[1-5]",
}


def cron_complaint(text: str) -> str | None:
    """Say what is wrong with a schedule, or None."""
    found = re.fullmatch(r"cron\((.*)\)", text)
    fields = found[1].split() if found else []
    if len(fields) != len(_RANGES):
        return f"it must read cron({' '.join(_RANGES)}), for instance cron(0 3 ? * * *)"
    for name, field in zip(_RANGES, fields, strict=True):
        if not all(_is_sound(name, part) for part in field.split(",")):
            return f"{field!r} cannot stand for its {name}"
    if [fields[2], fields[4]].count("?") != 1:
        return "one of its day-of-month and day-of-week must be ?, and the other one not"
    return None


def timezone_complaint(name: str) -> str | None:
    """Say what is wrong with the name of a time zone, or None."""
    known = available_timezones()
    if known and name not in known:  # a machine without a time zone database knows none
        return "it must be a time zone of the IANA database, for instance Europe/Madrid or Etc/UTC"
    return None


def _is_sound(name: str, part: str) -> bool:
    if re.fullmatch(_SPECIAL.get(name, r"(?!)"), part):
        return True
    span, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and int(step) >= 1):
        return False
    if span == "*":
        return True
    first, dash, last = span.partition("-")
    numbers = [_number(name, each) for each in ([first, last] if dash else [first])]
    low, high = _RANGES[name]
    return all(number is not None and low <= number <= high for number in numbers)


def _number(name: str, text: str) -> int | None:
    if text.isdecimal():
        return int(text)
    return _NAMES.get(name, {}).get(text)
