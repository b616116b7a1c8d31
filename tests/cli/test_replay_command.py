"""``replay --skipped`` as people type it: look first, then take up a bounded number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.cli.conftest import Cli
from tests.estate.ledgers import NOON, VOLUME, StandingClock
from tests.estate.watched_account import WATCHED, Account
from tests.moto_clients import moto_clients

from backup_actions.aws import World
from backup_actions.cli.commands import replay as command
from backup_actions.ledger import Ledger, Status
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions_local.resources import make_ledger


@pytest.fixture(name="account")
def _account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """Three backups of EBS were skipped, and an action handles them now."""
    with moto_clients() as clients:
        world = World(clients, clock=StandingClock(NOON))
        make_ledger(world.clients.dynamodb, WATCHED.ledger)
        ledger, account = Ledger(world.clients.dynamodb, WATCHED.ledger, world.clock), Account()
        for number in (1, 2, 3):
            point = RecoveryPoint(Arn.parse(account.back_up(number)), "backups", Arn.parse(VOLUME), "EBS")
            ledger.record(point, run=point.execution_name, status=Status.SKIPPED, details={})
            account.run(point.execution_name, "SUCCEEDED")
            world.clock.sleep(60)
        monkeypatch.setattr(command, "aws_clients", lambda: account.world(world).clients)
        monkeypatch.setattr(command, "estate_of", lambda *_: replace(WATCHED, handles=("EBS",)))
        yield account


def test_a_dry_run_names_them_and_begins_nothing(cli: Cli, account: Account) -> None:
    answer = cli("replay", "--skipped", "--dry-run")

    assert answer.status == 0
    assert [line.split(" ")[0].rpartition("-")[2] for line in answer.out.splitlines()] == ["1", "2", "3"]
    assert "3 would be begun, of 3 that stand as skipped" in answer.err
    assert account.begun == []


def test_no_more_are_begun_than_the_limit_says(cli: Cli, account: Account) -> None:
    told = cli("replay", "--skipped", "--limit", 2, "--json").json

    assert (told["dry_run"], told["skipped"]) == (False, 3)
    assert [each["run"] for each in told["points"]] == [name for _, name, _ in account.begun]
    assert [name.rpartition("-")[2] for _, name, _ in account.begun] == ["2", "2"]


@pytest.mark.parametrize(
    "words",
    [(), ("arn", "--skipped"), ("arn", "--dry-run"), ("--skipped", "--again"), ("--skipped", "--wait")],
    ids=" ".join,
)
def test_what_does_not_go_together_is_refused(cli: Cli, account: Account, words: tuple[str, ...]) -> None:
    assert cli("replay", *words).status == 2
    assert account.begun == []
