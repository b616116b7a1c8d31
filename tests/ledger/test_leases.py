"""Leases of a quota that many executions want at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from tests.flow.flow import NAME

from backup_actions.aws import Clients, World
from backup_actions.contract import Statement
from backup_actions.errors import AwsCallFailed
from backup_actions.ledger import Leases, Ledger
from backup_actions.ledger.lease_tasks import hold, release
from backup_actions.ledger.table import ITEM_KEY, POINT_KEY
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions_local.clock import SimulatedClock
from backup_actions_local.front import Audit, Faults, Front, Roles

TABLE, SLOTS, HOUR = f"{NAME}-ledger", 5, 3600
ONE, TWO = (
    "arn:aws:states:us-east-1:111122223333:execution:m:one",
    "arn:aws:states:us-east-1:111122223333:execution:m:two",
)
POINT = RecoveryPoint(
    Arn.parse("arn:aws:rds:us-east-1:111122223333:snapshot:awsbackup:job-1"),
    "backups",
    Arn.parse("arn:aws:rds:us-east-1:111122223333:db:shop"),
    "RDS",
)

NewLeases = Callable[..., Leases]


@pytest.fixture(name="clock")
def _clock() -> Iterator[SimulatedClock]:
    clock = SimulatedClock()
    with clock.actor():
        yield clock


@pytest.fixture(name="front")
def _front(clock: SimulatedClock) -> Iterator[Front]:
    with Front(clock=clock, roles=Roles(clock), faults=Faults(), audit=Audit(), services=()) as front:
        front.administrator.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[
                {"AttributeName": POINT_KEY, "KeyType": "HASH"},
                {"AttributeName": ITEM_KEY, "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in (POINT_KEY, ITEM_KEY)],
            BillingMode="PAY_PER_REQUEST",
        )
        yield front


@pytest.fixture(name="leases")
def _leases(front: Front, clock: SimulatedClock) -> NewLeases:
    def new(*, quota: str = "rds-export", slots: int = SLOTS) -> Leases:
        return Leases(front.administrator.client("dynamodb"), TABLE, clock, quota=quota, slots=slots)

    return new


def test_of_many_who_ask_at_the_same_moment_as_many_as_there_are_slots_hold_one(leases: NewLeases) -> None:
    got: list[int | None] = []

    def ask(number: int) -> None:
        lease = leases().hold(f"execution-{number}", seconds=HOUR)
        got.append(lease.slot if lease else None)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(slot for slot in got if slot is not None) == list(range(SLOTS))
    assert got.count(None) == 12 - SLOTS


def test_asking_again_renews_the_same_slot(leases: NewLeases, clock: SimulatedClock) -> None:
    first = leases().hold(ONE, seconds=HOUR)
    clock.sleep(HOUR / 2)
    second = leases().hold(ONE, seconds=HOUR)

    assert first
    assert second
    assert (second.slot, second.expires - first.expires) == (first.slot, HOUR / 2)
    assert len(leases().held()) == 1


def test_a_released_slot_is_free_for_others_and_only_by_its_holder(leases: NewLeases) -> None:
    assert leases(slots=1).hold(ONE, seconds=HOUR)

    leases(slots=1).release(TWO)
    assert leases(slots=1).hold(TWO, seconds=HOUR) is None

    leases(slots=1).release(ONE)
    assert leases(slots=1).hold(TWO, seconds=HOUR)


def test_the_slot_of_who_died_is_free_when_it_has_expired(leases: NewLeases, clock: SimulatedClock) -> None:
    assert leases(slots=1).hold(ONE, seconds=HOUR)
    clock.sleep(HOUR - 1)
    assert leases(slots=1).hold(TWO, seconds=HOUR) is None

    clock.sleep(2)

    assert leases(slots=1).held() == []
    assert leases(slots=1).hold(TWO, seconds=HOUR)
    assert [lease.owner for lease in leases(slots=1).held()] == [TWO]
    assert leases(slots=1).hold(ONE, seconds=HOUR) is None


def test_quotas_do_not_know_each_other(leases: NewLeases) -> None:
    assert leases(quota="rds-export", slots=1).hold(ONE, seconds=HOUR)
    assert leases(quota="copies", slots=1).hold(TWO, seconds=HOUR)


def test_who_has_to_wait_stands_in_the_ledger_with_those_it_waits_for(front: Front, clock: SimulatedClock) -> None:
    world = World(Clients(front.administrator), clock=clock)
    event = {
        "ledger": TABLE, "quota": "rds-export", "slots": 1, "action": "rds-export", "run": "two",
        "recoveryPoint": POINT.to_json(), "atWork": False,
    }  # fmt: skip

    assert hold(world, {**event, "owner": ONE, "waited": False}) == {"held": True, "slot": 0}
    assert hold(world, {**event, "owner": TWO, "waited": False}) == {"held": False, "slot": None}

    (entry,) = Ledger(world.clients.dynamodb, TABLE, clock).entries(str(POINT.arn))
    assert (entry.item, entry.status, entry.details["held_by"]) == ("action#rds-export", "waiting", [ONE])
    release(world, {**event, "owner": ONE})
    assert hold(world, {**event, "owner": TWO, "waited": True})["held"]
    (entry,) = Ledger(world.clients.dynamodb, TABLE, clock).entries(str(POINT.arn))
    assert entry.status == "processing"

    assert not hold(world, {**event, "owner": ONE, "waited": False, "atWork": True})["held"]
    (entry,) = Ledger(world.clients.dynamodb, TABLE, clock).entries(str(POINT.arn))
    assert entry.status == "processing", "whose slot is lost while it exports does not wait"


def test_a_refused_call_is_not_taken_for_a_slot_that_others_hold(front: Front, clock: SimulatedClock) -> None:

    front.roles.add("reader", [Statement(("dynamodb:Query",), on="*", because="a test")])
    leases = Leases(front.session("reader").client("dynamodb"), TABLE, clock, quota="q", slots=1)

    with pytest.raises(AwsCallFailed, match="AccessDenied"):
        leases.hold(ONE, seconds=HOUR)
