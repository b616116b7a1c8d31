"""Estimates follow from what was measured, from defaults of settings, and from prices; the README says the same."""

from __future__ import annotations

import importlib.util
import math
import re
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest

from backup_actions.actions.ebs_archive.settings import EbsArchiveSettings
from backup_actions.actions.rds_dump.settings import RdsDumpSettings
from backup_actions.archive.part_sizes import part_bytes
from backup_actions.costs import Keeping, Subject, estimate, measured, predictable, predicting, prices_of, total_usd
from backup_actions.costs.measured import Measured
from backup_actions.costs.predicting import predicted
from backup_actions.model.usage import Counted

PROJECT = Path(__file__).parents[2]
PRICES = prices_of()
HUNDRED = Subject(gib=Decimal(100))


@pytest.fixture(name="generate", scope="module")
def _generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate_costs", PROJECT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_samples_own_figures_follow_from_these_prices(generate: ModuleType) -> None:
    for name, (says, usd) in generate.sample_figures().items():
        stated = Decimal(says.removeprefix("$"))
        step = Decimal("0.05") if stated < 20 else Decimal(1)
        assert round(usd / step) * step == stated, name


def test_the_front_pages_say_what_is_computed(generate: ModuleType) -> None:
    front, spanish = (
        " ".join((PROJECT / name).read_text(encoding="utf-8").split()) for name in ("README.md", "README.es.md")
    )

    archive, dump = (generate.in_a_range(*generate.run_cost(name)) for name in ("ebs-archive", "rds-dump"))
    assert f"an EBS archive costs {archive} per 100 GiB" in front
    assert f"a dump that is loaded back and compared {dump}" in front
    for amounts in (archive, dump):
        assert f"de {amounts.replace('$', '').replace(' to ', ' a ').replace('.', ',')}" in spanish


FIGURES = [each for each in vars(measured).values() if isinstance(each, Measured)]


@pytest.mark.parametrize("figure", FIGURES, ids=lambda each: f"{each.heading}-{each.seconds}")
def test_the_page_about_speed_has_these_figures_or_ones_much_like_them(figure: Measured) -> None:
    page = (PROJECT / "docs" / "performance.md").read_text(encoding="utf-8")
    (section,) = (part for part in page.split("\n## ")[1:] if part.startswith(figure.heading))
    found = [Decimal(text) for text in re.findall(r"^\| backup-actions \| ([0-9.]+) \|", section, re.MULTILINE)]

    assert any(figure.seconds * 2 / 3 < seconds < figure.seconds * 3 / 2 for seconds in found)


@pytest.mark.parametrize("action", predictable())
def test_a_run_costs_no_less_at_worst_than_at_best_and_more_for_more(action: str) -> None:
    small = estimate(action, HUNDRED, Keeping(), PRICES, days=365)
    large = estimate(action, Subject(gib=Decimal(1000)), Keeping(), PRICES, days=365)

    assert small.least.usd <= small.most.usd
    assert large.least.usd > small.least.usd
    assert small.assumed


def test_many_small_files_take_longer() -> None:
    few, many = (predicted("ebs-archive", Subject(gib=Decimal(10), files=files)) for files in (1000, 1_000_000))

    assert many.least["job_hours"] > few.least["job_hours"]


def test_blocks_of_a_snapshot_are_paid_for_and_no_volume() -> None:
    usage = predicted("ebs-archive", Subject(gib=Decimal(100), from_snapshot=True)).least

    assert usage["snapshot_blocks"] == 100 * 2048
    assert "volume_gib_hours" not in usage


def test_verification_reads_what_is_stored_for_a_fee_where_the_class_has_one() -> None:
    dear = predicted("ebs-archive", Subject(gib=Decimal(100), storage_class="GLACIER_IR")).least

    assert dear["read_gib:GLACIER_IR"] == 50


def test_a_copy_to_another_region_is_sent_there() -> None:
    near, far = (
        predicted("offsite-copy", Subject(gib=Decimal(100), resource_type="RDS", other_region=other)).least
        for other in (False, True)
    )

    assert Counted.BETWEEN_REGIONS_GIB not in near
    assert far[Counted.BETWEEN_REGIONS_GIB] == 100


def test_a_restore_comes_on_top_of_an_export_of_dynamodb() -> None:
    found = estimate("dynamodb-export", HUNDRED, Keeping(), PRICES, days=365)

    assert found.most.usd - found.least.usd > 100 * PRICES.usd("dynamodb_restored_gib")


def test_what_is_assumed_of_settings_and_parts_is_what_they_are() -> None:
    assert EbsArchiveSettings().throughput_mib_per_s == predicting._VOLUME_MIB_PER_S
    assert RdsDumpSettings().instance_classes[0] == Subject(gib=Decimal(1)).database_class
    assert RdsDumpSettings().extra_storage_percent == 100
    stored = 50 << 30
    usage = predicted("ebs-archive", HUNDRED).least
    assert usage[Counted.PUT_REQUESTS] == pytest.approx(math.ceil(stored / part_bytes(1, stored)), rel=0.01)


def test_an_import_costs_what_the_backup_costs_and_never_pays_by_itself() -> None:
    found = estimate("offsite-copy", HUNDRED, Keeping(), PRICES, days=365)

    assert total_usd(found.kept) == total_usd(found.left)
    assert found.pays_after_days is None
