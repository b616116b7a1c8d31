"""Prices are data: exact, each with its source, and anybody's own take their place."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from backup_actions.costs import in_dollars, known_regions, network_monthly_usd, prices_of
from backup_actions.errors import PricesUnreadable, PriceUnknown

OURS = prices_of()


def own(folder: Path, text: str, region: str = "us-east-1") -> Path:
    path = folder / "prices.toml"
    path.write_text(f'region = "{region}"\nas_of = 2027-01-31\n{text}')
    return path


def test_every_price_says_its_unit_and_a_page_of_aws() -> None:
    for row in OURS.rows.values():
        assert row.unit, row.name
        assert row.source.startswith(("https://aws.amazon.com/", "https://docs.aws.amazon.com/")), row.name


def test_a_price_is_exact() -> None:
    assert str(OURS.usd("s3_deep_archive_gib_month")) == "0.00099"


def test_a_list_says_its_region_and_its_day() -> None:
    assert known_regions() == ("us-east-1",)
    assert (OURS.region, OURS.as_of) == ("us-east-1", "2026-11-22")


def test_a_price_of_ones_own_takes_the_place_of_ours_and_keeps_its_unit(tmp_path: Path) -> None:
    prices = prices_of(own=own(tmp_path, "[ec2_spot_vcpu_hour]\nusd = 0.03\n"))

    assert prices.rows["ec2_spot_vcpu_hour"].unit == "vCPU hour"
    assert prices.usd("ec2_spot_vcpu_hour") == Decimal("0.03")
    assert prices.usd("s3_1000_puts") == OURS.usd("s3_1000_puts")
    assert prices.as_of == "2027-01-31"


def test_a_region_without_a_list_has_the_prices_of_the_file_alone(tmp_path: Path) -> None:
    prices = prices_of("eu-west-1", own(tmp_path, "[s3_standard_gib_month]\nusd = 0.023\n", "eu-west-1"))

    assert prices.usd("s3_standard_gib_month") == Decimal("0.023")
    with pytest.raises(PriceUnknown, match="ebs_gp3_gib_month in eu-west-1 is not known"):
        prices.usd("ebs_gp3_gib_month")


def test_what_has_no_price_is_named_with_the_regions_that_are_known() -> None:
    with pytest.raises(PriceUnknown) as refused:
        prices_of("mx-central-1").usd("s3_1000_puts")

    assert "us-east-1" in refused.value.hint
    assert "--prices" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[x]\nunit = 'GiB'\n", "usd is missing"),
        ("[x]\nusd = -1\n", "usd of x must be a number, 0 or more"),
        ("[x]\nusd = nan\n", "usd of x must be a number, 0 or more"),
        ("[x]\nusd = true\n", "usd of x must be a number, 0 or more"),
        ("[x]\nusd = '0.1'\n", "usd of x must be a number, 0 or more"),
        ("[x]\nusd = 1\nper = 'GiB'\n", "x has per"),
        ("x = 0.1\n", "x must be a section"),
        ("[x\n", "line 3"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(PricesUnreadable, match=reason):
        prices_of(own=own(tmp_path, text))


def test_the_file_of_another_region_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PricesUnreadable, match="those of eu-west-1, not of us-east-1"):
        prices_of(own=own(tmp_path, "", "eu-west-1"))


def test_a_file_without_a_region_or_without_a_file_at_all_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text("as_of = 2027-01-31\n")

    with pytest.raises(PricesUnreadable, match="region is missing"):
        prices_of(own=tmp_path / "prices.toml")
    with pytest.raises(PricesUnreadable, match="No such file"):
        prices_of(own=tmp_path / "none.toml")


def test_a_public_network_costs_nothing_while_no_job_runs() -> None:
    assert network_monthly_usd(endpoints=0, gateways=0) == 0


def test_endpoints_are_paid_by_zone_and_hour() -> None:
    assert network_monthly_usd(endpoints=7 * 3, gateways=0) == Decimal("153.30")
    assert network_monthly_usd(endpoints=7, gateways=0) == Decimal("51.10")
    assert network_monthly_usd(endpoints=0, gateways=1) == Decimal("32.85")


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        ("0", "$0"),
        ("0.00001", "$0"),
        ("0.0004", "$0.0004"),
        ("0.0134", "$0.013"),
        ("0.0996", "$0.10"),
        ("1.054", "$1.05"),
        ("99.994", "$99.99"),
        ("151.2", "$151"),
        ("12345.6", "$12,346"),
        ("-0.5", "-$0.50"),
    ],
)
def test_money_is_shown_with_the_digits_that_mean_something(usd: str, text: str) -> None:
    assert in_dollars(Decimal(usd)) == text
