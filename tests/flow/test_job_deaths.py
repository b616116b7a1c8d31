"""Jobs that die: their host is lost at some point of their work, or there is none, or they take too long."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.flow.disks import MIB, noisy_disk
from tests.flow.flow import ACTION, ZONES, Flow, NewFlow
from tests.flow.invariants import broken

from backup_actions.model.manifest import MANIFEST_NAME, Manifest
from backup_actions_local.services.durations import Durations
from backup_actions_local.services.hosting.orders import Report

pytestmark = pytest.mark.root

ARCHIVING = {
    "before attaching": ("s3", "HeadObject", 1),
    "while attaching": ("ec2", "AttachVolume", 1),
    "after mounting": ("s3", "HeadObject", 2),
    "in the middle of the stream": ("s3", "UploadPart", 1),
    "when the object stands": ("s3", "CompleteMultipartUpload", 1),
    "after the index": ("s3", "PutObject", 1),
    "before the manifest": ("s3", "PutObject", 2),
    "after the manifest": ("s3", "PutObject", 3),
}
# After these the next attempt has nothing left to do that could be interrupted in the same way.
DONE = {"when the object stands", "after the manifest"}
VERIFYING = {"at the manifest": ("s3", "GetObject", 1), "in the middle": ("s3", "GetObject", 5)}


def _job(flow: Flow, step: str) -> list[str]:
    """How the attempts of the step's job ended."""
    jobs = [job for job in flow.cloud.jobs.jobs.values() if f"_{step}_" in job.name]
    return [attempt.status_reason for job in jobs for attempt in job.attempts]


@pytest.mark.parametrize("moment", ARCHIVING)
def test_second_attempt_succeeds_after_a_host_lost(new_flow: NewFlow, moment: str) -> None:
    flow = new_flow()
    service, operation, number = ARCHIVING[moment]
    lost = flow.lose_host(service, operation, number=number)

    flow.back_up()

    assert lost.times == 1
    assert len(_job(flow, "archive")) == 2
    assert flow.main.status == "SUCCEEDED"
    assert flow.point is None
    assert broken(flow) == []


@pytest.mark.parametrize("moment", [moment for moment in ARCHIVING if moment not in DONE])
def test_backup_is_kept_and_nothing_is_left_when_every_host_is_lost(new_flow: NewFlow, moment: str) -> None:
    flow = new_flow()
    service, operation, number = ARCHIVING[moment]
    lost = flow.lose_host(service, operation, number=number, attempts=None)

    flow.back_up()

    assert lost.times == len(_job(flow, "archive")) == 3
    assert (flow.main.status, flow.child.error) == ("FAILED", "JobFailed")
    assert flow.point is not None
    assert flow.archives() == []
    assert broken(flow) == []


