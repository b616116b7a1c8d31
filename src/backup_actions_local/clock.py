"""A clock that never makes anybody wait: when all that live on it are waiting, it jumps to the next moment.

Whoever does work on this clock is an *actor*: an execution, a Batch job, the delivery of an event. Time stands still
as long as one of them works, so results do not depend on how fast the machine is.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

START = datetime(2026, 1, 15, 3, 0, tzinfo=UTC)
_DEADLINES_KEPT = 64


class NothingLeftToWaitFor(RuntimeError):
    """Every actor waits for something that no other actor can bring about."""


@dataclass(eq=False)
class _Waiter:
    until: Callable[[], bool]
    deadline: float | None
    wake: threading.Condition
    """Its own: of thousands that wait only those are woken that have reason to go on."""
    about: tuple[Hashable, ...] | None
    """What alone can bring its condition about; None if anything can, also that time passes."""
    follows: bool = False
    """Whether it waits for time that others let pass, and gives none of them reason to let any pass."""
    in_vain: bool = False
    is_woken: bool = False


class _Waiters:
    """All who wait, so that the next deadline and those whom a change concerns are found without asking everybody."""

    def __init__(self) -> None:
        self.all: dict[_Waiter, None] = {}
        self.woken = 0
        """How many have reason to go on, and have not gone on yet."""
        self.leading = 0
        """How many do not follow others,"""
        self.leading_with_deadline = 0
        """and how many of these go on when enough time has passed."""
        self.following: dict[_Waiter, None] = {}
        self._by_subject: defaultdict[Hashable, dict[_Waiter, None]] = defaultdict(dict)
        self._concerned_by_all: dict[_Waiter, None] = {}
        self._deadlines: list[tuple[float, int, _Waiter]] = []
        self._numbers = itertools.count()

    def add(self, waiter: _Waiter) -> None:
        """It waits from now on."""
        self.all[waiter] = None
        self._count(waiter, 1)
        if waiter.deadline is not None:
            heapq.heappush(self._deadlines, (waiter.deadline, next(self._numbers), waiter))
        if waiter.about is None:
            self._concerned_by_all[waiter] = None
        for subject in waiter.about or ():
            self._by_subject[subject][waiter] = None

    def remove(self, waiter: _Waiter) -> None:
        """It waits no more."""
        del self.all[waiter]
        self._count(waiter, -1)
        self.rest(waiter)
        self._concerned_by_all.pop(waiter, None)
        for subject in waiter.about or ():
            del self._by_subject[subject][waiter]
            if not self._by_subject[subject]:
                del self._by_subject[subject]
        if len(self._deadlines) > 2 * len(self.all) + _DEADLINES_KEPT:
            # Whoever went on long before his deadline, and all that his condition looks at, would stay until then.
            self._deadlines = [each for each in self._deadlines if each[2] in self.all]
            heapq.heapify(self._deadlines)

    def wake(self, waiter: _Waiter) -> None:
        """It has reason to go on."""
        self.woken += not waiter.is_woken
        waiter.is_woken = True
        waiter.wake.notify()

    def rest(self, waiter: _Waiter) -> None:
        """It has looked, and has no reason to go on, or has gone on."""
        self.woken -= waiter.is_woken
        waiter.is_woken = False

    def concerned(self, subjects: tuple[Hashable, ...]) -> list[_Waiter]:
        """Whoever may have reason to go on when these have changed, or time has."""
        found = list(self._concerned_by_all)
        for subject in subjects:
            found += self._by_subject.get(subject, ())
        return found

    def next_deadline(self) -> float | None:
        """That of who waits and has the earliest."""
        while self._deadlines and self._deadlines[0][2] not in self.all:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def over(self, seconds: float) -> Iterator[_Waiter]:
        """Whose deadline has come; each is told once."""
        while (deadline := self.next_deadline()) is not None and deadline <= seconds:
            yield heapq.heappop(self._deadlines)[2]

    def _count(self, waiter: _Waiter, step: int) -> None:
        if not waiter.follows:
            self.leading += step
            self.leading_with_deadline += step if waiter.deadline is not None else 0
        elif step > 0:
            self.following[waiter] = None
        else:
            del self.following[waiter]


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
        self._waiters = _Waiters()

    def now(self) -> datetime:
        """Return the time on this clock."""
        return self._start + timedelta(seconds=self._seconds())

    def sleep(self, seconds: float) -> None:
        """Let that much of this clock's time pass."""
        self.wait(lambda: False, seconds, about=())

    def wait(
        self,
        until: Callable[[], bool],
        timeout_seconds: float | None = None,
        *,
        about: tuple[Hashable, ...] | None = None,
        follows: bool = False,
    ) -> bool:
        """Wait until the condition holds (True) or the time is over (False). Whoever changes it calls ``changed``.

        ``about`` names what alone brings it about: it is looked at again when ``changed`` is called with one of these,
        and never else. Without, it is looked at whenever anything changes: not to be used where thousands wait.
        Only an actor may wait, or a thread that works for an actor who does nothing until it has the answer (one that
        serves its request): any other would count in place of an actor that still works, and time would jump.
        One that ``follows`` is due when others have let so much time pass; on its account none passes.
        Raises NothingLeftToWaitFor when no deadline remains and all actors wait.
        """
        with self._lock:
            deadline = None if timeout_seconds is None else self._seconds() + max(0.0, timeout_seconds)
            waiter = _Waiter(until, deadline, threading.Condition(self._lock), about, follows)
            self._waiters.add(waiter)
            if follows:
                self._resting.notify_all()
            try:
                while not until():
                    now = self._seconds()
                    if deadline is not None and now >= deadline:
                        return False
                    if waiter.in_vain:
                        raise NothingLeftToWaitFor
                    self._waiters.rest(waiter)
                    if not self._jump() and not self._is_due(waiter):
                        waiter.wake.wait(deadline - now if self._flows and deadline is not None else None)
                return True
            finally:
                self._waiters.remove(waiter)

    def changed(self, *subjects: Hashable) -> None:
        """Tell the waiting that something they wait for may have come true, with these subjects or with others."""
        with self._lock:
            self._wake_due(*subjects)

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
            while self._actors > sum(not self._is_due(waiter) for waiter in self._waiters.following):
                self._resting.wait(1.0)  # a signal (Ctrl-C) is only seen between two waits

    def _enter(self) -> None:
        with self._lock:
            self._actors += 1

    def _leave(self) -> None:
        with self._lock:
            self._actors -= 1
            if not self._jump():
                self._wake_due()
            if self._actors <= len(self._waiters.following):
                self._resting.notify_all()

    def _seconds(self) -> float:
        return self._skipped_seconds + (time.monotonic() - self._began if self._flows else 0.0)

    def _is_due(self, waiter: _Waiter) -> bool:
        return waiter.until() or (waiter.deadline is not None and waiter.deadline <= self._seconds())

    def _wake_due(self, *subjects: Hashable) -> bool:
        """Wake who has reason to go on, and say whether there is anybody. The lock is held."""
        for waiter in self._waiters.over(self._seconds()):
            self._waiters.wake(waiter)
        for waiter in self._waiters.concerned(subjects):
            if waiter.until():
                self._waiters.wake(waiter)
        return self._waiters.woken > 0

    def _jump(self) -> bool:
        """Skip to the next deadline if everybody waits and nobody is about to wake. The lock is held."""
        if len(self._waiters.all) < self._actors:
            return False
        # A condition may have come true with the clock alone, when nobody called ``changed``.
        if self._wake_due():
            return False
        deadline = self._waiters.next_deadline()
        if self._waiters.leading_with_deadline and deadline is not None:
            self._skipped_seconds += deadline - self._seconds()
        elif self._waiters.leading and self._actors:
            for waiter in self._waiters.all:
                if not waiter.follows:
                    waiter.in_vain = True
                    self._waiters.wake(waiter)
        else:
            return False
        self._wake_due()
        return True
