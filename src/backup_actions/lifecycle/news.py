"""How the end of a run is told to people: what, why, what was kept, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from backup_actions.ledger import Status
from backup_actions.model.recovery_point import RecoveryPoint


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
    problem, deletion, results = event["problem"], event["deletion"] or {}, event["results"]
    what = f"{point.resource_type} {point.resource_id} ({point.native_id})"
    failed = [result for result in results if not result["succeeded"]]
    if problem is None and not results:
        reason = str((event.get("facts") or {}).get("skipped", ""))
        return News(status=Status.SKIPPED, subject=f"Skipped: {what}", message=reason, skipped=True)
    lines = [f"Recovery point {point.arn} in vault {point.vault_name}, execution {event['run']}.", ""]
    lines += [_line_of(result) for result in results]
    outcome = deletion.get("outcome")
    decision = event["decision"] or {}
    unproven = decision.get("unproven", [])
    lines += [f"- what was made is not proven: {reason}" for reason in unproven]
    if problem is None and not failed and not unproven:
        status = {"deleted": Status.DELETED, "shortened": Status.SHORTENED}.get(str(outcome), Status.KEPT)
        lines += ["", f"The backup was {status}: {decision.get('because')}."]
        return News(status=status, subject=f"Archived and {status}: {what}", message="\n".join(lines))
    if problem:
        lines += ["", f"Problem: {problem['error']}: {problem['cause']}."]
    lines += ["", _fate(outcome, "" if failed or unproven else decision.get("because", "")), _advice(point, event)]
    error = problem["error"] if problem else "ActionFailed" if failed else "NotProven"
    return News(
        status=Status.DELETED if outcome == "deleted" else Status.FAILED,
        subject=f"Failed: {what}",
        message="\n".join(lines),
        failed=True,
        error=error,
    )


def _line_of(result: Mapping[str, Any]) -> str:
    if not result["succeeded"]:
        return f"- {result['action']} failed: {result['error']}: {result['cause']}"
    report = result["report"]
    return (
        f"- {result['action']}: {report['source_bytes']} bytes read, {report['stored_bytes']} bytes stored, "
        f"{report['reason']} (s3 key {report['manifest_key']})"
    )


def _fate(outcome: object, because: str) -> str:
    match outcome:
        case "deleted":
            return "The backup was verified and deleted."
        case "asked":  # and then nothing more could be learned of it
            return "The deletion of the verified backup was asked for; whether it is gone could not be found out."
        case "unproven":
            return "DeleteRecoveryPoint was called and the backup is still there: see AWS Backup for what protects it."
        case "shortened":
            return "The backup expires earlier now, as the settings say."
        case _:
            return f"The backup was kept{f': {because}' if because else ''}."


def _advice(point: RecoveryPoint, event: Mapping[str, Any]) -> str:
    return (
        f"What to do: open the execution {event['run']} in Step Functions, correct the cause, and start it again with "
        f"the input of that execution under another name. Nothing of {point.native_id} was lost."
    )
