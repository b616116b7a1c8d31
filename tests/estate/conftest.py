"""A ledger for whoever looks after all of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.estate.ledgers import ESTATE, NOON, StandingClock
from tests.moto_clients import moto_clients

from backup_actions.aws import Clients, World
from backup_actions.estate.description import VARIABLE
from backup_actions.estate.telling import HOURS
from backup_actions_local.resources import make_ledger


@pytest.fixture(name="clients", scope="module")
def _clients() -> Iterator[Clients]:
    """Of moto, as long as a module's tests run: making clients takes longer than most of them."""
    with moto_clients() as clients:
        yield clients


@pytest.fixture(name="world")
def _world(clients: Clients) -> Iterator[World]:
    """Its ledger is empty, and its clock stands at noon."""
    make_ledger(clients.dynamodb, ESTATE.ledger)
    yield World(clients, clock=StandingClock(NOON), environment={VARIABLE: ESTATE.to_text(), HOURS: "24"})
    clients.dynamodb.delete_table(TableName=ESTATE.ledger)
