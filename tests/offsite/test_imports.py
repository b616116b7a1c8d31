"""What is known of an import is changed by one at a time, and comes back as it was written."""

from __future__ import annotations

from dataclasses import replace

from tests.offsite.kept_imports import days_ago, kept
from tests.offsite.separated import Separated

from backup_actions.offsite.imports import Stage

SHOP = kept("shop", days_ago(1), resource="shop")


def test_an_import_comes_back_as_it_was_written() -> None:
    ledger = Separated().ledger

    stands = ledger.stand(SHOP)

    assert stands == replace(SHOP, version=1, changed_at=stands.changed_at if stands else "")
    assert ledger.find(SHOP.announcement.snapshot_arn) == stands
    assert ledger.all() == [stands]


def test_of_two_who_change_it_at_the_same_time_one_is_told_so() -> None:
    ledger = Separated().ledger
    read = ledger.stand(SHOP)
    assert read

    assert ledger.stand(replace(read, hold="evidence"))
    assert ledger.stand(replace(read, stage=Stage.REMOVED)) is None
    assert ledger.stand(SHOP) is None
    assert [each.hold for each in ledger.all()] == ["evidence"]


def test_an_import_is_a_recovery_point_of_the_source_s_resource() -> None:
    point = SHOP.recovery_point

    assert str(point.arn) == SHOP.imported_arn
    assert point.prefix("rds-dump", "2026-11-21").startswith(
        "rds-dump/resource_type=RDS/account=111122223333/region=us-east-1/resource=shop/date=2026-11-21/offsite-"
    )


def test_an_import_is_at_rest_when_no_execution_is_at_it() -> None:
    at_rest = [stage for stage in Stage if replace(SHOP, stage=stage).is_at_rest]

    assert at_rest == [Stage.FAILED, Stage.ACKNOWLEDGED, Stage.REMOVED]
