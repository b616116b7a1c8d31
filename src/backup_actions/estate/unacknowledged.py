"""Off-site copies that were announced and that the other account has not acknowledged."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from backup_actions.estate.findings import Finding, Kind
from backup_actions.estate.looking import Looking, Page
from backup_actions.ledger import Standing


def unacknowledged_copies(looking: Looking, cursor: str) -> Iterator[Page]:
    """Those of longer than the settings allow are told: only the other account can do something about it."""
    del cursor
    hours = looking.estate.unacknowledged_hours
    late = looking.ledger.standing(Standing.ANNOUNCED, before=looking.world.clock.now() - timedelta(hours=hours))
    yield Page(
        tuple(
            Finding(
                kind=Kind.UNACKNOWLEDGED,
                subject=entry.point,
                what=f"it was announced more than {hours} hours ago, and the separated account is silent",
                since=entry.since,
                remedy="see `backup-actions imports list` and the dead letters there",
            )
            for entry in late
        )
    )
