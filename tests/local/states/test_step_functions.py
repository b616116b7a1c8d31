"""The service: executions are started once, run on the clock, and can be looked at and stopped."""

from __future__ import annotations

import json
import threading
from contextlib import nullcontext
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.validate import ParamValidator

from backup_actions.errors import DefinitionInvalid
from backup_actions_local.calls import Call, Caller, Refused
from backup_actions_local.clock import START, SimulatedClock
from backup_actions_local.services.place import Place
from backup_actions_local.states.api_names import service_model
from backup_actions_local.states.integrations import AwsIntegrations
from backup_actions_local.states.service import StepFunctions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backup_actions_local.states.execution import Execution

MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:"
EXECUTION = "arn:aws:states:us-east-1:111122223333:execution:"


def definition(*, timeout_seconds: int = 1000, **states: Any) -> dict[str, Any]:
    return {
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": timeout_seconds,
        "StartAt": next(iter(states)),
        "States": states,
    }


WAITING = definition(W={"Type": "Wait", "Seconds": 100, "Output": {"ok": True}, "End": True})
FAILING = definition(F={"Type": "Fail", "Error": "Boom", "Cause": "why"})


class World:
    """The service with a way to call it, and clients that call it too."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.changes: list[tuple[str, str]] = []
        self.callers: list[tuple[str, str, str]] = []
        self._statuses = threading.Lock()
        self.service = StepFunctions(self.clock, Place(), self._integrations_for, on_status_change=self._changed)

    def ask(self, operation: str, caller: Caller | None = None, /, **parameters: Any) -> dict[str, Any]:
        call = Call("stepfunctions", operation, parameters, caller or Caller("administrator"))
        answer = dict(self.service.handlers()[operation](call))
        shape: Any = service_model("stepfunctions").operation_model(operation).output_shape
        assert not ParamValidator().validate(answer, shape).has_errors()
        return answer

    def start(self, machine: str = "m", name: str = "run", value: Any = None) -> str:
        text = json.dumps({} if value is None else value)
        return str(self.ask("StartExecution", stateMachineArn=MACHINE + machine, name=name, input=text)["executionArn"])

    def finish(self) -> list[Execution]:
        """Wait until every execution has ended and its thread is gone."""
        for thread in threading.enumerate():
            if thread.name.startswith("arn:aws:states:"):
                thread.join(10)
                assert not thread.is_alive()
        return self.service.executions()

    def _changed(self, execution: Execution) -> None:
        with self._statuses:
            self.changes.append((execution.name, execution.status))

    def _integrations_for(self, role: str, session: str) -> AwsIntegrations:
        client = boto3.client("stepfunctions", "us-east-1", aws_access_key_id="id", aws_secret_access_key="secret")

        def answer(model: Any, params: Mapping[str, Any], **_: Any) -> Any:
            self.callers.append((role, session, model.name))
            try:
                parsed = self.ask(model.name, Caller(role, session), **json.loads(params["body"]))
            except Refused as refused:
                return SimpleNamespace(status_code=400), {"Error": {"Code": refused.code, "Message": refused.message}}
            return SimpleNamespace(status_code=200), parsed

        events: Any = client.meta.events
        events.register("before-call.sfn", answer)
        return AwsIntegrations(lambda _: nullcontext(client), self.service.has_ended)


@pytest.fixture
def world() -> World:
    made = World()
    made.service.register("m", WAITING, "role-m")
    return made


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(Refused) as caught:
        act()
    return caught.value.code


def test_an_execution_runs_on_the_clock_and_tells_when_it_began_and_ended(world: World) -> None:
    world.start(value={"a": 1})
    (execution,) = world.finish()
    assert execution.status == "SUCCEEDED"
    assert execution.stopped == START + timedelta(seconds=100)
    assert world.changes == [("run", "RUNNING"), ("run", "SUCCEEDED")]


def test_the_same_name_and_input_start_nothing_twice(world: World) -> None:
    with world.clock.actor():
        first = world.start(value={"a": 1})
        assert world.start(value={"a": 1}) == first
        assert len(world.service.executions()) == 1
        assert refusal(lambda: world.start(value={"a": 2})) == "ExecutionAlreadyExists"
    world.finish()


def test_the_name_of_an_ended_execution_is_taken(world: World) -> None:
    world.start()
    world.finish()
    assert refusal(world.start) == "ExecutionAlreadyExists"


def test_an_execution_without_a_name_gets_one(world: World) -> None:
    arns = {world.ask("StartExecution", stateMachineArn=MACHINE + "m")["executionArn"] for _ in range(2)}
    assert len(arns) == 2
    world.finish()


@pytest.mark.parametrize("name", ["n" * 81, "a b", "a:b", "a/b", "a*b", "a\tb", 'a"b', "a#b"])
def test_names_that_aws_does_not_allow_are_refused(world: World, name: str) -> None:
    assert refusal(lambda: world.start(name=name)) == "InvalidName"
    assert world.service.executions() == []


def test_a_name_may_have_eighty_characters_and_some_signs(world: World) -> None:
    world.start(name="n" * 76 + "-_.+")
    assert world.finish()[0].status == "SUCCEEDED"


@pytest.mark.parametrize("text", ["no json", '"' + "x" * 262_144 + '"'])
def test_input_that_is_no_json_or_too_large_is_refused(world: World, text: str) -> None:
    start = {"stateMachineArn": MACHINE + "m", "name": "run", "input": text}
    assert refusal(lambda: world.ask("StartExecution", **start)) == "InvalidExecutionInput"


def test_what_is_not_there_is_refused(world: World) -> None:
    assert refusal(lambda: world.start("other")) == "StateMachineDoesNotExist"
    arn = f"{EXECUTION}m:other"
    assert refusal(lambda: world.ask("DescribeExecution", executionArn=arn)) == "ExecutionDoesNotExist"


def test_a_parameter_that_would_have_no_effect_is_refused(world: World) -> None:
    start = {"stateMachineArn": MACHINE + "m", "traceHeader": "x"}
    assert refusal(lambda: world.ask("StartExecution", **start)) == "NotEmbedded"


def test_a_definition_that_cannot_be_run_is_not_registered(world: World) -> None:
    with pytest.raises(DefinitionInvalid):
        world.service.register("bad", {"States": {}}, "role")
    assert refusal(lambda: world.start("bad")) == "StateMachineDoesNotExist"


def test_a_stopped_execution_is_aborted_at_once(world: World) -> None:
    with world.clock.actor():
        arn = world.start()
        world.clock.sleep(40)
        stopped = world.ask("StopExecution", executionArn=arn, error="Enough", cause="said so")
        assert stopped == {"stopDate": START + timedelta(seconds=40)}
        described = world.ask("DescribeExecution", executionArn=arn)
    assert (described["status"], described["error"], described["cause"]) == ("ABORTED", "Enough", "said so")
    world.finish()
    assert world.changes == [("run", "RUNNING"), ("run", "ABORTED")]
    assert world.clock.now() == START + timedelta(seconds=40)


def test_a_description_tells_all_of_a_success(world: World) -> None:
    arn = world.start(value={"a": 1})
    world.finish()
    assert world.ask("DescribeExecution", executionArn=arn) == {
        "executionArn": f"{EXECUTION}m:run",
        "stateMachineArn": f"{MACHINE}m",
        "name": "run",
        "status": "SUCCEEDED",
        "startDate": START,
        "stopDate": START + timedelta(seconds=100),
        "input": '{"a":1}',
        "inputDetails": {"included": True},
        "output": '{"ok":true}',
        "outputDetails": {"included": True},
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
        "redriveStatusReason": "Execution is SUCCEEDED and cannot be redriven",
    }


def test_executions_are_listed_newest_first_by_status_and_in_pages(world: World) -> None:
    world.service.register("f", FAILING, "role-f")
    for name in ("one", "two", "three"):
        world.start(name=name)
        world.finish()
    world.start("f")
    world.finish()
    listed = world.ask("ListExecutions", stateMachineArn=MACHINE + "m", maxResults=2)
    assert [each["name"] for each in listed["executions"]] == ["three", "two"]
    more = world.ask("ListExecutions", stateMachineArn=MACHINE + "m", maxResults=2, nextToken=listed["nextToken"])
    assert [each["name"] for each in more["executions"]] == ["one"]
    failed = world.ask("ListExecutions", stateMachineArn=MACHINE + "f", statusFilter="SUCCEEDED")
    assert failed == {"executions": []}


def test_the_history_has_what_the_api_has(world: World) -> None:
    world.service.register("f", FAILING, "role-f")
    arn = world.start("f", value={"a": 1})
    world.finish()
    events = world.ask("GetExecutionHistory", executionArn=arn)["events"]
    assert [event["type"] for event in events] == ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]
    assert events[1]["stateEnteredEventDetails"] == {"name": "F", "input": '{"a":1}'}
    assert events[2]["executionFailedEventDetails"] == {"error": "Boom", "cause": "why"}
    backwards = world.ask("GetExecutionHistory", executionArn=arn, reverseOrder=True)["events"]
    assert backwards == events[::-1]


def test_a_machine_can_be_described(world: World) -> None:
    described = world.ask("DescribeStateMachine", stateMachineArn=MACHINE + "m")
    assert json.loads(described["definition"]) == WAITING
    assert described["roleArn"] == "arn:aws:iam::111122223333:role/role-m"


# ------------------------------------------------------------------------------------------------ child machines


def parent_of(child: str, *, timeout_seconds: int = 1000, task_timeout_seconds: int = 500) -> dict[str, Any]:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {"StateMachineArn": MACHINE + child, "Name": "child", "Input": {"k": 1}},
        "TimeoutSeconds": task_timeout_seconds,
        "Output": "{% $states.result.Output %}",
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
        "End": True,
    }
    return definition(T=task, Caught={"Type": "Succeed"}, timeout_seconds=timeout_seconds)


def by_name(executions: list[Execution]) -> dict[str, Execution]:
    return {execution.name: execution for execution in executions}


def test_a_parent_waits_for_its_child(world: World) -> None:
    world.service.register("p", parent_of("m"), "role-p")
    world.start("p", "parent")
    ended = by_name(world.finish())
    assert ended["parent"].output == {"ok": True}
    assert ended["parent"].stopped == ended["child"].stopped == START + timedelta(seconds=100)
    assert world.callers == [("role-p", "parent", "StartExecution"), ("role-p", "parent", "DescribeExecution")]
    kinds = [event.type for event in ended["parent"].history]
    assert kinds[1:6] == ["TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded"]


def test_a_child_that_fails_fails_the_task(world: World) -> None:
    world.service.register("f", FAILING, "role-f")
    world.service.register("p", parent_of("f"), "role-p")
    world.start("p", "parent")
    output: Any = by_name(world.finish())["parent"].output
    assert output["Error"] == "States.TaskFailed"
    assert json.loads(output["Cause"])["Error"] == "Boom"


def test_a_child_that_takes_too_long_is_stopped(world: World) -> None:
    world.service.register("p", parent_of("m", task_timeout_seconds=30), "role-p")
    world.start("p", "parent")
    ended = by_name(world.finish())
    assert ended["parent"].output == {"Error": "States.Timeout"}
    assert (ended["child"].status, ended["child"].stopped) == ("ABORTED", START + timedelta(seconds=30))
    assert "which was managing this resource was aborted" in str(ended["child"].cause)


def test_a_parent_out_of_time_takes_its_child_along(world: World) -> None:
    world.service.register("p", parent_of("m", timeout_seconds=50), "role-p")
    world.start("p", "parent")
    ended = by_name(world.finish())
    assert (ended["parent"].status, ended["child"].status) == ("TIMED_OUT", "ABORTED")
    assert world.clock.now() == START + timedelta(seconds=50)


def test_a_stopped_parent_takes_its_child_along(world: World) -> None:
    world.service.register("p", parent_of("m"), "role-p")
    with world.clock.actor():
        arn = world.start("p", "parent")
        world.clock.sleep(20)
        world.ask("StopExecution", executionArn=arn)
    ended = by_name(world.finish())
    assert (ended["parent"].status, ended["child"].status) == ("ABORTED", "ABORTED")
    assert world.clock.now() == START + timedelta(seconds=20)


def test_a_child_whose_name_is_taken_is_an_error_with_the_service_s_name(world: World) -> None:
    world.service.register("p", parent_of("m"), "role-p")
    world.start("m", "child")
    world.finish()
    world.start("p", "parent")
    output: Any = by_name(world.finish())["parent"].output
    assert output["Error"] == "StepFunctions.ExecutionAlreadyExistsException"


def test_many_executions_at_once_end_when_each_should(world: World) -> None:
    waits = definition(W={"Type": "Wait", "Seconds": "{% $states.input %}", "End": True})
    world.service.register("w", waits, "role")
    with world.clock.actor():
        for seconds in range(1, 21):
            world.start("w", f"run-{seconds}", seconds)
    for execution in world.finish():
        assert execution.stopped == START + timedelta(seconds=int(execution.name.removeprefix("run-")))
