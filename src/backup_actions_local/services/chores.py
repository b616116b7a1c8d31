"""What a service does by itself, on the clock, until the service is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from backup_actions_local.clock import SimulatedClock


class _Closed(Exception):
    """The service is closed: the chore is left where it is."""


class Chores:
    """Each is an actor on the clock. One that sleeps when the service is closed does not wake up to go on."""

    def __init__(self, clock: SimulatedClock, *, end_within_seconds: float = 10.0) -> None:
        self._clock = clock
        self._end_within_seconds = end_within_seconds
        self._closed = False
        self._threads: list[threading.Thread] = []

    def begin(self, name: str, work: Callable[[], None]) -> None:
        """Let it be done; nothing is begun any more once the service is closed."""
        if not self._closed:
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._threads.append(self._clock.spawn(name, lambda: self._do(work)))

    def sleep(self, seconds: float, *, unless: Callable[[], bool] | None = None) -> None:
        """Let that much time pass, or less when it need not pass any more. For chores only."""
        if unless is None:
            self._clock.wait(lambda: self._closed, seconds, about=(self,))
        else:
            self._clock.wait(lambda: self._closed or unless(), seconds)
        if self._closed:
            raise _Closed

    def follow(self, seconds: float) -> None:
        """Let that much time pass with others, who do not wait for this chore. For chores only."""
        self._clock.wait(lambda: self._closed, seconds, about=(self,), follows=True)
        if self._closed:
            raise _Closed

    def close(self) -> None:
        """None is left."""
        self._closed = True
        self._clock.changed(self)
        for thread in self._threads:
            thread.join(self._end_within_seconds)

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except _Closed:
            return