def test_job_that_was_warned_of_losing_its_host_is_continued_by_the_next(new_flow: NewFlow, tmp_path: Path) -> None:
    flow = new_flow()
    flow.disk = noisy_disk(tmp_path, 72)
    flow.lose_host("s3", "UploadPart", number=4, warned=True)

    flow.back_up()

    assert len(_job(flow, "archive")) == 2
    assert flow.main.status == "SUCCEEDED"
    parts = [entry for entry in flow.cloud.audit.of("s3", "UploadPart") if entry.verdict == "allowed"]
    once = Manifest.from_bytes(flow.archives()[0].read(MANIFEST_NAME)).members[0].object.size_bytes
    assert len(parts) < 2 * (once // (8 * MIB))
    assert broken(flow) == []


def test_next_zone_goes_on_with_what_the_first_has_stored(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.where_it_begins(ACTION, flow.cloud.mishaps.no_job_capacity)

    flow.back_up()

    assert "Discard" not in flow.states(ACTION)[: flow.states(ACTION).index("NextZone")]
    assert flow.main.status == "SUCCEEDED"
    assert broken(flow) == []


@pytest.mark.parametrize("moment", VERIFYING)
def test_verification_is_repeated_after_a_host_lost(new_flow: NewFlow, moment: str) -> None:
    flow = new_flow()
    service, operation, number = VERIFYING[moment]
    flow.lose_host(service, operation, job="verify", number=number)

    flow.back_up()

    assert len(_job(flow, "verify")) == 2
    assert flow.main.status == "SUCCEEDED"
    assert broken(flow) == []


def test_verification_that_is_told_to_end_before_its_host_goes_is_repeated(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.lose_host("s3", "GetObject", job="verify", number=2, warned=True)

    flow.back_up()

    assert _job(flow, "verify") == ["Essential container in task exited"] * 2
    assert (flow.main.status, flow.point) == ("SUCCEEDED", None)
    assert broken(flow) == []


def test_job_whose_container_does_not_start_is_tried_again(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.cloud.mishaps.job_does_not_start()
    flow.back_up()

    flow.cloud.mishaps.assert_all_happened()
    assert (flow.main.status, flow.point) == ("SUCCEEDED", None)
    (job,) = [each for each in flow.cloud.jobs.jobs.values() if "_archive_" in each.name]
    (ran,) = [attempt for attempt in job.attempts if attempt.started]
    assert (len(job.attempts), ran.exit_code) == (2, 0)
    usage = flow.evidence()["actions"][0]["usage"]
    assert (usage["job_attempts"], usage.get("job_hours", 0) < 1) == (3, True)
    assert broken(flow) == []


def test_archive_that_cannot_be_verified_is_kept_with_the_backup(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.lose_host("s3", "GetObject", job="verify", number=5, attempts=None)

    flow.back_up()

    assert flow.child.error == "JobFailed"
    assert flow.point is not None
    assert len(flow.archives()) == 1
    assert broken(flow) == []


def test_volume_that_a_lost_host_will_not_let_go_is_forced_off_it(new_flow: NewFlow) -> None:
    flow = new_flow(durations=Durations(instance_lost_seconds=100_000))
    flow.lose_host("s3", "UploadPart")

    flow.back_up()

    (first, second) = flow.cloud.audit.of("ec2", "DetachVolume", role=f"{ACTION}-job-archive")
    assert (first.verdict, second.verdict) == ("allowed", "allowed")
    assert flow.main.status == "SUCCEEDED"
    assert broken(flow) == []


def test_volume_is_made_in_the_next_zone_when_the_first_has_no_room(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.where_it_begins(ACTION, flow.cloud.mishaps.no_volume_capacity)

    flow.back_up()

    flow.cloud.mishaps.assert_all_happened()
    assert flow.main.status == "SUCCEEDED"
    assert all(job.queue_arn.endswith(flow.zones()[1]) for job in flow.cloud.jobs.jobs.values())
    assert broken(flow) == []


def test_volume_moves_to_the_next_zone_when_the_first_has_no_host(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.where_it_begins(ACTION, flow.cloud.mishaps.no_job_capacity)

    flow.back_up()

    made = flow.cloud.audit.of("ec2", "CreateVolume")
    assert len(made) == len(flow.cloud.audit.of("ec2", "DeleteVolume")) == 2
    assert flow.states(ACTION).index("JobNotPlaced") < flow.states(ACTION).index("NextZone")
    assert flow.main.status == "SUCCEEDED"
    assert broken(flow) == []


def test_verification_moves_to_the_next_zone_too(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.when(ACTION, "BeginVerification", lambda: flow.cloud.mishaps.no_job_capacity(flow.zones()[0]))

    flow.back_up()

    assert len(flow.cloud.audit.of("ec2", "CreateVolume")) == 1
    assert flow.main.status == "SUCCEEDED"
    assert broken(flow) == []


@pytest.mark.parametrize("lacking", ["volumes", "hosts"])
def test_backup_is_kept_when_no_zone_has_room(new_flow: NewFlow, lacking: str) -> None:
    flow = new_flow(archive={"capacity_timeout_hours": 1})
    for zone in ZONES:
        if lacking == "volumes":
            flow.cloud.mishaps.no_volume_capacity(zone)
        else:
            flow.cloud.mishaps.no_job_capacity(zone)

    flow.back_up()

    assert flow.child.error == "NoZoneLeft"
    assert ", ".join(flow.zones()) in str(flow.child.cause)
    assert flow.point is not None
    assert broken(flow) == []


def test_volume_that_ends_in_error_is_removed_and_named(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.cloud.mishaps.volume_fails()

    flow.back_up()

    assert flow.child.error == "VolumeFailed"
    assert "is error" in str(flow.child.cause)
    assert flow.point is not None
    assert broken(flow) == []


@pytest.mark.parametrize("job", ["archive", "verify"])
def test_job_that_takes_too_long_is_ended_and_the_backup_kept(new_flow: NewFlow, job: str) -> None:
    def dawdle(name: str, report: Report) -> None:
        if f"_{job}_" in name and report.kind == "start":
            flow.cloud.clock.sleep(2 * 3600)

    flow = new_flow(archive={"attempt_timeout_hours": 1}, on_report=dawdle)

    flow.back_up()

    assert _job(flow, job) == ["Job attempt duration exceeded timeout"]
    assert flow.child.error == "JobFailed"
    assert flow.point is not None
    assert broken(flow) == []


def test_job_waits_its_turn_for_days_and_that_is_no_failure(new_flow: NewFlow) -> None:
    flow = new_flow(durations=Durations(job_started_seconds=86_400))

    flow.back_up()

    assert flow.main.status == "SUCCEEDED"
    assert broken(flow) == []


def test_job_that_waits_behind_those_of_others_is_not_given_up(new_flow: NewFlow) -> None:
    def dawdle(_name: str, report: Report) -> None:
        if report.kind == "start":
            flow.cloud.clock.sleep(3600)

    flow = new_flow(on_report=dawdle)
    for queue in flow.cloud.jobs.queues.values():
        queue.max_concurrent_jobs = 1
    volumes = [flow.volume() for _ in range(3)]
    flow.back_up_together(*volumes)

    assert [execution.status for execution in flow.executions(ACTION)] == ["SUCCEEDED"] * 3
    assert "FindOthersAtWork" in {event.state for each in flow.executions(ACTION) for event in each.history}
