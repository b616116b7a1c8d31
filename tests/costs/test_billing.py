"""Prices are put to what was counted, and what has none is told."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from backup_actions.costs import bill_for, prices_of
from backup_actions.model.usage import Counted, Usage

PRICES = prices_of()


def lines(usage: Usage) -> dict[str, str]:
    return {charge.what: f"{charge.usd:.4f}" for charge in bill_for(usage, PRICES).charges}


@pytest.mark.parametrize(
    ("usage", "charged"),
    [
        ({"job_vcpu_hours": 2}, {"hosts of jobs, on Spot": "0.0400"}),
        ({"job_hours": 10}, {"their public addresses": "0.0500", "their disks": "0.0548"}),
        ({"job_attempts": 2}, {"hosts that start and go": "0.0080"}),
        ({"volume_gib_hours": 7300}, {"the volume": "0.8000"}),
        ({"snapshot_blocks": 204_800}, {"the snapshot's blocks": "0.6144"}),
        ({"put_requests": 10_000}, {"requests that write or list": "0.0500"}),
        ({"get_requests": 10_000}, {"requests that read": "0.0040"}),
        ({"read_gib:GLACIER_IR": 50}, {"reading what is in Glacier IR": "1.5000"}),
        ({"database_hours:db.t4g.large": 3}, {"the temporary db.t4g.large": "0.3870"}),
        ({"rds_exported_gib": 100}, {"RDS's export": "1.0000"}),
        ({"dynamodb_table_gib_hours": 730}, {"the restored table": "0.2500", "its recovery": "0.2000"}),
        ({"between_regions_gib": 100}, {"from region to region": "2.0000"}),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else None,
)
def test_what_was_used_is_charged(usage: Usage, charged: dict[str, str]) -> None:
    assert lines(usage) == charged


def test_everything_that_can_be_counted_has_a_price_but_the_loading_of_volumes() -> None:
    kinds = {
        Counted.DATABASE_HOURS: ":db.t4g.medium",
        Counted.READ_GIB: ":GLACIER_IR",
        Counted.SNAPSHOT_GIB_HOURS: ":EBS",
    }
    bill = bill_for({f"{each}{kinds.get(each, '')}": 1.0 for each in Counted}, PRICES)

    assert bill.unpriced == ("ebs_initialized_gib",)


def test_what_has_no_price_is_named_and_not_taken_for_nothing() -> None:
    bill = bill_for({"database_hours:db.r7g.large": 3, "tapes": 1, "put_requests": 1000}, PRICES)

    assert sorted(bill.unpriced) == ["rds_hour:db.r7g.large", "tapes"]
    assert bill.usd == Decimal("0.005")


def test_only_the_prices_of_what_was_used_are_needed() -> None:
    few = replace(PRICES, rows={"s3_1000_puts": PRICES.rows["s3_1000_puts"]})

    assert bill_for({"put_requests": 2000}, few).usd == Decimal("0.01")


def test_a_bill_is_summed_up_by_kind_hosts_first() -> None:
    bill = bill_for({"put_requests": 1000, "job_hours": 1, "job_vcpu_hours": 1}, PRICES)

    assert list(bill.by_kind()) == ["compute", "requests"]
    assert bill.charges[0].what == "hosts of jobs, on Spot"
    assert sum(bill.by_kind().values()) == bill.usd
