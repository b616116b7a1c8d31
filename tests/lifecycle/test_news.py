"""What people are told at the end of a run: what, why, what was kept, what to do."""

from __future__ import annotations

from typing import Any

import pytest

from backup_actions import errors
from backup_actions.contract import Machine
from backup_actions.ledger import Status
from backup_actions.lifecycle import LifecycleSettings, main_machine
from backup_actions.lifecycle.advice import advice_for
from backup_actions.lifecycle.news import News, news_of
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions.plugins import installed

POINT = RecoveryPoint(
    Arn.parse("arn:aws:ec2:us-east-1::snapshot/snap-0a1b"),
    "backups",
    Arn.parse("arn:aws:ec2:us-east-1:111122223333:volume/vol-0c2d"),
    "EBS",
)
REPORT = {"source_bytes": 10, "stored_bytes": 5, "reason": "read back in whole", "manifest_key": "a/manifest.json"}
GOOD = {"action": "ebs-archive", "succeeded": True, "report": REPORT}
STATES = "arn:aws:states:us-east-1:111122223333:execution"
BAD = {
    "action": "ebs-archive",
    "succeeded": False,
    "execution": f"{STATES}:backup-actions-ebs-archive:run",
    "error": "NoZoneLeft",
    "cause": "no zone could take the volume",
}
DELETE = {"verdict": "delete", "because": "all is verified", "unproven": []}
KEEP = {"verdict": "keep", "because": "the settings say keep", "unproven": []}


def news(**changes: Any) -> News:
    """The news of a good run, but for what is changed."""
    event: dict[str, Any] = {
        "run": "ebs-snap-0a1b-1234", "problem": None, "deletion": {"outcome": "deleted"}, "results": [GOOD],
        "decision": DELETE, "facts": {"skipped": "", "createdAt": "2026-05-04", "evidenceKey": "e/evidence.json"},
        "execution": f"{STATES}:backup-actions-recovery-point:run",
    }  # fmt: skip
    return news_of(POINT, {**event, **changes})


def test_a_good_end_names_the_archive_and_what_became_of_the_backup() -> None:
    told = news()

    assert (told.status, told.failed) == (Status.DELETED, False)
    assert "a/manifest.json" in told.message
    assert "The backup was deleted: all is verified." in told.message


def test_what_was_skipped_is_recorded_and_not_sent() -> None:
    told = news(results=[], deletion=None, decision=None, facts={"skipped": "no installed action handles EFS"})

    assert told.skipped
    assert told.message == "no installed action handles EFS"


@pytest.mark.parametrize("decision", [DELETE, KEEP])
def test_what_is_not_proven_is_a_failure_under_every_policy(decision: dict[str, Any]) -> None:
    told = news(decision={**decision, "verdict": "keep", "unproven": ["ebs-archive: x is not there"]}, deletion=None)

    assert (told.status, told.failed, told.error) == (Status.FAILED, True, "NotProven")
    assert "x is not there" in told.message
    assert "The backup was kept" in told.message


def test_a_failed_action_says_why_and_what_to_do() -> None:
    told = news(results=[BAD], decision=KEEP, deletion=None)

    assert (told.failed, told.error) == (True, "ActionFailed")
    assert "NoZoneLeft: no zone could take the volume" in told.message
    assert "What to do:" in told.message
    assert "name another availability zone" in told.message


def test_a_failure_leads_to_both_executions_and_to_the_command_that_starts_it_again() -> None:
    told = news(results=[BAD], decision=KEEP, deletion=None)

    page = "https://console.aws.amazon.com/states/home?region=us-east-1#/v2/executions/details"
    assert f"{page}/{STATES}:backup-actions-ebs-archive:run" in told.message
    assert f"{page}/{STATES}:backup-actions-recovery-point:run" in told.message
    assert told.message.count(f"backup-actions replay {POINT.arn}\n") == 1


def test_the_command_names_the_stack_where_that_has_another_name_than_the_usual() -> None:
    told = news(results=[BAD], decision=KEEP, deletion=None, stack="second")

    assert f"backup-actions replay {POINT.arn} --stack second\n" in told.message


def test_what_is_gone_is_not_to_be_started_again() -> None:
    told = news(problem={"error": "AwsBusy", "cause": "Finish: BA0203: …"})

    assert "replay" not in told.message
    assert "There is nothing to start again" in told.message


def test_the_first_sentence_says_what_became_of_the_backup() -> None:
    first, *_ = news(results=[BAD], decision=KEEP, deletion=None).message.splitlines()

    assert first == ("EBS vol-0c2d (snap-0a1b): not everything was done. The backup was kept. Nothing of it was lost.")


