"""Everything that was asked of the embedded AWS, by whom, and what came of it."""

from __future__ import annotations

import dataclasses
import threading
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from backup_actions_local.calls import Caller


class Verdict(StrEnum):
    """What came of a call."""

    PENDING = "pending"
    ALLOWED = "allowed"
    REFUSED = "refused"
    """No permission, or no valid signature."""
    FAILED = "failed"
    """Permitted, and answered with an error."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One call."""

    number: int
    at: datetime
    caller: Caller | None
    """None if the signature did not tell."""
    service: str
    operation: str
    resource: str
    verdict: Verdict = Verdict.PENDING
    error_code: str = ""
    error_message: str = ""
    injected: bool = False
    """Whether a planned fault made the error."""


class Audit:
    """The calls in the order in which they began. Safe to use from several threads."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = threading.Lock()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every call so far."""
        with self._lock:
            return tuple(self._entries)

    def begin(self, at: datetime, caller: Caller | None, service: str, operation: str, resource: str) -> int:
        """Note that a call has begun; the number is what ``end`` takes."""
        with self._lock:
            number = len(self._entries)
            self._entries.append(Entry(number, at, caller, service, operation, resource))
            return number

    def end(self, number: int, verdict: Verdict, code: str = "", message: str = "", *, injected: bool = False) -> None:
        """Note what came of it."""
        with self._lock:
            self._entries[number] = dataclasses.replace(
                self._entries[number], verdict=verdict, error_code=code, error_message=message, injected=injected
            )

    def of(self, service: str, operation: str | None = None, *, role: str | None = None) -> tuple[Entry, ...]:
        """The calls of one service or operation, of everybody or one role."""
        return tuple(
            entry
            for entry in self.entries
            if entry.service == service
            and operation in {None, entry.operation}
            and role in {None, entry.caller.role if entry.caller else None}
        )

    def refused(self) -> tuple[Entry, ...]:
        """The calls that somebody was not permitted to make."""
        return tuple(entry for entry in self.entries if entry.verdict is Verdict.REFUSED)
