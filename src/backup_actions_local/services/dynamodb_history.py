"""The items of a table at every moment since its point-in-time recovery was enabled."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

Item = dict[str, Any]
"""An item in DynamoDB's own JSON: attribute → ``{"S": "text"}``."""
Key = dict[str, Any]

# LatestRestorableDateTime lies five minutes behind the present.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/PointInTimeRecovery_Howitworks.html
LAG = timedelta(minutes=5)


class History:
    """What the table held when it began, and every change since; nothing of it is ever forgotten here."""

    def __init__(self, begun: datetime, items: list[Item], key_names: tuple[str, ...], period_days: int) -> None:
        self.begun, self.period_days, self._key_names = begun, period_days, key_names
        self._first = {self._name_of(item): item for item in items}
        self._moments: list[datetime] = []
        self._changes: list[tuple[str, Item | None]] = []

    def key_of(self, item: Mapping[str, Any]) -> Key:
        """The key attributes of an item."""
        return {name: item[name] for name in self._key_names}

    def record(self, moment: datetime, key: Key, item: Item | None) -> None:
        """From this moment on the item with this key is that, or is gone."""
        self._moments.append(moment)
        self._changes.append((self._name_of(key), item))

    def at(self, moment: datetime) -> list[Item]:
        """The items as they were at that moment, changes of the moment itself included."""
        items = dict(self._first)
        for name, item in self._changes[: bisect_right(self._moments, moment)]:
            if item is None:
                items.pop(name, None)
            else:
                items[name] = item
        return list(items.values())

    def window(self, now: datetime) -> tuple[datetime, datetime] | None:
        """The first and the last moment that can be restored; None until there is one."""
        earliest, latest = max(self.begun, now - timedelta(days=self.period_days)), now - LAG
        return (earliest, latest) if earliest <= latest else None

    def _name_of(self, item: Item) -> str:
        return json.dumps(self.key_of(item), sort_keys=True)
