"""A step that fails, a run that is stopped: nothing is left half-done, and no announcement is lost."""

from __future__ import annotations

import pytest
from tests.offsite.import_runs import DUMP, ImportRuns, again, said, stop_at
from tests.offsite.separated import DATABASE, QUEUE, Separated

from backup_actions.offsite.imports import Acted, Stage
from backup_actions.offsite.naming import copy_name
from backup_actions_local.states.failures import StateFailed

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

    assert not separated.known().is_at_rest
    assert runs.cleaned_up_after(stopped).status == "SUCCEEDED"
    assert (separated.known().acted, separated.known().is_at_rest) == (Acted.FAILED, True)
    assert separated.known().problem.startswith("CutShort: ")
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
