"""Copies of snapshots that are being made, each an actor on the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backup_actions_local.services.chores import Chores

if TYPE_CHECKING:
    from collections.abc import Callable

    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.mishaps import Mishaps

# What is wrong from the beginning is seen after a moment only: the call has been answered by then.
_AT_LEAST_SECONDS = 5.0
_INTERNAL = "An internal error has occurred"


class Copying:
    """What RDS and EC2 do by themselves when a snapshot is copied."""

    def __init__(self, *, clock: SimulatedClock, mishaps: Mishaps) -> None:
        self._mishaps = mishaps
        self._chores = Chores(clock)

    def begin(self, name: str, seconds: float, *, trouble: Callable[[], str], done: Callable[[str], None]) -> None:
        """After that time the copy is done: without a cause when it is well, earlier with the cause of a trouble.

        ``trouble`` is asked with the clock's lock held: it takes no other.
        """
        if self._mishaps.strike("endless snapshot copy"):
            return
        fails = self._mishaps.strike("snapshot copy failure") is not None

        def work() -> None:
            self._chores.sleep(_AT_LEAST_SECONDS)
            self._chores.sleep(seconds - _AT_LEAST_SECONDS, unless=lambda: bool(trouble()))
            done(trouble() or (_INTERNAL if fails else ""))

        self._chores.begin(f"copy {name}", work)

    def close(self) -> None:
        """None is under way any more."""
        self._chores.close()
