"""How the end of an import is told to people: what, why, and what happens next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from backup_actions.model.arn import Arn
from backup_actions.model.mail import Mail
from backup_actions.model.offsite import Announcement

_NOT_BY_ITSELF = frozenset({"NoActionChosen"})
"""What trying again does not mend."""
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 15 * 60, 12 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportNews:
    """``final`` where it is not tried again; else it is after ``pause_seconds``."""

    subject: str
    message: str
    error: str = ""
    final: bool
    pause_seconds: int

    def to_json(self) -> dict[str, Any]:
        """The form that the workflow reads."""
        return asdict(self)


def news_of(announced: Announcement, event: Mapping[str, Any], *, attempts: int) -> ImportNews:
    """Word the end of an attempt from what the import machine remembers of it."""
    what = f"{announced.resource_type} {Arn.parse(announced.resource_arn).resource} of {_account(announced)}"
    problem, is_last = event["problem"], event["attempt"] % attempts == 0
    final = event["acknowledged"] or is_last or (problem is not None and problem["error"] in _NOT_BY_ITSELF)
    lines = [f"Snapshot {announced.snapshot_arn}, backup of {announced.created_at}, execution {event['run']}.", ""]
    lines += _lines(event)
    if problem is None:
        mail = Mail(f"Imported: {what}", "\n".join(lines))
        return ImportNews(subject=mail.subject, message=mail.message, final=True, pause_seconds=0)
    pause = pause_seconds((event["attempt"] - 1) % attempts)
    lines += ["", f"Problem: {problem['error']}: {problem['cause']}", "", _next(event, final=final, pause=pause)]
    again = "" if event["acknowledged"] else f" (attempt {event['attempt']})"
    mail = Mail(f"Failed: {problem['error']}{again}: {what}", "\n".join(lines))
    return ImportNews(
        subject=mail.subject,
        message=mail.message,
        error=problem["error"],
        final=final,
        pause_seconds=0 if final else pause,
    )


def pause_seconds(earlier_pauses: int) -> int:
    """15 minutes, 1 hour, 4 hours and then 12 hours each: 17 hours and a quarter before the fifth attempt."""
    growth: int = 4**earlier_pauses
    return min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * growth)


def _lines(event: Mapping[str, Any]) -> Iterator[str]:
    if event["importedArn"]:
        yield f"- imported as {event['importedArn']}, verified"
    for result in event["results"]:
        outcome = "succeeded" if result["succeeded"] else f"failed: {result['error']}: {result['cause']}"
        yield f"- {result['action']} {outcome}"
    if event["acknowledged"]:
        yield "- acknowledged to the source"


def _next(event: Mapping[str, Any], *, final: bool, pause: int) -> str:
    if event["acknowledged"]:
        return "The import itself is there and stays. Start the failed action again when its cause is corrected."
    kept = "The verified import stays. " if event["importedArn"] else "Nothing is left of the copy. "
    if final:
        return (
            f"{kept}It is not tried again by itself: its announcement is among the dead letters. Correct the cause "
            "and send it to the queue of announcements again; until then the source keeps its copy."
        )
    return f"{kept}It is tried again in {pause // 60} minutes."


def _account(announced: Announcement) -> str:
    return Arn.parse(announced.resource_arn).account
