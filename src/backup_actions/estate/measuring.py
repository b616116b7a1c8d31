"""MEASURE: what stands how in the ledger becomes metrics, in one call."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from backup_actions.aws import World, translated
from backup_actions.estate.description import VARIABLE, Estate
from backup_actions.estate.imported import Imported
from backup_actions.estate.metrics import (
    ACTION_DIMENSION,
    DAMAGED_ARCHIVES,
    FAILED_POINTS,
    LONGEST_WAIT_HOURS,
    MONTH_COST_USD,
    NAMESPACE,
    OLDEST_UNARCHIVED_HOURS,
    OLDEST_UNVERIFIED_HOURS,
    POINTS_AT_WORK,
    SOURCE_BYTES,
    STORED_BYTES,
    SWEEP_AGE_HOURS,
    UNACKNOWLEDGED_HOURS,
    WAITING_ACTIONS,
    Metric,
)
from backup_actions.estate.spending import usd_of
from backup_actions.estate.sweeps import Sweeps
from backup_actions.estate.tally import Tallies, Tally
from backup_actions.ledger import Ledger, Standing, Status
from backup_actions.ledger.daybook import Daybook, Line
from backup_actions.offsite.imports import Imports

log = logging.getLogger(__name__)

# The function that writes a line takes 90 s at most: what ended longer ago stands in the book.
WRITTEN_BY = timedelta(minutes=2)

_FIRST_SPAN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the ledger says; None where nothing stands so."""

    now: datetime
    oldest_unarchived: datetime | None
    oldest_proof: datetime | None
    oldest_wait: datetime | None
    oldest_unacknowledged: datetime | None
    swept_at: datetime | None
    failed_points: int
    damaged_archives: int
    points_at_work: int
    waiting_actions: int
    ended: Sequence[Line]
    """The runs that ended since the last measurement."""
    month_usd: Decimal | None
    """None where no prices are known."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of one metric."""

    metric: Metric
    value: float
    action: str = ""


def measure(world: World, _event: Mapping[str, Any]) -> Mapping[str, float]:
    """The metrics are published. Raises what AWS refuses: Lambda calls again, which does no harm."""
    estate = Estate.from_text(world.environment[VARIABLE])
    facts = read_facts(world, estate)
    values = list(values_of(facts))
    with translated():
        world.clients.cloudwatch.put_metric_data(
            Namespace=NAMESPACE.format(name=estate.name),
            MetricData=[
                {
                    "MetricName": each.metric.name,
                    "Unit": each.metric.unit,  # type: ignore[typeddict-item] # names of units, told apart in metrics.py
                    "Value": each.value,
                    "Timestamp": facts.now,
                    "Dimensions": [{"Name": ACTION_DIMENSION, "Value": each.action}] if each.action else [],
                }
                for each in values
            ],
        )
    log.info("%d runs ended, %d backups failed", len(facts.ended), facts.failed_points)
    return {each.metric.name: each.value for each in values if not each.action}


def read_facts(world: World, estate: Estate) -> Facts:
    """Ask the ledger's index, never the whole table, and carry the tally of the month on.

    In a separated account an import is what a backup is elsewhere.
    """
    ledger = Ledger(world.clients.dynamodb, estate.ledger, world.clock)

    def oldest(*standings: str) -> datetime | None:
        found = [datetime.fromisoformat(entry.since) for each in standings if (entry := ledger.oldest(each))]
        return min(found, default=None)

    ended, tally = _ended(world, estate)
    if estate.is_separated:
        imported = Imported.among(Imports(world.clients.dynamodb, estate.ledger, world.clock).all())
        unarchived, failed, at_work = imported.oldest, len(imported.failed), len(imported.under_way)
    else:
        unarchived = oldest(Status.PROCESSING, Status.FAILED)
        failed, at_work = ledger.count(Status.FAILED), ledger.count(Status.PROCESSING)
    return Facts(
        now=world.clock.now(),
        oldest_unarchived=unarchived,
        oldest_proof=oldest(Standing.ARTIFACT, Standing.COLD),
        oldest_wait=oldest(Standing.WAITING),
        oldest_unacknowledged=oldest(Standing.ANNOUNCED),
        swept_at=Sweeps(world.clients.dynamodb, estate.ledger, world.clock).waited_for_since(),
        failed_points=failed,
        damaged_archives=ledger.count(Standing.DAMAGED),
        points_at_work=at_work,
        waiting_actions=ledger.count(Standing.WAITING),
        ended=ended,
        month_usd=usd_of(tally.usage, estate.region),
    )


def values_of(facts: Facts) -> Iterator[Value]:
    """Every metric has a value each time: what stands nowhere is 0 hours old. Only what cannot be known has none."""
    yield Value(OLDEST_UNARCHIVED_HOURS, _hours(facts.oldest_unarchived, facts.now))
    yield Value(OLDEST_UNVERIFIED_HOURS, _hours(facts.oldest_proof, facts.now))
    yield Value(LONGEST_WAIT_HOURS, _hours(facts.oldest_wait, facts.now))
    yield Value(UNACKNOWLEDGED_HOURS, _hours(facts.oldest_unacknowledged, facts.now))
    yield Value(SWEEP_AGE_HOURS, _hours(facts.swept_at, facts.now))
    yield Value(FAILED_POINTS, facts.failed_points)
    yield Value(DAMAGED_ARCHIVES, facts.damaged_archives)
    yield Value(POINTS_AT_WORK, facts.points_at_work)
    yield Value(WAITING_ACTIONS, facts.waiting_actions)
    if facts.month_usd is not None:
        yield Value(MONTH_COST_USD, float(round(facts.month_usd, 4)))
    done = [action for line in facts.ended for action in line.actions]
    for name in sorted({action.action for action in done}):
        own = [action for action in done if action.action == name]
        yield Value(SOURCE_BYTES, sum(action.source_bytes for action in own), name)
        yield Value(STORED_BYTES, sum(action.stored_bytes for action in own), name)


def _ended(world: World, estate: Estate) -> tuple[list[Line], Tally]:
    """The tally of the month, and what it has more than before: whoever carries it on has that, and nobody else."""
    tallies = Tallies(world.clients.dynamodb, estate.ledger)
    old, until = tallies.read(), world.clock.now() - WRITTEN_BY
    known = old or Tally(through=until - _FIRST_SPAN)
    if until <= known.through:
        return [], known
    lines = list(Daybook(world.clients.dynamodb, estate.ledger).lines(known.through, until))
    new = known.advanced(lines, until)
    return (lines, new) if tallies.replace(old, new) else ([], known)


def _hours(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else round(max(0.0, (now - since).total_seconds()) / 3600, 2)
