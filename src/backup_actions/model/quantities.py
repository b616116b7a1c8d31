"""Sizes as people read them."""

from __future__ import annotations

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")


def bytes_in_words(size_bytes: int) -> str:
    """``1.5 GiB``: three digits are enough to compare by eye."""
    if abs(size_bytes) < 1024:
        return f"{size_bytes} B"
    size = float(size_bytes)
    for unit in _UNITS:
        size /= 1024
        if abs(size) < 999.5 or unit == _UNITS[-1]:
            break
    return f"{size:.1f} {unit}" if abs(size) < 99.95 else f"{size:.0f} {unit}"
