"""Entries of archives as a person reads them on one line."""

from __future__ import annotations

from datetime import UTC, datetime


def time_in_words(mtime_ns: int) -> str:
    """ISO 8601 in whole seconds, or the seconds themselves where the calendar has no such year."""
    seconds = mtime_ns // 1_000_000_000
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"@{seconds}"


def readable(path: bytes) -> str:
    r"""The path as one line of text, the same one for no other path: ``\`` and what cannot be shown are escaped."""
    text = path.decode("utf-8", "surrogateescape").replace("\\", "\\\\")
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape"))
