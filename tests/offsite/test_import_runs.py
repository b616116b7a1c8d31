"""The import machine, run as it stands: what was announced is imported once, recorded, acknowledged and told."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.offsite.import_runs import ImportRuns, said
from tests.offsite.retained_account import refusal
from tests.offsite.separated import (
    ACKNOWLEDGEMENTS,
    CLUSTER,
    DATABASE,
    DISK,
    HERE,
    IMPORT_KEY,
    KINDS,
    SECURITY_TAG,
    SETTINGS,
    SOURCE,
    Separated,
)

from backup_actions.model.offsite import Acknowledgement, Announcement, sha256_of
from backup_actions.offsite.imports import Stage
from backup_actions.offsite.naming import copy_name


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
    assert acknowledgement.kept_until == known.promised_until
    imported_at = datetime.fromisoformat(known.imported_at)
    assert datetime.fromisoformat(known.promised_until) == imported_at + timedelta(days=SETTINGS.days)
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


def test_a_source_that_the_settings_no_longer_name_is_not_told(separated: Separated) -> None:
    runs = ImportRuns(separated, settings=replace(SETTINGS, accounts=("222233334444",)))

    assert runs.heard().error == "SourceUnknown"
    assert said(separated, ACKNOWLEDGEMENTS) == []
    assert list(separated.aws.copies) == [copy_name(DATABASE)]


@pytest.mark.parametrize("shown_by_id", [False, True])
def test_a_copy_that_ec2_does_not_show_at_first_is_waited_for_and_not_made_again(
    separated: Separated, runs: ImportRuns, *, shown_by_id: bool
) -> None:
    separated.aws.found_late, separated.aws.shown_by_id = 4, shown_by_id

    assert runs.heard(DISK).output == {"imported": separated.imported_arn(DISK), "acknowledged": True}
    assert separated.aws.called.operations.count("CopySnapshot") == 1


def test_a_copy_that_is_known_by_its_id_need_not_be_found_by_its_name(separated: Separated, runs: ImportRuns) -> None:
    separated.aws.found_late, separated.aws.shown_by_id = 1000, True

    assert runs.heard(DISK).status == "SUCCEEDED"


def test_a_copy_that_is_never_shown_is_given_up(separated: Separated, runs: ImportRuns) -> None:
    separated.aws.found_late = 1000
    began = separated.clock.now()

    execution = runs.heard(DISK)

    assert (execution.error, "not there any more" in str(execution.cause)) == ("CopyFailed", True)
    assert timedelta(minutes=5) < separated.clock.now() - began < timedelta(minutes=30)


def test_nothing_is_gone_before_it_was_looked_for_twice(
    separated: Separated, runs: ImportRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Copies were begun without an answer, and are not shown to the first look of who cleans up."""
    begun = separated.aws.copy_snapshot

    def unanswered(**asked: Any) -> None:
        begun(**asked)
        raise refusal("RequestTimeout")

    def hidden_from_the_first_look(step: str) -> None:
        if step == "clean":
            separated.aws.looks_in_vain = 1 if cleanings == [] else 0
            cleanings.append(step)

    cleanings: list[str] = []
    separated.aws.found_late = 1000
    monkeypatch.setattr(separated.aws, "copy_snapshot", unanswered)
    runs.before = hidden_from_the_first_look

    assert runs.heard(DISK).status == "FAILED"
    assert len(cleanings) > 2
    assert separated.aws.copies == {}


@pytest.mark.parametrize(("sources", "slots"), [(1, 20), (2, 10), (5, 4)])
def test_each_source_has_its_share_of_the_copies_that_aws_makes_at_a_time(sources: int, slots: int) -> None:
    accounts = (SOURCE, *(str(number) * 12 for number in range(2, 1 + sources)))
    settings = replace(
        SETTINGS,
        accounts=accounts,
        topics=SETTINGS.topics * sources,
        acknowledgement_queues=(ACKNOWLEDGEMENTS,) * sources,
    )
    separated = Separated(settings)
    runs = ImportRuns(separated)
    for announced in (DATABASE, DISK):
        separated.share(announced)
        runs.heard(announced)

    asked = {(lease["quota"], lease["slots"]) for lease in runs.leases}
    assert asked == {(f"database-copies-of-{SOURCE}", slots), (f"disk-copies-of-{SOURCE}", slots)}


def test_an_import_that_came_to_its_end_waits_for_no_place_any_more(separated: Separated, runs: ImportRuns) -> None:
    runs.heard()

    point = str(separated.known().source_point.arn)
    assert separated.table.items[point, "action#offsite-import"]["status"] == {"S": "ended"}
    assert "standing" not in separated.table.items[point, "action#offsite-import"]
