"""The three functions of the main machine: describe, conclude, finish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from backup_actions import __version__
from backup_actions.aws import World
from backup_actions.aws.documents import read_document, write_document
from backup_actions.aws.proof import Outcome, prove
from backup_actions.ledger import Entry, Ledger, Standing, Status
from backup_actions.ledger.daybook import Daybook, Line, action_line
from backup_actions.ledger.ledger import THE_POINT
from backup_actions.lifecycle.decision import Decision, decide
from backup_actions.lifecycle.describing import Present, able_for, choose, read_facts, read_present
from backup_actions.lifecycle.evidence import with_earlier
from backup_actions.lifecycle.lasting import lasting_of
from backup_actions.lifecycle.news import News, news_of
from backup_actions.lifecycle.settings import LifecycleSettings
from backup_actions.model.recovery_point import RecoveryPoint

Event = Mapping[str, Any]

_NO_FACTS = {"sizeBytes": 0, "createdAt": "", "encrypted": False, "tags": {}, "evidenceKey": ""}
_ARCHIVED = frozenset({Status.KEPT, Status.SHORTENED})
_ARCHIVED_OR_LET_GO = _ARCHIVED | {Status.DELETED}
_STANDS = frozenset({Standing.ARTIFACT, Standing.COLD})


def describe(world: World, event: Event) -> Mapping[str, Any]:
    """Say what the point is, which actions run on it, and note in the ledger if it is being processed."""
    point = RecoveryPoint.from_json(event["recoveryPoint"])
    able = able_for(point, event["actions"])
    if not able:
        unable = f"no installed action handles {point.resource_type}"
        return {"facts": {**_NO_FACTS, "skipped": unable, "unhandled": True}, "chosen": []}
    facts = read_facts(world, point)
    chosen, reason = choose(able, facts.tags)
    evidence = point.prefix("evidence", facts.date)
    if chosen:
        details = {"reason": reason, "evidence": evidence}
        _ledger(world, event).record(
            point, run=event["run"], status=Status.PROCESSING, details=details, made_at=facts.created_at
        )
    return {
        "facts": {
            "sizeBytes": facts.size_bytes,
            "createdAt": facts.created_at,
            "encrypted": facts.encrypted,
            "tags": dict(facts.tags),
            "evidenceKey": f"{evidence}/evidence.json",
            "skipped": reason,
        },
        "chosen": [
            {
                "name": action["name"],
                "machineArn": action["machineArn"],
                "restorable": action["restorable"],
                "prefix": point.prefix(action["name"], facts.date),
                "evidencePrefix": evidence,
            }
            for action in chosen
        ],
    }


def conclude(world: World, event: Event) -> Mapping[str, Any]:
    """Prove what the actions made, decide about the backup, and store the evidence before anything is let go.

    What was proven is known to ledger and evidence before AWS Backup is asked anything: its answer may be a refusal.
    """
    point = RecoveryPoint.from_json(event["recoveryPoint"])
    settings = LifecycleSettings(**event["settings"])
    bucket = event["bucket"]
    outcomes = [prove(world.clients.s3, bucket, result) for result in event["results"]]
    if not outcomes:
        return {**asdict(Decision("keep", str(event["facts"]["skipped"]))), "unproven": []}
    ledger = _ledger(world, event)
    for outcome in outcomes:
        status = "verified" if outcome.proven else "failed"
        ledger.record_action(point, outcome.action, run=event["run"], status=status, details=asdict(outcome))
    key = event["facts"]["evidenceKey"]
    before = read_document(world.clients.s3, bucket, key) or {}
    evidence = _evidence(world, event, point, settings, outcomes, before)
    if settings.policy != "keep":  # then AWS is asked once more before it is decided
        write_document(world.clients.s3, bucket, key, evidence)
    decision = _decided(world, event, point, settings, outcomes)
    decided: dict[str, Any] = {"decision": asdict(decision), "decided_at": world.clock.now().isoformat()}
    write_document(world.clients.s3, bucket, key, {**evidence, **decided})
    # Whatever the policy, an action that claims success without proof is a failure that people must hear of.
    unproven = [
        f"{outcome.action}: {outcome.reason}" for outcome in outcomes if outcome.succeeded and not outcome.proven
    ]
    standing = {each.action for each in ledger.entries(str(point.arn)) if each.standing in _STANDS}
    # What an earlier run has archived stands, whatever this one came to, and so does what followed from it.
    stands = all(outcome.action in standing for outcome in outcomes)
    fate = (before.get("deletion") or {}).get("outcome", "")
    return {**asdict(decision), "unproven": unproven, "stands": stands, "fate": fate}


def _evidence(
    world: World,
    event: Event,
    point: RecoveryPoint,
    settings: LifecycleSettings,
    outcomes: Sequence[Outcome],
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """All that is known before it is decided."""
    told = [{**asdict(outcome), "result": result} for outcome, result in zip(outcomes, event["results"], strict=True)]
    return {
        "format": "backup-actions/evidence",
        "format_version": 1,
        "tool_version": __version__,
        "run": event["run"],
        "recovery_point": point.to_json(),
        "facts": event["facts"],
        "actions": with_earlier(before, event["run"], told),
        "settings": settings.to_json(),
        "deletion": before.get("deletion"),
        "proven_at": world.clock.now().isoformat(),
    }


def _decided(
    world: World, event: Event, point: RecoveryPoint, settings: LifecycleSettings, outcomes: Sequence[Outcome]
) -> Decision:
    """Where the policy lets backups go it is looked again: the actions may have taken days."""
    lets_go = settings.policy != "keep"
    is_proven = all(outcome.proven for outcome in outcomes)
    ends = [
        lasting_of(world, event["bucket"], result, expires_after_days=settings.expires_after_days)
        for result in (event["results"] if lets_go and is_proven else ())
    ]
    return decide(
        settings=settings,
        outcomes=outcomes,
        continuous=point.is_continuous,
        present=read_present(world, point) if lets_go else Present(),
        lasting=[each for each in ends if each is not None],
        now=world.clock.now(),
    )


def finish(world: World, event: Event) -> Mapping[str, Any]:
    """Complete evidence, ledger and day book with how it ended, and word it for people."""
    point = RecoveryPoint.from_json(event["recoveryPoint"])
    news, known = news_of(point, event), _known(world, event, point)
    # Of what could not even be described it stays known where its evidence lies and how old it is.
    facts: Mapping[str, Any] = event.get("facts") or (
        {**_NO_FACTS, "evidenceKey": _evidence_key(known), "createdAt": known.since} if known else _NO_FACTS
    )
    key = facts["evidenceKey"]
    if key and not news.skipped:
        bucket = event["bucket"]
        nothing_yet = {"run": event["run"], "recovery_point": point.to_json()}
        evidence = read_document(world.clients.s3, bucket, key) or nothing_yet
        deletion = event["deletion"] or evidence.get("deletion")
        ending = {"deletion": deletion, "problem": event["problem"], "outcome": news.status}
        finished = {**ending, "finished_at": world.clock.now().isoformat()}
        # What an earlier run has proven stands; this one has come to no proof of its own.
        is_of_another = evidence.get("run", event["run"]) != event["run"]
        told = {"later_run": {"run": event["run"], **finished}} if is_of_another else finished
        write_document(world.clients.s3, bucket, key, {**evidence, **told})
    _record(world, event, point, news, facts, known)
    Daybook(world.clients.dynamodb, event["ledger"]).write(_line(world, event, point, news))
    return news.to_json()


def _record(
    world: World, event: Event, point: RecoveryPoint, news: News, facts: Mapping[str, Any], known: Entry | None
) -> None:
    """The ledger says how it ended; a run that archived nothing leaves a point that was archived before as it is."""
    status, reason = news.status, news.message if news.skipped else ""
    if (event["decision"] or {}).get("verdict") == "gone":
        reason = event["decision"]["because"]
    if known and known.status in _ARCHIVED_OR_LET_GO and not event["results"]:
        status = Status(known.status)
    if status in _ARCHIVED and (news.failed or news.skipped):
        reason = f"an earlier run has archived it; {event['run']}: {news.subject}"
    details = {
        "subject": news.subject,
        "evidence": facts["evidenceKey"] or _evidence_key(known),
        "deletion": event["deletion"],
        **({"reason": reason} if reason else {}),
        **({"failed": True} if news.failed else {}),
        **({"unhandled": True} if facts.get("unhandled") else {}),
    }
    made_at = facts["createdAt"] or (known.since if known else "")
    _ledger(world, event).record(point, run=event["run"], status=status, details=details, made_at=made_at)


def _known(world: World, event: Event, point: RecoveryPoint) -> Entry | None:
    """What the ledger says of the point, before this is its last word."""
    entries = _ledger(world, event).entries(str(point.arn))
    return entries[0] if entries and entries[0].item == THE_POINT else None


def _evidence_key(known: Entry | None) -> str:
    """Where the ledger says that the evidence lies; while a run is at the point it says in which folder."""
    place = str(known.details.get("evidence", "")) if known else ""
    return f"{place}/evidence.json" if place and not place.endswith(".json") else place


def _line(world: World, event: Event, point: RecoveryPoint, news: News) -> Line:
    """The run in the day book."""
    return Line(
        run=event["run"],
        finished_at=world.clock.now(),
        point=str(point.arn),
        resource=str(point.resource_arn),
        resource_type=point.resource_type,
        outcome=news.status,
        failed=news.failed,
        actions=tuple(action_line(result) for result in event["results"]),
    )


def _ledger(world: World, event: Event) -> Ledger:
    return Ledger(world.clients.dynamodb, event["ledger"], world.clock)
