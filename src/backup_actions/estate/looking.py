"""What every check of a sweep works with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from backup_actions.aws import World
from backup_actions.aws.executions import Execution
from backup_actions.estate.description import Estate
from backup_actions.estate.findings import Finding
from backup_actions.ledger import Entry, Ledger
from backup_actions.model.commands import command

SETTLED = timedelta(hours=1)
"""What ended longer ago has been cleaned up after, and everybody has been told of it."""

_STARTS_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a check: what was found on it, and from where to go on; empty after the last."""

    findings: tuple[Finding, ...]
    cursor: str = ""


@dataclass(slots=True)
class Starts:
    """So many executions a sweep begins at most, so that a vault of old backups does not begin all at once.

    Exports and copies wait for their quotas however many they are; jobs that find no room on the hosts of a zone for
    long are tried in the next one and fail after the last.
    """

    left: int = _STARTS_AT_MOST

    def take(self) -> bool:
        """Whether one more may begin."""
        self.left -= 1
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class Looking:
    """One look at an estate. Without ``repairs`` nothing is changed, and what would be done is told."""

    world: World
    estate: Estate
    repairs: bool
    starts: Starts = field(default_factory=Starts)
    _once_told: list[Callable[[], None]] = field(default_factory=list)

    @property
    def ledger(self) -> Ledger:
        """What is known of its points."""
        return Ledger(self.world.clients.dynamodb, self.estate.ledger, self.world.clock)

    @property
    def later(self) -> str:
        """Who does what was not done: this one changes nothing, or has begun as much as it may."""
        return "the next sweep" if self.repairs else "a sweep that repairs"

    def command(self, words: str) -> str:
        """What a person types, about this deployment."""
        return command(words, stack=self.estate.name)

    def once_told(self, change: Callable[[], None]) -> None:
        """What is to be done when people know what was found, and not before: what is done is not found again."""
        self._once_told.append(change)

    def was_told(self) -> None:
        """People know what was found until now."""
        while self._once_told:
            self._once_told.pop(0)()

    def is_settled(self, since: datetime | str) -> bool:
        """Whether that was long enough ago to be judged."""
        then = datetime.fromisoformat(since) if isinstance(since, str) else since
        return self.world.clock.now() - then > SETTLED

    def has_ended(self, execution: Execution) -> bool:
        """Whether it is over for so long that it is settled."""
        return execution.ended_at is not None and not execution.is_running and self.is_settled(execution.ended_at)

    def as_it_stands(self, listed: Entry) -> Entry | None:
        """The point as the ledger has it now, the index being seconds behind; None where it has moved on meanwhile."""
        entry = next(iter(self.ledger.entries(listed.point)), None)
        same = entry is not None and (entry.item, entry.status, entry.run) == (listed.item, listed.status, listed.run)
        return entry if same else None


Check: TypeAlias = Callable[[Looking, str], Iterator[Page]]
"""Looks at everything of a kind, page by page, from a cursor on; an empty one is the beginning."""
