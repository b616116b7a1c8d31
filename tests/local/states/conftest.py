"""Runs definitions on a simulated clock, against calls that a test answers itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from backup_actions_local.clock import SimulatedClock
from backup_actions_local.states.execution import Execution
from backup_actions_local.states.expressions import Expressions
from backup_actions_local.states.interpreter import Interpreter
from backup_actions_local.states.machine import Machine, check
from backup_actions_local.states.tasks import RunningTask
from backup_actions_local.states.tokens import Tokens

Answer = Callable[[Any, RunningTask], Any]
RunMachine = Callable[..., Execution]


class FakeIntegrations:
    """Answers each resource with the function given for it; remembers the calls."""

    def __init__(self, **answers: Answer) -> None:
        self._answers = answers
        self.calls: list[tuple[str, Any]] = []

    def mistakes(self, resource: str, arguments: Any) -> Iterator[str]:
        if resource not in self._answers and resource != "work":
            yield f"the integration {resource} is not known"

    def run(self, resource: str, arguments: Any, task: RunningTask) -> Any:
        self.calls.append((resource, arguments))
        answer = self._answers.get(resource)
        return arguments if answer is None else answer(arguments, task)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def tokens(clock: SimulatedClock) -> Tokens:
    return Tokens(clock)


@pytest.fixture
def integrations() -> type[FakeIntegrations]:
    return FakeIntegrations


@pytest.fixture
def execution_of(clock: SimulatedClock) -> Callable[..., Execution]:
    """Make an execution of some states, the first of which begins; it has been checked and not been run."""

    def make(
        states: Mapping[str, Any],
        value: Any = None,
        *,
        calls: FakeIntegrations | None = None,
        timeout_seconds: int = 1000,
        **more: Any,
    ) -> Execution:
        definition = {
            "QueryLanguage": "JSONata",
            "TimeoutSeconds": timeout_seconds,
            "StartAt": next(iter(states)),
            "States": dict(states),
        }
        check("test", definition, calls or FakeIntegrations())
        machine = Machine(
            name="test",
            arn="arn:aws:states:us-east-1:111122223333:stateMachine:test",
            role_arn="arn:aws:iam::111122223333:role/test",
            definition=definition,
            created=clock.now(),
        )
        arn = "arn:aws:states:us-east-1:111122223333:execution:test:run"
        return Execution(machine, name="run", arn=arn, value=value, clock=clock, **more)

    return make


@pytest.fixture
def run(clock: SimulatedClock, tokens: Tokens, execution_of: Callable[..., Execution]) -> RunMachine:
    """Run some states in this thread, and return the ended execution."""

    def go(
        states: Mapping[str, Any], value: Any = None, calls: FakeIntegrations | None = None, **more: Any
    ) -> Execution:
        execution = execution_of(states, value, calls=calls, **more)
        with clock.actor():
            Interpreter(execution, calls or FakeIntegrations(), Expressions(clock.now), tokens).run()
        return execution

    return go
