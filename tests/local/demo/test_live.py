"""The live display: a line per step, bars while a job works, plain lines elsewhere."""

from __future__ import annotations

from backup_actions_local.clock import SimulatedClock
from backup_actions_local.demo.live import Plain, Watch
from backup_actions_local.services.hosting.orders import Report
from backup_actions_local.states.execution import Event, Execution
from backup_actions_local.states.machine import Machine

VOLUME, RUN = "vol-0abc", "ebs-snap-0abc-1234"


class Recorder(Plain):
    """Keeps the lines, and the names whose work ended."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ended: list[str] = []
        super().__init__(self.lines.append)

    def end(self, name: str) -> None:
        self.ended.append(name)


def execution_of(given: object) -> Execution:
    """An execution of the action's machine with that input."""
    clock = SimulatedClock()
    machine = Machine(
        name="backup-actions-ebs-archive",
        arn="arn:m",
        role_arn="arn:r",
        definition={"TimeoutSeconds": 60},
        created=clock.now(),
    )
    return Execution(machine, name=RUN, arn=f"arn:e:{RUN}", value=given, clock=clock)  # type: ignore[arg-type]


def watched() -> tuple[Watch, Recorder, Execution]:
    """A watch that has seen one step begin."""
    screen = Recorder()
    watch = Watch(screen, {VOLUME: "data"})
    execution = execution_of({"recoveryPoint": {"resourceId": VOLUME}})
    watch.execution(execution, Event(1, execution.clock.now(), "TaskStateEntered", "CreateVolume", {}))
    return watch, screen, execution


def test_a_step_is_a_line_with_the_disk_the_machine_and_the_duration() -> None:
    watch, screen, execution = watched()

    watch.execution(execution, Event(2, execution.clock.now(), "TaskStateExited", "CreateVolume", {}))
    watch.execution(execution, Event(3, execution.clock.now(), "TaskStateEntered", "FindJob", {}))

    assert [line.split() for line in screen.lines] == [["data", "ebs-archive", "CreateVolume", "0.0", "s"]]


def test_the_end_of_an_execution_is_a_line_with_its_status() -> None:
    watch, screen, execution = watched()
    execution.fail("JobFailed", "the host was lost")

    watch.execution(execution, execution.history[-1])

    assert screen.lines[-1].endswith("── FAILED (JobFailed)")


def test_a_piece_of_work_is_told_once_on_plain_lines() -> None:
    watch, screen, _ = watched()

    for done in (0, 1, 2):
        watch.job(f"{RUN}_archive_0", Report(kind="progress", text="whole", done_bytes=done, total_bytes=1 << 20))

    assert screen.lines == ["data        … whole: 1.0 MiB"]


def test_a_bar_ends_with_its_job() -> None:
    watch, screen, _ = watched()

    watch.job(f"{RUN}_archive_0", Report(kind="status", text="SUCCEEDED"))

    assert screen.ended == ["data"]


def test_what_a_job_notes_is_a_line() -> None:
    watch, screen, _ = watched()

    watch.job(f"{RUN}_archive_0", Report(kind="note", text="p1 is archived as an image"))

    assert screen.lines == ["data        archive: p1 is archived as an image"]


def test_a_job_that_does_not_say_what_it_does_is_named_by_its_step() -> None:
    watch, screen, _ = watched()

    watch.job(f"{RUN}_verify_0", Report(kind="progress", text="", done_bytes=1))

    assert screen.lines == ["data        … verify"]
