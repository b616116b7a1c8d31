"""JSON documents that carry a hash over all the rest of them, and values that are of the types which they state."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from backup_actions.errors import ManifestUnreadable

_NO_COUNT = 1 << 63  # more than any file or device can have bytes


def sealed(content: Mapping[str, Any]) -> bytes:
    """The document as it is stored: JSON for people too, with a hash over all the rest of it."""
    return _canonical({**content, "sha256": _sha256(content)})


def unsealed(data: bytes, *, form: str, version: int) -> dict[str, Any]:
    """What was sealed. Raises ManifestUnreadable for another form, another version and an altered document.

    What is no such document at all raises KeyError, TypeError, ValueError or RecursionError.
    """
    raw: dict[str, Any] = json.loads(data)
    if raw["format"] != form or raw["format_version"] != version:
        raise ManifestUnreadable(reason=f"it is {raw['format']} {raw['format_version']}, known is {form} {version}")
    stated = raw.pop("sha256")
    if stated != _sha256(raw) or data != _canonical({**raw, "sha256": stated}):
        raise ManifestUnreadable(reason="it was altered after it was written")
    return raw


def check_values(value: Any) -> None:
    """Raise TypeError where a value, at whatever depth, is not of the type that its field states."""
    kind: Any = type(value)
    hints = _hints(kind)
    for each in dataclasses.fields(value):
        content, hint = getattr(value, each.name), hints[each.name]
        for inner in content if isinstance(content, tuple) else (content,):
            if dataclasses.is_dataclass(inner):
                check_values(inner)
            elif hint is int and (type(inner) is not int or not 0 <= inner < _NO_COUNT):
                raise TypeError(f"{each.name} is {inner!r}, not a count")
            elif hint in {str, tuple[str, ...]} and not isinstance(inner, str):
                raise TypeError(f"{each.name} is {inner!r}, not a text")
            elif get_origin(hint) is Literal and inner not in get_args(hint):
                raise TypeError(f"{each.name} is {inner!r}, not one of {get_args(hint)}")
            elif isinstance(inner, str):
                inner.encode()  # half a surrogate pair is a text of which nothing can be made


@cache
def _hints(kind: type) -> dict[str, Any]:
    """There are few types and, in an export of many files, very many values."""
    return get_type_hints(kind)


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"


def _sha256(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(_canonical(content)).hexdigest()
