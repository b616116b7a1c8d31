"""The number and record formats inside tar headers."""

from __future__ import annotations

import re
from functools import lru_cache

_DECIMAL = re.compile(rb"(-?)(\d{1,18})(?:\.(\d+))?", re.ASCII)
_RECORD = re.compile(rb"(\d{1,18}) ([^=]+)=", re.ASCII)
_OCTAL = re.compile(rb"[0-7]*")
_WHOLE = re.compile(rb"\d{1,18}", re.ASCII)


class TarError(ValueError):
    """Bytes that should be a tar are not one, or one that two readers might understand differently."""


def parse_pax(data: bytes) -> dict[bytes, bytes]:
    """The records ``length key=value`` of an extended header; values are any bytes. Raises TarError."""
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        begins = _RECORD.match(data, at)
        if begins is None:
            raise TarError("an extended header has a record without a length and a key")
        end = at + int(begins[1])
        if begins.end() >= end or data[end - 1 : end] != b"\n":
            raise TarError("an extended header has a broken record")
        records[begins[2]] = data[begins.end() : end - 1]
        at = end
    return records


@lru_cache(maxsize=8192)  # owners, modes and checksums come again and again
def octal_or_binary(field: bytes) -> int:
    """A number of a header block: octal text, or GNU's base 256 where the first bit is set. Raises TarError."""
    if field[:1] in {b"\x80", b"\xff"}:
        return int.from_bytes(field[1:], "big", signed=False) - (256 ** (len(field) - 1) if field[0] == 0xFF else 0)
    text = field.strip(b" \0")
    if not _OCTAL.fullmatch(text):
        raise TarError(f"{field!r} is no number")
    return int(text or b"0", 8)


def whole_number(text: bytes) -> int:
    """A decimal of an extended header that counts something. Raises TarError."""
    if not _WHOLE.fullmatch(text):
        raise TarError(f"{text!r} is no count")
    return int(text)


def mtime_ns(text: bytes) -> int:
    """Seconds as a decimal fraction, possibly before 1970, exactly. Raises TarError."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise TarError(f"{text!r} is no time")
    sign, seconds, fraction = match.groups(b"")
    nanoseconds = int(seconds + fraction[:9].ljust(9, b"0"))
    return -nanoseconds if sign else nanoseconds


def text_until_nul(field: bytes) -> bytes:
    """The content of a text field of a header block."""
    return field.split(b"\0", 1)[0]
