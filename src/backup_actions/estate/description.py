"""What a deployment consists of, for those who look after all of it: functions on a schedule, and commands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Self

VARIABLE = "BACKUP_ACTIONS_ESTATE"
"""The environment variable in which functions have it."""

OUTPUT = "Estate"
"""The stack's output in which commands find it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estate:
    """One deployment in one account and region. In a description its texts hold placeholders."""

    name: str
    """What the names of everything begin with; the stack's own name."""
    account: str
    region: str
    bucket: str
    ledger: str
    topic_arn: str
    main_machine_arn: str
    machines: Mapping[str, str]
    """Action → the ARN of its machine; in a separated account ``offsite-import`` as well."""
    vaults: tuple[str, ...]
    """The watched ones; none in a separated account."""
    attempt_hours: int
    """The longest that one attempt of a job may take."""
    sweep_hours: int
    adopt_older: bool
    unacknowledged_hours: int
    expires_after_days: int | None = None
    """When the bucket's lifecycle ends what is in it."""
    handles: tuple[str, ...] = ()
    """The types of resources whose backups its actions handle; none of an older version, which does not tell."""

    def to_text(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Raises ValueError, TypeError and KeyError for what another version may have written."""
        data = json.loads(text)
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data or name != "handles"}
        return cls(**{**known, "vaults": tuple(known["vaults"]), "handles": tuple(known.get("handles", ()))})

    @property
    def proving_machine_arn(self) -> str:
        """What proves archives again, where the settings want that."""
        return f"{self.main_machine_arn.rpartition(':')[0]}:{self.name}-proving"

    @property
    def is_separated(self) -> bool:
        """Whether it imports what others share, instead of watching vaults."""
        return not self.vaults
