"""Rules of EventBridge that are due again and again. Time passes on their account only with that of others.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from backup_actions.errors import NotEmbedded
from backup_actions_local.services.chores import Chores
from backup_actions_local.services.identifiers import Identifiers

if TYPE_CHECKING:
    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.place import Place

_RATE = re.compile(r"rate\(([1-9][0-9]*) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}


class Schedules:
    """The first time is one period after a schedule was made, as EventBridge has it."""

    def __init__(self, *, clock: SimulatedClock, place: Place) -> None:
        self._clock, self._place = clock, place
        self._identifiers = Identifiers(f"schedules of {place.account}")
        self._chores = Chores(clock)

    def every(self, schedule: str, rule: str, deliver: Callable[[Mapping[str, Any]], object]) -> None:
        """Hand an event over whenever ``rate(…)`` is due. Raises NotEmbedded for ``cron(…)``."""
        rate = _RATE.fullmatch(schedule)
        if rate is None:
            raise NotEmbedded(what=f"the schedule {schedule}")
        seconds = int(rate[1]) * _SECONDS[rate[2]]

        def work() -> None:
            while True:
                self._chores.follow(seconds)
                deliver(self._event(rule))

        self._chores.begin(f"schedule {rule}", work)

    def close(self) -> None:
        """Nothing is due any more."""
        self._chores.close()

    def _event(self, rule: str) -> dict[str, Any]:
        """Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html"""
        return {
            "version": "0",
            "id": self._identifiers.uuid(),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": self._place.account,
            "time": self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self._place.region,
            "resources": [self._place.arn("events", f"rule/{rule}")],
            "detail": {},
        }
