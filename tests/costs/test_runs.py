"""Runs are summed up by what they share; what nobody counted stays apart."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from backup_actions.costs import By, Keeping, Run, Sum, prices_of, run_of, summed

PRICES = prices_of()
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GIB = 1 << 30


def run(name: str, *, day: str = "2026-11-20", resource: str = "vol-1", **details: Any) -> Run:
    return run_of(
        run=name,
        action="ebs-archive",
        resource=resource,
        ended_at=f"{day}T03:00:00+00:00",
        details=details,
        prices=PRICES,
    )


def sums(runs: list[Run], by: By, keeping: Keeping | None = None) -> list[Sum]:
    return summed(runs, by, keeping=keeping or Keeping(), prices=PRICES, now=NOW)


def test_runs_of_a_month_are_one_sum_and_months_stay_in_order() -> None:
    first = run("a", day="2026-10-31", usage={"job_vcpu_hours": 1.0})
    second, third = run("b", usage={"job_vcpu_hours": 2.0}), run("c", usage={"put_requests": 1000})
    october, november = sums([first, second, third], "month")

    assert [(each.name, each.runs) for each in (october, november)] == [("2026-10", 1), ("2026-11", 2)]
    assert november.usd_by_kind == {"compute": Decimal("0.04"), "requests": Decimal("0.005")}
    assert november.usd == Decimal("0.045")


def test_runs_are_summed_by_resource_or_stand_alone() -> None:
    runs = [run("a"), run("b", resource="vol-2"), run("c")]

    assert [(each.name, each.runs) for each in sums(runs, "resource")] == [("vol-1", 2), ("vol-2", 1)]
    assert [each.name for each in sums(runs, "run")] == ["a", "b", "c"]
    assert [each.name for each in sums(runs, "action")] == ["ebs-archive"]


def test_a_run_that_counted_nothing_is_uncounted_and_not_free() -> None:
    (both,) = sums([run("old"), run("new", usage={"job_vcpu_hours": 1.0})], "action")

    assert (both.runs, both.uncounted) == (2, 1)
    assert both.usd == Decimal("0.02")


def test_what_has_no_price_is_told_beside_the_sum() -> None:
    (only,) = sums([run("a", usage={"database_hours:db.r7g.large": 3, "put_requests": 1000})], "run")

    assert only.unpriced == ("rds_hour:db.r7g.large",)
    assert only.usd == Decimal("0.005")


def test_storage_is_priced_in_the_class_where_it_is_today() -> None:
    keeping = Keeping(glacier_days=30)
    runs = [run("young", stored_bytes=100 * GIB), run("old", day="2026-01-01", stored_bytes=100 * GIB)]
    young, old = sums(runs, "run", keeping)

    assert (young.storage_month_usd, old.storage_month_usd) == (Decimal("2.300"), Decimal("0.3600"))
