"""The sweep as a whole: when it is due, how it goes on, what it leaves behind and whom it tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.estate.ledgers import NOON, VOLUME
from tests.estate.watched_account import WATCHED, Account

from backup_actions.aws import World
from backup_actions.errors import AwsCallFailed
from backup_actions.estate import sweeping
from backup_actions.estate.description import VARIABLE
from backup_actions.estate.findings import Finding, Kind
from backup_actions.estate.looking import Looking, Page
from backup_actions.estate.sweeping import CHECKS, look, sweep
from backup_actions.estate.sweeps import Progress, Sweeps
from backup_actions.ledger import Ledger, Standing, Status
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint

EVERY, HELD = timedelta(hours=24), timedelta(minutes=15)


@pytest.fixture(name="account")
def _account() -> Account:
    return Account()


@pytest.fixture(name="swept")
def _swept(world: World, account: Account) -> World:
    return replace(account.world(world), environment={VARIABLE: WATCHED.to_text()})


@pytest.fixture(name="sweeps")
def _sweeps(world: World) -> Sweeps:
    return Sweeps(world.clients.dynamodb, WATCHED.ledger, world.clock)


def pass_(world: World, **time: float) -> None:
    world.clock.sleep(timedelta(**time).total_seconds())


def take(sweeps: Sweeps) -> Progress | None:
    return sweeps.take(first_check="first", every=EVERY, held_for=HELD)


def test_a_sweep_is_due_when_there_was_none(sweeps: Sweeps) -> None:
    taken = take(sweeps)

    assert taken is not None
    assert (taken.began, taken.check, taken.cursor) == (NOON.isoformat(), "first", "")


def test_two_calls_at_once_are_one_sweep(sweeps: Sweeps) -> None:
    assert take(sweeps) is not None
    assert take(sweeps) is None


def test_what_a_call_has_left_the_next_one_goes_on_with(world: World, sweeps: Sweeps) -> None:
    taken = take(sweeps)
    assert taken is not None
    sweeps.leave(replace(taken, check="second", cursor="there"))
    pass_(world, hours=1)

    again = take(sweeps)

    assert again is not None
    assert (again.began, again.check, again.cursor) == (taken.began, "second", "there")


def test_a_call_that_died_is_followed_by_one_that_goes_on(world: World, sweeps: Sweeps) -> None:
    taken = take(sweeps)
    pass_(world, hours=1)

    again = take(sweeps)

    assert taken is not None
    assert again == replace(taken, held_until=(NOON + timedelta(hours=1) + HELD).isoformat())


def test_a_sweep_that_has_ended_is_followed_by_one_in_its_time(world: World, sweeps: Sweeps) -> None:
    taken = take(sweeps)
    assert taken is not None
    pass_(world, minutes=5)
    sweeps.finish(taken)
    pass_(world, hours=23)

    assert sweeps.waited_for_since() == NOON + timedelta(minutes=5)
    assert take(sweeps) is None
    pass_(world, hours=1)
    assert take(sweeps) is not None
    assert sweeps.waited_for_since() == NOON + timedelta(minutes=5), "while the next one is under way"


def test_a_call_that_was_overtaken_changes_nothing(world: World, sweeps: Sweeps) -> None:
    slow = take(sweeps)
    pass_(world, hours=1)
    quick = take(sweeps)
    assert slow is not None
    assert quick is not None
    sweeps.leave(replace(quick, cursor="quick"))

    sweeps.finish(slow)

    assert sweeps.waited_for_since() == NOON, "none has come to its end"


def test_nobody_has_swept_where_there_was_no_sweep(sweeps: Sweeps) -> None:
    assert sweeps.waited_for_since() is None


def test_a_first_sweep_that_never_ends_is_waited_for_since_it_began(world: World, sweeps: Sweeps) -> None:
    assert sweeps.waited_for_since() is None
    taken = take(sweeps)
    pass_(world, hours=1)
    take(sweeps)
    assert sweeps.waited_for_since() == NOON

    pass_(world, hours=1)
    last = take(sweeps)
    assert taken is not None
    assert last is not None
    sweeps.finish(last)

    assert sweeps.waited_for_since() == NOON + timedelta(hours=2)


def test_an_hourly_sweep_is_not_put_off_by_a_call_that_comes_a_moment_early(account: Account, world: World) -> None:
    hourly = replace(account.world(world), environment={VARIABLE: replace(WATCHED, sweep_hours=1).to_text()})
    sweep(hourly, {})
    pass_(world, minutes=59, seconds=50)

    assert sweep(hourly, {})["swept"]


def test_what_another_version_has_left_is_swept_from_the_first_check_on(swept: World, sweeps: Sweeps) -> None:
    taken = sweeps.take(first_check="a check of another version", every=EVERY, held_for=HELD)
    assert taken is not None
    sweeps.leave(replace(taken, cursor="somewhere"))

    assert sweep(swept, {})["done"]


# ---------------------------------------------------------------------------------------------------------- the checks


def paged(name: str, world: World, seconds: float) -> object:
    """A check of three pages, each of which takes so long."""

    def check(_: Looking, cursor: str) -> Iterator[Page]:
        for number in range(int(cursor or 0), 3):
            world.clock.sleep(seconds)
            finding = Finding(kind=Kind.MISSED_POINT, subject=f"{name}{number}", what="", since="", remedy="")
            yield Page((finding,), str(number + 1) if number < 2 else "")

    return check


def test_a_call_ends_in_time_and_the_next_one_finds_the_rest(
    world: World, swept: World, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "CHECKS", {name: paged(name, world, 200) for name in "ab"})
    answers = []
    for _ in range(3):
        answers.append(sweep(swept, {}))
        pass_(world, hours=1)
    found = [finding["subject"] for key in sorted(account.documents) for finding in account.documents[key]["findings"]]

    assert [answer.get("done") for answer in answers] == [False, True, None]
    assert answers[2] == {"swept": False}
    assert found == ["a0", "a1", "a2", "b0", "b1", "b2"]


def test_every_check_is_made_in_one_look(account: Account, world: World) -> None:
    reached = [progress.check for _, progress in look(account.looking(world))]

    assert reached == [*list(CHECKS)[1:], ""]


def test_what_is_left_is_told_with_what_to_do(account: Account, swept: World) -> None:
    account.tagged = [(VOLUME, "ebs-archive/of-last-year")]

    answer = sweep(swept, {})

    (mail,) = account.told
    assert (answer["found"], answer["left"]) == (1, 1)
    assert mail["TopicArn"] == WATCHED.topic_arn
    assert mail["Subject"] == "Sweep of backup-actions: 1 to look at"
    assert VOLUME in mail["Message"]
    assert "What to do: " in mail["Message"]
    assert f"s3://{WATCHED.bucket}/{answer['document']}" in mail["Message"]


def test_what_could_not_be_told_is_told_by_the_next_call(account: Account, swept: World) -> None:
    point = RecoveryPoint(Arn.parse("arn:aws:ec2:us-east-1::snapshot/gone"), "backups", Arn.parse(VOLUME), "EBS")
    ledger = Ledger(swept.clients.dynamodb, WATCHED.ledger, swept.clock)
    ledger.record(point, run="run", status=Status.FAILED, details={})
    account.refuses["publish"] = "AuthorizationErrorException"
    with pytest.raises(AwsCallFailed):
        sweep(swept, {})
    account.refuses.clear()
    pass_(swept, hours=1)

    sweep(swept, {})

    (mail,) = account.told
    assert f"gone: {point.arn}" in mail["Message"]
    assert ledger.entries(str(point.arn))[0].status == Status.GONE


def test_of_what_was_repaired_only_a_document_tells(account: Account, swept: World) -> None:
    account.back_up(1)

    answer = sweep(swept, {})

    assert (answer["found"], answer["left"], account.told) == (1, 0, [])
    assert account.documents[answer["document"]]["findings"][0]["repaired"] is True


def test_a_copy_that_nobody_acknowledges_is_told_after_its_time(account: Account, swept: World) -> None:
    point = RecoveryPoint(Arn.parse("arn:aws:ec2:us-east-1::snapshot/snap-1"), "backups", Arn.parse(VOLUME), "EBS")
    ledger = Ledger(swept.clients.dynamodb, WATCHED.ledger, swept.clock)
    ledger.record_action(point, "offsite-copy", run="run", status=Standing.ANNOUNCED, details={})
    pass_(swept, hours=24)
    early = sweep(swept, {})
    pass_(swept, hours=25)

    late = sweep(swept, {})

    assert (early["found"], late["found"]) == (0, 1)
    assert str(point.arn) in account.told[0]["Message"]


def test_a_check_that_is_refused_is_told_and_the_others_are_made(account: Account, swept: World) -> None:
    account.refuses["list_recovery_points_by_backup_vault"] = "AccessDeniedException"
    account.tagged = [(VOLUME, "ebs-archive/of-last-year")]

    answer = sweep(swept, {})

    assert (answer["done"], answer["left"]) == (True, 2)
    assert "not looked at: vault backups" in account.told[0]["Message"]
    assert "AccessDeniedException" in account.told[0]["Message"]


def test_where_aws_is_busy_the_next_call_goes_on(account: Account, swept: World, sweeps: Sweeps) -> None:
    account.back_up(1)
    account.refuses["get_resources"] = "ThrottlingException"
    first = sweep(swept, {})
    account.refuses.clear()
    account.calls.clear()
    pass_(swept, hours=1)

    second = sweep(swept, {})

    assert (first["done"], first["found"], second["done"], second["found"]) == (False, 1, True, 0)
    assert "list_recovery_points_by_backup_vault" not in account.calls, "that was looked at"
    assert sweeps.waited_for_since() == swept.clock.now()
