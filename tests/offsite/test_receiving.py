"""An announcement begins one import, once AWS has said the same; what is not so is a dead letter with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.offsite.separated import (
    ACKNOWLEDGEMENTS,
    BACKED_UP,
    CLUSTER,
    DATABASE,
    DEAD_LETTERS,
    DISK,
    HERE,
    KINDS,
    MACHINE,
    SETTINGS,
    SOURCE_KEY,
    STRANGER,
    Separated,
    announcing,
    notification,
    shown,
)

from backup_actions.errors import AwsCallFailed, NotShared
from backup_actions.model.arn import Arn
from backup_actions.model.offsite import Acknowledgement, Announcement, sha256_of
from backup_actions.offsite.claims import claimed_in
from backup_actions.offsite.imports import Stage
from backup_actions.offsite.naming import copy_name, execution_name
from backup_actions_local.clock import START

LOOKS = {"DescribeDBSnapshots", "DescribeDBClusterSnapshots", "DescribeSnapshots"}


@pytest.fixture(name="separated")
def _separated() -> Separated:
    return Separated()


@pytest.mark.parametrize("announced", KINDS.values(), ids=KINDS)
def test_a_shared_snapshot_that_is_as_announced_is_imported(separated: Separated, announced: Announcement) -> None:
    separated.share(announced)

    heard = separated.hear(announcing(announced))

    assert heard == {"started": execution_name(announced, 1)}
    begun = separated.aws.started[execution_name(announced, 1)]
    assert Announcement.from_text(begun["announcement"]) == announced
    assert claimed_in(begun["message"], SETTINGS, here=Arn.parse(MACHINE), now=START).announcement == announced
    known = separated.known(announced)
    assert (known.stage, known.attempt, known.announcement) == (Stage.IMPORTING, 1, announced)
    assert known.announcement_sha256 == sha256_of(announced.to_bytes())


UNLIKE: Mapping[str, tuple[Announcement, dict[str, Any]]] = {
    "more storage": (DATABASE, {"AllocatedStorage": 21}),
    "another engine": (DATABASE, {"Engine": "mysql"}),
    "another version": (DATABASE, {"EngineVersion": "17.5"}),
    "a stranger's key": (DATABASE, {"KmsKeyId": SOURCE_KEY.replace("111122223333", STRANGER)}),
    "no key": (DATABASE, {"Encrypted": False}),
    "another database": (DATABASE, {"DBInstanceIdentifier": "payroll"}),
    "a newer backup": (DATABASE, {"OriginalSnapshotCreateTime": BACKED_UP - timedelta(days=2)}),
    "an older backup": (DATABASE, {"OriginalSnapshotCreateTime": BACKED_UP + timedelta(days=2)}),
    "a backup made after its copy": (DATABASE, {"SnapshotCreateTime": BACKED_UP - timedelta(hours=1)}),
    "another snapshot": (DATABASE, {"DBSnapshotArn": DATABASE.snapshot_arn + "0"}),
    "one that is not whole": (DATABASE, {"Status": "creating"}),
    "a cluster of another engine": (CLUSTER, {"Engine": "aurora-mysql"}),
    "another cluster": (CLUSTER, {"DBClusterIdentifier": "payroll"}),
    "a cluster without a key": (CLUSTER, {"StorageEncrypted": False}),
    "a stranger's disk": (DISK, {"OwnerId": STRANGER}),
    "a disk of our own, an import": (DISK, {"OwnerId": HERE}),
    "a larger disk": (DISK, {"VolumeSize": 21}),
    "a disk without a key": (DISK, {"Encrypted": False}),
    "a disk's snapshot that failed": (DISK, {"State": "error"}),
    "a disk's snapshot that is older than its backup": (DISK, {"StartTime": BACKED_UP - timedelta(hours=1)}),
}


@pytest.mark.parametrize(("announced", "fields"), UNLIKE.values(), ids=UNLIKE)
def test_what_aws_says_otherwise_is_refused_and_nothing_is_changed(
    separated: Separated, announced: Announcement, fields: dict[str, Any]
) -> None:
    separated.share(announced, **fields)

    heard = separated.hear(announcing(announced), times_received=1)

    assert " should be " in heard["buried"] or " in the announcement" in heard["buried"]
    assert {*separated.aws.called.operations} - LOOKS == {"SendMessage"}
    assert separated.aws.sent == [(DEAD_LETTERS, announcing(announced), heard["buried"])]
    assert separated.table.items == {}


@pytest.mark.parametrize("announced", KINDS.values(), ids=KINDS)
def test_a_snapshot_that_is_not_seen_is_looked_for_again_and_then_a_dead_letter(
    separated: Separated, announced: Announcement
) -> None:
    for times_received in (1, 2):
        with pytest.raises(NotShared):
            separated.hear(announcing(announced), times_received=times_received)
    heard = separated.hear(announcing(announced), times_received=3)

    assert "not shared with this account" in heard["buried"]
    assert [queue for queue, *_ in separated.aws.sent] == [DEAD_LETTERS]
    assert separated.table.items == {}


def test_a_refusal_of_aws_leaves_the_message_in_the_queue(separated: Separated) -> None:
    separated.share(DATABASE)
    separated.aws.called.refusals["DescribeDBSnapshots"] = ["AccessDenied"]

    with pytest.raises(AwsCallFailed):
        separated.hear(announcing(DATABASE))

    assert separated.aws.sent == []


def test_announced_twice_is_begun_once(separated: Separated) -> None:
    separated.share(DATABASE)

    separated.hear(announcing(DATABASE))
    again = separated.hear(announcing(DATABASE))

    assert again == {"already": execution_name(DATABASE, 1)}
    assert list(separated.aws.started) == [execution_name(DATABASE, 1)]


def test_two_that_hear_it_at_the_same_time_begin_it_once(separated: Separated, monkeypatch: pytest.MonkeyPatch) -> None:
    separated.share(DATABASE)
    first_look = separated.aws.describe_db_snapshots

    def another_is_quicker(**asked: Any) -> Any:
        monkeypatch.setattr(separated.aws, "describe_db_snapshots", first_look)
        separated.hear(announcing(DATABASE))
        return first_look(**asked)

    monkeypatch.setattr(separated.aws, "describe_db_snapshots", another_is_quicker)

    assert separated.hear(announcing(DATABASE)) == {"already": execution_name(DATABASE, 1)}
    assert list(separated.aws.started) == [execution_name(DATABASE, 1)]
    assert separated.known().attempt == 1


def test_what_was_claimed_by_one_that_did_not_get_further_is_begun_by_the_next(separated: Separated) -> None:
    separated.share(DATABASE)
    separated.aws.called.refusals["StartExecution"] = ["AccessDenied"]
    with pytest.raises(AwsCallFailed):
        separated.hear(announcing(DATABASE))

    assert separated.hear(announcing(DATABASE)) == {"started": execution_name(DATABASE, 1)}


def test_what_failed_is_begun_anew_under_the_next_number(separated: Separated) -> None:
    separated.share(DATABASE)
    separated.hear(announcing(DATABASE))
    separated.ledger.stand(replace(separated.known(), stage=Stage.FAILED))

    assert separated.hear(announcing(DATABASE)) == {"started": execution_name(DATABASE, 2)}
    assert (separated.known().stage, separated.known().attempt) == (Stage.IMPORTING, 2)


def test_what_was_cut_short_is_begun_anew_by_whoever_hears_of_it_again(separated: Separated) -> None:
    separated.share(DATABASE)
    separated.hear(announcing(DATABASE))
    separated.aws.ended[execution_name(DATABASE, 1)] = "ABORTED"

    assert separated.hear(announcing(DATABASE)) == {"started": execution_name(DATABASE, 2)}


def test_what_its_sender_adds_to_a_message_goes_no_further(separated: Separated) -> None:
    separated.share(DATABASE)
    message = DATABASE.to_bytes().decode()

    separated.hear(notification(message, Subject="Step Functions Execution Status Change", MessageAttributes={"a": 1}))

    (begun,) = separated.aws.started.values()
    assert "Status Change" not in str(begun)


def test_what_is_verified_is_tried_again_though_the_source_has_ended_the_sharing(separated: Separated) -> None:
    separated.share(DATABASE)
    separated.hear(announcing(DATABASE))
    _imported(separated)
    separated.ledger.stand(replace(separated.known(), stage=Stage.FAILED))
    separated.aws.shared.clear()

    assert separated.hear(announcing(DATABASE)) == {"started": execution_name(DATABASE, 2)}


def test_what_was_imported_is_acknowledged_again_though_the_source_has_removed_it(separated: Separated) -> None:
    separated.share(DATABASE)
    separated.hear(announcing(DATABASE))
    _imported(separated)
    separated.aws.copies[copy_name(DATABASE)] = shown(
        DATABASE, DBSnapshotArn=separated.imported_arn(), Status="available"
    )
    separated.aws.shared.clear()

    assert separated.hear(announcing(DATABASE)) == {"acknowledged": separated.imported_arn()}
    ((queue, said, _),) = separated.aws.sent
    assert queue == ACKNOWLEDGEMENTS
    assert Acknowledgement.from_text(said).announcement_sha256 == sha256_of(DATABASE.to_bytes())


@pytest.mark.parametrize(("days_then", "days_now", "promised"), [(35, 35, 35), (35, 40, 40), (35, 7, 35)])
def test_a_promise_is_given_again_and_may_grow_but_is_not_taken_back(
    days_then: int, days_now: int, promised: int
) -> None:
    separated = Separated(replace(SETTINGS, days=days_now))
    separated.share(DATABASE)
    separated.hear(announcing(DATABASE))
    _imported(separated)
    until = (START + timedelta(days=days_then)).isoformat()
    separated.ledger.stand(replace(separated.known(), promised_until=until))
    separated.aws.copies[copy_name(DATABASE)] = shown(DATABASE, DBSnapshotArn=separated.imported_arn())

    separated.hear(announcing(DATABASE))

    ((_, said, _),) = separated.aws.sent
    kept_until = Acknowledgement.from_text(said).kept_until
    assert kept_until == separated.known().promised_until == (START + timedelta(days=promised)).isoformat()


def test_what_was_imported_and_is_gone_is_imported_again_and_not_acknowledged(separated: Separated) -> None:
    separated.share(DATABASE)
    separated.hear(announcing(DATABASE))
    _imported(separated)

    assert separated.hear(announcing(DATABASE)) == {"started": execution_name(DATABASE, 2)}
    assert separated.aws.sent == []


def test_another_announcement_of_the_same_snapshot_is_not_acknowledged(separated: Separated) -> None:
    separated.share(DATABASE)
    separated.hear(announcing(DATABASE))
    _imported(separated)

    heard = separated.hear(announcing(replace(DATABASE, run="another-run")))

    assert "announced before, and otherwise" in heard["buried"]
    assert [queue for queue, *_ in separated.aws.sent] == [DEAD_LETTERS]


@pytest.mark.parametrize(
    "since", [{"stage": Stage.REMOVED}, {"leaving_since": START.isoformat()}], ids=["removed", "leaving"]
)
def test_an_old_announcement_of_what_retention_has_removed_is_neither_acknowledged_nor_imported(
    separated: Separated, since: dict[str, Any]
) -> None:
    separated.share(DATABASE)
    separated.hear(announcing(DATABASE))
    _imported(separated)
    separated.ledger.stand(replace(separated.known(), **since))

    heard = separated.hear(announcing(DATABASE))

    assert "has been removed since" in heard["buried"]
    assert list(separated.aws.started) == [execution_name(DATABASE, 1)]


def _imported(separated: Separated) -> None:
    known = separated.known()
    separated.ledger.stand(
        replace(
            known,
            stage=Stage.ACKNOWLEDGED,
            imported_arn=separated.imported_arn(),
            imported_at=START.isoformat(),
            size_gib=20,
        )
    )
