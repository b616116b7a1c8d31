"""A recovery point dealt with again, in a run of its own: after the cause of a failure is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from backup_actions.aws import World
from backup_actions.aws.executions import Execution, begin_life, find_execution
from backup_actions.errors import PointUnknown, ReplayRefused
from backup_actions.estate.another_run import is_there
from backup_actions.estate.description import Estate
from backup_actions.ledger import Entry, Ledger, Status
from backup_actions.ledger.ledger import THE_POINT
from backup_actions.model.clock import growing_waits

_ARCHIVED = frozenset({Status.KEPT, Status.SHORTENED, Status.DELETED})

# 5 s growing by 1.2 to a minute, and then every minute: as long as it takes.
_WAITS = growing_waits(5, 1.2, 14)


@dataclass(frozen=True, slots=True)
class Replay:
    """A run that was begun, and the one before it."""

    point: str
    run: str
    after: str
    execution_arn: str


def replay(world: World, estate: Estate, point_arn: str, *, again: bool) -> Replay:
    """The main machine is at the point, under a new name and with the same input.

    Raises PointUnknown; ReplayRefused while a run is at it, when it is gone and, unless ``again``, when it is archived
    and its last run has not failed.
    """
    entry = _known(world, estate, point_arn)
    stepfunctions, main, point = world.clients.stepfunctions, estate.main_machine_arn, entry.recovery_point
    _refuse_imports(estate, point_arn)
    latest = find_execution(stepfunctions, main, entry.run)
    if latest is not None and latest.is_running:
        raise ReplayRefused(arn=point_arn, reason=f"its run {entry.run} is under way")
    if not is_there(world, point):
        raise ReplayRefused(arn=point_arn, reason="AWS Backup does not have it any more")
    if entry.status in _ARCHIVED and not entry.details.get("failed") and not again:
        raise ReplayRefused(arn=point_arn, reason=f"its run {entry.run} has archived and verified it")
    return _begun(world, estate, entry)


def skipped(world: World, estate: Estate) -> list[Entry]:
    """The points that stand as skipped and of whose type an action handles backups, those of longest ago first.

    One that is replayed and skipped again, for its tags, comes last from then on.
    """
    ledger = Ledger(world.clients.dynamodb, estate.ledger, world.clock)
    known = (each for each in ledger.standing(Status.SKIPPED) if each.recovery_point.resource_type in estate.handles)
    return sorted(known, key=lambda each: (each.changed_at, each.point))


def still_there(world: World, entries: Iterable[Entry]) -> Iterator[Entry]:
    """Those that AWS Backup has. Raises AwsBusy and AwsCallFailed."""
    return (each for each in entries if is_there(world, each.recovery_point))


def take_up(world: World, estate: Estate, entry: Entry) -> Replay | None:
    """The main machine is at a point that was skipped; None where it does not stand so any more."""
    now = _known(world, estate, entry.point)
    return _begun(world, estate, now) if (now.status, now.run) == (entry.status, entry.run) else None


def _begun(world: World, estate: Estate, entry: Entry) -> Replay:
    stepfunctions, main, point = world.clients.stepfunctions, estate.main_machine_arn, entry.recovery_point
    run = point.next_run(entry.run)
    while not begin_life(stepfunctions, main, point, run):  # one that died before it could be recorded
        run = point.next_run(run)
    begun = find_execution(stepfunctions, main, run)
    return Replay(entry.point, run, entry.run, begun.arn if begun else "")


def end_of(world: World, estate: Estate, begun: Replay) -> Iterator[Execution]:
    """The run as it is, asked for again until it has ended."""
    waits = iter(_WAITS)
    while True:
        found = find_execution(world.clients.stepfunctions, estate.main_machine_arn, begun.run)
        if found is not None:
            yield found
            if not found.is_running:
                return
        world.clock.sleep(next(waits, 60))


def _known(world: World, estate: Estate, point_arn: str) -> Entry:
    entries = Ledger(world.clients.dynamodb, estate.ledger, world.clock).entries(point_arn)
    if not entries or entries[0].item != THE_POINT:
        raise PointUnknown(arn=point_arn)
    return entries[0]


def _refuse_imports(estate: Estate, point_arn: str) -> None:
    if estate.is_separated:
        raise ReplayRefused(arn=point_arn, reason="an import is tried again by its message, see `imports list`")
