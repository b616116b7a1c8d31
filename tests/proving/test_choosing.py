"""Which archives are proven on a day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.estate.ledgers import NOON, StandingClock, point
from tests.proving.vaults import ACTION, ESTATE

from backup_actions.ledger import Ledger
from backup_actions.proving.choosing import to_restore, to_verify
from backup_actions.proving.settings import ProvingSettings

if TYPE_CHECKING:
    from backup_actions.aws import World

EVERY_SECOND_DAY = date(2026, 5, 4)
GIB = 1 << 30


def proven(
    world: World,
    name: str,
    *,
    days_ago: int,
    gib: int = 1,
    restored: str = "",
    restorable: bool = True,
    status: str = "verified",
) -> None:
    """The ledger says that it was proven then, or found to be something else."""
    details: dict[str, Any] = {"stored_bytes": gib * GIB, "restorable": restorable}
    if restored:
        details["proofs"] = {"restore": {"at": restored, "found": "good", "kind": "restore"}}
    clock = StandingClock(NOON - timedelta(days=days_ago))
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, clock)
    ledger.record_action(point(name), ACTION, run="run", status=status, details=details)


def names(world: World, **settings: Any) -> list[str]:
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    due = to_verify(ledger, ProvingSettings(**settings), world.clock.now())
    return [entry.recovery_point.native_id for entry in due]


def restored(world: World, rule: str, today: date = EVERY_SECOND_DAY) -> str | None:
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    settings = ProvingSettings(restore_every_days=2, restore_choose=rule)  # type: ignore[arg-type]
    entry = to_restore(ledger, settings, today)
    return entry.recovery_point.native_id if entry else None


def test_what_was_proven_long_ago_is_due_the_oldest_proof_first(world: World) -> None:
    proven(world, "snap-2", days_ago=95)
    proven(world, "snap-1", days_ago=100)
    proven(world, "snap-3", days_ago=10)

    assert names(world, verify_every_days=90) == ["snap-1", "snap-2"]


def test_what_is_cold_comes_due_again_in_its_turn(world: World) -> None:
    proven(world, "snap-1", days_ago=95)
    proven(world, "snap-2", days_ago=100, status="cold")
    proven(world, "snap-3", days_ago=10, status="cold")

    assert names(world, verify_every_days=90) == ["snap-2", "snap-1"]


def test_no_more_is_read_on_a_day_than_the_settings_say_but_one_at_least(world: World) -> None:
    for number in range(4):
        proven(world, f"snap-{number}", days_ago=100 - number, gib=3)

    assert names(world, verify_every_days=90, gib_per_day=5) == ["snap-0", "snap-1"]
    assert names(world, verify_every_days=90, gib_per_day=1) == ["snap-0"]


def test_what_cannot_be_begun_takes_nothing_of_the_day(world: World) -> None:
    for number in range(4):
        proven(world, f"snap-{number}", days_ago=100 - number, gib=3)
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    settings = ProvingSettings(verify_every_days=90, gib_per_day=1)

    due = to_verify(
        ledger, settings, world.clock.now(), begins=lambda entry: entry.recovery_point.native_id >= "snap-2"
    )

    assert [entry.recovery_point.native_id for entry in due] == ["snap-2"]


def test_nothing_is_due_where_the_settings_want_nothing(world: World) -> None:
    proven(world, "snap-1", days_ago=1000)

    assert names(world) == []


def test_on_other_days_nothing_is_restored(world: World) -> None:
    proven(world, "snap-1", days_ago=10)

    assert restored(world, "random") == "snap-1"
    assert restored(world, "random", EVERY_SECOND_DAY + timedelta(days=1)) is None


def test_the_lot_of_a_day_falls_on_the_same_archive_whoever_draws_it(world: World) -> None:
    for number in range(8):
        proven(world, f"snap-{number}", days_ago=10)

    drawn = {restored(world, "random", EVERY_SECOND_DAY + timedelta(days=2 * day)) for day in range(10)}

    assert restored(world, "random") == restored(world, "random")
    assert len(drawn) > 3


@pytest.mark.parametrize(("rule", "expected"), [("oldest", "snap-2"), ("largest", "snap-3")])
def test_what_was_never_tested_comes_first(world: World, rule: str, expected: str) -> None:
    proven(world, "snap-1", days_ago=90, gib=9, restored="2026-01-01T00:00:00+00:00")
    proven(world, "snap-2", days_ago=50)
    proven(world, "snap-3", days_ago=20, gib=5)

    assert restored(world, rule) == expected


def test_what_cannot_restore_anything_is_not_chosen(world: World) -> None:
    proven(world, "snap-1", days_ago=50, restorable=False)

    assert restored(world, "oldest") is None
