"""Planned faults, without a server."""

from __future__ import annotations

import pytest

from backup_actions_local.calls import Call, Caller
from backup_actions_local.front.faults import CallSite, Faults


def call(operation: str = "CreateVolume", role: str = "worker", **params: object) -> Call:
    return Call("ec2", operation, params, Caller(role, "s"))


def codes(faults: Faults, *calls: Call) -> list[str | None]:
    answers = [faults.answer_to(each) for each in calls]
    return [answer.code if answer else None for answer in answers]


def test_a_fault_happens_once_unless_told_otherwise() -> None:
    faults = Faults()
    faults.on("ec2", "CreateVolume").fail("Busy")

    assert codes(faults, call("DeleteVolume"), call(), call()) == [None, "Busy", None]


def test_a_fault_happens_so_many_times() -> None:
    faults = Faults()
    faults.on("ec2", "CreateVolume").fail("Busy").times(2)

    assert codes(faults, call(), call(), call()) == ["Busy", "Busy", None]


def test_a_fault_happens_always() -> None:
    faults = Faults()
    faults.on("ec2", "CreateVolume").fail("Busy").always()

    assert codes(faults, call(), call(), call()) == ["Busy"] * 3


def test_a_fault_happens_at_one_call() -> None:
    faults = Faults()
    faults.on("ec2", "CreateVolume").fail("Busy").at(2)

    assert codes(faults, call(), call(), call()) == [None, "Busy", None]


def test_a_fault_may_be_of_one_role_and_of_some_parameters() -> None:
    faults = Faults()
    faults.on("ec2", "CreateVolume", role="worker", when=lambda each: each.params["Zone"] == "a").fail("Busy").always()

    assert codes(faults, call(Zone="b"), call(Zone="a"), call(role="other", Zone="a")) == [None, "Busy", None]


def test_of_several_faults_of_a_call_the_first_planned_happens_and_the_next_waits() -> None:
    faults = Faults()
    faults.on("ec2", "CreateVolume").fail("First")
    faults.on("ec2", "CreateVolume").fail("Second")

    assert codes(faults, call(), call(), call()) == ["First", "Second", None]


def test_the_administrator_is_spared_and_not_counted() -> None:
    faults = Faults()
    faults.on("ec2", "CreateVolume").fail("Busy")

    assert codes(faults, call(role="administrator")) == [None]
    assert faults.calls == ()


def test_calls_are_numbered_so_that_one_can_be_failed_in_another_run() -> None:
    first = Faults()
    codes(first, call(), call("DeleteVolume"), call(), call(role="other"))
    assert first.calls[2] == CallSite("worker", "ec2", "CreateVolume", 2)

    second = Faults()
    second.at(first.calls[2]).fail("Busy")
    assert codes(second, call(role="other"), call(), call()) == [None, None, "Busy"]


def test_what_did_not_happen_is_named() -> None:
    faults = Faults()
    faults.on("ec2", "CreateVolume").fail("Busy").times(2)
    codes(faults, call())

    with pytest.raises(AssertionError, match=r"Busy.*ec2:CreateVolume"):
        faults.assert_all_happened()
    codes(faults, call())
    faults.assert_all_happened()


def test_what_services_plan_is_asked_too() -> None:
    class Kill:
        def missing(self) -> str | None:
            return "the end of the job"

    faults = Faults()
    faults.expect(Kill())

    with pytest.raises(AssertionError, match="the end of the job"):
        faults.assert_all_happened()
