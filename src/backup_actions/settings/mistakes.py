"""A mistake in the settings: where it is, and what to write instead."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pydantic_core import ErrorDetails

Place: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top: ``("actions", "ebs-archive", "iops")``."""

AT = "at"
"""A validator of several fields names the one to blame in its error's context under this key."""

_KEY = "[key]"
"""pydantic's mark for a mistake in a key rather than in its value."""

_FORMER_NAMES: Mapping[str, str] = {
    "backupvault": "vaults",
    "lifecyclerules": "archive_bucket.lifecycle",
    "backuptag": "deletion.backup_tag",
    "autodelete": "deletion.policy",
    "autodeletesnapshot": "deletion.policy",
    "notificationaddress": "notifications.email",
    "kmskey": "archive_bucket.key_arn",
    "kmskeyarn": "archive_bucket.key_arn",
    "accesslogs": "archive_bucket.access_logs",
}
"""Names by which these settings are known elsewhere, without case and separators."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing to correct. ``line`` is None where the settings did not come from a file."""

    place: Place
    line: int | None
    reason: str

    def __str__(self) -> str:
        where = f" (line {self.line})" if self.line else ""
        return f"{written(self.place) or 'the settings'}{where}: {self.reason}"


def written(place: Place) -> str:
    """The place as a person would write it: ``zones[1]``, ``archive_bucket.lifecycle``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def mistake_of(
    error: ErrorDetails, lines: Mapping[Place, int], known_keys: Callable[[Place], Iterable[str]]
) -> Mistake:
    """The mistake behind one of pydantic's errors; ``known_keys`` lists what a section may hold."""
    place = tuple(part for part in error["loc"] if part != _KEY)
    if blamed := error.get("ctx", {}).get(AT):
        place = (*place, blamed)
    if error["type"] == "extra_forbidden":
        return Mistake(place, lines.get(place), _unknown_key(place, known_keys(place[:-1])))
    return Mistake(place, line_of(place, lines), _reason(error))


def line_of(place: Place, lines: Mapping[Place, int]) -> int | None:
    """The line of the place, or of what should contain it."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place)


def _unknown_key(place: Place, known: Iterable[str]) -> str:
    known = sorted(known)
    name = str(place[-1])
    if place[0] == "actions" and len(place) == 2:
        installed = f"installed are {', '.join(known)}" if known else "none is installed"
        return f"there is no action of this name; {installed}{_did_you_mean(name, known)}"
    if former := _FORMER_NAMES.get(_plain(name)):
        return f"there is no such setting; write {former}"
    guess = _did_you_mean(name, known)
    return f"there is no such setting{guess or '; known here: ' + ', '.join(known)}"


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    by_plain_name = {_plain(key): key for key in known}
    close = difflib.get_close_matches(_plain(name), by_plain_name, n=1)
    return f"; did you mean {by_plain_name[close[0]]}?" if close else ""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _reason(error: ErrorDetails) -> str:
    given = error.get("input")
    context = error.get("ctx", {})
    match error["type"]:
        case "missing":
            return "it is required"
        case "value_error":
            return str(context["error"])
        case "literal_error":
            return f"it must be one of {_listed(context['expected'])}"
        case "bool_type":
            return _not_a_truth_value(given)
        case "int_type" | "float_type":
            return _not_a_number(given)
        case "string_type":
            return _not_a_text(given)
        case "tuple_type":
            return f"it must be a list{_with_brackets(given)}"
        case "dict_type":
            return f"it must be a section, each line of it `name: value`, not {_described(given)}"
        case "model_type" | "mapping_type":
            return f"it must be a section with settings of its own, not {_described(given)}"
        case _:
            message = error["msg"].replace("Input should", "it should")
            return message[:1].lower() + message[1:]


def _listed(expected: str) -> str:
    return expected.replace("'", "").replace(" or ", ", ")


def _not_a_truth_value(given: object) -> str:
    if isinstance(given, str) and given.lower() in {"true", "false"}:
        return f"it must be true or false; write {given.lower()} without quotes"
    return f"it must be true or false, not {_described(given)}"


def _not_a_number(given: object) -> str:
    if isinstance(given, str) and re.fullmatch(r"[0-9]+(\.[0-9]+)?", given):
        return f"it must be a number; write {given} without quotes"
    if isinstance(given, float):
        return f"it must be a whole number, not {given}"
    return f"it must be a number, not {_described(given)}"


def _not_a_text(given: object) -> str:
    if isinstance(given, bool):
        return "it must be a text; write it in quotes: yes, no, on and off mean true and false in YAML"
    if isinstance(given, int | float):
        return "it must be a text; write it in quotes: as a number it would lose leading zeros"
    return f"it must be a text, not {_described(given)}"


def _with_brackets(given: object) -> str:
    return f": write [{given}]" if isinstance(given, str) else f", not {_described(given)}"


def _described(given: object) -> str:
    """The value in the words of someone who writes YAML."""
    if given is None:
        return "nothing"
    if isinstance(given, Mapping):
        return "a section"
    if isinstance(given, list | tuple):
        return "a list"
    if isinstance(given, bool):
        return str(given).lower()
    return f"the text {given!r}" if isinstance(given, str) else f"the number {given}"
