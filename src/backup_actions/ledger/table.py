"""The ledger's table as whoever makes it and whoever asks it has to know it."""

from __future__ import annotations

from dataclasses import dataclass

POINT_KEY, ITEM_KEY = "point", "item"
"""The table's own keys: hash and range, texts."""

EXPIRES = "expires"
"""The table's time-to-live attribute, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index with all attributes; both keys are texts. Items without them are not in it."""

    name: str
    hash_key: str
    range_key: str


BY_STANDING = Index("by-standing", hash_key="standing", range_key="since")
"""Every point by its status, the oldest backup first; and of actions what waits, is announced or was proven."""

INDEXES = (BY_STANDING,)
