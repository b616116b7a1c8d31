"""A backup that was asked for is watched with patience, and what ends otherwise than complete is no backup."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from backup_actions.aws import Clients, World
from backup_actions.errors import AwsBusy, BackupFailed
from backup_actions.lifecycle.on_demand import Planned, follow

VOLUME = "arn:aws:ec2:us-east-1:111122223333:volume/vol-1"
BUSY = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slower"}}, "DescribeBackupJob")


@dataclass
class Watched:
    """A clock that notes how long was waited, and everything that progress was told."""

    waited: list[float] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)

    def start(self, what: str, total_bytes: int | None) -> None:
        self.told.append((what, total_bytes))

    def add(self, source_bytes: int) -> None:
        self.told.append(source_bytes)

    def note(self, sentence: str) -> None:
        self.told.append(sentence)


def job(state: str, **more: Any) -> dict[str, Any]:
    return {"BackupJobId": "job-1", "State": state, "ResourceArn": VOLUME, "BackupVaultName": "backups", **more}


def world(watched: Watched, *answers: Any) -> World:
    """AWS Backup answers these, one after the other, and the last one for ever."""
    left = list(answers)

    def describe_backup_job(*, BackupJobId: str) -> Any:  # noqa: N803 - boto3's name
        assert BackupJobId == "job-1"
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    clients = SimpleNamespace(backup=SimpleNamespace(describe_backup_job=describe_backup_job))
    return World(cast("Clients", clients), clock=cast("Any", watched), progress=watched)


def test_progress_counts_what_aws_backup_estimates_of_the_size() -> None:
    watched = Watched()
    running = {"BackupSizeInBytes": 1000, "PercentDone": "25.0"}

    done = follow(
        world(
            watched,
            job("CREATED"),
            job("RUNNING", **running),
            job("RUNNING", BackupSizeInBytes=1000, PercentDone="75.5"),
            job("COMPLETED", BackupSizeInBytes=1000, PercentDone="100.0", RecoveryPointArn="arn:point"),
        ),
        "job-1",
    )

    assert done.recovery_point_arn == "arn:point"
    of = f"backup of {VOLUME}"
    assert watched.told == [(of, None), 0, "CREATED", (of, 1000), 250, "RUNNING", 505, 245, "COMPLETED"]


def test_waits_grow_to_a_minute() -> None:
    watched = Watched()

    follow(world(watched, *[job("RUNNING")] * 20, job("COMPLETED")), "job-1")

    assert (watched.waited[0], watched.waited[-1], len(watched.waited)) == (5.0, 60.0, 20)
    assert watched.waited == sorted(watched.waited)


@pytest.mark.parametrize("state", ["FAILED", "ABORTED", "EXPIRED", "PARTIAL"])
def test_what_ends_otherwise_is_no_backup(state: str) -> None:
    with pytest.raises(BackupFailed, match=f"has ended as {state}: no room"):
        follow(world(Watched(), job("RUNNING"), job(state, StatusMessage="no room")), "job-1")


def test_a_complete_backup_with_a_remark_is_one_and_the_remark_is_told() -> None:
    watched = Watched()

    assert follow(world(watched, job("COMPLETED", StatusMessage="with issues")), "job-1").state == "COMPLETED"
    assert "COMPLETED: with issues" in watched.told


def test_who_is_not_answered_for_a_while_goes_on_waiting() -> None:
    watched = Watched()

    assert follow(world(watched, BUSY, BUSY, job("COMPLETED")), "job-1").state == "COMPLETED"
    assert watched.waited == [60.0, 60.0]


def test_who_is_not_answered_for_a_quarter_of_an_hour_gives_up() -> None:
    watched = Watched()

    with pytest.raises(AwsBusy):
        follow(world(watched, BUSY), "job-1")
    assert sum(watched.waited) == 15 * 60


def test_what_the_plans_stack_tells_is_read_back() -> None:
    planned = Planned(vault="backups", role_arn="arn:aws:iam::111122223333:role/backup")

    assert Planned.from_text(planned.to_text()) == planned
