"""How a run ended, in a few words that can be counted, and what was refused in it."""

from __future__ import annotations

from tests.flow.flow import MAIN, Flow

from backup_actions_local.front.audit import Entry, Verdict


def outcome_of(flow: Flow) -> str:
    """What became of the run and of its recovery point."""
    if not flow.executions(MAIN):
        return "in the dead letters, backup kept"
    gone = flow.arns and flow.point is None
    if flow.main.status == "SUCCEEDED":
        return "archived, backup deleted" if gone else "archived, backup kept"
    if gone:
        return "archived, backup deleted, then failed"
    if any("LeftBehind" in notice["Message"] for notice in flow.notices):
        return "failed, backup kept, could not clean up and said so"
    return "failed, backup kept"


def refused_to(flow: Flow, role: str) -> list[Entry]:
    """What the role was not permitted; an object whose absence may not be known is refused as well."""
    return [
        entry
        for entry in flow.cloud.audit.entries
        if entry.caller and entry.caller.role == role
        if entry.verdict is Verdict.REFUSED or (entry.error_code in {"AccessDenied", "403"} and not entry.injected)
    ]
