"""Batch jobs: states over time, queues and room, attempts, lost hosts, timeouts, terminations."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from backup_actions.contract import Job
from backup_actions_local.calls import Refused
from backup_actions_local.services.batch import Batch
from backup_actions_local.services.hosting.inline import Inline
from backup_actions_local.services.job_runs import JobRuns

from .conftest import ZONE, Ask, Cloud

if TYPE_CHECKING:
    from backup_actions_local.services.hosting.orders import Report

MIB = 1 << 20
Submit = Callable[..., str]
_ENDED = "SUCCEEDED", "FAILED"


@pytest.fixture(name="reports")
def _reports() -> list[Report]:
    return []


@pytest.fixture(name="runs")
def _runs(cloud: Cloud, reports: list[Report], monkeypatch: pytest.MonkeyPatch) -> Iterator[JobRuns]:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    hosting = Inline(
        clock=cloud.clock,
        session_for=lambda role, session: boto3.Session(f"KEY-{session[-7:]}", "secret", region_name="us-east-1"),
        url=lambda: "http://127.0.0.1:9",
    )
    runs = JobRuns(
        clock=cloud.clock, store=cloud.store, hosting=hosting, logs=cloud.directory / "logs", mishaps=cloud.mishaps,
        listener=lambda job, report: reports.append(report),
    )  # fmt: skip
    runs.queue("a", ZONE, max_concurrent_jobs=2)
    for entry in ("work", "stubborn", "unreadable", "sign"):
        job = Job(code="unused:unused", doc="A job.", attempts=3, attempt_timeout_seconds=3600)
        runs.define(entry, job, "worker", entry=f"job_steps:{entry}")
    yield runs
    runs.close()


@pytest.fixture(name="batch")
def _batch(cloud: Cloud, runs: JobRuns) -> Ask:
    return cloud.ask(Batch(runs))


@pytest.fixture(name="submit")
def _submit(batch: Ask) -> Submit:
    def submit(definition: str = "work", name: str = "job", **event: Any) -> str:
        command = ["ebs-archive", "archive", json.dumps({"name": name, **event})]
        overrides = {"command": command}
        answer = batch("SubmitJob", jobName=name, jobQueue="a", jobDefinition=definition, containerOverrides=overrides)
        return str(answer["jobId"])

    return submit


def _job(batch: Ask, job_id: str) -> dict[str, Any]:
    (job,) = batch("DescribeJobs", jobs=[job_id])["jobs"]
    return dict(job)


def _ended(cloud: Cloud, batch: Ask, job_id: str) -> dict[str, Any]:
    """The job after its end; polled, because a condition that the clock asks must not take anybody's lock."""
    for _ in range(1000):
        job = _job(batch, job_id)
        if job["status"] in _ENDED:
            return job
        cloud.clock.sleep(30)
    raise AssertionError(f"{job_id} does not end")


def test_a_job_goes_through_its_states(cloud: Cloud, batch: Ask, submit: Submit, reports: list[Report]) -> None:
    job = _ended(cloud, batch, submit())

    assert [r.text for r in reports if r.kind == "status"] == ["RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED"]
    assert (job["status"], job["container"]["exitCode"]) == ("SUCCEEDED", 0)
    assert job["stoppedAt"] >= job["startedAt"] > job["createdAt"]


def test_what_a_job_reports_is_heard_and_logged(
    cloud: Cloud, batch: Ask, runs: JobRuns, submit: Submit, reports: list[Report]
) -> None:
    job_id = submit()
    _ended(cloud, batch, job_id)
    progress = [report for report in reports if report.kind == "progress"]

    assert (progress[-1].done_bytes, progress[-1].total_bytes) == (10 * MIB, 10 * MIB)
    assert runs.log_of(job_id) == "ebs-archive/archive\nattempt 1 of job\n"


