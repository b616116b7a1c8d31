"""DIGEST: once a day one mail about all that went well, what still waits for a person, and what to do about it."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from backup_actions.aws import World, translated
from backup_actions.costs import in_dollars
from backup_actions.estate.description import VARIABLE, Estate
from backup_actions.estate.imported import Imported
from backup_actions.estate.measuring import WRITTEN_BY
from backup_actions.estate.sendings import Sendings
from backup_actions.estate.spending import usd_of
from backup_actions.estate.telling import HOURS
from backup_actions.ledger import Entry, Ledger, Standing, Status
from backup_actions.ledger.daybook import Daybook, Line
from backup_actions.model.arn import Arn
from backup_actions.model.commands import command
from backup_actions.model.console import dashboard_url
from backup_actions.model.mail import Mail
from backup_actions.model.quantities import bytes_in_words
from backup_actions.model.usage import added
from backup_actions.offsite.imports import Import, Imports

log = logging.getLogger(__name__)

_SHOWN_FAILURES = 25


@dataclass(frozen=True, slots=True)
class Open:
    """A backup, or in a separated account an import, that waits for a person."""

    resource: str
    made_at: str
    name: str
    """Of the recovery point, or of the announced snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What the digest is about."""

    after: datetime
    until: datetime
    ended: Sequence[Line]
    failed: Sequence[Open]
    """The oldest backups first, no more of them than are shown."""
    failed_points: int
    points_at_work: int
    waiting_actions: int


def digest(world: World, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """One mail about all that ended since the last one. A call for a moment that was told of already sends none.

    Raises what AWS refuses: Lambda calls again for the same moment, and only what was not sent is sent then.
    """
    estate = Estate.from_text(world.environment[VARIABLE])
    until = _moment(event, world.clock.now()) - WRITTEN_BY
    sendings = Sendings(world.clients.dynamodb, estate.ledger)
    last = sendings.read()
    after = last.sent or until - timedelta(hours=int(world.environment[HOURS]))
    if until <= max(after, last.claimed or after):
        return _not_sent(until)
    mail = mail_of(read_period(world, estate, after, until), estate, dashboard=_dashboard(estate))
    # Not before all is read: what fails until here can be tried again.
    if not sendings.claim(last, until):
        return _not_sent(until)
    try:
        with translated():
            world.clients.sns.publish(TopicArn=estate.topic_arn, Subject=mail.subject, Message=mail.message)
    except Exception:
        sendings.give_up(last, until)
        raise
    sendings.note(until)
    return {"sent": True, "subject": mail.subject}


def _not_sent(until: datetime) -> Mapping[str, Any]:
    log.info("the digest until %s was sent, or is being sent", until)
    return {"sent": False}


def read_period(world: World, estate: Estate, after: datetime, until: datetime) -> Period:
    """What the day book has of it, and what stands how in the ledger now."""
    dynamodb = world.clients.dynamodb
    ledger = Ledger(dynamodb, estate.ledger, world.clock)
    if estate.is_separated:
        imported = Imported.among(Imports(dynamodb, estate.ledger, world.clock).all())
        failed = [_open_import(each) for each in imported.failed[:_SHOWN_FAILURES]]
        failed_points, at_work = len(imported.failed), len(imported.under_way)
    else:
        failed = [_open_point(entry) for entry in islice(ledger.standing(Status.FAILED), _SHOWN_FAILURES)]
        failed_points, at_work = ledger.count(Status.FAILED), ledger.count(Status.PROCESSING)
    return Period(
        after=after,
        until=until,
        ended=list(Daybook(dynamodb, estate.ledger).lines(after, until)),
        failed=failed,
        failed_points=failed_points,
        points_at_work=at_work,
        waiting_actions=ledger.count(Standing.WAITING),
    )


def _open_point(entry: Entry) -> Open:
    return Open(entry.resource, entry.since, entry.point)


def _open_import(each: Import) -> Open:
    announced = each.announcement
    return Open(announced.resource_arn, announced.created_at, announced.snapshot_arn)


def mail_of(period: Period, estate: Estate, *, dashboard: str) -> Mail:
    """The digest as people read it: what was done, what is open, what to do."""
    good = [line for line in period.ended if not line.failed and line.outcome != Status.SKIPPED]
    open_ones = f", {period.failed_points} open" if period.failed_points else ""
    done = "imported" if estate.is_separated else "archived"
    subject = f"{estate.name} in {estate.region}: {len(good)} {done}{open_ones}"
    lines = [
        f"{estate.name} in {estate.region} of {estate.account}, "
        f"from {_clock(period.after)} to {_clock(period.until)} UTC.",
        "",
        *_done(period, good, done),
        *_cost(period, estate),
        "",
        *_open(period, estate.name),
        "",
        *_next(period, estate),
        "",
        f"Everything at a glance: {dashboard}",
    ]
    return Mail(subject, "\n".join(lines))


def _done(period: Period, good: Sequence[Line], done: str) -> Iterator[str]:
    if not period.ended:
        yield f"No backup was {done}, and none has failed. Where some were due, see whether the plans have run."
        return
    fates = Counter(line.outcome for line in good)
    told = ", ".join(f"{number} {fate}" for fate, number in sorted(fates.items()))
    yield f"{done.title()} and verified: {len(good)}" + (f" (backups: {told})" if told else "")
    actions = [action for line in good for action in line.actions]
    for name in sorted({action.action for action in actions}):
        own = [action for action in actions if action.action == name]
        yield (
            f"- {name}: {len(own)}, {bytes_in_words(sum(each.source_bytes for each in own))} read, "
            f"{bytes_in_words(sum(each.stored_bytes for each in own))} stored"
        )
    failed = sum(line.failed for line in period.ended)
    skipped = sum(line.outcome == Status.SKIPPED for line in period.ended)
    if failed:
        yield f"Failed: {failed} (each was told of when it happened)"
    if skipped:
        yield f"Skipped, because no action handles them or is chosen for them: {skipped}"


def _cost(period: Period, estate: Estate) -> Iterator[str]:
    """Of what counted what it used; silence is better than a figure that leaves most out."""
    done = [action for line in period.ended for action in line.actions]
    counted = [action for action in done if action.usage]
    usd = usd_of(added(action.usage or {} for action in counted), estate.region)
    if not counted or usd is None:
        return
    left_out = f"; {len(done) - len(counted)} of {len(done)} did not count what they used" if counted != done else ""
    yield f"Cost of these runs: about {in_dollars(usd)}, without storage and network{left_out}"


def _open(period: Period, stack: str) -> Iterator[str]:
    yield f"Being worked on: {period.points_at_work}" + (
        f", waiting for a quota or for capacity: {period.waiting_actions}" if period.waiting_actions else ""
    )
    if not period.failed_points:
        yield "Waiting for a person: nothing"
        return
    yield f"Waiting for a person: {period.failed_points} failed and not archived since"
    for each in period.failed:
        yield f"- {each.resource}, backup of {each.made_at[:16]}: {each.name}"
    if more := period.failed_points - len(period.failed):
        yield f"- and {more} more: {command('status', stack=stack)}"


def _next(period: Period, estate: Estate) -> Iterator[str]:
    if period.failed_points and estate.is_separated:
        yield "What to do: `backup-actions imports list` says why each failed. It is tried again by itself, and in the"
        yield "end its announcement is a dead letter: with the cause corrected, send that to the queue again."
    elif period.failed_points:
        status, replay = (command(f"{verb} POINT", stack=estate.name) for verb in ("status", "replay"))
        yield f"What to do: `{status}` says why one failed; with the cause corrected"
        yield f"`{replay}` starts it again. Until then only their own lifecycle ends those backups."
    else:
        yield "What to do: nothing."


def _dashboard(estate: Estate) -> str:
    partition = Arn.parse(estate.topic_arn).partition
    return dashboard_url(partition, estate.region, f"{estate.name}-{estate.region}")


def _moment(event: Mapping[str, Any], now: datetime) -> datetime:
    """The moment that a schedule's event is about; each further try of Lambda has the same event."""
    told = event.get("time")
    return datetime.fromisoformat(told) if told else now


def _clock(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
