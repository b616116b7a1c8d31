"""How work ends from outside: its host is lost, or its container is told to stop."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from backup_actions.model.progress import Progress
    from backup_actions_local.clock import SimulatedClock


CONTAINER_EXITED = "Essential container in task exited"
"""What Batch says of a container that ended by itself, however it ended."""


class HostLost(BaseException):
    """The host under this thread is gone: nothing of the work on it may go on."""


class Doom:
    """Shared by a piece of work and whoever may end it. Both know the reason afterwards."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._told = False
        self.reason = ""
        self.host_is_lost = False
        self.finished = False
        self._when_sealed: list[Callable[[], None]] = []

    def when_sealed(self, stop: Callable[[], None]) -> None:
        """Have this called when the work is to end; at once when that is so already."""
        with self._lock:
            self._when_sealed.append(stop)
            is_sealed = bool(self.reason)
        if is_sealed:
            stop()

    def lose_host(self, instance_id: str) -> None:
        """End the work with its host, in the words that Batch has for it."""
        self.seal(f"Host EC2 (instance {instance_id}) terminated.", host_is_lost=True)

    def warn_host(self, instance_id: str) -> None:
        """End the work as two minutes before a Spot host goes: the container is told to stop, and ends before its host.

        So Batch says nothing of the host, and what becomes of the job follows from the container's exit code.
        """
        del instance_id
        self.seal(CONTAINER_EXITED)

    def seal(self, reason: str, *, host_is_lost: bool = False) -> None:
        """End the work. The first reason stays."""
        with self._lock:
            if self.reason or self.finished:
                return
            self.reason, self.host_is_lost = reason, host_is_lost
            stops = list(self._when_sealed)
        for stop in stops:
            stop()
        self._clock.changed(self)

    def finish(self) -> None:
        """Say that the work is over, so that nobody waits for it any more."""
        self.finished = True
        self._clock.changed(self)

    def check(self) -> None:
        """Raise HostLost whenever the host is gone; KeyboardInterrupt once when the container was told to stop."""
        if self.host_is_lost:
            raise HostLost(self.reason)
        if self.reason and not self._told:
            self._told = True
            raise KeyboardInterrupt(self.reason)

    def watch(self, timeout_seconds: float, reason: str) -> None:
        """End the work when it has not finished in that time on the clock."""

        def watch() -> None:
            if not self._clock.wait(lambda: self.finished or bool(self.reason), timeout_seconds, about=(self,)):
                self.seal(reason)

        self._clock.spawn("timeout", watch)


@dataclass(frozen=True, slots=True)
class Point:
    """Where a job's host is lost: after so many bytes, or when the job says something that begins so."""

    after_bytes: int | None = None
    at: str | None = None


class DoomedProgress:
    """Passes on what is reported, until the point at which the host is lost; then ``lose`` is called."""

    def __init__(self, inner: Progress, point: Point | None, lose: Callable[[], None]) -> None:
        self._inner, self._point, self._lose = inner, point, lose
        self._bytes = 0

    def start(self, what: str, total_bytes: int | None) -> None:
        """Pass it on, and die there if that is the point."""
        self._inner.start(what, total_bytes)
        self._at(what)

    def add(self, source_bytes: int) -> None:
        """Pass it on, and die there if that is the point."""
        self._inner.add(source_bytes)
        self._bytes += source_bytes
        after = self._point.after_bytes if self._point else None
        if after is not None and self._bytes >= after:
            self._lose()

    def note(self, sentence: str) -> None:
        """Pass it on, and die there if that is the point."""
        self._inner.note(sentence)
        self._at(sentence)

    def _at(self, said: str) -> None:
        if self._point and self._point.at is not None and said.startswith(self._point.at):
            self._lose()
