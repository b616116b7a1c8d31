"""What each state does, as AWS does it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from backup_actions_local.clock import START, SimulatedClock
from backup_actions_local.states.execution import Execution
from backup_actions_local.states.failures import StateFailed, matches

Run = Callable[..., Execution]


def task(**more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": "arn:aws:states:::work", "TimeoutSeconds": 60, "End": True, **more}


def catching(*names: str, **more: Any) -> dict[str, Any]:
    return {"Catch": [{"ErrorEquals": list(names), "Next": "Caught", **more}]}


CAUGHT = {"Type": "Succeed"}


class Failing:
    """Fails with each of these errors in turn, then answers with its arguments."""

    def __init__(self, *errors: str, cause: str | None = "because") -> None:
        self.errors, self.cause, self.seen = list(errors), cause, list[Any]()

    def __call__(self, arguments: Any, task: Any) -> Any:
        self.seen.append(arguments)
        if self.errors:
            raise StateFailed(self.errors.pop(0), self.cause)
        return arguments


# ------------------------------------------------------------------------------------------------------- values


def test_a_pass_hands_its_input_on(run: Run) -> None:
    assert run({"S": {"Type": "Pass", "End": True}}, {"a": [1, None]}).output == {"a": [1, None]}


def test_output_replaces_what_is_handed_on(run: Run) -> None:
    states = {"S": {"Type": "Pass", "Output": {"b": "{% $states.input.a %}"}, "Next": "E"}, "E": {"Type": "Succeed"}}
    assert run(states, {"a": 1}).output == {"b": 1}


def test_assign_sees_the_values_at_entry(run: Run) -> None:
    states = {
        "A": {"Type": "Pass", "Assign": {"x": 5}, "Next": "B"},
        "B": {"Type": "Pass", "Assign": {"x": 42, "old": "{% $x %}"}, "Output": "{% $x %}", "Next": "C"},
        "C": {"Type": "Succeed", "Output": "{% [$x, $old, $states.input] %}"},
    }
    assert run(states).output == [42, 5, 5]


def test_a_variable_may_hold_null(run: Run) -> None:
    states = {
        "A": {"Type": "Pass", "Assign": {"x": None}, "Next": "B"},
        "B": {"Type": "Succeed", "Output": {"x": "{% $x %}", "is": "{% $x = null %}"}},
    }
    assert run(states).output == {"x": None, "is": True}


def test_the_context_object_tells_where_one_is(run: Run) -> None:
    states = {"Here": {"Type": "Pass", "Output": "{% $states.context %}", "End": True}}
    assert run(states, {"n": None}).output == {
        "Execution": {
            "Id": "arn:aws:states:us-east-1:111122223333:execution:test:run",
            "Input": {"n": None},
            "Name": "run",
            "RoleArn": "arn:aws:iam::111122223333:role/test",
            "StartTime": "2026-01-15T03:00:00.000Z",
        },
        "State": {"Name": "Here", "EnteredTime": "2026-01-15T03:00:00.000Z", "RetryCount": 0},
        "StateMachine": {"Id": "arn:aws:states:us-east-1:111122223333:stateMachine:test", "Name": "test"},
    }


def test_an_undefined_output_fails_the_execution_and_says_where(run: Run) -> None:
    execution = run({"S": {"Type": "Pass", "Output": {"a": "{% $states.input.b %}"}, "End": True}}, {})
    assert (execution.status, execution.error) == ("FAILED", "States.QueryEvaluationError")
    assert execution.cause == (
        "An error occurred while executing the state 'S' (entered at the event id #2). The JSONata expression "
        "'$states.input.b' specified for the field 'Output/a' returned nothing (undefined)."
    )


# ------------------------------------------------------------------------------------------------------- choices


def choice(**more: Any) -> dict[str, Any]:
    rules = [
        {"Condition": "{% $states.input > 10 %}", "Next": "Big", "Assign": {"why": "big"}, "Output": "large"},
        {"Condition": "{% $states.input > 5 %}", "Next": "Big", "Assign": {"why": "medium"}},
    ]
    return {
        "C": {"Type": "Choice", "Choices": rules, "Default": "Big", "Assign": {"why": "default"}, **more},
        "Big": {"Type": "Succeed", "Output": "{% [$why, $states.input] %}"},
    }


@pytest.mark.parametrize(("value", "output"), [(11, ["big", "large"]), (6, ["medium", 6]), (1, ["default", 1])])
def test_the_first_condition_that_holds_decides(run: Run, value: int, output: Any) -> None:
    assert run(choice(), value).output == output


def test_the_output_of_the_choice_state_belongs_to_its_default(run: Run) -> None:
    states = choice(Output="none")
    assert run(states, 1).output == ["default", "none"]
    assert run(states, 6).output == ["medium", 6]


def test_a_condition_that_is_no_boolean_fails_the_execution(run: Run) -> None:
    rules = [{"Condition": "{% $states.input %}", "Next": "E"}]
    execution = run({"C": {"Type": "Choice", "Choices": rules, "Default": "E"}, "E": {"Type": "Succeed"}}, 1)
    assert execution.error == "States.QueryEvaluationError"


# --------------------------------------------------------------------------------------------------------- waits


@pytest.mark.parametrize(
    "wait",
    [{"Seconds": 90}, {"Seconds": "{% 9 * 10 %}"}, {"Timestamp": "2026-01-15T03:01:30Z"},
     {"Timestamp": "{% $states.input %}"}],
)  # fmt: skip
def test_a_wait_takes_its_time(run: Run, clock: SimulatedClock, wait: dict[str, Any]) -> None:
    run({"W": {"Type": "Wait", "End": True, **wait}}, "2026-01-15T04:01:30+01:00")
    assert clock.now() == START + timedelta(seconds=90)


def test_a_wait_for_a_moment_that_has_passed_takes_no_time(run: Run, clock: SimulatedClock) -> None:
    assert run({"W": {"Type": "Wait", "Timestamp": "2020-01-01T00:00:00Z", "End": True}}).status == "SUCCEEDED"
    assert clock.now() == START


@pytest.mark.parametrize(
    "wait",
    [{"Seconds": "{% -1 %}"}, {"Seconds": "{% 1.5 %}"}, {"Seconds": "{% '1' %}"}, {"Timestamp": "tomorrow"},
     {"Timestamp": "2026-01-15T03:01:30"}],
)  # fmt: skip
def test_a_wait_for_what_is_no_time_fails(run: Run, wait: dict[str, Any]) -> None:
    assert run({"W": {"Type": "Wait", "End": True, **wait}}).error == "States.QueryEvaluationError"


# ----------------------------------------------------------------------------------------------------------- ends


def test_a_fail_gives_its_error_and_cause(run: Run) -> None:
    execution = run({"F": {"Type": "Fail", "Error": "Own", "Cause": "{% 'for ' & $states.input %}"}}, "reasons")
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "Own", "for reasons")


def test_the_history_tells_everything_in_order(run: Run, integrations: Any) -> None:
    states = {
        "P": {"Type": "Pass", "Next": "T"},
        "T": task(Arguments={"a": 1}, Next="W", End=None),
        "W": {"Type": "Wait", "Seconds": 7, "Next": "E"},
        "E": {"Type": "Succeed"},
    }
    execution = run(states, calls=integrations())
    assert [(event.number, event.type, event.state) for event in execution.history] == list(
        zip(
            range(1, 15),
            [
                "ExecutionStarted", "PassStateEntered", "PassStateExited", "TaskStateEntered", "TaskScheduled",
                "TaskStarted", "TaskSucceeded", "TaskStateExited", "WaitStateEntered", "WaitStateExited",
                "SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded",
            ],
            [None, "P", "P", "T", "T", "T", "T", "T", "W", "W", "E", "E", None],
            strict=False,
        )
    )  # fmt: skip
    assert execution.history[-1].time == execution.stopped == START + timedelta(seconds=7)


def test_the_listener_hears_every_event(run: Run) -> None:
    heard = list[str]()
    execution = run({"E": {"Type": "Succeed"}}, listener=lambda _, event: heard.append(event.type))
    assert heard == [event.type for event in execution.history]


def test_a_mistake_of_the_program_is_not_taken_for_an_error_of_the_workflow(run: Run, integrations: Any) -> None:
    ended = list[str]()

    def broken(arguments: Any, task: Any) -> Any:
        raise AssertionError("a bug")

    with pytest.raises(AssertionError, match="a bug"):
        run({"T": task()}, calls=integrations(work=broken), on_end=lambda execution: ended.append(execution.status))
    assert ended == ["FAILED"]


# ---------------------------------------------------------------------------------------------- retrying, catching


@pytest.mark.parametrize(
    ("names", "error", "expected"),
    [
        (["States.ALL"], "Any.Error", True),
        (["States.ALL"], "States.Timeout", True),
        (["States.ALL"], "States.QueryEvaluationError", True),
        (["States.ALL"], "States.DataLimitExceeded", False),
        (["States.ALL"], "States.Runtime", False),
        (["States.TaskFailed"], "Any.Error", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["States.TaskFailed"], "States.DataLimitExceeded", False),
        (["States.DataLimitExceeded"], "States.DataLimitExceeded", True),
        (["States.Runtime"], "States.Runtime", False),
        (["A", "B"], "B", True),
        (["A"], "a", False),
    ],
)
def test_which_names_cover_which_errors(names: list[str], error: str, expected: bool) -> None:
    assert matches(names, error) is expected


def test_a_retry_waits_longer_each_time(run: Run, integrations: Any, clock: SimulatedClock) -> None:
    retry = [{"ErrorEquals": ["E"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxAttempts": 3}]
    execution = run({"T": task(Retry=retry)}, calls=integrations(work=Failing("E", "E", "E")))
    assert execution.status == "SUCCEEDED"
    assert clock.now() == START + timedelta(seconds=2 + 6 + 18)


def test_max_delay_bounds_the_waits(run: Run, integrations: Any, clock: SimulatedClock) -> None:
    retry = [{"ErrorEquals": ["E"], "IntervalSeconds": 2, "MaxDelaySeconds": 3, "JitterStrategy": "FULL"}]
    run({"T": task(Retry=retry)}, calls=integrations(work=Failing("E", "E", "E")))
    assert clock.now() == START + timedelta(seconds=2 + 3 + 3)


def test_each_retrier_counts_for_itself(run: Run, integrations: Any, clock: SimulatedClock) -> None:
    """The example of the specification: A, B, C and B again use up the first retrier."""
    retry = [
        {"ErrorEquals": ["A", "B"], "IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 2},
        {"ErrorEquals": ["C"], "IntervalSeconds": 5},
    ]
    states = {"T": task(Retry=retry, **catching("States.ALL")), "Caught": CAUGHT}
    execution = run(states, calls=integrations(work=Failing("A", "B", "C", "B")))
    assert execution.output == {"Error": "B", "Cause": "because"}
    assert clock.now() == START + timedelta(seconds=1 + 2 + 5)


def test_no_attempts_means_no_retry(run: Run, integrations: Any) -> None:
    retry = [{"ErrorEquals": ["E"], "MaxAttempts": 0}, {"ErrorEquals": ["States.ALL"]}]
    assert run({"T": task(Retry=retry)}, calls=integrations(work=Failing("E"))).error == "E"


def test_arguments_see_the_number_of_the_retry(run: Run, integrations: Any) -> None:
    work = Failing("E", "E")
    arguments = {"retry": "{% $states.context.State.RetryCount %}"}
    run({"T": task(Arguments=arguments, Retry=[{"ErrorEquals": ["E"]}])}, calls=integrations(work=work))
    assert work.seen == [{"retry": 0}, {"retry": 1}, {"retry": 2}]


def test_a_catch_assigns_and_hands_on_what_it_says(run: Run, integrations: Any) -> None:
    catch = catching("E", Assign={"why": "{% $states.errorOutput.Cause %}"}, Output="{% $states.input.a %}")
    states = {
        "T": task(Assign={"why": "not this"}, **catch),
        "Caught": {"Type": "Succeed", "Output": "{% [$why, $states.input] %}"},
    }
    assert run(states, {"a": 1}, integrations(work=Failing("E"))).output == ["because", 1]


def test_an_error_without_a_cause_has_no_cause_to_read(run: Run, integrations: Any) -> None:
    states = {"T": task(**catching("E")), "Caught": CAUGHT}
    assert run(states, calls=integrations(work=Failing("E", cause=None))).output == {"Error": "E"}


def test_an_expression_of_a_task_that_fails_can_be_caught(run: Run, integrations: Any) -> None:
    states = {"T": task(Output="{% $states.result.no %}", **catching("States.QueryEvaluationError")), "Caught": CAUGHT}
    assert run(states, {}, integrations()).output["Error"] == "States.QueryEvaluationError"  # type: ignore[index,call-overload]


def test_an_expression_of_a_catch_that_fails_ends_the_execution(run: Run, integrations: Any) -> None:
    states = {"T": task(**catching("States.ALL", Output="{% $states.errorOutput.no %}")), "Caught": CAUGHT}
    assert run(states, calls=integrations(work=Failing("E"))).error == "States.QueryEvaluationError"


def test_the_runtime_error_cannot_be_caught(run: Run, integrations: Any) -> None:
    states = {"T": task(Retry=[{"ErrorEquals": ["States.ALL"]}], **catching("States.ALL")), "Caught": CAUGHT}
    work = Failing("States.Runtime")
    assert run(states, calls=integrations(work=work)).error == "States.Runtime"
    assert len(work.seen) == 1


# --------------------------------------------------------------------------------------------------------- limits


def test_a_result_that_is_too_large_is_an_error_that_all_does_not_cover(run: Run, integrations: Any) -> None:
    states = {"T": task(**catching("States.ALL")), "Caught": CAUGHT}
    execution = run(states, calls=integrations(work=lambda _, __: "x" * 262_144))
    assert execution.error == "States.DataLimitExceeded"


def test_a_result_of_just_the_limit_passes(run: Run, integrations: Any) -> None:
    assert run({"T": task()}, calls=integrations(work=lambda _, __: "x" * 262_142)).status == "SUCCEEDED"


def test_too_much_to_assign_is_an_error(run: Run) -> None:
    states = {"P": {"Type": "Pass", "Assign": {"a": "{% $states.input %}", "b": "{% $states.input %}"}, "End": True}}
    assert run(states, "x" * 200_000).error == "States.DataLimitExceeded"


def test_a_full_history_fails_the_execution(run: Run) -> None:
    execution = run({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Choice", "Default": "E", "Choices": [
        {"Condition": True, "Next": "A"}]}, "E": {"Type": "Succeed"}})  # fmt: skip
    assert execution.cause == "The execution reached the maximum number of history events (25000)."
    assert len(execution.history) == 25_000
    assert execution.history[-1].type == "ExecutionFailed"


# ----------------------------------------------------------------------------------------------------------- time


def test_a_task_that_takes_too_long_times_out(run: Run, integrations: Any, clock: SimulatedClock) -> None:
    work = integrations(work=lambda _, __: clock.sleep(61))
    execution = run({"T": task(**catching("States.Timeout")), "Caught": CAUGHT}, calls=work)
    assert execution.output == {"Error": "States.Timeout"}
    assert "TaskTimedOut" in [event.type for event in execution.history]


def test_a_task_may_take_just_its_time(run: Run, integrations: Any, clock: SimulatedClock) -> None:
    assert run({"T": task()}, calls=integrations(work=lambda _, __: clock.sleep(60))).status == "SUCCEEDED"


def test_a_timeout_may_be_an_expression(run: Run, integrations: Any, clock: SimulatedClock) -> None:
    states = {"T": task(TimeoutSeconds="{% $states.input %}")}
    assert run(states, 10, integrations(work=lambda _, __: clock.sleep(11))).error == "States.Timeout"


def test_a_machine_out_of_time_is_timed_out_in_the_middle_of_a_wait(run: Run, integrations: Any) -> None:
    calls = integrations()
    states = {"W": {"Type": "Wait", "Seconds": 500, "Next": "T"}, "T": task()}
    execution = run(states, calls=calls, timeout_seconds=100)
    assert (execution.status, execution.error, execution.cause) == ("TIMED_OUT", None, None)
    assert execution.stopped == START + timedelta(seconds=100)
    assert calls.calls == []
    assert execution.history[-1].type == "ExecutionTimedOut"


def test_a_machine_out_of_time_catches_nothing(run: Run, integrations: Any, clock: SimulatedClock) -> None:
    states = {"T": task(TimeoutSeconds=500, **catching("States.ALL")), "Caught": CAUGHT}
    execution = run(states, calls=integrations(work=lambda _, __: clock.sleep(200)), timeout_seconds=100)
    assert execution.status == "TIMED_OUT"
    assert "Caught" not in [event.state for event in execution.history]


def test_a_machine_out_of_time_retries_nothing(run: Run, integrations: Any, clock: SimulatedClock) -> None:
    work = Failing("E", "E")
    retry = [{"ErrorEquals": ["E"], "IntervalSeconds": 300}]
    execution = run({"T": task(Retry=retry)}, calls=integrations(work=work), timeout_seconds=100)
    assert execution.status == "TIMED_OUT"
    assert len(work.seen) == 1


def test_a_stopped_execution_runs_no_further_state(run: Run, integrations: Any) -> None:
    held = list[Execution]()

    def stopped_from_outside(arguments: Any, task: Any) -> Any:
        held[0].stop("Enough", "said so")
        return arguments

    calls = integrations(work=stopped_from_outside)
    states = {"A": task(Next="B", End=None), "B": task()}
    execution = run(states, calls=calls, listener=lambda found, _: held.append(found))
    assert (execution.status, execution.error, execution.cause) == ("ABORTED", "Enough", "said so")
    assert len(calls.calls) == 1
    assert execution.history[-1].type == "ExecutionAborted"


def test_a_stop_wakes_who_waits(
    clock: SimulatedClock, execution_of: Callable[..., Execution], integrations: Any
) -> None:
    from backup_actions_local.states.expressions import Expressions
    from backup_actions_local.states.interpreter import Interpreter
    from backup_actions_local.states.tokens import Tokens

    execution = execution_of({"W": {"Type": "Wait", "Seconds": 500, "End": True}})

    def stop_later() -> None:
        clock.sleep(30)
        execution.stop()

    with clock.actor():
        threads = [
            clock.spawn("run", Interpreter(execution, integrations(), Expressions(clock.now), Tokens(clock)).run),
            clock.spawn("stop", stop_later),
        ]
    for thread in threads:
        thread.join(10)
    assert (execution.status, execution.stopped) == ("ABORTED", START + timedelta(seconds=30))
    assert clock.now() == START + timedelta(seconds=30)


def test_what_has_ended_stays_as_it_is(run: Run) -> None:
    execution = run({"E": {"Type": "Succeed"}})
    execution.stop("late", "too late")
    execution.fail("late", "too late")
    assert (execution.status, execution.error) == ("SUCCEEDED", None)
    assert len(execution.history) == 4


# -------------------------------------------------------------------------------------------------- Map, Parallel


def mapped(*, items: str = "{% $states.input %}", inner: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    states = inner or {"I": {"Type": "Pass", "Output": "{% $states.input * 2 %}", "End": True}}
    processor = {"StartAt": next(iter(states)), "States": states}
    return {"Type": "Map", "Items": items, "ItemProcessor": processor, "End": True, **more}


def test_a_map_runs_its_states_for_every_item(run: Run) -> None:
    assert run({"M": mapped()}, [1, 2, 3]).output == [2, 4, 6]


def test_a_map_of_nothing_has_no_results(run: Run) -> None:
    assert run({"M": mapped()}, []).output == []


def test_an_item_selector_makes_the_input_of_each_item(run: Run) -> None:
    selector = {
        "item": "{% $states.context.Map.Item.Value %}",
        "place": "{% $states.context.Map.Item.Index %}",
        "all": "{% $count($states.input) %}",
    }
    execution = run({"M": mapped(ItemSelector=selector, inner={"I": {"Type": "Succeed"}})}, ["a", "b"])
    assert execution.output == [{"item": "a", "place": 0, "all": 2}, {"item": "b", "place": 1, "all": 2}]


def test_a_map_over_what_is_no_list_fails(run: Run) -> None:
    assert run({"M": mapped()}, 7).error == "States.QueryEvaluationError"


def test_the_variables_of_an_item_are_its_own(run: Run) -> None:
    inner = {
        "A": {
            "Type": "Pass",
            "Assign": {"own": "{% $exists($own) ? 'left over' : $outer & $states.input %}"},
            "Next": "B",
        },
        "B": {"Type": "Succeed", "Output": "{% $own %}"},
    }
    states = {
        "P": {"Type": "Pass", "Assign": {"outer": "o"}, "Next": "M"},
        "M": mapped(inner=inner, Assign={"outer": "{% $states.result %}"}, Next="E", End=None),
        "E": {"Type": "Succeed", "Output": "{% $outer %}"},
    }
    assert run(states, [1, 2]).output == ["o1", "o2"]


def test_an_item_that_fails_fails_the_map_with_its_error(run: Run, integrations: Any) -> None:
    states = {"M": mapped(inner={"T": task()}, **catching("E")), "Caught": CAUGHT}
    execution = run(states, [1, 2], integrations(work=Failing("E")))
    assert execution.output == {"Error": "E", "Cause": "because"}
    kinds = [event.type for event in execution.history]
    assert kinds.count("MapIterationStarted") == 1
    assert [kind for kind in kinds if kind.startswith("Map")] == [
        "MapStateEntered", "MapStateStarted", "MapIterationStarted", "MapIterationFailed", "MapStateFailed",
        "MapStateExited",
    ]  # fmt: skip


def test_a_map_can_be_retried_as_a_whole(run: Run, integrations: Any) -> None:
    work = Failing("E")
    states = {"M": mapped(inner={"T": task()}, Retry=[{"ErrorEquals": ["E"]}])}
    assert run(states, [1, 2], integrations(work=work)).output == [1, 2]
    assert work.seen == [1, 1, 2]


def test_a_parallel_gives_the_results_of_its_branches_in_their_order(run: Run) -> None:
    branches = [
        {
            "StartAt": "A",
            "States": {"A": {"Type": "Wait", "Seconds": 9, "Output": "{% $states.input & 'a' %}", "End": True}},
        },
        {"StartAt": "B", "States": {"B": {"Type": "Pass", "Output": "{% $states.input & 'b' %}", "End": True}}},
    ]
    states = {"P": {"Type": "Parallel", "Arguments": "{% $states.input.x %}", "Branches": branches, "End": True}}
    assert run(states, {"x": "x"}).output == ["xa", "xb"]


def test_a_branch_that_fails_fails_the_parallel(run: Run) -> None:
    branches = [{"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Own", "Cause": "c"}}}]
    states = {"P": {"Type": "Parallel", "Branches": branches, "End": True, **catching("Own")}, "Caught": CAUGHT}
    assert run(states).output == {"Error": "Own", "Cause": "c"}


def test_a_succeed_in_a_branch_ends_only_the_branch(run: Run) -> None:
    branches = [{"StartAt": "E", "States": {"E": {"Type": "Succeed", "Output": 1}}}]
    states = {"P": {"Type": "Parallel", "Branches": branches, "Next": "Q"}, "Q": {"Type": "Pass", "End": True}}
    execution = run(states)
    assert execution.output == [1]
    assert execution.history[-2].state == "Q"
