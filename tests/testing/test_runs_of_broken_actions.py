"""What only a run shows is noticed in a run: each way to do wrong is told with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backup_actions_local.front.faults import CallSite
from backup_actions_local.samples import Sample, sample_of
from backup_actions_testing.faults import Kind, Trial
from backup_actions_testing.trials import (
    begun,
    complaints_about_fault,
    complaints_about_good_run,
    complaints_about_stop,
)

if TYPE_CHECKING:
    from tests.testing.conftest import Written

    from backup_actions_local.cloud import Cloud
    from backup_actions_local.deployment import Deployment
    from backup_actions_local.seaweed import ObjectServer

NAME = "backup-actions-vm-notes"
WORKFLOW = "workflow.asl.yaml"
ONLY_CLEAN_UP = """\
      - Condition: "{% $leftBehind %}"
        Next: FindJobs"""
WHOLE_OR_NOT = """\
      - Condition: "{% $status = 'stored' %}"
        Next: Outcome?"""


def _good(written: Written, folder: Path, objects: ObjectServer) -> list[str]:
    with begun(written.action, folder, objects) as run:
        run.back_up()
        return list(complaints_about_good_run(run))


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (
            "permissions.py",
            '"kms:GenerateDataKey"',
            '"kms:DescribeKey"',
            f"was refused to {NAME}-job-keep",
        ),
        (
            "tasks.py",
            '"verified": not problems, ',
            '"verified": False, ',
            "the run is FAILED: NotProven: ",
        ),
        ("sample.py", 'description["Note"] != "asked for by the auditors"', "True", "the note was not kept"),
    ],
)
def test_a_run_in_which_nothing_is_made_to_fail_shows(
    written: Written, file: str, old: str, new: str, told: str, tmp_path: Path, flow_objects: ObjectServer
) -> None:
    written.change(file, old, new)

    complaints = _good(written, tmp_path, flow_objects)

    assert any(told in complaint for complaint in complaints), complaints


def test_a_job_that_finds_no_host_in_one_zone_is_done_in_the_next(
    written: Written, tmp_path: Path, flow_objects: ObjectServer
) -> None:
    written.change(WORKFLOW, "[$zones^($hash($run & name, 'SHA-256'))]", "$zones")  # whatever the run is called

    with begun(written.action, tmp_path, flow_objects) as run:
        run.cloud.mishaps.no_job_capacity(run.cloud.place.zones[0])
        run.back_up()
        complaints = list(complaints_about_good_run(run))
        jobs = {job.name[-6:]: job.status for job in run.cloud.jobs.jobs.values()}

    assert complaints == []
    assert jobs == {"keep_0": "FAILED", "keep_1": "SUCCEEDED"}


def test_an_error_that_passes_and_that_nobody_waits_for_is_told(
    written: Written, tmp_path: Path, flow_objects: ObjectServer
) -> None:
    written.change(WORKFLOW, "MaxAttempts: 4", "MaxAttempts: 0")
    trial = Trial(CallSite(f"{NAME}-workflow", "s3", "ListObjectsV2", 1), Kind.BUSY)

    with begun(written.action, tmp_path, flow_objects) as run:
        complaints = list(complaints_about_fault(run, trial))

    assert any("s3:ListObjectsV2 #1 busy once: the run did not succeed" in each for each in complaints)
    assert any("retry the call, or look whether it was carried out" in each for each in complaints)


def test_what_a_refused_call_leaves_behind_is_told(
    written: Written, tmp_path: Path, flow_objects: ObjectServer
) -> None:
    written.change(WORKFLOW, WHOLE_OR_NOT, "      - Condition: true\n        Next: Outcome?")
    trial = Trial(CallSite(f"{NAME}-job-keep", "s3", "PutObject", 2), Kind.DENIED)

    with begun(written.action, tmp_path, flow_objects) as run:
        complaints = list(complaints_about_fault(run, trial))

    assert any("recovery-point.json, of which no manifest tells" in each for each in complaints), complaints


def test_what_stands_beside_is_there_while_the_action_runs_and_its_promises_are_asked_for(
    written: Written, tmp_path: Path, flow_objects: ObjectServer
) -> None:
    happened: list[str] = []

    @contextmanager
    def beside(deployment: Deployment) -> Iterator[None]:
        happened.append(f"{deployment.settings.name} is deployed")
        yield
        happened.append("over")

    def make(cloud: Cloud) -> Sample:
        sample = sample_of(written.action, cloud)
        return replace(sample, beside=beside, broken=lambda: [f"after {happened[-1]}"], left_behind=lambda: ["a thing"])

    with begun(written.action, tmp_path, flow_objects, make_sample=make) as run:
        run.back_up()
        complaints = list(complaints_about_good_run(run))

    assert complaints == ["nothing_left_behind: a thing", "vm-notes: after backup-actions is deployed"]
    assert happened == ["backup-actions is deployed", "over"]


def test_what_a_stopped_run_leaves_behind_is_told(written: Written, tmp_path: Path, flow_objects: ObjectServer) -> None:
    written.change("job.py", "stand_once(s3, bucket, f", "print(s3, bucket, f")
    written.change(WORKFLOW, ONLY_CLEAN_UP, ONLY_CLEAN_UP.replace("FindJobs", "CleanedUp"))

    complaints = list(complaints_about_stop(written.action, "WaitForJob", tmp_path, flow_objects, None))

    assert any(complaint.startswith("stopped in WaitForJob: nothing_left_behind: ") for complaint in complaints)
