"""What retention is about to do: the ledger's imports compared with what is there, and a verdict on each that is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from backup_actions.aws import World
from backup_actions.aws.executions import find_execution
from backup_actions.model.arn import Arn
from backup_actions.model.json_types import JsonObject
from backup_actions.offsite.comparing import objections_to_copy, tags_of_copy
from backup_actions.offsite.imports import Acted, Import, Stage
from backup_actions.offsite.kinds import snapshots_like
from backup_actions.offsite.naming import copy_name
from backup_actions.offsite.retention import Rules, Verdict, decide
from backup_actions.offsite.snapshots import Snapshot

# AWS deletes within minutes.
_STUCK = timedelta(days=1)
# Between two attempts an import has failed for seconds, and who begins one is about to start its execution.
_PASSING = timedelta(hours=1)
_GOING = frozenset({"deleting", "deleted"})


@dataclass(frozen=True, slots=True)
class Stock:
    """What is there of the imports, and what retention makes of it."""

    verdicts: list[Verdict]
    """On those that are what the ledger says."""
    leaving: list[Import]
    """Those that AWS deletes or has deleted, as retention has asked."""
    troubles: list[str]
    """What people have to look at, a sentence each."""

    def to_json(self) -> JsonObject:
        """The form for scripts."""
        return {
            "verdicts": [
                {
                    "import": verdict.imported.imported_arn,
                    "resource": verdict.imported.announcement.resource_arn,
                    "backed_up_at": verdict.imported.announcement.created_at,
                    "keeps": verdict.keeps,
                    "because": verdict.because,
                }
                for verdict in self.verdicts
            ],
            "leaving": [each.imported_arn for each in self.leaving],
            "troubles": [*self.troubles],
        }


def take_stock(
    world: World, imports: Iterable[Import], security_tag: Mapping[str, str], rules: Rules, *, machine_arn: str
) -> Stock:
    """Look at every import that retention may not have removed yet; nothing is changed.

    Only what is there and is what the ledger says stands for its resource. ``machine_arn`` is that of imports.
    Raises AwsBusy and AwsCallFailed.
    """
    now = world.clock.now()
    there: list[Import] = []
    leaving: list[Import] = []
    troubles: list[str] = []
    for known in imports:
        each = _as_it_is(world, known, machine_arn)
        if trouble := _unfinished(each, now):
            troubles.append(trouble + _left_of(world, each))
        if not each.imported_arn or each.stage is Stage.REMOVED:
            continue
        found = snapshot_of(world, each)
        if each.leaving_since and (found is None or found.status in _GOING):
            leaving.append(each)
            if found and now - datetime.fromisoformat(each.leaving_since) > _STUCK:
                troubles.append(
                    f"{each.imported_arn} has been leaving since {each.leaving_since}: it is {found.status}"
                )
        elif found is None:
            troubles.append(f"{each.imported_arn} is not there any more, and retention has not removed it")
        elif objections := "; ".join(_objections(each, found, security_tag)):
            troubles.append(f"{each.imported_arn} is not what the ledger says and is left alone: {objections}")
        else:
            # Was it marked before, AWS has not been asked, or has refused: it is judged like the others.
            there.append(replace(each, leaving_since=""))
    return Stock(decide(there, rules, now), leaving, troubles)


def _as_it_is(world: World, known: Import, machine_arn: str) -> Import:
    """With what nobody came to write down any more: an execution that ended before it could."""
    if known.is_at_rest or world.clock.now() - datetime.fromisoformat(known.changed_at) < _PASSING:
        return known
    execution = find_execution(world.clients.stepfunctions, machine_arn, known.execution)
    if execution and execution.is_running:
        return known
    if known.stage is Stage.ACKNOWLEDGED:
        return replace(known, acted=Acted.FAILED)
    return replace(known, stage=Stage.FAILED, problem=f"CutShort: the execution {known.execution} has ended")


def _unfinished(each: Import, now: datetime) -> str:
    """What is said of an import that is not tried again by itself; empty where there is nothing to say."""
    if each.stage is not Stage.FAILED or now - datetime.fromisoformat(each.changed_at) < _PASSING:
        return ""
    why = each.problem or "its dead letter has the reason"
    return (
        f"the import of {each.announcement.snapshot_arn} has failed and is not tried again by itself ({why}): send its "
        "dead letter to the queue of announcements, or give it up with `backup-actions imports forget`"
    )


def _left_of(world: World, each: Import) -> str:
    """What of a failed import is still there though no run cleans up after it any more; empty where nothing is."""
    left = [copy.arn for copy in snapshots_of(world, each) if copy.arn != each.imported_arn]
    return f"; still there, and paid for until then: {', '.join(sorted(left))}" if left else ""


def snapshot_of(world: World, each: Import) -> Snapshot | None:
    """What AWS says of the snapshot that an import has become; None where there is none."""
    return next((snapshot for snapshot in snapshots_of(world, each) if snapshot.arn == each.imported_arn), None)


def snapshots_of(world: World, each: Import) -> list[Snapshot]:
    """Every snapshot of our own that was made for an import, also where none of them was verified."""
    announced = each.announcement
    here = replace(Arn.parse(announced.snapshot_arn), region=world.clients.region)
    return snapshots_like(world, announced.resource_type, here).own(copy_name(announced), each.imported_arn)


def _objections(each: Import, found: Snapshot, security_tag: Mapping[str, str]) -> Iterator[str]:
    if found.state != "available":
        yield f"it is {found.status}"
    # Under which key it was imported the ledger does not say: the settings may name another one by now.
    key_arn = found.key_arn or "one of this account"
    tags = tags_of_copy(each.announcement, copy_name(each.announcement), security_tag)
    yield from objections_to_copy(each.announcement, found, key_arn=key_arn, tags=tags)
