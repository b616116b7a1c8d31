"""Retention in a separated account, under its own role and on its schedule, of snapshots that have been imported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.flow.flow import NAME
from tests.flow.offsite import Accounts, snapshots, two_accounts

from backup_actions.offsite.imports import Import, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from backup_actions_local.seaweed import ObjectServer

RETENTION = f"{NAME}-offsite-retention"
DAY_SECONDS = 24 * 3600.0
RULES = {"retention": {"days": 7, "monthly": 0, "yearly": 0}}
TRUSTING = {"promised_days": 1}
"""The source is content with so short a promise."""


@pytest.fixture(name="accounts", scope="module")
def _accounts(
    tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer, tiny_disk: Path
) -> Iterator[Accounts]:
    """Two backups of an instance, a cluster and a volume, a month between them, and the round of the day after."""
    directory = tmp_path_factory.mktemp("retention")
    with two_accounts(
        directory, flow_objects, policy="keep", copying=TRUSTING, importing=RULES, disk=tiny_disk
    ) as accounts:
        volume = accounts.source.cloud.place.arn("ec2", f"volume/{accounts.source.volume()}")
        cluster = accounts.database(name="cluster", engine="aurora-postgresql")
        resources = [accounts.database(), cluster, volume]
        for wait_days in (0, 30):
            pass_days(accounts, wait_days)
            for each in resources:
                accounts.begin_backup(each)
            accounts.wait()
        pass_days(accounts, 1)
        yield accounts


def pass_days(accounts: Accounts, days: float) -> None:
    clock = accounts.source.cloud.clock
    with clock.actor():
        clock.sleep(days * DAY_SECONDS)
    accounts.wait()


def by_age(accounts: Accounts) -> tuple[list[Import], list[Import]]:
    """The first import of each of the three resources, and the second."""
    imports = sorted(accounts.imports(), key=lambda each: each.backed_up_at)
    return imports[:3], imports[3:]


def test_what_no_rule_keeps_is_gone_of_every_kind_and_noted(accounts: Accounts) -> None:
    first, second = by_age(accounts)

    assert {each.announcement.resource_type for each in first} == {"RDS", "Aurora", "EBS"}
    assert {each.stage for each in first} == {Stage.REMOVED}
    assert {each.stage for each in second} == {Stage.ACKNOWLEDGED}
    assert {each.arn for each in snapshots(accounts.separated)} == {each.imported_arn for each in second}


def test_retention_asks_for_nothing_that_it_may_not_have(accounts: Accounts) -> None:
    assert accounts.separated.cloud.audit.refused() == ()
    assert accounts.separated.dead_letters == []


def test_people_hear_nothing_of_a_round_in_which_all_goes_well(accounts: Accounts) -> None:
    assert [each for each in accounts.separated.notices if "retention" in each["Subject"]] == []
