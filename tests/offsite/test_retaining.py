"""A round of retention deletes what the rules let go and sees that it is gone; what it does not know, it leaves."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from tests.offsite.kept_imports import NOW, days_ago, kept
from tests.offsite.retained_account import TOPIC, Account, refusal

from backup_actions.errors import AwsCallFailed
from backup_actions.offsite.imports import Import, Stage
from backup_actions.offsite.retaining import retain
from backup_actions.offsite.retention import Rules
from backup_actions.offsite.snapshots import name_in

KINDS = ("RDS", "Aurora", "EBS")
RULES = json.dumps({**asdict(Rules(days=7)), "attempts": 5})


def account(*imports: Import) -> Account:
    return Account(imports, RULES)


def old_and_new(kind: str = "RDS", **about: Any) -> tuple[Import, Import]:
    return kept("old", days_ago(30), resource_type=kind, **about), kept("new", days_ago(1), resource_type=kind)


def ours(each: Import) -> str:
    return name_in(each.imported_arn)


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_go_is_deleted_and_seen_to_be_gone_and_noted(kind: str) -> None:
    old, new = old_and_new(kind)
    here = account(old, new)

    done = retain(here.world, {})

    assert here.snapshots.deleted == [ours(old)]
    assert list(here.snapshots.found) == [ours(new)]
    assert (done["removed"], done["leaving"], done["troubles"]) == ([old.imported_arn], [], [])
    assert (here.known("old").stage, here.known("new").stage) == (Stage.REMOVED, Stage.ACKNOWLEDGED)
    assert here.topic.told == []


def test_a_dry_run_says_what_would_go_and_changes_nothing() -> None:
    old, new = old_and_new()
    here = account(old, new)
    puts = here.table.puts

    told = retain(here.world, {"dryRun": True})

    assert [(each["import"], each["keeps"]) for each in told["verdicts"]] == [
        (new.imported_arn, True),
        (old.imported_arn, False),
    ]
    assert all(each["because"] for each in told["verdicts"])
    assert (here.snapshots.deleted, here.table.puts, here.topic.told) == ([], puts, [])


def test_a_second_round_finds_nothing_to_do() -> None:
    here = account(*old_and_new())
    retain(here.world, {})
    puts = here.table.puts

    again = retain(here.world, {})

    assert (again["removed"], again["leaving"], again["troubles"]) == ([], [], [])
    assert (len(here.snapshots.deleted), here.table.puts) == (1, puts)


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_vanished_is_told_and_does_not_stand_for_the_others(kind: str) -> None:
    old, new = old_and_new(kind)
    here = account(old, new)
    del here.snapshots.found[ours(new)]

    done = retain(here.world, {})

    assert here.snapshots.deleted == []
    assert done["troubles"] == [f"{new.imported_arn} is not there any more, and retention has not removed it"]
    (told,) = here.topic.told
    assert (told["TopicArn"], new.imported_arn in told["Message"]) == (TOPIC, True)
    assert here.known("new").stage is Stage.ACKNOWLEDGED


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"Status": "modifying"}, "it is modifying"),
        ({"TagList": []}, "the tag backup-actions should be yes and is none"),
        ({"Encrypted": False}, "the key should be one of this account and is none"),
        ({"Engine": "mysql"}, "the engine should be postgres and is mysql"),
        ({"AllocatedStorage": 5}, "the size in GiB should be 20 and is 5"),
        ({"DBInstanceIdentifier": "other"}, "the resource should be db:shop and is db:other"),
        ({"SourceDBSnapshotIdentifier": "arn:x"}, "and is arn:x"),
    ],
)
def test_what_is_not_what_the_ledger_says_is_left_alone_and_told(change: dict[str, Any], why: str) -> None:
    old, new = old_and_new()
    here = account(old, new)
    here.snapshots.found[ours(old)] |= change

    (trouble,) = retain(here.world, {})["troubles"]

    assert trouble.startswith(f"{old.imported_arn} is not what the ledger says and is left alone: ")
    assert why in trouble
    assert here.snapshots.deleted == []


def test_a_snapshot_of_which_the_ledger_knows_nothing_is_never_looked_at() -> None:
    old, new = old_and_new()
    here = account(old, new)
    here.snapshots.found["offsite-stranger"] = {**here.snapshots.found[ours(old)]}

    retain(here.world, {})

    assert "offsite-stranger" in here.snapshots.found


@pytest.mark.parametrize(("kind", "whom"), [("RDS", "999900001111"), ("Aurora", "999900001111"), ("EBS", "all")])
def test_what_is_shared_is_not_deleted_under_the_hands_of_others(kind: str, whom: str) -> None:
    old, new = old_and_new(kind)
    here = account(old, new)
    here.snapshots.shares[ours(old)] = [whom]

    (trouble,) = retain(here.world, {})["troubles"]

    assert trouble == f"{old.imported_arn} is shared with {whom}: end that, or put it under a hold"
    assert (here.snapshots.deleted, here.known("old").leaving_since) == ([], "")


@pytest.mark.parametrize(
    ("kind", "code", "why"),
    [
        ("RDS", "InvalidDBSnapshotState", "it is in use"),
        ("EBS", "InvalidSnapshot.InUse", "it is in use"),
        ("EBS", "OperationNotPermitted", "OperationNotPermitted: it is locked"),
    ],
)
def test_what_aws_does_not_delete_stays_known_and_is_told_each_time(kind: str, code: str, why: str) -> None:
    old, new = old_and_new(kind)
    here = account(old, new)
    here.snapshots.refuses[ours(old)] = refusal(code, "it is locked")

    first, second = (retain(here.world, {})["troubles"] for _ in range(2))

    assert first == second
    assert first[0].startswith(f"{old.imported_arn} cannot be deleted: ")
    assert why in first[0]
    assert len(here.topic.told) == 2
    assert here.known("old").is_verified


def test_one_that_cannot_be_deleted_does_not_keep_the_others() -> None:
    locked, other, new = (kept(name, days_ago(days)) for name, days in (("locked", 40), ("other", 30), ("new", 1)))
    here = account(locked, other, new)
    here.snapshots.refuses[ours(locked)] = refusal("OperationNotPermitted")

    assert retain(here.world, {})["removed"] == [other.imported_arn]


def test_what_takes_long_to_go_is_noted_the_next_time() -> None:
    old, new = old_and_new()
    here = account(old, new)
    here.snapshots.deletion_seconds = 3600

    first = retain(here.world, {})
    here.clock.sleep(3600)
    second = retain(here.world, {})

    assert (first["removed"], first["leaving"], first["troubles"]) == ([], [old.imported_arn], [])
    assert (second["removed"], second["leaving"], second["troubles"]) == ([old.imported_arn], [], [])
    assert len(here.snapshots.deleted) == 1


def test_what_does_not_go_for_a_day_is_told() -> None:
    old, new = old_and_new()
    here = account(old, new)
    here.snapshots.deletion_seconds = 1e6
    retain(here.world, {})
    here.clock.sleep(25 * 3600)

    (trouble,) = retain(here.world, {})["troubles"]

    assert trouble == f"{old.imported_arn} has been leaving since {NOW.isoformat()}: it is deleting"


def test_a_hold_that_is_put_at_the_same_moment_is_kept() -> None:
    old, new = old_and_new()
    here = account(old, new)
    held = replace(here.known("old"), hold="audit")
    here.snapshots.when_asked_for_shares = lambda: here.ledger.stand(held)

    done = retain(here.world, {})

    assert (here.snapshots.deleted, done["removed"], done["troubles"]) == ([], [], [])
    assert here.known("old").hold == "audit"


def test_a_round_that_died_before_it_asked_aws_is_done_again() -> None:
    old, new = old_and_new(leaving_since=days_ago(1).isoformat())
    here = account(old, new)

    assert retain(here.world, {})["removed"] == [old.imported_arn]


def test_a_round_that_died_is_judged_anew_by_the_rules_of_now() -> None:
    old, new = old_and_new(leaving_since=days_ago(1).isoformat())
    here = Account((old, new), json.dumps(asdict(Rules(days=7, monthly=12))))

    assert retain(here.world, {})["removed"] == []
    assert here.known("old").is_verified
    assert here.known("old").leaving_since == ""


def test_a_round_that_died_after_aws_had_deleted_is_noted() -> None:
    old, new = old_and_new(leaving_since=days_ago(1).isoformat())
    here = account(old, new)
    del here.snapshots.found[ours(old)]

    done = retain(here.world, {})

    assert (done["removed"], done["troubles"]) == ([old.imported_arn], [])
    assert here.known("old").stage is Stage.REMOVED


def test_what_was_not_verified_is_not_even_looked_at() -> None:
    here = account(kept("open", days_ago(90), imported_arn="", imported_at="", stage=Stage.IMPORTING))

    assert retain(here.world, {})["verdicts"] == []


def test_a_refusal_that_is_no_answer_to_a_deletion_ends_the_round_and_the_next_goes_on() -> None:
    old, new = old_and_new()
    here = account(old, new)
    denied = Mock(side_effect=[refusal("AccessDenied"), None])
    here.snapshots.when_asked_for_shares = denied

    with pytest.raises(AwsCallFailed):
        retain(here.world, {})

    assert retain(here.world, {})["removed"] == [old.imported_arn]


def test_the_wait_for_what_is_going_ends_before_the_function_does() -> None:
    here = account(*old_and_new())
    here.snapshots.deletion_seconds = 1e6
    began = here.clock.now()
    retain(here.world, {})

    assert timedelta(minutes=5) < here.clock.now() - began < timedelta(minutes=10)


def test_whichever_call_is_refused_nothing_is_lost_and_the_next_round_ends_well() -> None:
    old = [kept(f"old-{kind}", days_ago(30), resource_type=kind) for kind in KINDS]
    new = [kept(f"new-{kind}", days_ago(1), resource_type=kind) for kind in KINDS]
    for number in range(1, 36):  # a round makes 32 calls here
        here = account(*old, *new)
        with suppress(AwsCallFailed):
            retain(here.failing(number), {})
        assert {each.stage for each in here.ledger.all() if ours(each) in here.snapshots.found} == {Stage.ACKNOWLEDGED}

        done = retain(here.world, {})

        assert (done["leaving"], done["troubles"]) == ([], []), number
        assert set(here.snapshots.found) == {ours(each) for each in new}, number
        assert {here.known(f"old-{kind}").stage for kind in KINDS} == {Stage.REMOVED}, number
        assert all(here.known(f"new-{kind}").is_verified for kind in KINDS), number


def test_however_many_troubles_there_are_they_fit_into_one_message() -> None:
    here = account(*(kept(str(number), days_ago(number), resource=str(number)) for number in range(1, 1003)))
    here.snapshots.found.clear()

    assert len(retain(here.world, {})["troubles"]) == 1002
    (told,) = here.topic.told
    assert len(told["Message"].encode()) < 256 << 10
    assert "802 more" in told["Message"]
