"""What can be chosen about the action; schema, example file and documentation are made from this."""

from __future__ import annotations

from dataclasses import dataclass

from backup_actions.contract import Settings, setting


@dataclass(frozen=True, kw_only=True)
class TheirActionSettings(Settings):
    """Settings of the action ``their-action``."""

    note: str = setting("What to keep beside the description: a ticket, or who has asked for it.", default="")
    attempt_timeout_minutes: int = setting(
        "How long one attempt of the job may take before it is given up.", default=60, at_least=5, at_most=24 * 60
    )
