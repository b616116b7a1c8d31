"""How values are written: in the cells of a table, as text, as JSON."""

from __future__ import annotations

import base64
import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def aligned(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The rows as lines, their columns below each other."""
    lines = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()


def cell(value: Any) -> str:
    """A value on one line."""
    text = "NULL" if value is None else text_of(value)
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def text_of(value: Any) -> str:
    """A value as people write it, without quotes."""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    plain = json_of(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def json_of(value: Any) -> Any:
    """A value as JSON has it; a decimal is text, because readers of JSON numbers lose digits."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value == value and abs(value) != float("inf") else str(value)  # noqa: PLR0124 - NaN
        case Decimal():
            return f"{value:f}"
        case bytes():
            return base64.b64encode(value).decode()
        case datetime() | date() | time():
            return value.isoformat()
        case list() | tuple():
            return [json_of(each) for each in value]
        case dict():
            return {str(name): json_of(each) for name, each in value.items()}
    return str(value)
