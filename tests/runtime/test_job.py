"""What Batch starts runs the named job of an installed action and ends with an exit code that means something."""

from __future__ import annotations

import os
import signal

import pytest

from backup_actions.aws import Clients, World
from backup_actions.errors import ActionUnknown, AwsBusy, SourceUnreadable, VolumeBusy
from backup_actions.runtime import job


class Notes:
    """Keeps what a job says."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def start(self, what: str, total_bytes: int | None) -> None: ...

    def add(self, source_bytes: int) -> None: ...

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


def test_an_error_of_ours_becomes_its_exit_code_and_a_line_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(world: World, event: object) -> None:
        raise SourceUnreadable(what="/dev/nvme1n1", reason="Input/output error")

    notes = Notes()
    monkeypatch.setattr(job, "load_step", lambda code: fail)

    code = job.run(World(Clients(), progress=notes), "ebs-archive", "archive", {})

    assert code == SourceUnreadable.exit_code
    assert notes.notes == [
        "BA0401: cannot read /dev/nvme1n1: Input/output error (Nothing was deleted. Check the source; an archive is "
        "complete only if everything was read.)"
    ]


@pytest.mark.parametrize(
    "error",
    [
        AwsBusy(operation="AttachVolume", error_code="RequestLimitExceeded", reason="too much"),
        VolumeBusy(volume_id="vol-1", instance_id="i-1", waited_seconds=270),
        KeyboardInterrupt(),
    ],
)
def test_what_another_attempt_may_cure_ends_with_the_exit_code_that_batch_makes_one_for(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(world: World, event: object) -> None:
        raise error

    monkeypatch.setattr(job, "load_step", lambda code: fail)

    assert job.run(World(Clients(), progress=Notes()), "ebs-archive", "archive", {}) == 75


def test_an_action_that_is_not_installed_is_named() -> None:
    with pytest.raises(ActionUnknown, match="nothing-such"):
        job.run(World(Clients()), "nothing-such", "archive", {})


def test_termination_leaves_by_an_exception_so_that_everything_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    def be_terminated(world: World, action: str, name: str, event: object) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        return 0

    monkeypatch.setattr(job, "run", be_terminated)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(KeyboardInterrupt):
            job.main(["ebs-archive", "archive", "{}"])
    finally:
        signal.signal(signal.SIGTERM, before)
