"""Planned faults: errors that AWS may give at any call, and moments at which the world itself misbehaves."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from backup_actions_local.calls import Call


@dataclass(frozen=True, slots=True)
class CallSite:
    """The n-th call of an operation by a role, counted from 1: enough to fail exactly this one in another run."""

    role: str
    service: str
    operation: str
    number: int


@dataclass(frozen=True, slots=True)
class Fault:
    """An error answer; ``after`` means that the call was carried out and only its answer is lost."""

    code: str
    message: str
    status: int
    after: bool


class Planned(Protocol):
    """Something that was planned to go wrong, of whatever kind."""

    def missing(self) -> str | None:
        """What has not happened yet, in words; None when everything planned has."""
        ...


class PlannedFault:
    """Says what happens (``fail``, ``fail_after``) and how often: once, unless ``times``, ``at`` or ``always``."""

    def __init__(self, service: str, operation: str, role: str | None, when: Callable[[Call], bool] | None) -> None:
        self._service, self._operation, self._role, self._when = service, operation, role, when
        self._fault: Fault | None = None
        self._left: int | None = 1
        self._only_number: int | None = None
        self._seen = 0
        self._happened = 0

    def fail(self, code: str, message: str = "", *, status: int = 400) -> PlannedFault:
        """Answer with this error instead of doing it."""
        self._fault = Fault(code, message or f"planned fault {code}", status, after=False)
        return self

    def fail_after(self, code: str, message: str = "", *, status: int = 500) -> PlannedFault:
        """Do it, then answer with this error: the side effect has happened and nobody was told."""
        self._fault = Fault(code, message or f"planned fault {code} after the call", status, after=True)
        return self

    def times(self, count: int) -> PlannedFault:
        """Let it happen at the next so many matching calls."""
        self._left = count
        return self

    def always(self) -> PlannedFault:
        """Let it happen at every matching call."""
        self._left = None
        return self

    def at(self, number: int) -> PlannedFault:
        """Let it happen at the matching call of this number, counted from 1, from the moment of planning."""
        self._only_number = number
        return self

    def missing(self) -> str | None:
        """What has not happened yet, in words."""
        done = self._happened > 0 if self._left is None else self._left == 0
        if done:
            return None
        return (
            f"{self._fault} at {self._service}:{self._operation} of {self._role or 'anybody'}, seen {self._seen} calls"
        )

    def is_due(self, call: Call) -> bool:
        """Count the call if it is one of those meant, and say whether the fault is planned for this very one."""
        if (call.service, call.operation) != (self._service, self._operation):
            return False
        if self._role not in {None, call.caller.role} or (self._when is not None and not self._when(call)):
            return False
        self._seen += 1
        return self._left != 0 and self._only_number in {None, self._seen}

    def strike(self) -> Fault | None:
        """The fault; it counts as happened."""
        if self._left is not None:
            self._left -= 1
        self._happened += 1
        return self._fault


class Faults:
    """All that is planned to go wrong in a run, and a record of the calls at which something might have."""

    def __init__(self) -> None:
        self._planned: list[Planned] = []
        self._at_calls: list[PlannedFault] = []
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._calls: list[CallSite] = []
        self._lock = threading.Lock()

    @property
    def calls(self) -> tuple[CallSite, ...]:
        """Every call of every role so far, in order; the administrator's are not counted."""
        with self._lock:
            return tuple(self._calls)

    def on(
        self, service: str, operation: str, *, role: str | None = None, when: Callable[[Call], bool] | None = None
    ) -> PlannedFault:
        """Plan a fault of an operation: ``faults.on("ec2", "CreateVolume").fail("InsufficientVolumeCapacity")``.

        The administrator, who prepares the world, is spared.
        """
        planned = PlannedFault(service, operation, role, when)
        with self._lock:
            self._at_calls.append(planned)
        self.expect(planned)
        return planned

    def at(self, site: CallSite) -> PlannedFault:
        """Plan a fault of exactly one call of an earlier, equal run."""
        return self.on(site.service, site.operation, role=site.role).at(site.number)

    def expect(self, planned: Planned) -> None:
        """Let ``assert_all_happened`` ask this too: for what services plan by themselves (a job killed)."""
        with self._lock:
            self._planned.append(planned)

    def answer_to(self, call: Call) -> Fault | None:
        """Count the call and return the fault that is planned for it."""
        if call.caller.is_administrator:
            return None
        with self._lock:
            key = (call.caller.role, call.service, call.operation)
            self._counts[key] += 1
            self._calls.append(CallSite(*key, self._counts[key]))
            due = [planned for planned in self._at_calls if planned.is_due(call)]  # each one counts, the first strikes
            return due[0].strike() if due else None

    def missing(self) -> list[str]:
        """Every planned fault that has not happened, in words."""
        with self._lock:
            return [sentence for planned in self._planned if (sentence := planned.missing())]

    def assert_all_happened(self) -> None:
        """Raise AssertionError naming every planned fault that did not happen: such a test has tested nothing."""
        if missing := self.missing():
            raise AssertionError("planned faults that did not happen:\n" + "\n".join(missing))
