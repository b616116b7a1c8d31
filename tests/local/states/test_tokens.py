"""A Task that gives a token out ends when somebody who has it says so, or when its time is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from backup_actions_local.calls import Call, Caller, Refused
from backup_actions_local.clock import START, SimulatedClock
from backup_actions_local.states.execution import Execution
from backup_actions_local.states.tokens import Tokens
from backup_actions_local.states.validation import mistakes_in

Run = Callable[..., Execution]
RESOURCE = "work.waitForTaskToken"
ARGUMENTS = {"token": "{% $states.context.Task.Token %}"}
CATCH = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput %}", "Next": "End"}]
STATES: dict[str, dict[str, Any]] = {
    "Ask": {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{RESOURCE}",
        "TimeoutSeconds": "{% $states.input.seconds %}",
        "Arguments": ARGUMENTS,
        "Output": "{% $states.result %}",
        "Catch": CATCH,
        "Next": "End",
    },
    "End": {"Type": "Succeed"},
}


def send(tokens: Tokens, operation: str, token: str, **more: str) -> None:
    call = Call("stepfunctions", operation, {"taskToken": token, **more}, Caller("administrator"))
    tokens.handlers()[operation](call)


def refusal(tokens: Tokens, operation: str, token: str, **more: str) -> str:
    with pytest.raises(Refused) as caught:
        send(tokens, operation, token, **more)
    return caught.value.code


@pytest.fixture(name="asked")
def _asked(run: Run, integrations: Any, clock: SimulatedClock) -> Callable[..., tuple[Execution, str]]:
    """Run the machine; what it asks does ``then`` with the token, after so many seconds."""

    def go(then: Callable[[str], object], *, after_seconds: float = 10, seconds: int = 60) -> tuple[Execution, str]:
        held: list[str] = []

        def hand_over(arguments: Any, _task: object) -> Any:
            held.append(arguments["token"])

            def later() -> None:
                clock.sleep(after_seconds)
                then(held[0])

            if after_seconds:
                clock.spawn("somebody", later)
            else:
                then(held[0])
            return {"Payload": "handed over"}

        execution = run(STATES, {"seconds": seconds}, integrations(**{RESOURCE: hand_over}))
        return execution, held[0]

    return go


def kinds(execution: Execution) -> list[str]:
    return [event.type for event in execution.history if event.state == "Ask"]


def test_a_task_ends_with_what_it_is_told_at_that_moment(tokens: Tokens, asked: Callable[..., Any]) -> None:
    execution, _ = asked(lambda token: send(tokens, "SendTaskSuccess", token, output='{"is": "done"}'))

    assert (execution.status, execution.output) == ("SUCCEEDED", {"is": "done"})
    assert execution.stopped == START + timedelta(seconds=10)
    assert kinds(execution) == [
        "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded", "TaskStateExited",
    ]  # fmt: skip


def test_an_answer_may_come_before_the_call_has_returned(tokens: Tokens, asked: Callable[..., Any]) -> None:
    execution, _ = asked(lambda token: send(tokens, "SendTaskSuccess", token, output="{}"), after_seconds=0)

    assert (execution.output, execution.stopped) == ({}, START)


def test_a_task_fails_with_what_it_is_told(tokens: Tokens, asked: Callable[..., Any]) -> None:
    execution, _ = asked(lambda token: send(tokens, "SendTaskFailure", token, error="Broken", cause="it fell"))

    assert execution.output == {"Error": "Broken", "Cause": "it fell"}


def test_a_task_that_nobody_ends_times_out_and_its_token_is_over(tokens: Tokens, asked: Callable[..., Any]) -> None:
    execution, token = asked(lambda _: None, seconds=30)

    assert execution.output["Error"] == "States.Timeout"
    assert execution.stopped == START + timedelta(seconds=30)
    assert refusal(tokens, "SendTaskSuccess", token, output="{}") == "TaskTimedOut"


def test_only_the_first_answer_counts(tokens: Tokens, asked: Callable[..., Any]) -> None:
    def twice(token: str) -> None:
        send(tokens, "SendTaskSuccess", token, output='"first"')
        assert refusal(tokens, "SendTaskFailure", token, error="Second") == "TaskTimedOut"

    assert asked(twice)[0].output == "first"


def test_answers_that_are_none_are_refused(tokens: Tokens) -> None:
    with tokens.given() as token:
        assert refusal(tokens, "SendTaskSuccess", token.text, output="no JSON") == "InvalidOutput"
        assert refusal(tokens, "SendTaskSuccess", "made up", output="{}") == "InvalidToken"
        assert refusal(tokens, "SendTaskSuccess", token.text[:-32] + "0" * 32, output="{}") == "TaskDoesNotExist"


class Known:
    def mistakes(self, _resource: str, _arguments: Any) -> list[str]:
        return []

    def run(self, resource: str, _arguments: Any, _task: Any) -> Any:
        raise AssertionError(resource)


@pytest.mark.parametrize(
    ("changed", "mistake"),
    [
        ({"Arguments": {}}, "no argument holds $states.context.Task.Token"),
        ({"Resource": "arn:aws:states:::work"}, "$states.context.Task.Token is not known here"),
        ({"Arguments": {**ARGUMENTS, "n": "{% $states.context.Task.Name %}"}}, "Task.Name is not known here"),
        ({"TimeoutSeconds": "{% $length($states.context.Task.Token) %}"}, "Token is not known here"),
    ],
)
def test_a_token_is_known_where_it_is_given_out_and_nowhere_else(changed: dict[str, Any], mistake: str) -> None:
    states = {**STATES, "Ask": {**STATES["Ask"], **changed}}
    definition = {"QueryLanguage": "JSONata", "TimeoutSeconds": 9, "StartAt": "Ask", "States": states}

    (found,) = mistakes_in(definition, Known())  # type: ignore[arg-type]
    assert mistake in found
