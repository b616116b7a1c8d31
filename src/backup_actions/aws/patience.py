"""Many calls at once to a service that counts them: paced below its rate, slower when it says so, tried again.

A client for this must not retry by itself; retries are decided here alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random
from typing import TypeVar

from backup_actions.aws.errors import translated
from backup_actions.errors import AwsBusy
from backup_actions.model.clock import Clock, growing_waits

T = TypeVar("T")

_THROTTLED = frozenset({"RequestThrottledException", "ThrottlingException", "TooManyRequestsException", "SlowDown"})
_LONGEST_WAIT_SECONDS = 20.0
# Each wait is a random part of its bound: 43 s on average and 86 s at most in all.
_WAITS = [min(wait, _LONGEST_WAIT_SECONDS) for wait in growing_waits(0.1, 2, 11)]
_LONGEST_SLEEP_SECONDS = 1.0
_BURST_SECONDS = 0.1
_RECOVERY_SECONDS = 60.0
_LOWEST_SHARE = 0.02


class Pace:
    """So many turns a second, of any number of threads; half as many after a complaint, all again within a minute."""

    def __init__(self, clock: Clock, turns_per_second: float) -> None:
        self._clock = clock
        self._ceiling = turns_per_second
        self._credit = self._most_credit = max(1.0, turns_per_second * _BURST_SECONDS)
        self._after_complaint = turns_per_second
        self._complained_at = self._seen_at = clock.now().timestamp()
        self._lock = threading.Lock()

    def take_turn(self) -> None:
        """It is this thread's turn."""
        with self._lock:
            now = self._clock.now().timestamp()
            rate = self._rate(now)
            # A clock may be set back; the time that passed then counts as none.
            self._credit = min(self._most_credit, self._credit + max(0.0, now - self._seen_at) * rate) - 1
            self._seen_at = now
            wait = max(0.0, -self._credit / rate)
        if wait:
            self._clock.sleep(wait)

    def slow_down(self) -> None:
        """Fewer turns from now on. What many threads complain of at the same time counts once."""
        with self._lock:
            now = self._clock.now().timestamp()
            rate = self._rate(now)
            self._credit = min(self._credit, 0.0)
            if rate == self._ceiling or now - self._complained_at >= 1:
                self._after_complaint = max(rate / 2, self._ceiling * _LOWEST_SHARE)
                self._complained_at = now

    def _rate(self, now: float) -> float:
        recovered = self._ceiling / _RECOVERY_SECONDS * max(0.0, now - self._complained_at)
        return min(self._ceiling, self._after_complaint + recovered)


class PatientCalls:
    """Calls at a pace, each tried again with growing random waits while the service is busy."""

    def __init__(self, clock: Clock, *, calls_per_second: float, random: Random | None = None) -> None:
        self._clock = clock
        self._pace = Pace(clock, calls_per_second)
        self._random = random or Random()  # noqa: S311 - spreads retries, guards nothing
        self._ended = threading.Event()

    def call(self, operation: str, request: Callable[[], T]) -> T:
        """What the request gives. Raises AwsBusy after the last try, AwsCallFailed, AwsNotConfigured."""
        for wait in _WAITS:
            try:
                return self._once(operation, request)
            except AwsBusy:
                if self._pause(self._random.uniform(0, wait)):
                    raise
        return self._once(operation, request)

    def end(self) -> None:
        """Nothing is tried again any more; who waits for the next try gives up within a second."""
        self._ended.set()

    def _pause(self, seconds: float) -> bool:
        """Whether it has ended, at the latest after that time."""
        while seconds > 0 and not self._ended.is_set():
            self._clock.sleep(min(seconds, _LONGEST_SLEEP_SECONDS))
            seconds -= _LONGEST_SLEEP_SECONDS
        return self._ended.is_set()

    def _once(self, operation: str, request: Callable[[], T]) -> T:
        self._pace.take_turn()
        try:
            with translated(operation=operation):
                return request()
        except AwsBusy as busy:
            if busy.facts["error_code"] in _THROTTLED:
                self._pace.slow_down()
            raise
