"""Jobs and functions in processes of their own, under their roles, against the front."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from backup_actions.contract import Job, Statement
from backup_actions_local.front import Audit, Faults, Front, Roles
from backup_actions_local.services.batch import Batch
from backup_actions_local.services.ec2 import Ec2
from backup_actions_local.services.functions import Functions
from backup_actions_local.services.hosting.orders import FunctionError, Report
from backup_actions_local.services.hosting.subprocesses import Subprocesses
from backup_actions_local.services.job_runs import JobRuns
from backup_actions_local.services.metadata import Metadata
from backup_actions_local.services.neighbours import Neighbours

from .conftest import ZONE, Cloud

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1 << 20
ZONES = Statement(("ec2:DescribeAvailabilityZones",), on="*", because="Describe* has no resource-level control")


@dataclass
class Stage:
    """A front with services whose work runs in processes."""

    cloud: Cloud
    front: Front
    runs: JobRuns
    functions: Functions
    reports: list[Report]

    def finished(self, entry: str, **event: Any) -> dict[str, Any]:
        """Run a job to its end, as the administrator sees it through boto3."""
        self.runs.define(entry, Job(code="unused:unused", doc="A job."), "worker", entry=f"job_steps:{entry}")
        batch = self.front.administrator.client("batch")
        command = ["ebs-archive", "archive", json.dumps({"name": entry, **event})]
        job_id = batch.submit_job(
            jobName=entry, jobQueue="a", jobDefinition=entry, containerOverrides={"command": command}
        )["jobId"]
        self.cloud.clock.wait(lambda: self.runs.jobs[job_id].has_ended, 100_000)
        return dict(batch.describe_jobs(jobs=[job_id])["jobs"][0])

    def function(self, entry: str, **options: Any) -> str:
        """Register a function."""
        return self.functions.register(entry, f"job_steps:{entry}", "worker", **options)


@pytest.fixture(name="stage")
def _stage(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parent}:{Path(__file__).parents[3] / 'src'}")
    monkeypatch.setenv("SECRET", "of the parent")
    roles, reports = Roles(cloud.clock), list[Report]()
    roles.add("worker", (ZONES,))
    metadata = Metadata(clock=cloud.clock, store=cloud.store, issue=roles.issue)
    hosting = Subprocesses(metadata=metadata, url=lambda: front.url, region=cloud.place.region)
    runs = JobRuns(
        clock=cloud.clock, store=cloud.store, hosting=hosting, logs=cloud.directory / "logs", mishaps=cloud.mishaps,
        listener=lambda job, report: reports.append(report),
    )  # fmt: skip
    runs.queue("a", ZONE)
    functions = Functions(clock=cloud.clock, place=cloud.place, hosting=hosting)
    front = Front(
        clock=cloud.clock, roles=roles, faults=Faults(), audit=Audit(), routes=metadata.routes(),
        services=[Ec2(cloud.store, cloud.mishaps, Neighbours()), cloud.events, Batch(runs), functions],
        tags_of=cloud.store.tags_of,
    )  # fmt: skip
    with front:
        yield Stage(cloud, front, runs, functions, reports)
        runs.close()
        functions.close()


def test_a_job_has_its_roles_credentials_its_host_and_the_clock_and_nothing_of_ours(stage: Stage) -> None:
    job = stage.finished("call")
    (instance,) = stage.cloud.store.instances()
    called, clock = [report.text for report in stage.reports if report.kind == "note"]

    assert job["status"] == "SUCCEEDED"
    assert called == f"ebs-archive archive {{'name': 'call'}} us-east-1a {stage.front.url}/_imds/{instance.id} None"
    assert clock == f"clock {stage.cloud.clock.now().isoformat()}"


def test_a_job_sleeps_on_our_clock(stage: Stage) -> None:
    begun = stage.cloud.clock.now()
    job = stage.finished("work", seconds=5000)

    assert (job["status"], job["container"]["exitCode"]) == ("SUCCEEDED", 0)
    assert (stage.cloud.clock.now() - begun).total_seconds() > 5000


def test_a_job_is_killed_at_a_point_and_tried_again(stage: Stage) -> None:
    stage.cloud.mishaps.kill_job("work", after_bytes=4 * MIB)
    job = stage.finished("work")

    assert job["status"] == "SUCCEEDED"
    assert job["attempts"][0]["statusReason"].startswith("Host EC2 (instance i-")
    assert stage.runs.log_of(job["jobId"]).endswith("attempt 2 of work\n")
    stage.cloud.mishaps.assert_all_happened()


def test_a_job_that_is_terminated_may_clean_up(stage: Stage) -> None:
    stage.runs.define("stubborn", Job(code="u:u", doc="A job."), "worker", entry="job_steps:stubborn")
    batch = stage.front.administrator.client("batch")
    command = ["ebs-archive", "archive", '{"seconds": 5000}']
    job_id = batch.submit_job(
        jobName="s", jobQueue="a", jobDefinition="stubborn", containerOverrides={"command": command}
    )["jobId"]
    stage.cloud.clock.sleep(3000)
    batch.terminate_job(jobId=job_id, reason="enough")
    stage.cloud.clock.wait(lambda: stage.runs.jobs[job_id].has_ended, 100_000)
    job = batch.describe_jobs(jobs=[job_id])["jobs"][0]

    assert (job["status"], job["statusReason"]) == ("FAILED", "enough")
    assert "cleaned up" in stage.runs.log_of(job_id)


def test_a_function_stays_warm_and_its_prints_are_no_answers(stage: Stage) -> None:
    stage.function("pid")

    assert stage.functions.invoke("pid", {}) == stage.functions.invoke("pid", {})


def test_a_function_is_invoked_through_the_api_and_calls_it_itself(stage: Stage) -> None:
    stage.function("zones")
    answer = stage.front.administrator.client("lambda").invoke(FunctionName="zones", Payload=b"{}")

    assert json.loads(answer["Payload"].read()) == ["us-east-1a", "us-east-1b"]


def test_a_function_that_dies_is_an_error_and_comes_back(stage: Stage) -> None:
    stage.function("leave")
    stage.function("double")

    for _ in range(2):
        with pytest.raises(FunctionError, match=r"Runtime.ExitError.*code 3"):
            stage.functions.invoke("leave", {})


def test_a_function_that_raises_keeps_its_process(stage: Stage) -> None:
    stage.function("fail")

    for _ in range(2):
        with pytest.raises(FunctionError, match="SourceUnreadable: BA0401"):
            stage.functions.invoke("fail", {})


def test_a_function_that_sleeps_past_its_timeout_is_killed(stage: Stage) -> None:
    stage.function("sleep", timeout_seconds=20)
    begun = stage.cloud.clock.now()
    with pytest.raises(FunctionError, match=r"Task timed out after 20.00 seconds"):
        stage.functions.invoke("sleep", {"seconds": 3600})

    assert (stage.cloud.clock.now() - begun).total_seconds() == 20
    assert stage.functions.invoke("sleep", {"seconds": 5}) == stage.cloud.clock.now().isoformat()


def test_volumes_travel_through_boto3(stage: Stage) -> None:
    ec2 = stage.front.administrator.client("ec2")
    ec2.create_volume(
        AvailabilityZone=ZONE,
        Size=1,
        VolumeType="gp3",
        TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]}],
    )
    stage.cloud.clock.sleep(10)
    (volume,) = ec2.describe_volumes(Filters=[{"Name": "tag:a", "Values": ["b"]}])["Volumes"]

    assert (volume["State"], volume["Throughput"]) == ("available", 125)
    with pytest.raises(ec2.exceptions.ClientError, match=r"InvalidVolume\.NotFound"):
        ec2.describe_volumes(VolumeIds=["vol-0123456789abcdef0"])
