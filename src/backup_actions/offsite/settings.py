"""What a separated account is told about its sources and about what it keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from backup_actions.contract import Settings, setting
from backup_actions.model.arn import Arn


@dataclass(frozen=True, slots=True)
class Source:
    """An account whose snapshots are imported."""

    account: str
    topic_arn: str
    """On which it announces."""
    queue_url: str
    """In which it waits for acknowledgements."""

    @property
    def region(self) -> str:
        """Where its stack is, and with it topic and queue."""
        return Arn.parse(self.topic_arn).region

    @property
    def queue_name(self) -> str:
        """The last part of the queue's URL."""
        return self.queue_url.rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class ImportSettings(Settings):
    """The section ``imports`` of the settings file as the import machine and its functions know it."""

    accounts: tuple[str, ...] = setting("The source accounts.", default=())
    topics: tuple[str, ...] = setting("The topic on which each of them announces, in the same order.", default=())
    acknowledgement_queues: tuple[str, ...] = setting(
        "The URL of the queue in which each of them waits for acknowledgements.", default=()
    )
    days: int = setting("Days for which every import is kept.", default=35, at_least=1, at_most=36_500)
    daily: int = setting("Of so many days the newest import is kept.", default=0, at_least=0, at_most=1000)
    weekly: int = setting("Of so many weeks.", default=0, at_least=0, at_most=1000)
    monthly: int = setting("Of so many months.", default=12, at_least=0, at_most=1000)
    yearly: int = setting("Of so many years.", default=7, at_least=0, at_most=1000)
    attempts: int = setting(
        "How often an import is tried before it becomes a dead letter.", default=5, at_least=1, at_most=20
    )
    per_source_and_day: int = setting(
        "How many imports of one source are begun on one day at the most.", default=100, at_least=1, at_most=10_000
    )
    acknowledge_after_actions: bool = setting(
        "Whether an import is acknowledged only when the enabled actions have succeeded on it.", default=False
    )
    tell_each_success: bool = setting("Send a notification of each success, not of failures alone.", default=False)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Each source account with its topic and its queue."""
        told = zip(self.accounts, self.topics, self.acknowledgement_queues, strict=True)
        return tuple(Source(account, topic, queue) for account, topic, queue in told)

    def source_of(self, account: str) -> Source | None:
        """The source account, if it is one."""
        return next((source for source in self.sources if source.account == account), None)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """The settings as a workflow or a variable has them: JSON knows no tuples."""
        values: Any = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
        return cls(**values)
