"""What the machine that proves archives again is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backup_actions.contract import Settings, setting


@dataclass(frozen=True, kw_only=True)
class ProvingSettings(Settings):
    """The settings file's section ``proving``, flat."""

    verify_every_days: int | None = setting(
        "Days after its last proof at which an archive is read again.", default=None, at_least=1, at_most=36_500
    )
    gib_per_day: int = setting("How much of them is read on a day, in GiB.", default=1000, at_least=1)
    restore_every_days: int | None = setting(
        "Days from one restore test to the next.", default=None, at_least=1, at_most=36_500
    )
    restore_choose: Literal["random", "oldest", "largest"] = setting(
        "Which archive is restored.", default="random", one_of=("random", "oldest", "largest")
    )
    attempt_timeout_hours: int = setting(
        "How long one attempt of a job may take before it is given up.", default=24, at_least=1, at_most=72
    )
    placement_timeout_minutes: int = setting(
        "How long a job may wait for Spot capacity in one zone before the next zone is tried.",
        default=30,
        at_least=5,
        at_most=24 * 60,
    )
