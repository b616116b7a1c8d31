"""An import that cannot be made is named, told, given back, and leaves nothing; whatever call fails."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from tests.offsite.import_runs import ImportRuns, again, said
from tests.offsite.separated import (
    ACKNOWLEDGEMENTS,
    DATABASE,
    DEAD_LETTERS,
    DISK,
    IMPORT_KEY,
    QUEUE,
    SETTINGS,
    SOURCE_KEY,
    Separated,
    announcing,
)

from backup_actions.model.offsite import Announcement
from backup_actions.offsite.imports import Stage
from backup_actions.offsite.naming import copy_name
from backup_actions_local.states.execution import Event, Execution

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
