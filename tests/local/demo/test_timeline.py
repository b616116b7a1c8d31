"""An execution's history as steps: polls of one thing are one step, waits belong to it."""

from __future__ import annotations

from datetime import timedelta

from backup_actions_local.clock import START
from backup_actions_local.demo.timeline import Folding, Step
from backup_actions_local.states.execution import Event


def event(seconds: float, kind: str, state: str | None, **details: object) -> Event:
    """An event at that second."""
    return Event(1, START + timedelta(seconds=seconds), kind, state, details)


def folded(*events: Event) -> list[Step]:
    """All steps of the events."""
    folding = Folding()
    steps = [step for step in map(folding.take, events) if step]
    return steps + [last for last in [folding.rest()] if last]


def test_polls_with_waits_between_them_are_one_step() -> None:
    steps = folded(
        event(0, "TaskStateEntered", "Describe"),
        event(1, "TaskStateExited", "Describe"),
        event(1, "WaitStateEntered", "Wait"),
        event(9, "WaitStateExited", "Wait"),
        event(9, "TaskStateEntered", "Describe"),
        event(10, "TaskStateExited", "Describe"),
        event(10, "TaskStateEntered", "Delete"),
        event(12, "TaskStateExited", "Delete"),
    )

    assert [(step.state, step.times, step.seconds) for step in steps] == [("Describe", 2, 10), ("Delete", 1, 2)]


def test_an_error_belongs_to_the_step_that_had_it() -> None:
    steps = folded(
        event(0, "TaskStateEntered", "Create"),
        event(1, "TaskFailed", "Create", error="Ec2.Ec2Exception"),
        event(1, "TaskStateExited", "Create"),
        event(2, "TaskStateEntered", "Find"),
        event(3, "TaskStateExited", "Find"),
    )

    assert [(step.state, step.error) for step in steps] == [("Create", "Ec2.Ec2Exception"), ("Find", "")]
