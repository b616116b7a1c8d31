"""Runs an execution, state by state, in the calling thread.

The branches of a Parallel and the items of a Map run one after the other, whatever their MaxConcurrency: their times
add up. What a workflow may not rely on, their order, is fixed; what it may, their separate variables, is as on AWS.
https://states-language.net/spec.html
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from backup_actions_local.states.failures import RUNTIME, TIMEOUT, ExecutionEnded, StateFailed, matches
from backup_actions_local.states.tokens import CALLBACK
from backup_actions_local.states.values import check_size, timestamp, to_jsonata
from backup_actions_local.states.visit import Scope, Visit, context_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from datetime import datetime

    from backup_actions.model.json_types import JsonValue
    from backup_actions_local.states.execution import Execution
    from backup_actions_local.states.expressions import Expressions
    from backup_actions_local.states.tasks import Integrations
    from backup_actions_local.states.tokens import Token, Tokens

_INTERVAL_SECONDS, _MAX_ATTEMPTS, _BACKOFF_RATE = 1, 3, 2.0


class _RunningTask:
    """Implements ``tasks.RunningTask``."""

    def __init__(self, visit: Visit, until: datetime) -> None:
        self._visit, self._until = visit, until

    @property
    def execution_arn(self) -> str:
        return self._visit.execution.arn

    def wait(self, until: Callable[[], bool], *about: Hashable) -> None:
        execution = self._visit.execution
        if not execution.wait(until, (self._until - execution.clock.now()).total_seconds(), about=about or None):
            raise StateFailed(TIMEOUT)

    def submitted(self, output: JsonValue) -> None:
        self._visit.execution.record("TaskSubmitted", self._visit.name, output=output)

    def ensure_in_time(self) -> None:
        """Raise StateFailed(States.Timeout) if the call took longer than it may."""
        if self._visit.execution.clock.now() > self._until:
            raise StateFailed(TIMEOUT)


class Interpreter:
    """Runs one execution: ``integrations`` make its calls, ``expressions`` evaluate, ``tokens`` end Tasks."""

    def __init__(
        self, execution: Execution, integrations: Integrations, expressions: Expressions, tokens: Tokens
    ) -> None:
        self._execution, self._integrations, self._expressions = execution, integrations, expressions
        self._tokens = tokens
        self._clock = execution.clock
        self._context = context_of(execution)
        self._works = {"Task": self._task, "Map": self._map, "Parallel": self._parallel}

    def run(self) -> None:
        """Run it to its end, whatever that is. Raises only what is a mistake of the program; it has FAILED then too."""
        execution = self._execution
        try:
            execution.record("ExecutionStarted", input=execution.input)
            execution.succeed(self._run(execution.machine.definition, execution.input, Scope()))
        except StateFailed as failure:
            execution.fail(failure.error, failure.cause)
        except ExecutionEnded:
            pass
        except BaseException as error:
            execution.fail(RUNTIME, f"{type(error).__name__}: {error}")
            raise

    def _run(self, part: Mapping[str, Any], value: JsonValue, scope: Scope) -> JsonValue:
        name: str | None = part["StartAt"]
        while name is not None:
            self._execution.ensure_running()
            value, name = self._state(name, part["States"][name], value, scope)
        return value

    def _state(
        self, name: str, state: Mapping[str, Any], value: JsonValue, scope: Scope
    ) -> tuple[JsonValue, str | None]:
        """Run one state; return its output and the state that follows, None at the end."""
        kind = state["Type"]
        entered = self._execution.record(f"{kind}StateEntered", name, input=value)
        of_state = {"Name": name, "EnteredTime": timestamp(entered.time), "RetryCount": 0}
        visit = Visit(
            name=name,
            state=state,
            input=value,
            input_seen=to_jsonata(value),
            scope=scope,
            variables=scope.visible(),
            context={**self._context, "State": of_state},
            entered=entered,
            execution=self._execution,
            expressions=self._expressions,
        )
        if kind in self._works:
            output, following = self._work(visit)
        elif kind == "Choice":
            output, following = self._choose(visit)
        elif kind == "Fail":
            raise self._failed(visit)
        else:
            if kind == "Wait":
                self._pause(visit)
            output, following = visit.finish(state, value), state.get("Next")
        self._execution.record(f"{kind}StateExited", name, output=output)
        return output, following

    def _failed(self, visit: Visit) -> StateFailed:
        error, cause = (
            visit.of_type(visit.evaluate(visit.state[field], field), str, field) for field in ("Error", "Cause")
        )
        return StateFailed(error, cause)

    def _pause(self, visit: Visit) -> None:
        if "Seconds" in visit.state:
            seconds: float = visit.whole_number("Seconds", 0)
        else:
            seconds = (visit.moment("Timestamp") - self._clock.now()).total_seconds()
        self._execution.sleep(seconds)

    def _choose(self, visit: Visit) -> tuple[JsonValue, str]:
        for rule in visit.state["Choices"]:
            if visit.of_type(visit.evaluate(rule["Condition"], "Condition"), bool, "Condition"):
                return visit.finish(rule, visit.input), rule["Next"]
        return visit.finish(visit.state, visit.input), visit.state["Default"]

    def _work(self, visit: Visit) -> tuple[JsonValue, str | None]:
        """Run a Task, Map or Parallel state under its Retry and Catch."""
        state, spent, retries = visit.state, dict[int, int](), 0
        while True:
            try:
                result = self._works[state["Type"]](visit)
                return visit.finish(state, result, result=to_jsonata(result)), state.get("Next")
            except StateFailed as failure:
                wait_seconds = _retry_seconds(state.get("Retry", ()), failure.error, spent)
                if wait_seconds is None:
                    return self._catch(visit, failure)
            self._execution.sleep(wait_seconds)
            retries += 1
            visit = visit.again(retries)

    def _catch(self, visit: Visit, failure: StateFailed) -> tuple[JsonValue, str]:
        for catcher in visit.state.get("Catch", ()):
            if matches(catcher["ErrorEquals"], failure.error):
                seen = failure.output()
                return visit.finish(catcher, seen, errorOutput=to_jsonata(seen)), catcher["Next"]
        raise failure

    def _task(self, visit: Visit) -> JsonValue:
        if not visit.state["Resource"].endswith(CALLBACK):
            return self._called(visit, None)
        with self._tokens.given() as token:
            return self._called(visit.with_token(token.text), token)

    def _called(self, visit: Visit, token: Token | None) -> JsonValue:
        """What the call answers, or with a token what somebody answers for it."""
        record, name = self._execution.record, visit.name
        arguments = visit.evaluate(visit.state.get("Arguments", visit.input), "Arguments")
        check_size(arguments, f"the arguments of {name}")
        timeout = timedelta(seconds=visit.whole_number("TimeoutSeconds", 1))
        resource = visit.state["Resource"].partition(":states:::")[2]
        record("TaskScheduled", name, resource=resource, parameters=arguments)
        record("TaskStarted", name, resource=resource)
        task = _RunningTask(visit, self._clock.now() + timeout)
        try:
            result = self._integrations.run(resource, arguments, task)
            if token is not None:
                task.submitted(result)
                task.wait(lambda: token.answer is not None, token.text)
                result = token.result()
            self._execution.ensure_running()
            task.ensure_in_time()
            check_size(result, f"the result of {name}")
        except StateFailed as failure:
            event = "TaskTimedOut" if failure.error == TIMEOUT else "TaskFailed"
            record(event, name, resource=resource, error=failure.error, cause=failure.cause)
            raise
        record("TaskSucceeded", name, resource=resource, output=result)
        return result

    def _map(self, visit: Visit) -> JsonValue:
        record, name, state = self._execution.record, visit.name, visit.state
        items = visit.of_type(visit.evaluate(state.get("Items", visit.input), "Items"), list, "Items")
        if "MaxConcurrency" in state:
            visit.whole_number("MaxConcurrency", 0)
        record("MapStateStarted", name, length=len(items))
        outputs: list[JsonValue] = []
        try:
            for index, item in enumerate(items):
                outputs.append(self._iterate(visit, index, item))
        except StateFailed:
            record("MapStateFailed", name)
            raise
        record("MapStateSucceeded", name)
        return outputs

    def _iterate(self, visit: Visit, index: int, item: JsonValue) -> JsonValue:
        record, name = self._execution.record, visit.name
        value = item
        if "ItemSelector" in visit.state:
            seen = visit.with_item(index, to_jsonata(item))
            value = seen.evaluate(visit.state["ItemSelector"], "ItemSelector")
        record("MapIterationStarted", name, index=index)
        try:
            output = self._run(visit.state["ItemProcessor"], value, Scope(outer=visit.variables))
        except StateFailed:
            record("MapIterationFailed", name, index=index)
            raise
        record("MapIterationSucceeded", name, index=index)
        return output

    def _parallel(self, visit: Visit) -> JsonValue:
        record, name = self._execution.record, visit.name
        value = visit.evaluate(visit.state.get("Arguments", visit.input), "Arguments")
        record("ParallelStateStarted", name)
        try:
            outputs: JsonValue = [
                self._run(branch, value, Scope(outer=visit.variables)) for branch in visit.state["Branches"]
            ]
        except StateFailed:
            record("ParallelStateFailed", name)
            raise
        record("ParallelStateSucceeded", name)
        return outputs


def _retry_seconds(retries: Any, error: str, spent: dict[int, int]) -> float | None:
    """How long to wait before the next attempt, None if there is none; ``spent`` counts the attempts of each retrier.

    The first retrier that covers the error decides. Jitter is left out: it would only blur a clock that costs nothing.
    """
    for number, retrier in enumerate(retries):
        if matches(retrier["ErrorEquals"], error):
            attempts = spent.get(number, 0)
            if attempts >= retrier.get("MaxAttempts", _MAX_ATTEMPTS):
                return None
            spent[number] = attempts + 1
            growth = retrier.get("BackoffRate", _BACKOFF_RATE) ** attempts
            wait_seconds = float(retrier.get("IntervalSeconds", _INTERVAL_SECONDS) * growth)
            return min(wait_seconds, float(retrier.get("MaxDelaySeconds", wait_seconds)))
    return None
