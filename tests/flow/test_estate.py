"""What a sweep repairs, and what is told of the estate, after a night on which things went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.flow.flow import ACTION, MAIN, NAME, Flow
from tests.flow.invariants import complete_archives_verify, nothing_left_behind

from backup_actions_local.states.execution import Execution
from backup_actions_testing.invariants import archived_once, executions_end

if TYPE_CHECKING:
    from backup_actions_local.seaweed import ObjectServer

pytestmark = pytest.mark.root


@dataclass
class Night:
    """One backup was never announced, the end of another's run could not be recorded, a volume was left behind."""

    flow: Flow
    stray: str
    answers: list[dict[str, Any]]

    @property
    def unannounced(self) -> str:
        """The first recovery point."""
        return self.flow.arns[0]

    @property
    def unrecorded(self) -> str:
        """The second."""
        return self.flow.arns[1]

    def runs(self, arn: str, machine: str = MAIN) -> list[Execution]:
        """The executions that were at a point."""
        return [execution for execution in self.flow.executions(machine) if arn in str(execution.input)]

    def later(self, hours: float) -> None:
        """Time passes."""
        with self.flow.cloud.clock.actor():
            self.flow.cloud.clock.sleep(hours * 3600)
        self.flow.wait()

    def sweep(self) -> None:
        """The schedule calls the function, under its own role."""
        with self.flow.cloud.clock.actor():
            self.answers.append(self.flow.cloud.functions.invoke(f"{NAME}-sweep", {}))
        self.flow.wait()


@pytest.fixture(name="night", scope="module")
def _night(tmp_path_factory: pytest.TempPathFactory, tiny_disk: Path, flow_objects: ObjectServer) -> Iterator[Night]:
    with Flow.begun(tmp_path_factory.mktemp("estate"), tiny_disk, flow_objects, policy="keep") as flow:
        flow.cloud.mishaps.drop_event("Backup Job State Change", times=3)
        flow.cloud.mishaps.drop_event("Recovery Point State Change", times=1)
        flow.back_up()
        refused = flow.cloud.faults.on("dynamodb", "PutItem", role=f"{MAIN}-task-finish")
        refused.fail("AccessDeniedException").times(5)
        flow.back_up()
        run = flow.child.name
        stray = flow.volume(tags={"backup-actions:run": f"ebs-archive/{run}", "backup-actions": "yes"})
        night = Night(flow, stray, [])
        night.sweep()
        for hours in (2, 23, 25):
            night.later(hours)
            night.sweep()
        yield night


def test_what_may_still_be_under_way_is_left_alone(night: Night) -> None:
    assert night.answers[0] == {"swept": True, "done": True, "found": 0, "left": 0, "document": ""}


def test_a_sweep_is_not_due_before_its_time(night: Night) -> None:
    assert night.answers[1] == {"swept": False}


def test_what_was_found_is_repaired_and_a_document(night: Night) -> None:
    answer = night.answers[2]
    (key,) = (key for key in night.flow.stored() if key.startswith("sweeps/"))
    document = json.loads(night.flow.s3.get_object(Bucket=night.flow.bucket, Key=key)["Body"].read())

    assert (answer["found"], answer["left"], answer["document"]) == (3, 0, key)
    assert [(finding["kind"], finding["repaired"]) for finding in document["findings"]] == [
        ("missed point", True),
        ("dead run", True),
        ("left behind", True),
    ]
    assert [finding["subject"] for finding in document["findings"]] == [
        night.unannounced,
        night.unrecorded,
        night.flow.cloud.place.arn("ec2", f"volume/{night.stray}"),
    ]


def test_the_next_sweep_finds_nothing(night: Night) -> None:
    assert (night.answers[3]["swept"], night.answers[3]["found"]) == (True, 0)


def test_a_point_that_no_event_announced_is_archived_once(night: Night) -> None:
    (run,) = night.runs(night.unannounced)
    point, action = night.flow.ledger(night.unannounced)

    assert (run.name, run.status) == (point.run, "SUCCEEDED")
    assert (point.status, action.status) == ("kept", "verified")


def test_a_run_that_could_not_be_recorded_is_followed_by_one_that_can(night: Night) -> None:
    first, second = night.runs(night.unrecorded)
    point, _ = night.flow.ledger(night.unrecorded)

    assert (first.status, first.error, second.status) == ("FAILED", "NotRecorded", "SUCCEEDED")
    assert second.name == f"{first.name}-2"
    assert (point.run, point.status) == (second.name, "kept")


def test_what_was_left_behind_is_removed_by_the_machine_that_made_it(night: Night) -> None:
    assert night.stray not in [volume.id for volume in night.flow.cloud.store.volumes()]
    assert [run.status for run in night.flow.executions(ACTION) if run.name.startswith("clean-up-")] == ["SUCCEEDED"]


def test_a_sweep_breaks_no_promise(night: Night) -> None:
    promises = (archived_once, executions_end, complete_archives_verify, nothing_left_behind)
    broken: list[str] = []
    for promise in promises:
        broken += promise(night.flow)

    assert broken == []
