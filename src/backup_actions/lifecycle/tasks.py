"""The three functions of the main machine: describe, conclude, finish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from backup_actions import __version__
from backup_actions.aws import World
from backup_actions.aws.documents import read_document, write_document
from backup_actions.aws.proof import prove
from backup_actions.ledger import Ledger, Status
from backup_actions.ledger.daybook import Daybook, Line, action_line
from backup_actions.lifecycle.decision import Decision, decide
from backup_actions.lifecycle.describing import able_for, choose, legal_holds, read_facts
from backup_actions.lifecycle.news import News, news_of
from backup_actions.lifecycle.settings import LifecycleSettings
from backup_actions.model.recovery_point import RecoveryPoint

Event = Mapping[str, Any]

_NO_FACTS = {"sizeBytes": 0, "createdAt": "", "encrypted": False, "tags": {}, "evidenceKey": ""}


def describe(world: World, event: Event) -> Mapping[str, Any]:
    """Say what the point is, which actions run on it, and note in the ledger that it is being processed."""
    point = RecoveryPoint.from_json(event["recoveryPoint"])
    ledger = _ledger(world, event)
    able = able_for(point, event["actions"])
    if not able:
        unable = f"no installed action handles {point.resource_type}"
        ledger.record(point, run=event["run"], status=Status.SKIPPED, details={"reason": unable})
        return {"facts": {**_NO_FACTS, "skipped": unable}, "chosen": []}
    facts = read_facts(world, point)
    chosen, reason = choose(able, facts.tags)
    evidence = point.prefix("evidence", facts.date)
    status = Status.PROCESSING if chosen else Status.SKIPPED
    details = {"reason": reason, "evidence": evidence}
    ledger.record(point, run=event["run"], status=status, details=details, made_at=facts.created_at)
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
    """Prove what the actions made, decide about the backup, and store the evidence before anything is let go."""
    point = RecoveryPoint.from_json(event["recoveryPoint"])
    settings = LifecycleSettings(**event["settings"])
    bucket = event["bucket"]
    outcomes = [prove(world.clients.s3, bucket, result) for result in event["results"]]
    if not outcomes:
        return {**asdict(Decision("keep", str(event["facts"]["skipped"]))), "unproven": []}
    lets_go = settings.policy != "keep"  # then look again: the actions may have taken days
    decision = decide(
        settings=settings,
        outcomes=outcomes,
        continuous=point.is_continuous,
        legal_holds=legal_holds(world, point) if lets_go else (),
        tags=read_facts(world, point).tags if lets_go else {},
    )
    ledger = _ledger(world, event)
    for outcome in outcomes:
        status = "verified" if outcome.proven else "failed"
        ledger.record_action(point, outcome.action, run=event["run"], status=status, details=asdict(outcome))
    evidence = {
        "format": "backup-actions/evidence",
        "format_version": 1,
        "tool_version": __version__,
        "run": event["run"],
        "recovery_point": point.to_json(),
        "facts": event["facts"],
        "actions": [
            {**asdict(outcome), "result": result} for outcome, result in zip(outcomes, event["results"], strict=True)
        ],
        "settings": settings.to_json(),
        "decision": asdict(decision),
        "decided_at": world.clock.now().isoformat(),
    }
    write_document(world.clients.s3, bucket, event["facts"]["evidenceKey"], evidence)
    # Whatever the policy, an action that claims success without proof is a failure that people must hear of.
    unproven = [
        f"{outcome.action}: {outcome.reason}" for outcome in outcomes if outcome.succeeded and not outcome.proven
    ]
    return {**asdict(decision), "unproven": unproven}


def finish(world: World, event: Event) -> Mapping[str, Any]:
    """Complete evidence, ledger and day book with how it ended, and word it for people."""
    point = RecoveryPoint.from_json(event["recoveryPoint"])
    news = news_of(point, event)
    facts: Mapping[str, Any] = event.get("facts") or _NO_FACTS
    key = facts["evidenceKey"]
    if key and not news.skipped:
        bucket = event["bucket"]
        nothing_yet = {"run": event["run"], "recovery_point": point.to_json()}
        evidence = read_document(world.clients.s3, bucket, key) or nothing_yet
        ending = {"deletion": event["deletion"], "problem": event["problem"], "outcome": news.status}
        finished = {**ending, "finished_at": world.clock.now().isoformat()}
        # What an earlier run has proven stands; this one has come to no proof of its own.
        is_of_another = evidence.get("run", event["run"]) != event["run"]
        told = {"later_run": {"run": event["run"], **finished}} if is_of_another else finished
        write_document(world.clients.s3, bucket, key, {**evidence, **told})
    details = {"subject": news.subject, "evidence": key, "deletion": event["deletion"]}
    made_at = facts["createdAt"]
    _ledger(world, event).record(point, run=event["run"], status=news.status, details=details, made_at=made_at)
    Daybook(world.clients.dynamodb, event["ledger"]).write(_line(world, event, point, news))
    return news.to_json()


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
