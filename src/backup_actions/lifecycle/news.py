"""How the end of a run is told to people: what, why, what was kept, what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from backup_actions.ledger import Status
from backup_actions.lifecycle.advice import advice_for
from backup_actions.model.commands import DEFAULT_STACK, command
from backup_actions.model.console import execution_url
from backup_actions.model.mail import Mail
from backup_actions.model.quantities import bytes_in_words
from backup_actions.model.recovery_point import RecoveryPoint

# A cause may be as long as Step Functions allows, 32,768 characters; whoever wants it all opens the execution.
_CAUSE_CHARACTERS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """``skipped`` ones are recorded and not sent; ``failed`` ones end the execution as failed."""

    status: Status
    subject: str
    message: str
    failed: bool = False
    skipped: bool = False
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        """The form that the workflow reads."""
        return asdict(self)


def news_of(point: RecoveryPoint, event: Mapping[str, Any]) -> News:
    """Word the outcome of a run from what the main machine remembers of it."""
    problem, results = event["problem"], event["results"]
    if problem is None and not results:
        reason = str((event.get("facts") or {}).get("skipped", ""))
        return News(status=Status.SKIPPED, subject=f"Skipped: {_what(point)}", message=reason, skipped=True)
    decision = event["decision"] or {}
    failed = [result for result in results if not result["succeeded"]]
    if problem is None and not failed and not decision.get("unproven"):
        return _good_news(point, event, decision)
    return _bad_news(point, event, decision, failed)


def _good_news(point: RecoveryPoint, event: Mapping[str, Any], decision: Mapping[str, Any]) -> News:
    status, ended = _end_of_backup(event["deletion"] or {}, decision)
    lines = [
        f"{_what(point)} is archived and verified. The backup {ended}: {decision.get('because')}.",
        "",
        *(_line_of(result) for result in event["results"]),
        "",
        *_about(point, event),
    ]
    told = "gone" if decision.get("verdict") == "gone" else status
    mail = Mail(f"Archived and {told}: {_what(point)}", "\n".join(lines))
    return News(status=status, subject=mail.subject, message=mail.message)


def _end_of_backup(deletion: Mapping[str, Any], decision: Mapping[str, Any]) -> tuple[Status, str]:
    """How a backup stands of which all is archived and verified, and what became of it."""
    match deletion.get("outcome"), decision.get("verdict"):
        case "deleted", _:
            return Status.DELETED, "was deleted"
        case "shortened", _:
            when = f" and ends on {deletion['deleteAt']}" if deletion.get("deleteAt") else ""
            return Status.SHORTENED, f"was shortened{when}"
        case _, "gone":
            return Status.DELETED, "is gone"
        case _, "leave":
            return Status.KEPT, "was left to AWS Backup"
        case _ if decision.get("fate") == "shortened":
            return Status.SHORTENED, "stays as an earlier run has shortened it"
        case _:
            return Status.KEPT, "was kept"


def _bad_news(
    point: RecoveryPoint, event: Mapping[str, Any], decision: Mapping[str, Any], failed: list[Mapping[str, Any]]
) -> News:
    problem, outcome = event["problem"], (event["deletion"] or {}).get("outcome")
    unproven = decision.get("unproven", [])
    because = "" if failed or unproven else str(decision.get("because", ""))
    stands = bool((failed or unproven) and decision.get("stands"))
    lines = [
        f"{_what(point)}: not everything was done. {_fate(outcome, decision, because)}",
        *(["What an earlier run has archived and verified stands."] if stands else []),
        "",
        "What happened:",
        *(_line_of(result) for result in event["results"]),
        *(f"- what was made is not proven: {reason}" for reason in unproven),
        *([f"- problem: {problem['error']}: {_readable(problem['cause'])}"] if problem else []),
        "",
        "What to do:",
        *(f"{number}. {step}" for number, step in enumerate(_steps(point, event, failed), start=1)),
        "",
        *_about(point, event),
    ]
    mail = Mail(f"Failed: {_what(point)}", "\n".join(lines))
    return News(
        status=_status(outcome, decision, stands=stands),
        subject=mail.subject,
        message=mail.message,
        failed=True,
        error=problem["error"] if problem else "ActionFailed" if failed else "NotProven",
    )


def _status(outcome: object, decision: Mapping[str, Any], *, stands: bool) -> Status:
    is_gone = decision.get("verdict") == "gone"
    if outcome == "deleted" or (is_gone and stands):
        return Status.DELETED
    if not stands:
        return Status.GONE if is_gone else Status.FAILED
    return Status.SHORTENED if decision.get("fate") == "shortened" else Status.KEPT


def _what(point: RecoveryPoint) -> str:
    return f"{point.resource_type} {point.resource_id} ({point.native_id})"


def _line_of(result: Mapping[str, Any]) -> str:
    if not result["succeeded"]:
        return f"- {result['action']} failed: {result['error']}: {_readable(result['cause'])}"
    report = result["report"]
    return (
        f"- {result['action']}: {bytes_in_words(report['source_bytes'])} read, "
        f"{bytes_in_words(report['stored_bytes'])} stored, {report['reason']} (s3 key {report['manifest_key']})"
    )


def _readable(cause: object) -> str:
    """The sentence of a cause: that of a function is JSON, with a stack trace that nobody reads in a mail."""
    text = str(cause)
    start = text.find("{")
    if start >= 0:
        try:
            told = json.loads(text[start:])
        except ValueError:
            told = None
        if isinstance(told, dict) and isinstance(told.get("errorMessage"), str):
            text = text[:start] + told["errorMessage"]
    return text if len(text) <= _CAUSE_CHARACTERS else f"{text[:_CAUSE_CHARACTERS]}…"


def _fate(outcome: object, decision: Mapping[str, Any], because: str) -> str:
    match outcome, decision.get("verdict"):
        case "deleted", _:
            return "The backup was verified and deleted."
        case "asked", _:  # and then nothing more could be learned of it
            return "The deletion of the verified backup was asked for; whether it is gone could not be found out."
        case "unproven", _:
            return "DeleteRecoveryPoint was called and the backup is still there: see AWS Backup for what protects it."
        case "shortened", _:
            return "The backup expires earlier now, as the settings say."
        case _, "keep":
            return f"The backup was kept{f': {because}' if because else ''}. Nothing of it was lost."
        case _, "gone":
            return f"The backup is gone: {decision.get('because')}."
        case _, "leave":
            return f"The backup was left to AWS Backup: {decision.get('because')}."
        case _, ("delete" | "shorten"):
            return "AWS Backup was to let the verified backup go, and did not say that it has: look there for it."
        case _:
            return "Nothing was decided about the backup, and this run has not touched it."


def _steps(point: RecoveryPoint, event: Mapping[str, Any], failed: list[Mapping[str, Any]]) -> Iterator[str]:
    for result in failed:
        advice = advice_for(result["error"]) or "See where it failed, and correct the cause."
        child = result.get("execution")
        yield f"{result['action']}: {advice}" + (f" {execution_url(child)}" if child else "")
    if problem := event["problem"]:
        yield advice_for(problem["error"]) or "See below where the execution failed, and correct the cause."
    elif not failed:
        yield advice_for("NotProven")
    match (event["deletion"] or {}).get("outcome"), (event["decision"] or {}).get("verdict"):
        case "deleted", _:
            yield "There is nothing to start again: what was archived is verified, and the backup is gone."
        case _, "gone":
            yield "There is nothing to start again: the backup is gone. Look in CloudTrail for what has removed it."
        case "asked" | "unproven", _:
            yield "Look in AWS Backup whether the recovery point is still there, and delete it there if it is."
        case _:
            # A run that was begun by an older version does not say it.
            stack = str(event.get("stack", DEFAULT_STACK))
            yield f"Start it again: {command(f'replay {point.arn}', stack=stack)}"


def _about(point: RecoveryPoint, event: Mapping[str, Any]) -> Iterator[str]:
    facts = event.get("facts") or {}
    yield f"Recovery point: {point.arn} in vault {point.vault_name}"
    yield f"Resource: {point.resource_arn}"
    if created := facts.get("createdAt"):
        yield f"Backup made: {created}"
    if evidence := facts.get("evidenceKey"):
        yield f"Evidence: s3 key {evidence}"
    yield f"Execution: {event['run']}"
    if execution := event.get("execution"):
        yield execution_url(execution)