def test_each_job_signs_with_its_own_keys_and_has_its_own_count(
    cloud: Cloud, batch: Ask, runs: JobRuns, submit: Submit
) -> None:
    jobs = [submit("sign", exit=0), submit("sign", exit=3), submit("sign"), submit("sign")]
    for job_id in jobs:
        _ended(cloud, batch, job_id)

    said = [runs.log_of(job_id).strip() for job_id in jobs]
    assert len(set(said)) == len(jobs)
    assert all(line.endswith(" after 0") for line in said)


def test_a_job_that_fails_by_itself_is_not_tried_again(cloud: Cloud, batch: Ask, submit: Submit) -> None:
    job = _ended(cloud, batch, submit(exit=4))

    assert (job["status"], job["container"]["exitCode"], len(job["attempts"])) == ("FAILED", 4, 1)
    assert job["statusReason"] == "Essential container in task exited"


def test_an_error_of_ours_ends_a_job_with_its_exit_code(
    cloud: Cloud, batch: Ask, runs: JobRuns, submit: Submit
) -> None:
    job_id = submit("unreadable")

    assert _ended(cloud, batch, job_id)["container"]["exitCode"] == 1
    assert "BA0401: cannot read the disk" in runs.log_of(job_id)


def test_a_job_whose_host_is_lost_is_tried_again_on_another(cloud: Cloud, batch: Ask, submit: Submit) -> None:
    cloud.mishaps.kill_job("job", after_bytes=3 * MIB)
    job = _ended(cloud, batch, submit())
    first, second = job["attempts"]

    assert job["status"] == "SUCCEEDED"
    assert first["statusReason"].startswith("Host EC2 (instance i-")
    assert "exitCode" not in first["container"]
    assert first["container"]["containerInstanceArn"] != second["container"]["containerInstanceArn"]
    cloud.mishaps.assert_all_happened()


def test_a_job_whose_container_does_not_start_is_tried_again(cloud: Cloud, batch: Ask, submit: Submit) -> None:
    cloud.mishaps.job_does_not_start()
    job = _ended(cloud, batch, submit())
    first, second = job["attempts"]

    assert job["status"] == "SUCCEEDED"
    assert (first["statusReason"], "startedAt" in first, "exitCode" in first["container"]) == (
        "Task failed to start", False, False,
    )  # fmt: skip
    assert first["container"]["reason"].startswith("DockerTimeoutError")
    assert second["startedAt"]
    cloud.mishaps.assert_all_happened()


def test_a_job_that_dies_on_every_attempt_fails_after_the_last(cloud: Cloud, batch: Ask, submit: Submit) -> None:
    cloud.mishaps.kill_job("unlucky", at="attempt", attempts=None)
    job = _ended(cloud, batch, submit(name="unlucky-volume"))

    assert (job["status"], len(job["attempts"])) == ("FAILED", 3)


def test_a_lost_host_is_shutting_down_and_a_finished_one_idle(cloud: Cloud, batch: Ask, submit: Submit) -> None:
    cloud.mishaps.kill_job("job", at="ebs-archive")
    _ended(cloud, batch, submit())
    now = cloud.clock.now()

    assert [instance.state(now) for instance in cloud.store.instances()] == ["shutting-down", "running"]


def test_nothing_of_a_job_goes_on_after_its_host_is_lost(
    cloud: Cloud, batch: Ask, runs: JobRuns, submit: Submit
) -> None:
    cloud.mishaps.kill_job("job", after_bytes=MIB, attempts=None)
    job_id = submit()
    _ended(cloud, batch, job_id)

    assert "attempt" not in runs.log_of(job_id)


def test_an_attempt_that_takes_too_long_is_ended_and_not_repeated(
    cloud: Cloud, batch: Ask, runs: JobRuns, submit: Submit
) -> None:
    job_id = submit("stubborn", seconds=7200)
    job = _ended(cloud, batch, job_id)

    assert (job["status"], len(job["attempts"])) == ("FAILED", 1)
    assert job["statusReason"] == "Job attempt duration exceeded timeout"
    assert job["stoppedAt"] - job["startedAt"] == 3600 * 1000
    assert "cleaned up" in runs.log_of(job_id)


