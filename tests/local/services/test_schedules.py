"""What a schedule calls, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from backup_actions.errors import NotEmbedded
from backup_actions_local.services.schedules import Schedules

from .conftest import Cloud

DAY = 24 * 3600


@pytest.fixture(name="schedules")
def _schedules(cloud: Cloud) -> Iterator[Schedules]:
    schedules = Schedules(clock=cloud.clock, place=cloud.place)
    yield schedules
    schedules.close()


def test_a_schedule_is_due_as_often_as_it_says_while_time_passes(cloud: Cloud, schedules: Schedules) -> None:
    events: list[Mapping[str, Any]] = []
    schedules.every("rate(1 day)", "daily", events.append)
    schedules.every("rate(36 hours)", "seldom", events.append)

    cloud.clock.sleep(3 * DAY + 1)

    due = [(event["time"], event["resources"][0].rpartition("/")[2]) for event in events]
    assert due[:3] == [
        ("2026-01-16T03:00:00Z", "daily"),
        ("2026-01-16T15:00:00Z", "seldom"),
        ("2026-01-17T03:00:00Z", "daily"),
    ]
    assert sorted(due[3:]) == [("2026-01-18T03:00:00Z", "daily"), ("2026-01-18T03:00:00Z", "seldom")]
    assert events[0]["detail-type"] == "Scheduled Event"


def test_no_time_passes_on_account_of_a_schedule(cloud: Cloud, schedules: Schedules) -> None:
    events: list[Mapping[str, Any]] = []
    schedules.every("rate(5 minutes)", "often", events.append)

    cloud.clock.sleep(60)

    assert events == []


def test_a_schedule_that_is_not_known_here_is_refused(schedules: Schedules) -> None:
    with pytest.raises(NotEmbedded, match="cron"):
        schedules.every("cron(0 3 * * ? *)", "nightly", lambda _event: None)
