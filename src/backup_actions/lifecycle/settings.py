"""What the main machine is told about the end of a backup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backup_actions.contract import Settings, setting


@dataclass(frozen=True, kw_only=True)
class LifecycleSettings(Settings):
    """When a recovery point may be shortened or deleted. The rules themselves are in ``decision.py``."""

    policy: Literal["keep", "shorten", "delete"] = setting(
        "What happens to a verified backup.", default="keep", one_of=("keep", "shorten", "delete")
    )
    shorten_to_days: int | None = setting(
        "With shorten: days after its creation at which the backup expires.", default=None, at_least=1, at_most=36_500
    )
    after_unrestorable: bool = setting(
        "Let a backup go even though nothing that was made from it can restore the resource.", default=False
    )
    backup_tag_key: str | None = setting("A backup is only touched if it carries a tag with this key …", default=None)
    backup_tag_value: str | None = setting("… and this value.", default=None)
    expires_after_days: int | None = setting(
        "Days after which the archive bucket's lifecycle ends archives; a bucket of one's own says it itself.",
        default=None,
        at_least=1,
        at_most=36_500,
    )
    tell_each_success: bool = setting("Send a notification of each success, not of failures alone.", default=False)
