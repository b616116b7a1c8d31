"""Actions run on an import, before or after it is acknowledged, and what has come of them is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from tests.offsite.import_runs import DUMP, ImportRuns, again, fail_as_a_child, said
from tests.offsite.separated import ACKNOWLEDGEMENTS, DATABASE, DEAD_LETTERS, DISK, QUEUE, SETTINGS, Separated

from backup_actions.offsite import ImportSettings
from backup_actions.offsite.holds import hold
from backup_actions.offsite.imports import Acted, Stage
from backup_actions.offsite.naming import copy_name

AFTER_ACTIONS = replace(SETTINGS, acknowledge_after_actions=True)


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


def test_what_no_action_handles_is_not_acknowledged_where_actions_have_to_succeed_first() -> None:
    separated = Separated(AFTER_ACTIONS)
    separated.share(DISK)
    runs = ImportRuns(separated, DUMP)

    assert runs.heard(DISK).error == "NoActionChosen"
    assert said(separated, ACKNOWLEDGEMENTS) == said(separated, QUEUE) == []
    ((_, reason),) = [(text, why) for to, text, why in separated.aws.sent if to == DEAD_LETTERS]
    assert reason.startswith("NoActionChosen: ")
    known = separated.known(DISK)
    assert (known.stage, known.imported_arn) == (Stage.FAILED, separated.imported_arn(DISK))
    assert known.problem == reason
    assert "none that is enabled here handles EBS" in runs.news[0]["Message"]
    assert "not tried again by itself" in runs.news[0]["Message"]


def test_it_is_acknowledged_once_an_action_handles_it_and_its_dead_letter_is_sent_again() -> None:
    separated = Separated(AFTER_ACTIONS)
    separated.share(DISK)
    ImportRuns(separated, DUMP).heard(DISK)

    assert ImportRuns(separated, {**DUMP, "handles": ["EBS"]}).heard(DISK).status == "SUCCEEDED"
    assert len(said(separated, ACKNOWLEDGEMENTS)) == 1
    assert (separated.known(DISK).acted, separated.known(DISK).problem) == (Acted.PROVEN, "")


def _lie(runs: ImportRuns, work: Any) -> Any:
    report = runs.made(work)
    del runs.separated.aws.objects[report["verification_key"]]
    return report


OUTCOMES: Mapping[str, tuple[Callable[[ImportRuns, Any], Any], Acted, str]] = {
    "succeeded": (ImportRuns.made, Acted.PROVEN, ""),
    "lied": (_lie, Acted.FAILED, "NotProven"),
    "failed": (lambda _, work: fail_as_a_child(work), Acted.FAILED, "ActionFailed"),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("settings", [SETTINGS, AFTER_ACTIONS], ids=["acknowledged first", "acknowledged after"])
def test_what_came_of_the_actions_stands_at_the_import(settings: ImportSettings, outcome: str) -> None:
    act, acted, error = OUTCOMES[outcome]
    separated = Separated(settings)
    separated.share(DATABASE)
    runs = ImportRuns(separated, DUMP)
    during: list[tuple[Acted, bool]] = []

    def watched(work: Any) -> Any:
        during.append((separated.known().acted, separated.known().is_at_rest))
        return act(runs, work)

    runs.acts = watched
    runs.heard()

    assert during == [(Acted.RUNNING, False)]
    known = separated.known()
    assert (known.acted, known.problem.partition(":")[0], known.is_at_rest) == (acted, error, True)


def test_an_import_without_actions_says_so(separated: Separated, runs: ImportRuns) -> None:
    runs.heard()

    assert (separated.known().acted, separated.known().is_at_rest) == (Acted.NONE, True)


def test_an_import_can_be_held_while_actions_run_on_it(separated: Separated) -> None:
    runs = ImportRuns(separated, DUMP)

    def held(work: Any) -> Any:
        hold(separated.ledger, DATABASE.snapshot_arn, "audit")
        return runs.made(work)

    runs.acts = held

    assert runs.heard().status == "SUCCEEDED"
    assert (separated.known().hold, separated.known().acted) == ("audit", Acted.PROVEN)
