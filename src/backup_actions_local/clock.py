"""A clock that never makes anybody wait: when all that live on it are waiting, it jumps to the next moment.

Whoever does work on this clock is an *actor*: an execution, a Batch job, the delivery of an event. Time stands still
as long as one of them works, so results do not depend on how fast the machine is.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START = datetime(2026, 1, 15, 3, 0, tzinfo=UTC)


class NothingLeftToWaitFor(RuntimeError):
    """Every actor waits for something that no other actor can bring about."""


@dataclass(eq=False)
class _Waiter:
    until: Callable[[], bool]
    deadline: float | None
    wake: threading.Condition
    """Its own: of thousands that wait only those are woken that have reason to go on."""
    follows: bool = False
    """Whether it waits for time that others let pass, and gives none of them reason to let any pass."""
    in_vain: bool = False


class SimulatedClock:
    """Implements ``model.clock.Clock``. With ``flows`` the real time that work takes counts too (for the demo)."""

    def __init__(self, start: datetime = START, *, flows: bool = False) -> None:
        self._start = start
        self._skipped_seconds = 0.0
        self._began = time.monotonic()
        self._flows = flows
        self._lock = threading.RLock()
        self._resting = threading.Condition(self._lock)
        self._actors = 0
        self._waiters: dict[_Waiter, None] = {}

    def now(self) -> datetime:
        """Return the time on this clock."""
        return self._start + timedelta(seconds=self._seconds())

    def sleep(self, seconds: float) -> None:
        """Let that much of this clock's time pass."""
        self.wait(lambda: False, seconds)

    def wait(self, until: Callable[[], bool], timeout_seconds: float | None = None, *, follows: bool = False) -> bool:
        """Wait until the condition holds (True) or the time is over (False). Whoever changes it calls ``changed``.

        Only an actor may wait, or a thread that works for an actor who does nothing until it has the answer (one that
        serves its request): any other would count in place of an actor that still works, and time would jump.
        One that ``follows`` is due when others have let so much time pass; on its account none passes.
        Raises NothingLeftToWaitFor when no deadline remains and all actors wait.
        """
        with self._lock:
            deadline = None if timeout_seconds is None else self._seconds() + max(0.0, timeout_seconds)
            waiter = _Waiter(until, deadline, threading.Condition(self._lock), follows)
            self._waiters[waiter] = None
            if follows:
                self._resting.notify_all()
            try:
                while not until():
                    now = self._seconds()
                    if deadline is not None and now >= deadline:
                        return False
                    if waiter.in_vain:
                        raise NothingLeftToWaitFor
                    if not self._jump() and not self._is_due(waiter):
                        waiter.wake.wait(deadline - now if self._flows and deadline is not None else None)
                return True
            finally:
                del self._waiters[waiter]

    def changed(self) -> None:
        """Tell the waiting that something they wait for may have come true."""
        with self._lock:
            self._wake_due()

    @contextmanager
    def actor(self) -> Iterator[None]:
        """Count the calling thread as one that works, until the block ends."""
        self._enter()
        try:
            yield
        finally:
            self._leave()

    def spawn(self, name: str, work: Callable[[], None]) -> threading.Thread:
        """Start a thread that is an actor from this moment on."""
        self._enter()

        def run() -> None:
            try:
                work()
            finally:
                self._leave()

        thread = threading.Thread(target=run, name=name, daemon=True)
        thread.start()
        return thread

    def wait_for_rest(self) -> None:
        """Return when no actor is left but those that follow others. For a thread that is none itself."""
        with self._lock:
            while self._actors > sum(waiter.follows and not self._is_due(waiter) for waiter in self._waiters):
                self._resting.wait(1.0)  # a signal (Ctrl-C) is only seen between two waits

    def _enter(self) -> None:
        with self._lock:
            self._actors += 1

    def _leave(self) -> None:
        with self._lock:
            self._actors -= 1
            if not self._jump():
                self._wake_due()
            self._resting.notify_all()

    def _seconds(self) -> float:
        return self._skipped_seconds + (time.monotonic() - self._began if self._flows else 0.0)

    def _is_due(self, waiter: _Waiter) -> bool:
        return waiter.until() or (waiter.deadline is not None and waiter.deadline <= self._seconds())

    def _wake_due(self) -> bool:
        """Wake who has reason to go on, and say whether there is anybody. The lock is held."""
        due = [waiter for waiter in self._waiters if waiter.in_vain or self._is_due(waiter)]
        for waiter in due:
            waiter.wake.notify()
        return bool(due)

    def _jump(self) -> bool:
        """Skip to the next deadline if everybody waits and nobody is about to wake. The lock is held."""
        if len(self._waiters) < self._actors:
            return False
        # A condition may have come true with the clock alone, when nobody called ``changed``.
        if self._wake_due():
            return False
        leading = [waiter for waiter in self._waiters if not waiter.follows]
        deadlines = [waiter.deadline for waiter in self._waiters if waiter.deadline is not None]
        if any(waiter.deadline is not None for waiter in leading):
            self._skipped_seconds += min(deadlines) - self._seconds()
        elif leading and self._actors:
            for waiter in leading:
                waiter.in_vain = True
        else:
            return False
        self._wake_due()
        return True
