"""Runs that are stopped or run out of time: the next execution of the same machine cleans up after them."""

from __future__ import annotations

import pytest
from tests.flow.flow import ACTION, MAIN, NewFlow
from tests.flow.invariants import broken

from backup_actions_local.services.hosting.orders import Report

pytestmark = pytest.mark.root


@pytest.mark.parametrize("state", ["CreateVolume", "DescribeVolume", "SubmitJob", "WaitForJob", "Report", "Discard"])
def test_stopped_archiving_is_cleaned_up_after_and_told(new_flow: NewFlow, state: str) -> None:
    flow = new_flow()
    flow.stop_when(ACTION, state)

    flow.back_up()

    assert [execution.status for execution in flow.executions(ACTION)] == ["ABORTED", "SUCCEEDED"]
    assert flow.executions(ACTION)[1].output == {"cleanedUpAfter": flow.main.name}
    assert flow.main.status == "FAILED"
    assert flow.point is not None
    assert flow.notices[0]["Subject"].startswith("Failed: EBS")
    assert broken(flow) == []


def test_archiving_stopped_while_the_job_works_ends_the_job_too(new_flow: NewFlow) -> None:
    def stop_and_go_on(_job: str, report: Report) -> None:
        if report.kind == "start":
            flow.child.stop("Tester", "stopped by hand")
            flow.cloud.clock.sleep(60)

    flow = new_flow(on_report=stop_and_go_on)

    flow.back_up()

    (job,) = flow.cloud.jobs.jobs.values()
    assert job.status_reason == "The run that submitted this job has ended"
    assert flow.archives() == []
    assert [execution.status for execution in flow.executions(ACTION)] == ["ABORTED", "SUCCEEDED"]
    assert flow.point is not None
    assert broken(flow) == []


@pytest.mark.parametrize("state", ["DescribeVolume", "WaitForJob", "FindVolumes"])
def test_stopping_the_main_machine_stops_its_child_and_is_told(new_flow: NewFlow, state: str) -> None:
    flow = new_flow()
    flow.stop_when(ACTION, state, stopped=MAIN)

    flow.back_up()

    assert flow.main.status == "ABORTED"
    assert [execution.status for execution in flow.executions(ACTION)] == ["ABORTED", "SUCCEEDED"]
    assert flow.point is not None
    assert "is ABORTED" in flow.notices[0]["Message"]
    assert broken(flow) == []


@pytest.mark.parametrize("state", ["Conclude", "Decided"])
def test_backup_is_kept_when_the_main_machine_is_stopped_before_the_deletion(new_flow: NewFlow, state: str) -> None:
    flow = new_flow()
    flow.stop_when(MAIN, state)

    flow.back_up()

    assert flow.main.status == "ABORTED"
    assert flow.child.status == "SUCCEEDED"
    assert flow.point is not None
    assert broken(flow) == []


@pytest.mark.parametrize("seconds", [3, 30, 120])
def test_archiving_that_runs_out_of_time_is_cleaned_up_after_and_told(new_flow: NewFlow, seconds: int) -> None:
    flow = new_flow()
    flow.change_machine(ACTION, TimeoutSeconds=seconds)
    flow.when(ACTION, "Begin", lambda: flow.change_machine(ACTION))  # who cleans up has the usual time

    flow.back_up()

    assert flow.child.status == "TIMED_OUT"
    assert flow.main.status == "FAILED"
    assert flow.point is not None
    assert broken(flow) == []


def test_main_machine_that_runs_out_of_time_is_told_and_all_is_cleaned_up(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.change_machine(MAIN, TimeoutSeconds=100)

    flow.back_up()

    assert flow.main.status == "TIMED_OUT"
    assert [execution.status for execution in flow.executions(ACTION)] == ["ABORTED", "SUCCEEDED"]
    assert flow.point is not None
    assert "is TIMED_OUT" in flow.notices[0]["Message"]
    assert broken(flow) == []


def test_clean_up_that_cannot_remove_everything_is_told(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.stop_when(ACTION, "DescribeVolume")
    flow.cloud.faults.on("ec2", "DeleteVolume").fail("UnauthorizedOperation", status=403).always()

    flow.back_up()

    first, second = flow.executions(ACTION)
    assert (first.status, second.status, second.error) == ("ABORTED", "FAILED", "LeftBehind")
    assert any(second.name in notice["Message"] and "is FAILED" in notice["Message"] for notice in flow.notices)
    assert flow.point is not None
