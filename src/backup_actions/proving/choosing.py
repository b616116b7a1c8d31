"""Which archives are proven today, from what the ledger says: the same choice, whoever makes it on that day."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Any

from backup_actions.ledger import Entry, Ledger, Standing
from backup_actions.proving.settings import ProvingSettings

_LOOKED_AT_MOST = 2000  # some calls each, in the quarter of an hour that a function has


def to_verify(
    ledger: Ledger, settings: ProvingSettings, now: datetime, *, begins: Callable[[Entry], bool] = lambda _: True
) -> Iterator[Entry]:
    """Those whose last proof is too old, the oldest first, as much as may be read on a day: one at least.

    Of what lies too cold to be read it is the last look that is too old. What does not begin takes nothing of the day:
    what cannot be proven must not keep all else from being proven.
    """
    if settings.verify_every_days is None:
        return
    left = settings.gib_per_day << 30
    before = now - timedelta(days=settings.verify_every_days)
    queues = (ledger.standing(standing, before=before) for standing in (Standing.ARTIFACT, Standing.COLD))
    due = heapq.merge(*queues, key=lambda entry: entry.since)
    for entry in islice(due, _LOOKED_AT_MOST):
        if not begins(entry):
            continue
        yield entry
        left -= _stored_bytes(entry)
        if left <= 0:
            return


def to_restore(ledger: Ledger, settings: ProvingSettings, today: date) -> Entry | None:
    """The one that is restored today; None on days without a test, and where nothing can be restored."""
    every = settings.restore_every_days
    if every is None or today.toordinal() % every:
        return None
    return chosen(ledger.standing(Standing.ARTIFACT), settings.restore_choose, today)


def chosen(entries: Iterable[Entry], rule: str, today: date) -> Entry | None:
    """``oldest`` and ``largest`` prefer what was never tested, then what was tested longest ago."""
    restorable = [entry for entry in entries if entry.details.get("restorable")]
    if rule == "random":
        # Whoever looks later can say which it had to be.
        return min(restorable, key=lambda entry: _lot(entry, today), default=None)
    if rule == "largest":
        return min(restorable, key=lambda entry: (_tested_at(entry), -_stored_bytes(entry), entry.point), default=None)
    return min(restorable, key=lambda entry: (_tested_at(entry), _archived_at(entry), entry.point), default=None)


def _lot(entry: Entry, today: date) -> str:
    return hashlib.sha256(f"{today.isoformat()} {entry.point} {entry.action}".encode()).hexdigest()


def _stored_bytes(entry: Entry) -> int:
    details: Mapping[str, Any] = entry.details
    return int(details.get("stored_bytes", 0))


def _tested_at(entry: Entry) -> str:
    details: Mapping[str, Any] = entry.details
    return str((details.get("proofs") or {}).get("restore", {}).get("at", ""))


def _archived_at(entry: Entry) -> str:
    return str(entry.details.get("archived_at") or entry.since)
