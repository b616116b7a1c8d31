"""An execution's history as people want to see it: the steps that did something, polls of one thing as one step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from backup_actions_local.states.execution import Event, Execution

_ENTERED, _EXITED = "TaskStateEntered", "TaskStateExited"
_FAILURES = ("TaskFailed", "TaskTimedOut", "TaskSubmitFailed", "LambdaFunctionFailed")


@dataclass(frozen=True, slots=True)
class Step:
    """One task, or the same one several times in a row (a poll); waits in between belong to it."""

    state: str
    started: datetime
    ended: datetime
    times: int
    error: str

    @property
    def seconds(self) -> float:
        """How long it took on the clock."""
        return (self.ended - self.started).total_seconds()


class Folding:
    """Takes events one by one and gives a step back as soon as it is certain that it is over."""

    def __init__(self) -> None:
        self._step: Step | None = None
        self._error = ""

    def take(self, event: Event) -> Step | None:
        """The step that this event ends, if it does."""
        if event.type in _FAILURES:
            self._error = str(event.details.get("error") or event.type)
        if event.type == _EXITED and self._step is not None:
            step = self._step
            self._step = Step(step.state, step.started, event.time, step.times, self._error)
        if event.type != _ENTERED or event.state is None:
            return None
        before, self._error = self._step, ""
        if before is not None and before.state == event.state:
            self._step = Step(before.state, before.started, event.time, before.times + 1, before.error)
            return None
        self._step = Step(event.state, event.time, event.time, 1, "")
        return before

    def rest(self) -> Step | None:
        """The last step."""
        return self._step


def steps_of(execution: Execution) -> Iterator[Step]:
    """All steps of an execution."""
    return _folded(execution.history)


def _folded(events: Iterable[Event]) -> Iterator[Step]:
    folding = Folding()
    for event in events:
        if step := folding.take(event):
            yield step
    if last := folding.rest():
        yield last
