"""Each workflow notes what Batch says of its jobs: every attempt, for as long as it had a host."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from backup_actions.actions import dynamodb_export, ebs_archive, rds_dump, rds_export
from backup_actions_local.states.expressions import Expressions

if TYPE_CHECKING:
    from backup_actions.contract import Action

ACTIONS = [each.ACTION for each in (ebs_archive, rds_export, rds_dump, dynamodb_export)]
ONE_HOUR_AND_A_HALF = [
    {"StartedAt": 1_000, "StoppedAt": 1_801_000},
    {"StatusReason": "Host EC2 terminated before the start"},
    {"StartedAt": 2_000_000, "StoppedAt": 5_600_000},
]
VCPUS = {"ResourceRequirements": [{"Type": "MEMORY", "Value": "2048"}, {"Type": "VCPU", "Value": "2"}]}


def noted(action: Action, worked: dict[str, Any], **job: object) -> Any:
    """What the workflow keeps in mind after DescribeJobs has answered this."""
    text = action.workflow.document()["States"]["DescribeJob"]["Assign"]["worked"]
    variables = {"worked": worked, "jobId": "job-2", "states": {"result": {"Jobs": [job] if job else []}}}
    return Expressions(lambda: datetime(2026, 11, 22, tzinfo=UTC)).evaluate(text, variables, "worked")


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_a_job_counts_with_all_its_attempts_beside_those_before_it(action: Action) -> None:
    before = {"job-1": {"seconds": 60, "attempts": 1, "vcpus": 2}}

    assert noted(action, before, Attempts=ONE_HOUR_AND_A_HALF, Container=VCPUS) == {
        **before,
        "job-2": {"seconds": 5400, "attempts": 3, "vcpus": 2},
    }


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_a_job_that_has_not_begun_counts_nothing(action: Action) -> None:
    assert noted(action, {}, Attempts=[], Container=VCPUS) == {"job-2": {"seconds": 0, "attempts": 0, "vcpus": 2}}
    assert noted(action, {}) == {"job-2": {"seconds": 0, "attempts": 0}}
