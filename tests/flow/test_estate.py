"""What a sweep repairs, and what is told of the estate, after a night on which things went wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.flow.flow import ACTION, MAIN, NAME, Flow
from tests.flow.invariants import complete_archives_verify, nothing_left_behind

from backup_actions.aws import Clients
from backup_actions.cli.commands import replay, status, sweep
from backup_actions.cli.errors import run
from backup_actions.model.clock import SystemClock
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
    stray_of_another: str
    """Of a run of the same name: of another deployment at the same backup. It is removed when all was swept."""
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
        tags = {"backup-actions:run": f"ebs-archive/{run}", "backup-actions": "yes"}
        strays = flow.volume(tags=tags), flow.volume(tags={**tags, "backup-actions:deployment": "another"})
        night = Night(flow, *strays, [])
        night.sweep()
        for hours in (2, 23, 25):
            night.later(hours)
            night.sweep()
        night.flow.cloud.administrator.client("ec2").delete_volume(VolumeId=night.stray_of_another)
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


def test_what_another_deployment_works_with_stays_though_its_run_has_the_same_name(night: Night) -> None:
    calls = night.flow.cloud.audit.of("ec2", "DeleteVolume")

    assert sum(night.stray in str(call) for call in calls) == 1
    assert sum(night.stray_of_another in str(call) for call in calls) == 1, "that of this test itself, in the end"
    assert [run.status for run in night.flow.executions(ACTION) if run.name.startswith("clean-up-")] == ["SUCCEEDED"]


def test_a_sweep_breaks_no_promise(night: Night) -> None:
    promises = (archived_once, executions_end, complete_archives_verify, nothing_left_behind)
    broken: list[str] = []
    for promise in promises:
        broken += promise(night.flow)

    assert broken == []


# -------------------------------------------------------------------------------------------------------- the commands


Ask = Callable[..., str]


@pytest.fixture(name="ask")
def _ask(night: Night, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Ask:
    """What a command writes to stdout, with the rights of an administrator."""
    clients = Clients(night.flow.cloud.administrator)
    for module in (status, sweep, replay):
        monkeypatch.setattr(module, "aws_clients", lambda: clients)

    def ask(*words: str, exit_status: int = 0) -> str:
        capfd.readouterr()
        assert run([*words]) == exit_status
        written = capfd.readouterr()
        return written.out if exit_status == 0 else written.err

    return ask


def test_status_counts_the_estate_and_says_what_is_oldest(night: Night, ask: Ask) -> None:
    whole = json.loads(ask("status", "--json"))
    points = {each["standing"]: each["count"] for each in whole["points"] if each["count"]}
    actions = {each["standing"]: each["count"] for each in whole["actions"]}

    assert points == {"kept": 2}
    assert {standing: count for standing, count in actions.items() if count} == {"artifact": 2}
    assert f"kept             2  2026-01-15T03:00:00+00:00  {night.unannounced}" in ask("status")


def test_status_of_a_resource_shows_its_points(night: Night, ask: Ask) -> None:
    (entry, _) = night.flow.ledger(night.unrecorded)

    _, line = ask("status", entry.resource).splitlines()

    assert line.split() == [entry.since, "kept", night.unrecorded, entry.run]


def test_status_of_a_point_says_what_was_made_of_it_and_why_it_was_kept(night: Night, ask: Ask) -> None:
    shown = json.loads(ask("status", night.unrecorded, "--json"))

    assert (shown["status"], shown["why"]) == ("kept", "the settings say keep")
    assert [action["status"] for action in shown["actions"]] == ["verified"]
    assert shown["evidence"].endswith("/evidence.json")
    names = {artifact["key"].rpartition("/")[2] for artifact in shown["artifacts"]}
    assert names == {"files.tar.zst", "index.parquet"}
    assert f"archive         {shown['artifacts'][0]['key']}" in ask("status", night.unrecorded)


def test_status_of_nothing_that_is_known_says_so(ask: Ask) -> None:
    assert "BA0803" in ask("status", "arn:aws:ec2:us-east-1::snapshot/snap-9", exit_status=3)


def test_a_command_on_a_stack_that_is_not_there_says_so(ask: Ask) -> None:
    assert "no stack elsewhere" in ask("status", "--stack", "elsewhere", exit_status=3)


@pytest.mark.usefixtures("ask")
def test_watching_elsewhere_than_on_a_terminal_writes_what_has_changed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    sleeps = iter([None, None])

    def sleep(_clock: SystemClock, _seconds: float) -> None:
        if next(sleeps, "over") == "over":
            raise KeyboardInterrupt

    monkeypatch.setattr(SystemClock, "sleep", sleep)

    assert run(["status", "--watch"]) == 130
    assert capfd.readouterr().out.count("RECOVERY POINTS") == 1


def test_a_sweep_by_hand_finds_nothing_where_all_is_well(ask: Ask) -> None:
    assert json.loads(ask("sweep", "--dry-run", "--json")) == {"dry_run": True, "findings": []}


def test_a_sweep_by_hand_tells_what_it_would_do(night: Night, ask: Ask) -> None:
    run_name = night.runs(night.unannounced)[0].name
    stray = night.flow.volume(tags={"backup-actions:run": f"ebs-archive/{run_name}", "backup-actions": "yes"})

    told = ask("sweep", "--dry-run")

    night.flow.cloud.administrator.client("ec2").delete_volume(VolumeId=stray)
    assert told.splitlines()[0] == f"left behind: {night.flow.cloud.place.arn('ec2', f'volume/{stray}')}"
    assert told.splitlines()[2] == "  to do: a sweep that repairs has its machine remove it"


def test_a_replay_of_what_is_archived_is_refused_and_begins_nothing(night: Night, ask: Ask) -> None:
    assert "BA0804" in ask("replay", night.unannounced, exit_status=2)
    assert len(night.runs(night.unannounced)) == 1


def test_a_replay_verifies_what_stands_and_archives_nothing_twice(night: Night, ask: Ask) -> None:
    begun = json.loads(ask("replay", night.unannounced, "--again", "--json"))
    night.flow.wait()
    point, action = night.flow.ledger(night.unannounced)

    assert [run.name for run in night.runs(night.unannounced)] == [begun["after"], begun["run"]]
    assert (point.run, point.status, action.run, action.status) == (begun["run"], "kept", begun["run"], "verified")
    assert archived_once(night.flow) == []
