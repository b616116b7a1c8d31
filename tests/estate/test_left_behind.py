"""What runs have left behind: resources, and uploads that nobody completes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.estate.ledgers import HOUR, NOON, VOLUME
from tests.estate.watched_account import LONG_AGO, MACHINE, WATCHED, Account
from tests.offsite.kept_imports import kept

from backup_actions.aws import World
from backup_actions.estate.left_behind import clean_up_name, left_behind
from backup_actions.estate.open_uploads import open_uploads
from backup_actions.ledger import Ledger, Standing, Status
from backup_actions.lifecycle import rules
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions.offsite.imports import Acted, Imports

GIVEN = json.dumps({"recoveryPoint": {}})


def account_with_a_stray(status: str = "FAILED", run: str = "run", action: str = "ebs-archive") -> Account:
    account = Account(tagged=[(VOLUME, f"{action}/{run}")])
    account.run(run, status, machine=MACHINE, given=GIVEN)
    return account


def test_the_machine_that_made_it_is_begun_as_after_a_run_that_was_cut_short(world: World) -> None:
    account = account_with_a_stray()

    (finding,) = account.found(left_behind, world)

    ((machine, name, event),) = account.begun
    assert (machine, name) == (MACHINE, clean_up_name("run"))
    assert event["detail-type"] == rules.EXECUTION_CHANGED
    assert {part: event["detail"][part] for part in ("name", "status", "input")} == {
        "name": "run",
        "status": "FAILED",
        "input": GIVEN,
    }
    assert (finding.subject, finding.repaired) == (VOLUME, True)


def test_that_is_done_once_and_what_still_stands_is_told(world: World) -> None:
    account = account_with_a_stray()
    account.run(clean_up_name("run"), "FAILED", machine=MACHINE)

    (finding,) = account.found(left_behind, world)

    assert account.begun == []
    assert not finding.repaired
    assert clean_up_name("run") in finding.remedy


@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED"])
def test_what_is_being_removed_or_was_kept_on_purpose_is_not_told(world: World, status: str) -> None:
    account = account_with_a_stray()
    account.run(clean_up_name("run"), status, machine=MACHINE)

    assert account.found(left_behind, world) == []
    assert account.begun == []


def test_what_carries_the_name_of_another_deployment_is_left_to_that_one(world: World) -> None:
    account = account_with_a_stray()
    account.tagged_by = "another"

    assert account.found(left_behind, world) == []
    assert account.begun == []


def test_what_carries_the_name_of_this_deployment_is_removed(world: World) -> None:
    account = account_with_a_stray()
    account.tagged_by = WATCHED.name

    (finding,) = account.found(left_behind, world)

    assert finding.repaired


def test_what_is_left_of_an_action_that_is_not_deployed_any_more_is_told(world: World) -> None:
    account = account_with_a_stray("ABORTED")
    account.tagged_by = WATCHED.name

    (finding,) = account.found(left_behind, world, estate=replace(WATCHED, machines={}))

    assert (finding.subject, finding.repaired, account.begun) == (VOLUME, False, [])
    assert "not deployed any more: remove it by hand" in finding.remedy


RUN = "EBS-snap-1"
RDS, DYNAMODB = "arn:aws:rds:us-east-1:111122223333", "arn:aws:dynamodb:us-east-1:111122223333"
PARAMETERS = "arn:aws:ssm:us-east-1:111122223333:parameter"
HASH = "0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("arn", "action"),
    [
        (f"{RDS}:db:backup-actions-dump-{HASH}", "rds-dump"),
        (f"{RDS}:cluster:backup-actions-dump-{HASH}-cluster", "rds-dump"),
        (f"{RDS}:snapshot:backup-actions-offsite-{HASH}", "offsite-copy"),
        (f"{DYNAMODB}:table/backup-actions-export-{RUN}", "dynamodb-export"),
        (f"{PARAMETERS}/backup-actions/rds-dump/{RUN}", "rds-dump"),
    ],
)
def test_where_no_tag_says_whose_it_is_the_name_does(world: World, arn: str, action: str) -> None:
    switched_off = replace(WATCHED, machines={})
    account = Account(tagged=[(arn, f"{action}/{RUN}")])
    of_another = Account(tagged=[(arn.replace("backup-actions", "backup-actions-dump"), f"{action}/{RUN}")])

    assert [finding.subject for finding in account.found(left_behind, world, estate=switched_off)] == [arn]
    assert of_another.found(left_behind, world, estate=switched_off) == []


def test_what_a_run_works_with_is_left_alone(world: World) -> None:
    assert account_with_a_stray("RUNNING").found(left_behind, world) == []


def test_what_has_just_ended_is_cleaned_up_after_by_itself(world: World) -> None:
    account = Account(tagged=[(VOLUME, "ebs-archive/run")])
    account.run("run", "FAILED", machine=MACHINE, ended_at=NOON - HOUR / 2)

    assert account.found(left_behind, world) == []


def test_what_nothing_says_to_be_of_this_deployment_is_left_alone(world: World) -> None:
    assert account_with_a_stray(action="files-archive").found(left_behind, world) == []


def test_what_a_forgotten_run_has_left_is_told(world: World) -> None:
    account = Account(tagged=[(VOLUME, "ebs-archive/of-last-year")])

    (finding,) = account.found(left_behind, world)

    assert not finding.repaired
    assert "by hand, unless another deployment" in finding.remedy
    assert "is over" not in finding.what


def test_a_copy_that_another_account_may_be_importing_is_never_told_to_be_removed(world: World) -> None:
    Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock).record_action(
        POINT, "offsite-copy", run="of-last-year", status=Standing.ANNOUNCED, details={}
    )
    account = Account(tagged=[("arn:aws:ec2:us-east-1:111122223333:snapshot/snap-1", "ebs-archive/of-last-year")])

    assert account.found(left_behind, world) == []


@pytest.mark.parametrize("arn", ["batch:us-east-1:111122223333:job/1", "ecs:us-east-1:111122223333:task/zone/1"])
def test_jobs_that_have_ended_are_no_resources(world: World, arn: str) -> None:
    account = Account(tagged=[(f"arn:aws:{arn}", "ebs-archive/of-last-year")])

    assert account.found(left_behind, world) == []


def test_a_look_without_repairs_begins_nothing(world: World) -> None:
    account = account_with_a_stray()

    (finding,) = account.found(left_behind, world, repairs=False)

    assert (finding.repaired, account.begun) == (False, [])


# ------------------------------------------------------------------------------------------------------------- uploads

POINT = RecoveryPoint(Arn.parse("arn:aws:ec2:us-east-1::snapshot/snap-1"), "backups", Arn.parse(VOLUME), "EBS")
OURS = f"{POINT.prefix('ebs-archive', '2026-05-01')}/run/whole/files.tar.zst"


def uploaded(key: str, begun_at: object = LONG_AGO) -> Account:
    return Account(uploads=[{"Key": key, "UploadId": "upload", "Initiated": begun_at}])


def test_an_upload_that_is_older_than_a_job_may_live_is_aborted(world: World) -> None:
    account = uploaded(OURS)

    (finding,) = account.found(open_uploads, world)

    assert account.aborted == ["upload"]
    assert (finding.subject, finding.repaired) == (f"s3://{WATCHED.bucket}/{OURS}", True)


def test_an_upload_that_a_job_may_still_be_at_is_left_alone(world: World) -> None:
    account = uploaded(OURS, NOON - WATCHED.attempt_hours * HOUR + HOUR)

    assert account.found(open_uploads, world) == []


def test_an_upload_that_the_next_attempt_of_a_run_goes_on_with_is_left_alone(world: World) -> None:
    account = uploaded(OURS)
    Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock).record(
        POINT, run="run", status=Status.PROCESSING, details={"evidence": POINT.prefix("evidence", "2026-05-01")}
    )

    assert account.found(open_uploads, world) == []


@pytest.mark.parametrize(("acted", "aborted"), [(Acted.RUNNING, []), (Acted.PROVEN, ["upload"])])
def test_in_a_separated_account_imports_are_what_runs_are_at(world: World, acted: Acted, aborted: list[str]) -> None:
    known = kept("done", NOON - 90 * HOUR, acted=acted)
    Imports(world.clients.dynamodb, WATCHED.ledger, world.clock).stand(known)
    account = uploaded(f"{known.recovery_point.prefix('ebs-archive', '2026-04-30')}/run/whole/files.tar.zst")

    account.found(open_uploads, world, estate=replace(WATCHED, vaults=()))

    assert account.aborted == aborted


def test_an_upload_of_somebody_else_is_told_with_the_command_that_ends_it(world: World) -> None:
    account = uploaded("home/disk.img")

    (finding,) = account.found(open_uploads, world)

    assert account.aborted == []
    assert "abort-multipart-upload" in finding.remedy
    assert "home/disk.img" in finding.remedy


def test_an_upload_that_somebody_else_has_just_ended_is_no_failure(world: World) -> None:
    account = uploaded(OURS)
    account.refuses["abort_multipart_upload"] = "NoSuchUpload"

    (finding,) = account.found(open_uploads, world)

    assert finding.repaired


def test_a_look_without_repairs_aborts_nothing(world: World) -> None:
    account = uploaded(OURS)

    (finding,) = account.found(open_uploads, world, repairs=False)

    assert (finding.repaired, account.aborted) == (False, [])
