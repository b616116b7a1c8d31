"""A DynamoDB value as the JSON that a person would write: ``{"M": {"n": {"N": "1"}}}`` reads ``{"n":1}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from orjson import Fragment


def json_text(tag: str, value: Any) -> str:
    """The value of an attribute. Numbers keep every digit, binary is base64, sets are arrays. Raises ValueError."""
    return orjson.dumps(_plain({tag: value})).decode()


def _plain(tagged: Mapping[str, Any]) -> Any:
    """What orjson writes as plain JSON. Strings in maps and lists are met here, which spares most calls."""
    for tag, value in tagged.items():
        match tag:
            case "M":
                return {name: inner["S"] if "S" in inner else _plain(inner) for name, inner in value.items()}
            case "L":
                return [inner["S"] if "S" in inner else _plain(inner) for inner in value]
            case "N":
                return Fragment(value)
            case "NS":
                return [Fragment(number) for number in value]
            case "NULL":
                return None
            case "S" | "B" | "BOOL" | "SS" | "BS":
                return value
            case _:
                raise ValueError(f"there is no type {tag!r}")
    raise ValueError("a value has no type")