def test_a_running_job_can_be_terminated(cloud: Cloud, batch: Ask, runs: JobRuns, submit: Submit) -> None:
    job_id = submit("stubborn", seconds=3000)
    cloud.clock.sleep(300)
    before = _job(batch, job_id)["status"]
    batch("TerminateJob", jobId=job_id, reason="not wanted")
    job = _ended(cloud, batch, job_id)

    assert (before, job["status"], job["statusReason"]) == ("RUNNING", "FAILED", "not wanted")
    assert len(job["attempts"]) == 1
    assert "cleaned up" in runs.log_of(job_id)


def test_a_job_in_a_zone_without_hosts_stays_runnable_until_it_is_terminated(
    cloud: Cloud, batch: Ask, submit: Submit
) -> None:
    cloud.mishaps.no_job_capacity(ZONE)
    job_id = submit()
    cloud.clock.sleep(3600)
    before = _job(batch, job_id)["status"]
    batch("TerminateJob", jobId=job_id, reason="no room")

    assert (before, _job(batch, job_id)["status"]) == ("RUNNABLE", "FAILED")


def test_no_more_jobs_run_at_a_time_than_the_queue_has_room_for(cloud: Cloud, batch: Ask, submit: Submit) -> None:
    jobs = [submit(name=f"job-{number}", seconds=600) for number in range(3)]
    cloud.clock.sleep(300)
    early = sorted(_job(batch, job_id)["status"] for job_id in jobs)
    for job_id in jobs:
        _ended(cloud, batch, job_id)

    assert early == ["RUNNABLE", "RUNNING", "RUNNING"]
    assert {_job(batch, job_id)["status"] for job_id in jobs} == {"SUCCEEDED"}


def test_jobs_are_listed_by_status_and_by_name(cloud: Cloud, batch: Ask, submit: Submit) -> None:
    _ended(cloud, batch, submit(name="Done-1"))
    running = submit(name="running-1", seconds=600)
    cloud.clock.sleep(300)

    def listed(**params: Any) -> list[str]:
        return [job["jobName"] for job in batch("ListJobs", jobQueue="a", **params)["jobSummaryList"]]

    assert listed() == ["running-1"]
    assert listed(jobStatus="SUCCEEDED") == ["Done-1"]
    assert listed(filters=[{"name": "JOB_NAME", "values": ["done-*"]}]) == ["Done-1"]
    assert listed(filters=[{"name": "JOB_NAME", "values": ["done"]}]) == []
    assert listed(filters=[{"name": "JOB_NAME", "values": ["*"]}]) == ["running-1", "Done-1"]
    batch("TerminateJob", jobId=running, reason="done")


def test_an_unknown_job_is_simply_absent(batch: Ask) -> None:
    assert batch("DescribeJobs", jobs=["nobody"])["jobs"] == []


@pytest.mark.parametrize(
    "params",
    [
        {"jobName": "a:b"},
        {"jobQueue": "nobody"},
        {"jobDefinition": "nobody"},
        {"retryStrategy": {"attempts": 11}},
        {"timeout": {"attemptDurationSeconds": 59}},
    ],
)
def test_a_mistaken_job_is_refused(batch: Ask, params: dict[str, Any]) -> None:
    right = {
        "jobName": "job",
        "jobQueue": "a",
        "jobDefinition": "work",
        "containerOverrides": {"command": ["a", "b", "{}"]},
    }

    with pytest.raises(Refused, match="ClientException"):
        batch("SubmitJob", **{**right, **params})


def test_a_retry_rule_decides_by_the_exit_code(cloud: Cloud, batch: Ask) -> None:
    rules = [{"onExitCode": "4*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}]
    job_id = batch(
        "SubmitJob",
        jobName="job",
        jobQueue="a",
        jobDefinition="work:1",
        containerOverrides={"command": ["a", "b", '{"name": "x", "exit": 42}']},
        retryStrategy={"attempts": 2, "evaluateOnExit": rules},
    )["jobId"]

    assert len(_ended(cloud, batch, job_id)["attempts"]) == 2
