"""What the main machine is told about the end of a backup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backup_actions.contract import Settings, setting


@dataclass(frozen=True, kw_only=True)
class LifecycleSettings(Settings):
    """When a recovery point may be shortened or deleted. The rules themselves are in ``decision.py``."""

    policy: Literal["keep", "shorten", "delete"] = setting(
        "keep", "What happens to a verified backup.", one_of=("keep", "shorten", "delete")
    )
    shorten_to_days: int | None = setting(
        None, "With shorten: days after its creation at which the backup expires.", at_least=1, at_most=36_500
    )
    after_unrestorable: bool = setting(
        False, "Let a backup go even though nothing that was made from it can restore the resource."
    )
    backup_tag_key: str | None = setting(None, "A backup is only touched if it carries a tag with this key …")
    backup_tag_value: str | None = setting(None, "… and this value.")
