"""Waits that an event ends: every event wakes those who wait for what it names, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from tests.flow.flow import NAME

from backup_actions.aws import Clients, World
from backup_actions.contract import Statement
from backup_actions.errors import AwsCallFailed
from backup_actions.ledger import Waiter, Waits
from backup_actions.ledger.table import ITEM_KEY, POINT_KEY
from backup_actions.ledger.wait_tasks import await_event, wake
from backup_actions_local.calls import Handler
from backup_actions_local.clock import START, SimulatedClock
from backup_actions_local.front import Audit, Faults, Front, Roles
from backup_actions_local.states.tokens import Tokens

TABLE = f"{NAME}-ledger"
KEY, OTHER = (f"arn:aws:rds:us-east-1:111122223333:snapshot:awsbackup:job-{number}" for number in (1, 2))
ONE, TWO = (f"arn:aws:states:us-east-1:111122223333:execution:m:{name}" for name in ("one", "two"))


class Tasks:
    """Step Functions as far as tokens go."""

    name = "stepfunctions"

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def handlers(self) -> Mapping[str, Handler]:
        return self._tokens.handlers()


@pytest.fixture(name="clock", scope="module")
def _clock() -> Iterator[SimulatedClock]:
    clock = SimulatedClock()
    with clock.actor():
        yield clock


@pytest.fixture(name="tokens", scope="module")
def _tokens(clock: SimulatedClock) -> Tokens:
    return Tokens(clock)


@pytest.fixture(name="front", scope="module")
def _front(clock: SimulatedClock, tokens: Tokens) -> Iterator[Front]:
    with Front(clock=clock, roles=Roles(clock), faults=Faults(), audit=Audit(), services=(Tasks(tokens),)) as front:
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


@pytest.fixture(name="world", scope="module")
def _world(front: Front, clock: SimulatedClock) -> World:
    return World(Clients(front.administrator), clock=clock, environment={"BACKUP_ACTIONS_LEDGER": TABLE})


def begin(world: World, token: str, *, owner: str = ONE, key: str = KEY) -> None:
    await_event(world, {"ledger": TABLE, "key": key, "owner": owner, "token": token, "seconds": 600})


def waiting(world: World, key: str = KEY) -> list[Waiter]:
    return Waits(world.clients.dynamodb, TABLE, world.clock).waiting_for(key)


def test_everybody_who_waits_for_it_is_woken_and_nothing_is_left(world: World, tokens: Tokens) -> None:
    with tokens.given() as first, tokens.given() as second, tokens.given() as other:
        begin(world, first.text)
        begin(world, second.text, owner=TWO)
        begin(world, other.text, key=OTHER)

        assert wake(world, {"key": KEY}) == {"woken": [ONE, TWO]}
        assert (first.result(), second.result(), other.answer) == ({}, {}, None)
        assert waiting(world) == []
        assert waiting(world, OTHER) == [Waiter(ONE, other.text)]
        wake(world, {"key": OTHER})


def test_an_event_that_comes_twice_or_for_which_nobody_waits_is_no_error(world: World, tokens: Tokens) -> None:
    with tokens.given() as token:
        begin(world, token.text)

        assert wake(world, {"key": KEY}) == {"woken": [ONE]}
        assert wake(world, {"key": KEY}) == {"woken": []}


def test_a_wait_that_is_over_is_forgotten(world: World, tokens: Tokens) -> None:
    with tokens.given() as token:
        begin(world, token.text)

    assert wake(world, {"key": KEY}) == {"woken": []}
    assert waiting(world) == []


def test_a_wait_that_was_begun_anew_is_not_forgotten_with_the_one_before(world: World, tokens: Tokens) -> None:
    with tokens.given() as before, tokens.given() as now:
        begin(world, now.text)
        Waits(world.clients.dynamodb, TABLE, world.clock).forget(KEY, Waiter(ONE, before.text))

        assert wake(world, {"key": KEY}) == {"woken": [ONE]}
        assert now.result() == {}


def test_a_token_that_may_not_be_used_is_told_and_who_has_it_still_waits(
    front: Front, world: World, tokens: Tokens, clock: SimulatedClock
) -> None:
    front.roles.add("reader", [Statement(("dynamodb:Query", "dynamodb:DeleteItem"), on="*", because="a test")])
    reader = World(Clients(front.session("reader")), clock=clock, environment=world.environment)
    with tokens.given() as token:
        begin(world, token.text)

        with pytest.raises(AwsCallFailed, match="AccessDenied"):
            wake(reader, {"key": KEY})
        assert waiting(world) == [Waiter(ONE, token.text)]
        assert wake(world, {"key": KEY}) == {"woken": [ONE]}


def test_dynamodb_knows_when_a_wait_can_be_removed(world: World) -> None:
    begin(world, "token", key="expiring")

    item = world.clients.dynamodb.get_item(
        TableName=TABLE, Key={POINT_KEY: {"S": "wait#expiring"}, ITEM_KEY: {"S": ONE}}
    )["Item"]
    assert item["expires"] == {"N": str(int(START.timestamp()) + 600)}
