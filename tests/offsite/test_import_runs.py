"""The import machine, run as it stands: what was announced is imported once, or nothing is left of the attempt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.offsite.import_runs import DUMP, ImportRuns
from tests.offsite.separated import (
    ACKNOWLEDGEMENTS,
    CLUSTER,
    DATABASE,
    DEAD_LETTERS,
    DISK,
    HERE,
    IMPORT_KEY,
    KINDS,
    MACHINE,
    QUEUE,
    SECURITY_TAG,
    SETTINGS,
    SOURCE_KEY,
    Separated,
    announcing,
)

from backup_actions.model.arn import Arn
from backup_actions.model.offsite import Acknowledgement, Announcement, sha256_of
from backup_actions.offsite.claims import claimed_in
from backup_actions.offsite.imports import Stage
from backup_actions.offsite.naming import copy_name
from backup_actions_local.clock import START
from backup_actions_local.states.execution import Event, Execution
from backup_actions_local.states.failures import StateFailed

AFTER_ACTIONS = replace(SETTINGS, acknowledge_after_actions=True)


@pytest.fixture(name="separated")
def _separated() -> Separated:
    separated = Separated()
    for announced in KINDS.values():
        separated.share(announced)
    return separated


@pytest.fixture(name="runs")
def _runs(separated: Separated) -> ImportRuns:
    return ImportRuns(separated)


def said(separated: Separated, queue: str) -> list[str]:
    """The messages that were sent to a queue."""
    return [message for to, message, _ in separated.aws.sent if to == queue]


def again(announced: Announcement) -> str:
    """The message by which an announcement is tried again."""
    return claimed_in(announcing(announced), SETTINGS, here=Arn.parse(MACHINE), now=START).message


def evidence(separated: Separated) -> Any:
    """The one document of evidence."""
    (document,) = [content for key, content in separated.aws.objects.items() if key.endswith("/evidence.json")]
    return json.loads(document)


@pytest.mark.parametrize("announced", KINDS.values(), ids=KINDS)
def test_a_snapshot_arrives_is_recorded_acknowledged_and_told(
    separated: Separated, runs: ImportRuns, announced: Announcement
) -> None:
    execution = runs.heard(announced)

    assert execution.output == {"imported": separated.imported_arn(announced), "acknowledged": True}
    known = separated.known(announced)
    assert (known.stage, known.imported_arn) == (Stage.ACKNOWLEDGED, separated.imported_arn(announced))
    (copy,) = separated.aws.copies.values()
    assert copy["KmsKeyId"] == IMPORT_KEY
    tags = {tag["Key"]: tag["Value"] for tag in copy["Tags" if announced is DISK else "TagList"]}
    assert tags.items() >= SECURITY_TAG.items()
    assert tags["backup-actions:import-of"] == announced.snapshot_arn
    (message,) = said(separated, ACKNOWLEDGEMENTS)
    acknowledgement = Acknowledgement.from_text(message)
    assert acknowledgement.announcement_sha256 == sha256_of(announced.to_bytes())
    assert acknowledgement.imported_arn == known.imported_arn
    assert [news["Subject"].partition(":")[0] for news in runs.news] == ["Imported"]
    assert evidence(separated)["acknowledged"] is True
    assert evidence(separated)["recovery_point"]["arn"] == known.imported_arn


@pytest.mark.parametrize(
    ("announced", "awaited"),
    [
        (DATABASE, f"arn:aws:rds:us-east-1:{HERE}:snapshot:{copy_name(DATABASE)}"),
        (CLUSTER, f"arn:aws:rds:us-east-1:{HERE}:cluster-snapshot:{copy_name(CLUSTER)}"),
        (DISK, "arn:aws:ec2::us-east-1:snapshot/snap-00000000000000000"),
    ],
    ids=KINDS,
)
def test_a_wait_may_be_ended_by_an_event_about_the_copy(
    runs: ImportRuns, announced: Announcement, awaited: str
) -> None:
    runs.heard(announced)

    assert runs.awaited == {awaited}


# What the source, KMS or a quota does → how it is named, and what AWS is told to do.
FAILURES: Mapping[str, dict[str, Any]] = {
    "KeyDisabled": {"copy": "KMSKeyNotAccessibleFault", "keys": {SOURCE_KEY: "Disabled"}},
    "KeyPendingDeletion": {"copy": "KMSKeyNotAccessibleFault", "keys": {IMPORT_KEY: "PendingDeletion"}},
    "KeyNotAccessible": {"copy": "KMSKeyNotAccessibleFault"},
    "NotShared": {"unshared": True},
    "QuotaExceeded": {"copy": "SnapshotQuotaExceeded", "times": 24},
    "CopyFailed": {"end": "failed"},
    "ImportUnlike": {"about_copies": {"EngineVersion": "17.5"}},
}


@pytest.mark.parametrize(("error", "failure"), FAILURES.items(), ids=FAILURES)
def test_a_failure_is_named_told_leaves_nothing_and_is_tried_again(
    separated: Separated, runs: ImportRuns, error: str, failure: dict[str, Any]
) -> None:
    cause(separated, runs, failure)

    execution = runs.heard()

    assert (execution.status, execution.error) == ("FAILED", error)
    assert separated.aws.copies == {}
    assert separated.known().stage is Stage.FAILED
    assert said(separated, QUEUE) == [again(DATABASE)]
    assert said(separated, ACKNOWLEDGEMENTS) == []
    ((subject, text),) = [(news["Subject"], news["Message"]) for news in runs.news]
    assert error in subject
    assert "tried again in 15 minutes" in text


def cause(separated: Separated, runs: ImportRuns, failure: dict[str, Any]) -> None:
    """The world is such from now on; the source takes its snapshot away after it was heard of."""
    aws = separated.aws
    aws.keys.update(failure.get("keys", {}))
    aws.end, aws.looks = failure.get("end", aws.end), failure.get("looks", aws.looks)
    aws.about_copies = failure.get("about_copies", {})
    if "copy" in failure:
        aws.called.refusals["CopyDBSnapshot"] = [failure["copy"]] * failure.get("times", 1)
    if failure.get("unshared"):
        runs.before = lambda step: aws.shared.clear() if step == "copy" else None


def test_a_copy_that_does_not_end_is_given_up_and_removed(separated: Separated, runs: ImportRuns) -> None:
    separated.aws.looks = 100

    def a_day_passes(_: Execution, event: Event) -> None:
        if event.type == "TaskStateEntered" and event.state == "WaitForDatabaseCopy":
            separated.clock.sleep(86_400)

    assert runs.heard(listener=a_day_passes).error == "CopyTooSlow"
    assert separated.aws.copies == {}
    assert said(separated, QUEUE) == [again(DATABASE)]


def test_a_copy_that_fails_because_its_source_went_away_says_so(separated: Separated, runs: ImportRuns) -> None:
    separated.aws.end = "failed"
    runs.before = lambda step: separated.aws.shared.clear() if step == "inspect" else None

    assert runs.heard().error == "NotShared"


def test_a_disk_copy_that_fails_for_its_key_says_so(separated: Separated, runs: ImportRuns) -> None:
    separated.aws.end = "failed"
    separated.aws.keys[IMPORT_KEY] = "Disabled"

    assert runs.heard(DISK).error == "KeyDisabled"


def test_a_quota_that_is_free_again_only_delays(separated: Separated, runs: ImportRuns) -> None:
    separated.aws.called.refusals["CopyDBSnapshot"] = ["SnapshotQuotaExceeded"] * 3

    assert runs.heard().status == "SUCCEEDED"


def test_after_the_last_attempt_the_announcement_is_a_dead_letter(separated: Separated, runs: ImportRuns) -> None:
    separated.aws.end = "failed"
    begun = separated.clock.now()

    errors = [runs.heard().error for _ in range(SETTINGS.attempts)]

    assert errors == ["CopyFailed"] * 5
    assert said(separated, QUEUE) == [again(DATABASE)] * 4
    ((message, reason),) = [(text, why) for to, text, why in separated.aws.sent if to == DEAD_LETTERS]
    assert message == again(DATABASE)
    assert reason.startswith("CopyFailed: ")
    assert separated.clock.now() - begun > timedelta(hours=17, minutes=15)
    assert "dead letters" in runs.news[-1]["Message"]
    assert separated.aws.copies == {}


def test_what_failed_for_good_is_imported_when_its_dead_letter_is_sent_again(
    separated: Separated, runs: ImportRuns
) -> None:
    separated.aws.end = "failed"
    for _ in range(SETTINGS.attempts):
        runs.heard()
    separated.aws.end = "available"

    assert runs.heard().status == "SUCCEEDED"


@pytest.mark.parametrize("announced", KINDS.values(), ids=KINDS)
def test_a_copy_of_an_unanswered_call_is_found_again(
    separated: Separated, runs: ImportRuns, announced: Announcement, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = {"RDS": "copy_db_snapshot", "Aurora": "copy_db_cluster_snapshot"}.get(
        announced.resource_type, "copy_snapshot"
    )
    answered = getattr(separated.aws, operation)

    def unanswered(**asked: Any) -> None:
        answered(**asked)
        monkeypatch.setattr(separated.aws, operation, answered)
        separated.aws.called.refusals["answer"] = ["RequestTimeout"]
        separated.aws.called("answer")

    monkeypatch.setattr(separated.aws, operation, unanswered)

    assert runs.heard(announced).status == "SUCCEEDED"
    assert len(separated.aws.copies) == 1


def test_a_spare_copy_of_a_disk_is_removed(separated: Separated, runs: ImportRuns) -> None:
    def another_copy(step: str) -> None:
        if step == "record":
            (copy,) = separated.aws.copies.values()
            separated.aws.copies["snap-1"] = {**copy, "SnapshotId": "snap-1"}

    runs.before = another_copy

    execution = runs.heard(DISK)

    assert execution.status == "SUCCEEDED"
    assert [name for name in separated.aws.copies if name in separated.known(DISK).imported_arn] == [
        *separated.aws.copies
    ]


STEPS = ("hold-lease", "copy", "inspect", "record", "release-lease", "acknowledge", "clean", "tell", "notify")


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_fails_once_is_repeated(separated: Separated, runs: ImportRuns, step: str) -> None:
    failing = [step]

    def fail_once(name: str) -> None:
        if name in failing:
            failing.remove(name)
            raise StateFailed("Sandbox.Timedout", "it took too long")

    runs.before = fail_once

    assert runs.heard().status == "SUCCEEDED"
    assert failing == []


@pytest.mark.parametrize("step", ["hold-lease", "copy", "inspect", "record", "acknowledge"])
def test_a_step_that_goes_on_failing_gives_the_announcement_back(
    separated: Separated, runs: ImportRuns, step: str
) -> None:
    def fail(name: str) -> None:
        if name == step:
            raise StateFailed("Sandbox.Timedout", "it took too long")

    runs.before = fail

    assert runs.heard().error == "Sandbox.Timedout"
    assert said(separated, QUEUE) == [again(DATABASE)]
    assert list(separated.aws.copies) == ([copy_name(DATABASE)] if step == "acknowledge" else [])


BEFORE_ACKNOWLEDGED = ("HoldLease", "Copy", "Inspect", "WaitForDatabaseCopy", "Record", "ReleaseLease", "Acknowledge")


@pytest.mark.parametrize("state", BEFORE_ACKNOWLEDGED)
def test_a_run_that_is_stopped_is_cleaned_up_after_and_its_announcement_given_back(
    separated: Separated, runs: ImportRuns, state: str
) -> None:
    stopped = runs.heard(listener=stop_at(state))
    assert stopped.status == "ABORTED"

    clean_up = runs.cleaned_up_after(stopped)

    assert clean_up.status == "SUCCEEDED"
    assert said(separated, QUEUE) == [again(DATABASE)]
    assert [news["Subject"].split(" (")[0] for news in runs.news] == ["Failed: CutShort"]
    assert runs.heard().status == "SUCCEEDED"
    assert len(separated.aws.copies) == 1


def test_a_run_that_is_stopped_after_the_acknowledgement_keeps_its_import_and_is_told(
    separated: Separated,
) -> None:
    runs = ImportRuns(separated, DUMP)
    stopped = runs.heard(listener=stop_at("RunActions"))

    assert runs.cleaned_up_after(stopped).status == "SUCCEEDED"
    assert said(separated, QUEUE) == []
    assert list(separated.aws.copies) == [copy_name(DATABASE)]
    assert [news["Subject"].partition(":")[0] for news in runs.news] == ["Failed"]


def test_after_a_run_that_has_given_its_announcement_back_there_is_nothing_to_clean_up(
    separated: Separated, runs: ImportRuns
) -> None:
    separated.aws.end = "failed"
    failed = runs.heard()

    assert runs.cleaned_up_after(failed).output == {"cleanedUpAfter": failed.name}
    assert len(said(separated, QUEUE)) == 1
    assert len(runs.news) == 1


def test_the_clean_up_after_one_attempt_leaves_the_next_one_alone(separated: Separated, runs: ImportRuns) -> None:
    separated.aws.end = "failed"
    failed = runs.heard()
    separated.aws.end = "available"
    runs.heard()

    runs.cleaned_up_after(failed)

    assert separated.known().stage is Stage.ACKNOWLEDGED
    assert list(separated.aws.copies) == [copy_name(DATABASE)]


def stop_at(state: str) -> Any:
    """Stop an execution when it enters the state."""

    def listener(execution: Execution, event: Event) -> None:
        if event.type.endswith("StateEntered") and event.state == state:
            execution.stop()

    return listener


def test_actions_run_on_the_import_after_it_was_acknowledged(separated: Separated) -> None:
    runs = ImportRuns(separated, DUMP)
    told: list[list[str]] = []

    def act(work: Any) -> Any:
        told.append(said(separated, ACKNOWLEDGEMENTS))
        return runs.made(work)

    runs.acts = act

    assert runs.heard().status == "SUCCEEDED"
    (child,) = runs.children
    assert child["Input"]["recoveryPoint"]["arn"] == separated.imported_arn()
    assert child["Input"]["prefix"].startswith("rds-dump/resource_type=RDS/account=111122223333/")
    assert [len(messages) for messages in told] == [1]


@pytest.mark.parametrize("other", [{"handles": ["EBS"]}, {"tags": {"archive": "yes"}}], ids=["kind", "tags"])
def test_an_action_for_something_else_does_not_run(separated: Separated, other: dict[str, Any]) -> None:
    runs = ImportRuns(separated, {**DUMP, **other})

    assert runs.heard().status == "SUCCEEDED"
    assert runs.children == []


def test_an_action_that_fails_is_told_and_the_import_stays_acknowledged(separated: Separated) -> None:
    runs = ImportRuns(separated, DUMP)
    runs.acts = fail_as_a_child

    assert runs.heard().error == "ActionFailed"
    assert separated.known().stage is Stage.ACKNOWLEDGED
    assert said(separated, QUEUE) == []
    assert "rds-dump failed: JobFailed: no such table" in runs.news[0]["Message"]


def test_actions_run_before_the_acknowledgement_where_the_settings_want_that() -> None:
    separated = Separated(AFTER_ACTIONS)
    separated.share(DATABASE)
    runs = ImportRuns(separated, DUMP)
    told: list[list[str]] = []

    def act(work: Any) -> Any:
        told.append(said(separated, ACKNOWLEDGEMENTS))
        return runs.made(work)

    runs.acts = act

    assert runs.heard().status == "SUCCEEDED"
    assert told == [[]]
    assert len(said(separated, ACKNOWLEDGEMENTS)) == 1


def test_an_action_that_only_says_it_has_succeeded_proves_nothing() -> None:
    separated = Separated(AFTER_ACTIONS)
    separated.share(DATABASE)
    runs = ImportRuns(separated, DUMP)

    def lie(work: Any) -> Any:
        report = runs.made(work)
        del separated.aws.objects[report["verification_key"]]
        return report

    runs.acts = lie

    assert runs.heard().error == "NotProven"
    assert said(separated, ACKNOWLEDGEMENTS) == []


def test_without_their_success_it_is_not_acknowledged_but_kept_and_tried_again() -> None:
    separated = Separated(AFTER_ACTIONS)
    separated.share(DATABASE)
    runs = ImportRuns(separated, DUMP)
    runs.acts = fail_as_a_child

    assert runs.heard().error == "ActionFailed"
    assert said(separated, ACKNOWLEDGEMENTS) == []
    assert said(separated, QUEUE) == [again(DATABASE)]
    assert list(separated.aws.copies) == [copy_name(DATABASE)]

    runs.acts = runs.made
    assert runs.heard().status == "SUCCEEDED"
    assert len(said(separated, ACKNOWLEDGEMENTS)) == 1
    assert separated.aws.called.operations.count("CopyDBSnapshot") == 1


def fail_as_a_child(_input: Any) -> None:
    """How a child execution fails."""
    raise StateFailed("States.TaskFailed", json.dumps({"Error": "JobFailed", "Cause": "no such table"}))


def test_a_source_that_the_settings_no_longer_name_is_not_told(separated: Separated) -> None:
    runs = ImportRuns(separated, settings=replace(SETTINGS, accounts=("222233334444",)))

    assert runs.heard().error == "SourceUnknown"
    assert said(separated, ACKNOWLEDGEMENTS) == []
    assert list(separated.aws.copies) == [copy_name(DATABASE)]


def operations_of_a_good_run(announced: Announcement) -> list[str]:
    """What is asked of AWS when all goes well, each operation once."""
    separated = Separated()
    separated.share(announced)
    ImportRuns(separated).heard(announced)
    return sorted({*separated.aws.called.operations} - {"StartExecution"})


@pytest.mark.parametrize("operation", operations_of_a_good_run(DISK))
def test_a_call_that_fails_once_only_delays(separated: Separated, operation: str) -> None:
    runs = ImportRuns(separated)
    name = separated.hear(announcing(DISK))["started"]
    separated.aws.called.refusals[operation] = ["InternalFailure"]

    assert runs.run(name, separated.aws.started[name]).status == "SUCCEEDED"
    assert separated.aws.called.refusals[operation] == []
    assert len(separated.aws.copies) == 1


@pytest.mark.parametrize("operation", operations_of_a_good_run(DATABASE))
def test_a_call_that_is_always_refused_loses_neither_an_import_nor_an_announcement(
    separated: Separated, operation: str
) -> None:
    runs = ImportRuns(separated)
    name = separated.hear(announcing(DATABASE))["started"]
    separated.aws.called.refusals[operation] = ["AccessDenied"] * 1000

    execution = runs.run(name, separated.aws.started[name])

    known = separated.known()
    is_there = copy_name(DATABASE) in separated.aws.copies
    assert is_there == bool(known.imported_arn) or execution.error == "LeftBehind"
    assert (known.stage is Stage.ACKNOWLEDGED) == (said(separated, ACKNOWLEDGEMENTS) != [])
    if known.stage is not Stage.ACKNOWLEDGED:
        given_back = said(separated, QUEUE) == [again(DATABASE)]
        assert given_back or (execution.error, known.stage) == ("NotPutBack", Stage.RETURNING)