def test_of_a_functions_failure_its_sentence_is_told_and_not_its_stack_trace() -> None:
    cause = 'Conclude: {"errorMessage": "BA0301: it is not there", "errorType": "NotVerified", "stackTrace": ["x.py"]}'

    told = news(problem={"error": "NotVerified", "cause": cause}, deletion=None)

    assert "Conclude: BA0301: it is not there" in told.message
    assert "x.py" not in told.message


def test_a_cause_of_any_length_leaves_the_message_short_enough_to_be_sent() -> None:
    told = news(results=[{**BAD, "cause": "x" * 32_768}] * 40, decision=KEEP, deletion=None)

    assert len(told.message.encode()) < 256 * 1024
    assert len(told.subject) < 100


MACHINES = (main_machine(LifecycleSettings()), *installed().actions)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_every_error_that_a_workflow_makes_has_its_advice(machine: Machine) -> None:
    made = {
        str(problem["error"])
        for _, state in machine.workflow.states()
        for changed in (state, *state.get("Catch", ()))
        if isinstance(problem := changed.get("Assign", {}).get("problem"), dict)
    }

    assert made
    assert {error for error in made if not error.startswith("{%") and not advice_for(error)} == set()


def test_of_our_own_errors_the_remedy_is_the_advice() -> None:
    assert advice_for("AwsBusy") == errors.AwsBusy.remedy
    assert advice_for("ArnUnheardOf") == ""


@pytest.mark.parametrize(
    ("outcome", "fate"),
    [
        ("deleted", "The backup was verified and deleted."),
        ("asked", "whether it is gone could not be found out"),
        ("unproven", "the backup is still there"),
        ("shortened", "expires earlier"),
        (None, "did not say that it has: look there"),
    ],
)
def test_a_problem_never_hides_what_became_of_the_backup(outcome: str | None, fate: str) -> None:
    told = news(problem={"error": "Oops", "cause": "Finish: …"}, deletion={"outcome": outcome} if outcome else None)

    assert told.failed
    assert fate in told.message


def test_without_a_decision_nobody_says_that_the_backup_was_kept() -> None:
    told = news(problem={"error": "AccessDenied", "cause": "Conclude: no"}, decision=None, deletion=None)

    assert told.status == Status.FAILED
    assert "was kept" not in told.message
    assert "Nothing was decided about the backup, and this run has not touched it." in told.message


GONE = {"verdict": "gone", "because": "AWS Backup does not have it any more", "unproven": []}


def test_of_a_backup_that_vanished_it_is_told_that_its_archive_is_there_and_the_backup_is_not() -> None:
    told = news(decision=GONE, deletion=None)

    assert (told.status, told.failed) == (Status.DELETED, False)
    assert told.subject.startswith("Archived and gone: ")
    assert "is archived and verified. The backup is gone: AWS Backup does not have it any more." in told.message


@pytest.mark.parametrize(("stands", "status"), [(False, Status.GONE), (True, Status.DELETED)])
def test_a_backup_that_vanished_from_a_run_that_failed_is_not_to_be_started_again(stands: bool, status: Status) -> None:
    told = news(results=[BAD], decision={**GONE, "stands": stands}, deletion=None)

    assert (told.status, told.failed) == (status, True)
    assert "The backup is gone" in told.message
    assert "replay" not in told.message
    assert "was kept" not in told.message


@pytest.mark.parametrize(("results", "failed"), [([GOOD], False), ([BAD], True)])
def test_what_aws_backup_is_about_to_remove_is_not_said_to_be_kept(results: list[Any], failed: bool) -> None:
    leave = {"verdict": "leave", "because": "AWS Backup says that it is DELETING", "unproven": []}

    told = news(results=results, decision=leave, deletion=None)

    assert told.failed is failed
    assert "The backup was left to AWS Backup: AWS Backup says that it is DELETING." in told.message


def test_of_a_shortened_backup_it_is_told_when_it_ends() -> None:
    told = news(
        decision={**KEEP, "verdict": "shorten", "because": "the settings say shorten"},
        deletion={"outcome": "shortened", "deleteAt": "2026-06-03T12:00:00Z"},
    )

    assert "The backup was shortened and ends on 2026-06-03T12:00:00Z: the settings say shorten." in told.message


def test_a_backup_that_an_earlier_run_has_shortened_stands_as_that() -> None:
    told = news(decision={**KEEP, "because": "it ends 3 days after", "fate": "shortened"}, deletion=None)

    assert told.status == Status.SHORTENED
    assert "The backup stays as an earlier run has shortened it: it ends 3 days after." in told.message
