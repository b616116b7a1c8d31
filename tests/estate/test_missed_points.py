"""Points that no event announced: found in vaults of any size, and begun once."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.estate.ledgers import HOUR, NOON
from tests.estate.watched_account import WATCHED, Account

from backup_actions.aws import World
from backup_actions.estate.findings import Kind
from backup_actions.estate.looking import Looking, Starts
from backup_actions.estate.missed_points import missed_points
from backup_actions.ledger import Ledger, Status
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint


class KnowsAll:
    """A ledger of a hundred thousand points, of which it does not know these."""

    def __init__(self, unknown: set[str], account: Account) -> None:
        self._unknown, self._account = unknown, account

    def batch_get_item(self, *, RequestItems: dict[str, dict[str, list[dict[str, dict[str, str]]]]]) -> object:  # noqa: N803
        """Those that are known."""
        self._account.calls["batch_get_item"] += 1
        ((table, asked),) = RequestItems.items()
        assert len(asked["Keys"]) <= 100
        there = [{"point": key["point"]} for key in asked["Keys"] if key["point"]["S"] not in self._unknown]
        return {"Responses": {table: there}}


def knowing_all_but(account: Account, ledger: World, unknown: set[str]) -> Looking:
    looking = account.looking(ledger)
    looking.world.clients.dynamodb = KnowsAll(unknown, account)  # type: ignore[assignment]
    return looking


def test_a_vault_of_100000_points_takes_100_calls_of_backup_and_1000_of_the_ledger(world: World) -> None:
    account = Account()
    arns = [account.back_up(number) for number in range(100_000)]
    looking = knowing_all_but(account, world, {arns[5], arns[50_000], arns[99_999]})
    began = world.clock.now()

    found = [finding.subject for page in missed_points(looking, "") for finding in page.findings]

    assert found == [arns[5], arns[50_000], arns[99_999]]
    assert account.calls == {
        "describe_state_machine": 1,
        "list_recovery_points_by_backup_vault": 100,
        "batch_get_item": 1000,
        "describe_execution": 3,
        "start_execution": 3,
    }
    assert world.clock.now() - began == timedelta(seconds=0.2) * 99, "five lists a second at most"


def test_memory_does_not_grow_with_the_vault(world: World) -> None:
    peaks = []
    for points in (3_000, 12_000):
        account = Account()
        for number in range(points):
            account.back_up(number)
        looking = knowing_all_but(account, world, set())
        tracemalloc.start()
        for _ in missed_points(looking, ""):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.2 * peaks[0]


def test_a_missed_point_is_begun_as_if_its_event_had_come(world: World) -> None:
    account = Account()
    arn = account.back_up(1)

    (finding,) = account.found(missed_points, world)

    (begun,) = account.begun
    point = RecoveryPoint.from_json(begun[2]["recoveryPoint"])
    assert begun[:2] == (WATCHED.main_machine_arn, point.execution_name)
    assert (finding.subject, finding.repaired, str(point.arn)) == (arn, True, arn)


def test_a_look_without_repairs_begins_nothing(world: World) -> None:
    account = Account()
    account.back_up(1)

    (finding,) = account.found(missed_points, world, repairs=False)

    assert not finding.repaired
    assert account.begun == []


@pytest.mark.parametrize("status", ["PARTIAL", "CREATING", "DELETING", "EXPIRED", "STOPPED"])
def test_what_is_not_complete_is_not_missed(world: World, status: str) -> None:
    account = Account()
    account.back_up(1, status=status)

    assert account.found(missed_points, world) == []


def test_what_has_just_been_completed_may_still_be_announced(world: World) -> None:
    account = Account()
    account.back_up(1, completed_at=NOON - HOUR / 2)

    assert account.found(missed_points, world) == []


def test_what_the_ledger_knows_is_not_missed(world: World) -> None:
    account = Account()
    point = RecoveryPoint(Arn.parse(account.back_up(1)), "backups", Arn.parse("arn:aws:ec2:::volume/vol-1"), "EBS")
    Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock).record(
        point, run="run", status=Status.SKIPPED, details={}
    )

    assert account.found(missed_points, world) == []


@pytest.mark.parametrize(("adopt_older", "found"), [(False, 0), (True, 1)])
def test_what_is_older_than_the_deployment_is_adopted_where_the_settings_say_so(
    world: World, adopt_older: bool, found: int
) -> None:
    account = Account(deployed_at=NOON - 10 * HOUR)
    account.back_up(1)

    estate = replace(WATCHED, adopt_older=adopt_older)

    assert len(account.found(missed_points, world, estate=estate)) == found


def test_one_that_runs_and_has_recorded_nothing_yet_is_left_alone(world: World) -> None:
    account = Account()
    point = RecoveryPoint(Arn.parse(account.back_up(1)), "backups", Arn.parse("arn:aws:ec2:::volume/vol-1"), "EBS")
    account.run(point.execution_name, "RUNNING")

    assert account.found(missed_points, world) == []


def test_what_is_more_than_a_sweep_begins_is_for_the_next_one(world: World) -> None:
    account = Account()
    account.back_up(1)

    (finding,) = account.found(missed_points, world, repairs=False)
    (put_off,) = next(missed_points(replace(account.looking(world), starts=Starts(0)), "")).findings

    assert finding.remedy.startswith("a sweep that repairs begins")
    assert put_off.remedy.startswith("the next sweep begins")


def unrecorded(account: Account, *ends: str) -> RecoveryPoint:
    """A point whose runs ended so, one after another, and none of them left a word in the ledger."""
    point = RecoveryPoint(Arn.parse(account.back_up(1)), "backups", Arn.parse("arn:aws:ec2:::volume/vol-1"), "EBS")
    name = point.execution_name
    for status in ends:
        account.run(name, status)
        name = point.next_run(name)
    return point


def test_a_run_that_ended_a_moment_ago_may_have_been_recorded_since_the_ledger_was_asked(world: World) -> None:
    account = Account()
    point = unrecorded(account)
    account.run(point.execution_name, "SUCCEEDED", ended_at=NOON - HOUR / 2)

    assert account.found(missed_points, world) == []


def test_runs_that_die_unrecorded_are_counted_across_sweeps(world: World) -> None:
    account = Account()
    point = unrecorded(account, "FAILED", "FAILED")

    (finding,) = account.found(missed_points, world)

    assert [name for _, name, _ in account.begun] == [f"{point.execution_name}-3"]
    assert finding.repaired


@pytest.mark.parametrize("ends", [("ABORTED",), ("TIMED_OUT",), ("FAILED", "FAILED", "FAILED")])
def test_what_no_sweep_begins_again_stands_as_failed_and_waits_for_a_person(
    world: World, ends: tuple[str, ...]
) -> None:
    account = Account()
    point = unrecorded(account, *ends)

    (finding,) = account.found(missed_points, world)

    (entry,) = Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock).entries(str(point.arn))
    assert account.begun == []
    assert not finding.repaired
    assert f"backup-actions replay {point.arn}" in finding.remedy
    assert (entry.status, point.number_of(entry.run)) == (Status.FAILED, len(ends))
    assert entry.since == finding.since


def test_without_repairs_nothing_is_recorded_of_it_either(world: World) -> None:
    account = Account()
    point = unrecorded(account, "ABORTED")

    account.found(missed_points, world, repairs=False)

    assert Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock).entries(str(point.arn)) == []


def test_one_whose_run_died_before_it_recorded_anything_is_begun_under_another_name(world: World) -> None:
    account = Account()
    point = RecoveryPoint(Arn.parse(account.back_up(1)), "backups", Arn.parse("arn:aws:ec2:::volume/vol-1"), "EBS")
    account.run(point.execution_name, "FAILED")

    (finding,) = account.found(missed_points, world)

    assert [name for _, name, _ in account.begun] == [f"{point.execution_name}-2"]
    assert "FAILED" in finding.what


def test_a_sweep_does_not_begin_everything_at_once(world: World) -> None:
    account = Account()
    for number in range(5):
        account.back_up(number)
    looking = replace(account.looking(world), starts=Starts(left=2))

    findings = [finding for page in missed_points(looking, "") for finding in page.findings]

    assert [finding.repaired for finding in findings] == [True, True, False, False, False]
    assert len(account.begun) == 2


def test_the_next_call_goes_on_with_the_page_at_which_one_has_stopped(world: World) -> None:
    account = Account(page=2)
    arns = [account.back_up(number) for number in range(5)]
    estate = replace(WATCHED, vaults=("backups", "backups"))
    first = next(missed_points(account.looking(world, estate=estate), ""))
    rest = list(missed_points(account.looking(world, estate=estate), first.cursor))

    assert [finding.subject for page in rest[:2] for finding in page.findings] == arns[2:]
    assert [bool(page.cursor) for page in rest] == [True, True, True, True, False]


def test_a_token_that_is_not_good_any_more_begins_the_vault_again(world: World) -> None:
    account = Account(good_tokens=False)
    arn = account.back_up(1)

    (page,) = missed_points(account.looking(world), '[0, "of an hour ago"]')

    assert [finding.subject for finding in page.findings] == [arn]


def test_a_vault_that_is_refused_is_told_and_keeps_no_other_from_being_looked_at(world: World) -> None:
    account = Account(refuses={"list_recovery_points_by_backup_vault": "AccessDeniedException"})
    looking = account.looking(world, estate=replace(WATCHED, vaults=("backups", "more")))

    found = [finding for page in missed_points(looking, '[0, "1"]') for finding in page.findings]

    assert [(each.kind, each.subject) for each in found] == [
        (Kind.NOT_LOOKED_AT, "vault backups"),
        (Kind.NOT_LOOKED_AT, "vault more"),
    ]
    assert "AccessDeniedException" in found[0].what


def test_a_point_that_cannot_be_understood_keeps_no_other_from_being_found(world: World) -> None:
    account = Account()
    strange, plain = account.back_up(1), account.back_up(2)
    del account.listed[0]["ResourceArn"]

    first, second = account.found(missed_points, world)

    assert (first.kind, first.subject) == (Kind.NOT_LOOKED_AT, strange)
    assert (second.subject, second.repaired) == (plain, True)
