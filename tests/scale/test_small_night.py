"""A small night passes: the same troubles and the same quotas as in a whole one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.scale import page
from tests.scale.night import EXPORTS_AT_ONCE, VCPUS_OF_A_JOB, Night, Plan
from tests.scale.outcome import at_most_at_once, broken, numbers

from backup_actions_local.clock import START

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.seaweed import ObjectServer

_SMALL = Plan(points=14, rds_percent=75, dynamodb_percent=9, throttled_one_in=60, spot_one_in=6)


@pytest.fixture(name="night", scope="module")
def _night(
    tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer, postgresql_shop: DatabaseImage
) -> Iterator[Night]:
    with Night.begun(tmp_path_factory.mktemp("night"), flow_objects, postgresql_shop, _SMALL) as night:
        night.cloud.faults.on("ec2", "AttachVolume").fail("UnauthorizedOperation")
        night.pass_by()
        yield night


@pytest.mark.root
def test_every_point_is_archived_once_and_nothing_is_left(night: Night) -> None:
    assert broken(night) == []
    assert len(night.arns) == _SMALL.points


@pytest.mark.root
def test_what_failed_was_told_and_is_archived_by_a_replay(night: Night) -> None:
    (failed,) = night.failed()

    assert failed.error == "ActionFailed"
    assert numbers(night)["failed_runs"] == 1


@pytest.mark.root
def test_exports_use_all_of_their_quota_and_never_more(night: Night) -> None:
    assert numbers(night)["exports_at_once"] == EXPORTS_AT_ONCE


@pytest.mark.root
def test_the_planned_troubles_have_happened(night: Night) -> None:
    found = numbers(night)

    assert min(found["throttled"], found["hosts_lost"], found["events_lost"], found["found_by_sweep"]) > 0


def test_those_are_at_once_that_overlap_and_not_those_that_follow() -> None:
    first, second, third = START, START.replace(minute=1), START.replace(minute=2)

    assert at_most_at_once([(first, second), (second, third)]) == 1
    assert at_most_at_once([(first, third), (second, third), (first, second)]) == 2


def test_the_page_tells_of_the_last_night() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.page(page.last())


def test_the_last_night_broke_no_promise_and_kept_to_the_quotas() -> None:
    found = page.last()

    assert found["broken"] == 0
    assert found["exports_at_once"] <= EXPORTS_AT_ONCE
    assert max(found["jobs_at_once"].values()) <= found["vcpus_per_zone"] // VCPUS_OF_A_JOB
