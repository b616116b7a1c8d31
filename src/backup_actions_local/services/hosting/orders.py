"""What is to be run, and how it ended: the words between the services and whoever runs functions and jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backup_actions_local.services.hosting.doom import Doom, Point
    from backup_actions_local.services.instances import Instance

ReportKind = Literal["status", "start", "progress", "note", "line"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One thing that a job said, or that became of it."""

    kind: ReportKind
    text: str
    done_bytes: int = 0
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOrder:
    """One attempt of a job. ``entry`` is ``module:function``, called with world, action, job and event."""

    entry: str
    action: str
    job: str
    event: str
    """JSON."""
    role: str
    session: str
    environment: Mapping[str, str]
    instance: Instance
    attempt: int
    report: Callable[[Report], None]
    dies_at: Point | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended by itself; whether it was ended from outside, its Doom says."""

    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionOrder:
    """A function. ``code`` is ``module:function``, called with world and event."""

    name: str
    code: str
    role: str
    timeout_seconds: int
    environment: Mapping[str, str] = field(default_factory=dict)


class FunctionError(Exception):
    """A function did not return: the type, the message and the trace as Lambda gives them."""

    def __init__(self, error_type: str, message: str, trace: tuple[str, ...] = ()) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type, self.message, self.trace = error_type, message, trace

    def payload(self) -> dict[str, Any]:
        """The error as a caller of the function receives it."""
        return {"errorMessage": self.message, "errorType": self.error_type, "stackTrace": list(self.trace)}


class Sandbox(Protocol):
    """Where one function runs, one event at a time."""

    def invoke(self, event: str, doom: Doom) -> Any:
        """Return what the function returned. Raises FunctionError."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether it can take another event."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class Hosting(Protocol):
    """Runs jobs and functions, each under its role."""

    def run_job(self, order: JobOrder, doom: Doom) -> Outcome:
        """Run one attempt to its end."""
        ...

    def sandbox(self, order: FunctionOrder) -> Sandbox:
        """A place for a function."""
        ...
