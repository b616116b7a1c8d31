"""The daily round also tells of imports that came to nothing, and of those at which nobody is any more."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from tests.offsite.kept_imports import days_ago, kept
from tests.offsite.retained_account import Account

from backup_actions.offsite.imports import Acted, Import, Stage
from backup_actions.offsite.retaining import retain
from backup_actions.offsite.retention import Rules

UNVERIFIED: dict[str, Any] = {"imported_arn": "", "imported_at": ""}


def account(*imports: Import, hours_later: float) -> Account:
    """These imports, so long after they were changed for the last time."""
    here = Account(imports, json.dumps(asdict(Rules(days=7))))
    here.clock.sleep(3600 * hours_later)
    return here


def test_an_import_that_has_failed_for_good_is_told_every_day_with_its_reason() -> None:
    failed = kept("failed", days_ago(1), stage=Stage.FAILED, problem="KeyDisabled: the key is disabled", **UNVERIFIED)
    here = account(failed, hours_later=2)

    for _ in range(2):
        (trouble,) = retain(here.world, {})["troubles"]
        assert f"the import of {failed.announcement.snapshot_arn} has failed" in trouble
        assert "KeyDisabled: the key is disabled" in trouble
        assert "imports forget" in trouble
    assert len(here.topic.told) == 2


@pytest.mark.parametrize("resource_type", ["RDS", "Aurora", "EBS"])
def test_a_copy_that_nobody_removed_after_a_failure_is_named(resource_type: str) -> None:
    there = kept("failed", days_ago(1), stage=Stage.FAILED, resource_type=resource_type)
    here = account(there, hours_later=2)
    known = here.ledger.find(there.announcement.snapshot_arn)
    assert known is not None
    here.ledger.stand(replace(known, imported_arn="", imported_at=""))
    here.clock.sleep(2 * 3600)

    (trouble,) = retain(here.world, {})["troubles"]

    assert trouble.endswith(f"still there, and paid for until then: {there.imported_arn}")


def test_an_import_that_is_about_to_be_tried_again_is_not_told() -> None:
    here = account(kept("failed", days_ago(1), stage=Stage.FAILED, **UNVERIFIED), hours_later=0.5)

    assert retain(here.world, {})["troubles"] == []


@pytest.mark.parametrize("stage", [Stage.IMPORTING, Stage.RETURNING])
def test_an_import_whose_execution_has_ended_and_that_nobody_has_given_back_is_told(stage: Stage) -> None:
    here = account(kept("cut", days_ago(1), stage=stage, **UNVERIFIED), hours_later=2)
    here.executions.ended.add("import-cut")

    (trouble,) = retain(here.world, {})["troubles"]

    assert "CutShort: the execution import-cut has ended" in trouble


def test_an_import_that_takes_its_time_is_not_told() -> None:
    here = account(kept("large", days_ago(1), stage=Stage.IMPORTING, **UNVERIFIED), hours_later=100)

    assert retain(here.world, {})["troubles"] == []


@pytest.mark.parametrize("ended", [False, True])
def test_an_import_on_which_actions_run_stays_until_they_have_ended(*, ended: bool) -> None:
    acting, new = kept("acting", days_ago(30), acted=Acted.RUNNING), kept("new", days_ago(1))
    here = account(acting, new, hours_later=2)
    if ended:
        here.executions.ended.add("import-acting")

    assert retain(here.world, {})["removed"] == ([acting.imported_arn] if ended else [])
