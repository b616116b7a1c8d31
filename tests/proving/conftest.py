"""A world for what proves things later: ledger and bucket of moto, a clock that stands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.estate.ledgers import NOON, StandingClock
from tests.moto_clients import moto_clients
from tests.proving.vaults import ESTATE

from backup_actions.aws import Clients, World
from backup_actions_local.resources import make_ledger


@pytest.fixture(name="clients", scope="module")
def _clients() -> Iterator[Clients]:
    """Of moto, as long as a module's tests run: making clients takes longer than most of them."""
    with moto_clients() as clients:
        yield clients


@pytest.fixture(name="world")
def _world(clients: Clients) -> Iterator[World]:
    """Its ledger and its bucket are empty, and its clock stands at noon."""
    make_ledger(clients.dynamodb, ESTATE.ledger)
    clients.s3.create_bucket(Bucket=ESTATE.bucket)
    yield World(clients, clock=StandingClock(NOON))
    for found in clients.s3.list_objects_v2(Bucket=ESTATE.bucket).get("Contents", []):
        clients.s3.delete_object(Bucket=ESTATE.bucket, Key=found["Key"])
    clients.s3.delete_bucket(Bucket=ESTATE.bucket)
    clients.dynamodb.delete_table(TableName=ESTATE.ledger)
