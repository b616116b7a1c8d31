"""One execution: what it is, what became of it, and everything that happened on the way."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from backup_actions_local.states.failures import RUNTIME, ExecutionEnded, StateFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from datetime import datetime

    from backup_actions.model.json_types import JsonValue
    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.states.machine import Machine

Status: TypeAlias = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]

# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html (execution event history size)
HISTORY_LIMIT = 25_000

_LAST_EVENT: Mapping[Status, str] = {
    "SUCCEEDED": "ExecutionSucceeded",
    "FAILED": "ExecutionFailed",
    "TIMED_OUT": "ExecutionTimedOut",
    "ABORTED": "ExecutionAborted",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the history, of one of AWS's types (``TaskStateEntered``, ``MapIterationFailed``)."""

    number: int
    time: datetime
    type: str
    state: str | None
    """The state that it happened in."""
    details: Mapping[str, Any]
    """As far as the type has them: input, output, error, cause, resource, parameters, index, length; JSON values."""


Listener: TypeAlias = "Callable[[Execution, Event], None]"


def _nobody(_: Execution, __: Event) -> None:
    """Listen to nothing."""


class Execution:
    """Begins as RUNNING and ends once; after that nothing is added to it.

    ``listener`` is told of every event, ``on_end`` once of the end, each by the thread that brings it about.
    """

    def __init__(
        self,
        machine: Machine,
        *,
        name: str,
        arn: str,
        value: JsonValue,
        clock: SimulatedClock,
        listener: Listener = _nobody,
        on_end: Callable[[Execution], None] = lambda _: None,
    ) -> None:
        self.machine, self.name, self.arn, self.input = machine, name, arn, value
        self.clock = clock
        self.started = clock.now()
        self.stopped: datetime | None = None
        self.status: Status = "RUNNING"
        self.output: JsonValue = None
        self.error: str | None = None
        self.cause: str | None = None
        self.history: list[Event] = []
        self._listener, self._on_end = listener, on_end
        self._deadline = self.started + timedelta(seconds=machine.timeout_seconds)
        self._lock = threading.Lock()

    @property
    def has_ended(self) -> bool:
        """Whether it has a final status."""
        return self.status != "RUNNING"

    def record(self, kind: str, state: str | None = None, **details: Any) -> Event:
        """Add an event. Raises ExecutionEnded after the end, StateFailed(States.Runtime) when the history is full."""
        with self._lock:
            if self.has_ended:
                raise ExecutionEnded
            # The last place is for the end itself.
            if len(self.history) >= HISTORY_LIMIT - 1:
                cause = f"The execution reached the maximum number of history events ({HISTORY_LIMIT})."
                raise StateFailed(RUNTIME, cause)
            event = self._append(kind, state, details)
        self._listener(self, event)
        return event

    def ensure_running(self) -> None:
        """Raise ExecutionEnded if it was stopped, or if its time is over: then it is TIMED_OUT from now on."""
        if not self.has_ended and self.clock.now() >= self._deadline:
            self._end("TIMED_OUT")
        if self.has_ended:
            raise ExecutionEnded

    def sleep(self, seconds: float) -> None:
        """Let that much time pass. Raises ExecutionEnded."""
        self.wait(lambda: False, max(0.0, seconds), about=())

    def wait(
        self, until: Callable[[], bool], timeout_seconds: float, *, about: tuple[Hashable, ...] | None = None
    ) -> bool:
        """Wait until the condition holds (True) or the time is over (False). Raises ExecutionEnded.

        ``about`` names what alone brings it about, as it does for the clock.
        """
        self.ensure_running()
        left_seconds = (self._deadline - self.clock.now()).total_seconds()
        self.clock.wait(
            lambda: self.has_ended or until(),
            min(timeout_seconds, left_seconds),
            about=None if about is None else (self.arn, *about),
        )
        self.ensure_running()
        return until()

    def succeed(self, output: JsonValue) -> None:
        """End as SUCCEEDED, unless it has ended already."""
        self._end("SUCCEEDED", output=output)

    def fail(self, error: str | None, cause: str | None) -> None:
        """End as FAILED, unless it has ended already."""
        self._end("FAILED", error=error, cause=cause)

    def stop(self, error: str | None = None, cause: str | None = None) -> None:
        """End as ABORTED, unless it has ended already: no further state runs. For other threads."""
        self._end("ABORTED", error=error, cause=cause)

    def _end(
        self, status: Status, *, output: JsonValue = None, error: str | None = None, cause: str | None = None
    ) -> None:
        with self._lock:
            if self.has_ended:
                return
            details = {"output": output} if status == "SUCCEEDED" else {"error": error, "cause": cause}
            event = self._append(_LAST_EVENT[status], None, details)
            self.output, self.error, self.cause, self.stopped = output, error, cause, event.time
            self.status = status
        self._listener(self, event)
        self._on_end(self)
        self.clock.changed(self.arn)

    def _append(self, kind: str, state: str | None, details: Mapping[str, Any]) -> Event:
        event = Event(len(self.history) + 1, self.clock.now(), kind, state, details)
        self.history.append(event)
        return event
