"""A separated account in the words of the estate: imports that failed, that are under way, that are done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from backup_actions.offsite.imports import Import, Stage

_UNDER_WAY = frozenset({Stage.IMPORTING, Stage.RETURNING})


@dataclass(frozen=True, slots=True)
class Imported:
    """Where imports stand, the oldest backups first."""

    failed: tuple[Import, ...]
    under_way: tuple[Import, ...]

    @classmethod
    def among(cls, known: Iterable[Import]) -> Imported:
        """Those that are not done."""
        ordered = sorted(known, key=lambda each: each.backed_up_at)
        return cls(
            failed=tuple(each for each in ordered if each.stage is Stage.FAILED),
            under_way=tuple(each for each in ordered if each.stage in _UNDER_WAY),
        )

    @property
    def oldest(self) -> datetime | None:
        """When the oldest of those backups was made that are not imported."""
        return min((each.backed_up_at for each in (*self.failed, *self.under_way)), default=None)
