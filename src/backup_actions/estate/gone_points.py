"""Points that waited for a person and that AWS Backup does not have any more: nothing can be started again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from backup_actions.errors import AwsCallFailed
from backup_actions.estate.another_run import is_there
from backup_actions.estate.findings import Finding, Kind, not_looked_at
from backup_actions.estate.looking import Looking, Page
from backup_actions.ledger import Entry, Status

_LOOKED_AT_MOST = 500
_PAUSE_SECONDS = 0.1  # AWS Backup publishes no rate for the call

# Nothing is let go before all of it is proven; then only the end of the deletion was not seen.
_ASKED_FOR = frozenset({"asked", "unproven"})


def gone_points(looking: Looking, cursor: str) -> Iterator[Page]:
    """Of those that failed, the oldest backups first: who is gone is told once and stands as that.

    Else it would be the oldest backup that is not archived for ever, and hide the next one from the alarm.
    """
    del cursor
    failed = islice(looking.ledger.standing(Status.FAILED), _LOOKED_AT_MOST)
    yield Page(tuple(finding for entry in failed if (finding := _judged(looking, entry))))


def gone(looking: Looking, entry: Entry) -> Finding:
    """What is told of a point that is gone; with repairs the ledger says so from then on."""
    deletion = entry.details.get("deletion")
    was_proven = isinstance(deletion, Mapping) and deletion.get("outcome") in _ASKED_FOR
    what = f"the ledger says {entry.status}, and AWS Backup does not have it any more"
    if looking.repairs:
        status = Status.DELETED if was_proven else Status.GONE
        details = {**entry.details, "reason": what}

        def record() -> None:
            if looking.as_it_stands(entry):
                looking.ledger.record(
                    entry.recovery_point, run=entry.run, status=status, details=details, made_at=entry.since
                )

        if was_proven:
            record()
        else:
            looking.once_told(record)
    status_of_it = looking.command(f"status {entry.point}")
    lost = f"nothing can be started again; what was made of it before says `{status_of_it}`"
    return Finding(
        kind=Kind.GONE,
        subject=entry.point,
        what=what,
        since=entry.changed_at,
        remedy="it was verified, and its deletion asked for: that is done now" if was_proven else lost,
        repaired=was_proven and looking.repairs,
    )


def _judged(looking: Looking, listed: Entry) -> Finding | None:
    looking.world.clock.sleep(_PAUSE_SECONDS)
    try:
        if is_there(looking.world, listed.recovery_point):
            return None
    except AwsCallFailed as refusal:  # of this one: the others are looked at all the same
        return not_looked_at(listed.point, refusal)
    entry = looking.as_it_stands(listed)
    return gone(looking, entry) if entry else None
