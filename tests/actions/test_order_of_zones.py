"""Every workflow with jobs goes through the zones in an order that follows from its run: so all of them are used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import pytest

from backup_actions.actions import dynamodb_export, ebs_archive, rds_dump, rds_export
from backup_actions.contract import Action
from backup_actions_local.states.expressions import Expressions

ACTIONS = (dynamodb_export.ACTION, ebs_archive.ACTION, rds_dump.ACTION, rds_export.ACTION)
RUNS = [f"ebs-111122223333-us-east-1-snap-{number:017x}" for number in range(400)]

Ordered = Callable[[str, Iterable[str]], list[str]]


@pytest.fixture(name="ordered", params=ACTIONS, ids=lambda action: action.name)
def _ordered(request: pytest.FixtureRequest) -> Ordered:
    """The names of zones, as a run of the action with this name goes through them."""
    action: Action = request.param
    expression = dict(action.workflow.states())["OrderZones"]["Assign"]["zones"]
    expressions = Expressions(lambda: datetime(2026, 11, 22, tzinfo=UTC))

    def ordered(run: str, names: Iterable[str]) -> list[str]:
        zones = [{"name": name, "queue": f"queue-{name}"} for name in names]
        found = expressions.evaluate(expression, {"run": run, "zones": zones}, "zones")
        assert isinstance(found, list)
        assert all(zone in zones for zone in found)
        return [zone["name"] for zone in found if isinstance(zone, dict)]

    return ordered


def test_about_as_many_runs_begin_in_each_zone_and_go_on_in_each_other(ordered: Ordered) -> None:
    orders = Counter(tuple(ordered(run, "abc")) for run in RUNS)

    assert len(orders) == 6
    assert min(orders.values()) > len(RUNS) / 6 * 0.6


def test_a_run_goes_through_every_zone_in_the_same_order_however_the_settings_name_them(ordered: Ordered) -> None:
    for run in RUNS[:20]:
        assert sorted(ordered(run, "ab")) == ["a", "b"]
        assert ordered(run, "ab") == ordered(run, "ba")


def test_a_single_zone_is_still_a_list(ordered: Ordered) -> None:
    assert ordered(RUNS[0], "a") == ["a"]
