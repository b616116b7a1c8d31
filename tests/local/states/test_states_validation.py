"""A definition is refused at once, with everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from backup_actions.errors import DefinitionInvalid
from backup_actions_local.states.machine import check
from backup_actions_local.states.validation import mistakes_in

WORK = "arn:aws:states:::work"


class Known:
    def mistakes(self, resource: str, arguments: Any) -> Iterator[str]:
        if resource != "work":
            yield f"the integration {resource} is not known"

    def run(self, resource: str, arguments: Any, task: Any) -> Any:
        raise AssertionError(resource)


def mistakes(**states: Any) -> list[str]:
    """What is wrong with states of which the first begins."""
    definition = {"QueryLanguage": "JSONata", "TimeoutSeconds": 9, "StartAt": next(iter(states)), "States": states}
    return mistakes_in(definition, Known())


def task(**more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": WORK, "TimeoutSeconds": 5, "End": True, **more}


PASS = {"Type": "Pass", "End": True}


def test_a_definition_with_everything_in_it_passes() -> None:
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Assign": {"own": "{% $x %}"}, "End": True}}}
    inner2 = {"StartAt": "I2", "States": {"I2": {"Type": "Succeed", "Output": "{% $x %}"}}}
    caught = [{"ErrorEquals": ["States.ALL"], "Assign": {"x": "{% $states.errorOutput.Error %}"}, "Next": "C"}]
    retry = [{"ErrorEquals": ["A.B"], "IntervalSeconds": 1, "BackoffRate": 1.5, "MaxDelaySeconds": 9, "MaxAttempts": 0}]
    assert (
        mistakes(
            P={"Type": "Pass", "Assign": {"x": 1}, "Next": "T"},
            T=task(End=None, Next="C", Output="{% $states.result %}", Catch=caught, Retry=retry)
            | {"Arguments": {"n": "{% $states.context.State.RetryCount %}"}},
            C={"Type": "Choice", "Choices": [{"Condition": "{% $x = 1 %}", "Next": "W"}], "Default": "M"},
            W={"Type": "Wait", "Seconds": "{% $x %}", "Next": "L"},
            M={
                "Type": "Map",
                "Items": "{% [1] %}",
                "ItemSelector": {"v": "{% $states.context.Map.Item.Value %}"},
                "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}, **inner},
                "MaxConcurrency": 1,
                "Next": "L",
            },
            L={"Type": "Parallel", "Branches": [inner2], "Next": "F"},
            F={"Type": "Fail", "Error": "Own", "Cause": "{% $string($x) %}"},
        )
        == []
    )


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"Type": "Task", "Resource": WORK, "End": True}, "TimeoutSeconds is required"),
        (task(TimeoutSeconds=0), "TimeoutSeconds is 0"),
        (task(Resource="arn:aws:states:::nothing:known"), "nothing:known is not known"),
        (task(Resource="arn:aws:lambda:us-east-1:1:function:f"), "is no service integration"),
        (task(HeartbeatSeconds=5), "HeartbeatSeconds is not known"),
        (task(Credentials={}), "Credentials is not known"),
        (task(ResultPath="$"), "ResultPath is not known"),
        (task(Parameters={}), "Parameters is not known"),
        (task(Arguments={"a.$": "$.b"}), "belongs to JSONPath"),
        (task(Arguments="{% $states.result %}"), "$states.result cannot be read here"),
        (task(Output="{% $states.errorOutput %}"), "$states.errorOutput cannot be read here"),
        (task(Output="{% $states.context.Task.Token %}"), "$states.context.Task.Token is not known"),
        (task(Output="{% $states.context.Execution.Nmae %}"), "$states.context.Execution.Nmae is not known"),
        (task(Output=" {% 1 %}"), "must fill the whole string"),
        (task(Output="{% $nothing %}"), "$nothing is neither a function nor a variable"),
        (task(Output="{% 1 + %}"), "S0207"),
        (task(Next="S"), "either Next or End"),
        (task(End=False), "either Next or End"),
        (task(Next="Nowhere", End=None), "goes to 'Nowhere', which is not there"),
        (task(QueryLanguage="JSONPath"), "QueryLanguage must be JSONata"),
        (task(Retry=[{"ErrorEquals": []}]), "ErrorEquals must be a list"),
        (task(Retry=[{"ErrorEquals": ["States.Runtime"]}]), "is not an error that can be handled"),
        (task(Retry=[{"ErrorEquals": ["States.ALL", "X"]}]), "must stand alone"),
        (task(Retry=[{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["X"]}]), "in the last place"),
        (task(Retry=[{"ErrorEquals": ["X"], "IntervalSeconds": 0}]), "IntervalSeconds must be"),
        (task(Retry=[{"ErrorEquals": ["X"], "BackoffRate": 0.5}]), "BackoffRate must be"),
        (task(Retry=[{"ErrorEquals": ["X"], "JitterStrategy": "SOME"}]), "JitterStrategy is NONE or FULL"),
        (task(Catch=[{"ErrorEquals": ["X"]}]), "Next is required"),
        (task(Catch=[{"ErrorEquals": ["X"], "Next": "S", "ResultPath": "$"}]), "ResultPath is not known"),
        (task(Assign={"states": 1}), "cannot be the name of a variable"),
        (task(Assign={"2nd": 1}), "cannot be the name of a variable"),
        (task(Assign=[]), "Assign must be an object"),
        ({"Type": "Wait", "End": True}, "either Seconds or Timestamp"),
        ({"Type": "Wait", "Seconds": 1.5, "End": True}, "Seconds is 1.5"),
        ({"Type": "Wait", "SecondsPath": "$.a", "Seconds": 1, "End": True}, "SecondsPath is not known"),
        ({"Type": "Choice", "Choices": [{"Condition": True, "Next": "S"}]}, "Default is required"),
        ({"Type": "Choice", "Choices": [], "Default": "S"}, "Choices must be a list"),
        ({"Type": "Choice", "Choices": [{"Variable": "$.a", "Next": "S"}], "Default": "S"}, "needs a Condition"),
        ({"Type": "Choice", "Choices": [{"Condition": "yes", "Next": "S"}], "Default": "S"}, "neither a boolean nor"),
        ({"Type": "Fail"}, "Error is required"),
        ({"Type": "Fail", "Error": "States.Own", "Cause": "c"}, "must not begin with States."),
        ({"Type": "Pass", "Result": 1, "End": True}, "Result is not known"),
        ({"Type": "Activity"}, "the state type Activity is not known"),
        ({"Type": "Map", "ItemReader": {}, "ItemProcessor": {}, "End": True}, "ItemReader is not known"),
        ({"Type": "Parallel", "Branches": [], "End": True}, "Branches must be a list"),
    ],
)
def test_each_mistake_of_a_state_is_named(state: dict[str, Any], expected: str) -> None:
    found = mistakes(S=state)
    assert any(expected in mistake for mistake in found), found


def test_only_inline_maps_are_known() -> None:
    processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, "StartAt": "I", "States": {"I": PASS}}
    found = mistakes(S={"Type": "Map", "ItemProcessor": processor, "End": True})
    assert found == ["S, processor: only the mode INLINE is known"]


def test_a_state_that_nothing_leads_to_is_named() -> None:
    assert mistakes(S=PASS, Lonely=PASS) == ["Lonely: no state leads here"]


def test_states_that_never_end_are_named() -> None:
    assert mistakes(S={"Type": "Pass", "Next": "S"}) == ["the machine: no state ends it"]


def test_an_inner_scope_must_not_assign_what_an_outer_one_does() -> None:
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Assign": {"x": 2}, "End": True}}}
    found = mistakes(S={"Type": "Parallel", "Branches": [inner], "Assign": {"x": 1}, "End": True})
    assert found == ["S, branch 1: the variable x belongs to an outer scope, which an inner one may only read"]


def test_an_outer_scope_cannot_read_what_an_inner_one_assigns() -> None:
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Assign": {"own": 2}, "End": True}}}
    found = mistakes(S={"Type": "Parallel", "Branches": [inner], "Output": "{% $own %}", "End": True})
    assert found == ["S: Output: $own is neither a function nor a variable that this scope assigns"]


def test_a_transition_cannot_leave_its_scope() -> None:
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Next": "S"}}}
    found = mistakes(S={"Type": "Parallel", "Branches": [inner], "End": True})
    assert "I: goes to 'S', which is not there" in found


def test_state_names_are_unique_in_the_whole_machine() -> None:
    inner = {"StartAt": "S", "States": {"S": PASS}}
    found = mistakes(S={"Type": "Parallel", "Branches": [inner], "End": True})
    assert found == ["S: another state of the machine has this name"]


def test_the_machine_states_its_language_and_its_timeout() -> None:
    found = mistakes_in({"StartAt": "S", "States": {"S": PASS}, "Extra": 1}, Known())
    assert found == [
        "the machine: the field Extra is not known here",
        "the machine: QueryLanguage must be JSONata",
        "the machine: TimeoutSeconds is required, a whole number of seconds",
    ]


def test_all_mistakes_are_reported_at_once() -> None:
    definition = {
        "QueryLanguage": "JSONata",
        "TimeoutSeconds": 9,
        "StartAt": "A",
        "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Wait", "End": True}},
    }
    definition["States"]["A"]["Output"] = "{% $no %}"  # type: ignore[index]
    with pytest.raises(DefinitionInvalid) as caught:
        check("two", definition, Known())
    assert caught.value.facts["count"] == 2
    assert "$no is neither" in str(caught.value)
    assert "either Seconds or Timestamp" in str(caught.value)
