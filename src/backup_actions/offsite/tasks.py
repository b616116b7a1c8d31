"""The steps after the copy: the import is recorded, acknowledged or given back, and people are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC
from typing import Any

from backup_actions import __version__
from backup_actions.aws import World, translated
from backup_actions.aws.documents import read_document, write_document
from backup_actions.aws.proof import prove
from backup_actions.errors import ImportChanged
from backup_actions.ledger import Ledger
from backup_actions.ledger.daybook import Daybook, Line, action_line
from backup_actions.model.offsite import Announcement
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions.offsite.acknowledging import send_acknowledgement
from backup_actions.offsite.imports import Acted, Import, Imports, Stage
from backup_actions.offsite.news import news_of
from backup_actions.offsite.settings import ImportSettings

Event = Mapping[str, Any]


def record(world: World, event: Event) -> Mapping[str, Any]:
    """The import is known as verified, with evidence, and so are the actions that run on it."""
    known = _known(world, event)
    if known.imported_arn != event["importedArn"]:  # one of an earlier attempt may be gone
        now = world.clock.now().isoformat()
        known = replace(
            known, imported_arn=event["importedArn"], imported_at=now, size_gib=event["sizeGib"], promised_until=""
        )
    point, date = known.recovery_point, known.backed_up_at.astimezone(UTC).date().isoformat()
    chosen = [_chosen(action, point, date) for action in event["actions"] if _handles(action, point)]
    known = _stand(world, event, replace(known, acted=Acted.RUNNING if chosen else Acted.NONE))
    evidence = point.prefix("evidence", date)
    document = {
        "format": "backup-actions/import-evidence",
        "format_version": 1,
        "tool_version": __version__,
        "run": event["run"],
        "recovery_point": point.to_json(),
        "announcement": asdict(known.announcement),
        "announcement_sha256": known.announcement_sha256,
        "imported_at": known.imported_at,
        "size_gib": known.size_gib,
        "key_arn": event["key"],
    }
    write_document(world.clients.s3, event["bucket"], f"{evidence}/evidence.json", document)
    return {
        "recoveryPoint": point.to_json(),
        "evidenceKey": f"{evidence}/evidence.json",
        "chosen": chosen,
    }


def prove_actions(world: World, event: Event) -> Mapping[str, Any]:
    """Whether what the actions have made is there, whole and verified; a sentence for each of which it is not."""
    outcomes = [prove(world.clients.s3, event["bucket"], result) for result in event["results"]]
    return {"unproven": [f"{each.action}: {each.reason}" for each in outcomes if not each.proven]}


def acknowledge(world: World, event: Event) -> Mapping[str, Any]:
    """The source is told that its snapshot is there, and it is known that it was told."""
    known = _known(world, event)
    settings = ImportSettings.from_json(event["settings"])
    source = settings.source_of(_source_account(known))
    if source is None:
        return {"acknowledged": False, "reason": "the settings do not name its source any more"}
    known = send_acknowledgement(world, _imports(world, event), settings, source, known)
    if known.stage is not Stage.ACKNOWLEDGED:
        _stand(world, event, replace(known, stage=Stage.ACKNOWLEDGED))
    return {"acknowledged": True, "reason": ""}


def put_back(world: World, event: Event) -> Mapping[str, Any]:
    """The message stands in the queue again, or after the last attempt among the dead letters, with the reason.

    The ledger says so first: who takes the message out again must find that this attempt is over.
    """
    known = _imports(world, event).find(_snapshot_arn(event))
    if known is None or known.attempt != event["attempt"] or not known.is_being_imported:
        return {"returned": False}
    if known.stage is Stage.IMPORTING:
        known = _stand(world, event, replace(known, stage=Stage.RETURNING))
    queue = event["deadLetters"] if event["final"] else event["queue"]
    with translated():
        world.clients.sqs.send_message(
            QueueUrl=queue,
            MessageBody=event["message"],
            MessageAttributes={"reason": {"DataType": "String", "StringValue": event["reason"][:1024]}},
        )
    # Nobody but the next attempt changes it now, and that one knows better.
    _imports(world, event).stand(replace(known, stage=Stage.FAILED))
    return {"returned": True}


def tell(world: World, event: Event) -> Mapping[str, Any]:
    """How it ended, noted in the ledger, completed in the evidence and worded for people, with what happens next."""
    _note(world, event)
    settings = ImportSettings.from_json(event["settings"])
    announced = Announcement.from_text(event["announcement"])
    news = news_of(announced, event, attempts=settings.attempts)
    if key := event["evidenceKey"]:
        known = read_document(world.clients.s3, event["bucket"], key) or {}
        ending = {"problem": event["problem"], "actions": event["results"], "acknowledged": event["acknowledged"]}
        finished = {**known, **ending, "finished_at": world.clock.now().isoformat()}
        write_document(world.clients.s3, event["bucket"], key, finished)
    Daybook(world.clients.dynamodb, event["ledger"]).write(_line(world, event, announced))
    return news.to_json()


def _line(world: World, event: Event, announced: Announcement) -> Line:
    """The attempt in the day book."""
    return Line(
        run=event["run"],
        finished_at=world.clock.now(),
        point=announced.snapshot_arn,
        resource=announced.resource_arn,
        resource_type=announced.resource_type,
        outcome="imported" if event["acknowledged"] else "not imported",
        failed=event["problem"] is not None,
        actions=tuple(action_line(result) for result in event["results"]),
    )


def _note(world: World, event: Event) -> None:
    """The ledger says what has come of the actions, and why the run has failed; another attempt says it itself."""
    known = _imports(world, event).find(_snapshot_arn(event))
    if known is None or known.attempt != event["attempt"] or known.stage is Stage.REMOVED:
        return
    # One that waited for a place does so no more, also where it never got one.
    ledger = Ledger(world.clients.dynamodb, event["ledger"], world.clock)
    ledger.record_action(known.source_point, "offsite-import", run=event["run"], status="ended", details={})
    problem = event["problem"]
    changed = replace(known, problem=f"{problem['error']}: {problem['cause']}"[:1024] if problem else "")
    if known.acted is Acted.RUNNING:
        changed = replace(changed, acted=Acted.PROVEN if event["proven"] else Acted.FAILED)
    if changed != known:
        _stand(world, event, changed)


def _handles(action: Mapping[str, Any], point: RecoveryPoint) -> bool:
    # The tags of a backup stay in its account: an action that selects some selects no import.
    return point.resource_type in action["handles"] and not action["tags"]


def _chosen(action: Mapping[str, Any], point: RecoveryPoint, date: str) -> Mapping[str, Any]:
    return {
        "name": action["name"],
        "machineArn": action["machineArn"],
        "restorable": action["restorable"],
        "prefix": point.prefix(action["name"], date),
        "evidencePrefix": point.prefix("evidence", date),
    }


def _known(world: World, event: Event) -> Import:
    """The import that this run is at. Raises ImportChanged where another attempt is at it."""
    known = _imports(world, event).find(_snapshot_arn(event))
    if known is None or known.attempt != event["attempt"]:
        raise ImportChanged(snapshot=_snapshot_arn(event))
    return known


def _stand(world: World, event: Event, changed: Import) -> Import:
    stands = _imports(world, event).stand(changed)
    if stands is None:
        raise ImportChanged(snapshot=changed.announcement.snapshot_arn)
    return stands


def _imports(world: World, event: Event) -> Imports:
    return Imports(world.clients.dynamodb, event["ledger"], world.clock)


def _snapshot_arn(event: Event) -> str:
    return Announcement.from_text(event["announcement"]).snapshot_arn


def _source_account(known: Import) -> str:
    """The resource is the source's, which was held against the topic before anything began."""
    return known.recovery_point.resource_arn.account
