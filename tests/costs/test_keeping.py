"""Storage over years: minimum days, early ends, moves by the object, and the overhead of what is archived."""

from __future__ import annotations

from decimal import Decimal

import pytest

from backup_actions.costs import Keeping, prices_of, total_usd
from backup_actions.costs.keeping import (
    COLD_MINIMUM_DAYS,
    MINIMUM_DAYS,
    cold_charges,
    kept_charges,
    left_charges,
    month_usd,
    pays_after_days,
)
from backup_actions.settings.archive_bucket import DEEP_ARCHIVE_MINIMUM_DAYS, GLACIER_MINIMUM_DAYS

PRICES = prices_of()
GIB = Decimal(100)
YEAR = 365


def kept(days: int, objects: int = 10, **keeping: object) -> dict[str, Decimal]:
    found = kept_charges(Keeping(**keeping), PRICES, gib=GIB, objects=objects, days=days)  # type: ignore[arg-type]
    return {charge.what: round(charge.usd, 4) for charge in found}


def test_a_year_in_standard_is_twelve_months() -> None:
    assert kept(YEAR) == {"Standard": Decimal("27.6000")}


def test_each_class_is_paid_for_the_days_in_it_and_each_move_by_the_object() -> None:
    charges = kept(YEAR, objects=1000, glacier_days=30, deep_archive_days=120)

    assert charges["Standard"] == round(GIB * 30 * 24 / 730 * Decimal("0.023"), 4)
    assert charges["transition to Glacier Flexible Retrieval"] == Decimal("0.0300")
    assert charges["Glacier Flexible Retrieval"] == round(GIB * 90 * 24 / 730 * Decimal("0.0036"), 4)
    assert charges["transition to Glacier Deep Archive"] == Decimal("0.0500")
    assert charges["Glacier Deep Archive"] == round(GIB * 245 * 24 / 730 * Decimal("0.00099"), 4)


def test_what_has_not_moved_yet_pays_for_no_move() -> None:
    assert list(kept(30, glacier_days=30)) == ["Standard"]


@pytest.mark.parametrize(
    ("storage_class", "row", "charged_days"), [("STANDARD_IA", "0.0125", 30), ("GLACIER_IR", "0.004", 90)]
)
def test_what_ends_early_is_paid_for_the_whole_minimum(storage_class: str, row: str, charged_days: int) -> None:
    (usd,) = kept(YEAR, storage_class=storage_class, expiration_days=10).values()

    assert usd == round(GIB * charged_days * 24 / 730 * Decimal(row), 4)


def test_what_stays_is_paid_for_the_days_until_now_alone() -> None:
    (usd,) = kept(10, storage_class="GLACIER_IR").values()

    assert usd == round(GIB * 10 * 24 / 730 * Decimal("0.004"), 4)


def test_what_has_expired_costs_nothing_more() -> None:
    assert kept(10 * YEAR, expiration_days=YEAR) == kept(YEAR)


def test_every_archived_object_has_forty_kib_more() -> None:
    charges = kept(30 + YEAR, objects=1 << 20, glacier_days=30)  # a KiB of each object is a GiB of all

    assert charges["its names, 8 KiB an object"] == round(8 * Decimal(12) * Decimal("0.023"), 4)
    assert charges["its index, 32 KiB an object"] == round(32 * Decimal(12) * Decimal("0.0036"), 4)


def test_small_objects_of_a_class_with_a_minimum_are_paid_for_as_if_they_were_of_128_kib() -> None:
    (usd,) = kept(YEAR, objects=8 << 20, storage_class="STANDARD_IA").values()

    assert usd == round(Decimal(1024) * 12 * Decimal("0.0125"), 4)


def test_intelligent_tiering_moves_what_nobody_reads_and_watches_each_object() -> None:
    assert list(kept(YEAR, storage_class="INTELLIGENT_TIERING")) == [
        "Standard",
        "Intelligent-Tiering, not read for 30 days",
        "Intelligent-Tiering, not read for 90 days",
        "monitoring of objects",
    ]
    assert list(kept(YEAR, storage_class="INTELLIGENT_TIERING", deep_archive_days=20))[:2] == [
        "Standard",
        "transition to Glacier Deep Archive",
    ]


def test_a_backup_is_paid_for_as_long_as_it_is_there() -> None:
    assert total_usd(left_charges("EBS", PRICES, gib=GIB, days=YEAR)) == Decimal("60.00")
    assert total_usd(left_charges("RDS", PRICES, gib=GIB, days=YEAR)) == Decimal("114.000")


def test_cold_storage_has_a_minimum_and_databases_have_no_cold_storage() -> None:
    early = cold_charges("EBS", PRICES, gib=GIB, days=60, cold_after_days=30)

    assert early is not None
    assert early[1].usd == GIB * COLD_MINIMUM_DAYS * 24 / 730 * Decimal("0.0125")
    assert cold_charges("RDS", PRICES, gib=GIB, days=YEAR, cold_after_days=30) is None
    assert cold_charges("EBS", PRICES, gib=GIB, days=30, cold_after_days=30) is None


def test_archiving_pays_from_the_day_on_which_it_has_cost_less() -> None:
    def pays(freed_gib: int, run_usd: str = "1") -> int | None:
        return pays_after_days(
            Decimal(run_usd),
            Keeping(),
            "EBS",
            PRICES,
            gib=Decimal(50),
            freed_gib=Decimal(freed_gib),
            objects=10,
            at_most_days=3650,
        )

    assert pays(100) == 8  # 1.15 a month instead of 5.00
    assert pays(100, "0.1") == 1
    assert pays(20) is None  # the snapshot alone would free less than the archive takes


def test_a_month_costs_what_the_class_costs_in_which_it_is_today() -> None:
    keeping = Keeping(glacier_days=30, expiration_days=365)

    assert [month_usd(keeping, PRICES, gib=GIB, age_days=days) for days in (0, 29, 30, 364, 365)] == [
        Decimal("2.300"),
        Decimal("2.300"),
        Decimal("0.3600"),
        Decimal("0.3600"),
        0,
    ]


def test_the_minimum_days_are_those_that_the_settings_hold_lifecycles_against() -> None:
    assert (MINIMUM_DAYS["GLACIER"], MINIMUM_DAYS["DEEP_ARCHIVE"]) == (GLACIER_MINIMUM_DAYS, DEEP_ARCHIVE_MINIMUM_DAYS)
