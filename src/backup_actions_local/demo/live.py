"""The demo as it happens: a line per state with its duration, bars for bytes; plain lines when not a terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from backup_actions.model.quantities import bytes_in_words
from backup_actions_local.demo.timeline import Folding, Step

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from backup_actions_local.services.hosting.orders import Report
    from backup_actions_local.states.execution import Event, Execution

_NAME_WIDTH = 11


class Screen(Protocol):
    """Where lines and bars go."""

    def line(self, text: str) -> None:
        """Show a line."""
        ...

    def bar(self, name: str, what: str, done_bytes: int, total_bytes: int | None) -> None:
        """Show how far the work called so has come."""
        ...

    def end(self, name: str) -> None:
        """Show no bar for it any more."""
        ...


class Plain:
    """Lines only: one when a piece of work begins."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._begun: set[tuple[str, str]] = set()

    def line(self, text: str) -> None:
        """Write the line."""
        self._write(text)

    def bar(self, name: str, what: str, done_bytes: int, total_bytes: int | None) -> None:
        """Write that the work begins, once."""
        if (name, what) not in self._begun:
            self._begun.add((name, what))
            size = f": {bytes_in_words(total_bytes)}" if total_bytes else ""
            self._write(f"{name:<{_NAME_WIDTH}} … {what}{size}")

    def end(self, name: str) -> None:
        """Do nothing: lines stay."""


class Terminal:
    """A bar for each backup at work, lines scrolling above."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._bars: dict[str, TaskID] = {}

    def line(self, text: str) -> None:
        """Print the line above the bars."""
        self._progress.console.print(text, highlight=False, markup=False)

    def bar(self, name: str, what: str, done_bytes: int, total_bytes: int | None) -> None:
        """Move the backup's bar."""
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(name, total=total_bytes)
        self._progress.update(
            self._bars[name], description=f"{name:<{_NAME_WIDTH}} {what}", completed=done_bytes, total=total_bytes
        )

    def end(self, name: str) -> None:
        """Take the backup's bar away."""
        if (bar := self._bars.pop(name, None)) is not None:
            self._progress.remove_task(bar)


class Watch:
    """Hears of every event of every execution and of every report of a job, from many threads.

    ``names`` are what to call a resource's backup.
    """

    def __init__(self, screen: Screen, names: Mapping[str, str]) -> None:
        self._screen, self._names = screen, names
        self._names_of_runs: dict[str, str] = {}
        self._foldings: dict[str, Folding] = {}
        self._lock = threading.Lock()

    def execution(self, execution: Execution, event: Event) -> None:
        """Show the step that this event ends, and the end of the execution."""
        with self._lock:
            self._names_of_runs.setdefault(run_of(execution), self._names.get(_resource_of(execution), "?"))
            folding = self._foldings.setdefault(execution.arn, Folding())
            if step := folding.take(event):
                self._show(execution, step)
            if execution.has_ended:
                if last := folding.rest():
                    self._show(execution, last)
                reason = f" ({execution.error})" if execution.error else ""
                self._line(execution, f"── {execution.status}{reason}")

    def job(self, job_name: str, report: Report) -> None:
        """Show how far a job has come, and what it says."""
        run, _, step = job_name.partition("_")
        name = self._name_of(run)
        with self._lock:
            match report.kind:
                case "start" | "progress":
                    self._screen.bar(name, report.text or step.partition("_")[0], report.done_bytes, report.total_bytes)
                case "note":
                    self._screen.line(f"{name:<{_NAME_WIDTH}} {step.partition('_')[0]}: {report.text}")
                case "status" if report.text in ("SUCCEEDED", "FAILED"):
                    self._screen.end(name)
                case _:
                    pass

    def _show(self, execution: Execution, step: Step) -> None:
        times = f" x{step.times}" if step.times > 1 else ""
        error = f"  {step.error}" if step.error else ""
        self._line(execution, f"{step.state + times:<28}{step.seconds:>7.1f} s{error}")

    def _line(self, execution: Execution, text: str) -> None:
        machine = execution.machine.name.removeprefix("backup-actions-")
        self._screen.line(f"{self._name_of(run_of(execution)):<{_NAME_WIDTH}} {machine:<15} {text}")

    def _name_of(self, run: str) -> str:
        return self._names_of_runs.get(run, "?")


def run_of(execution: Execution) -> str:
    """The run that an execution belongs to: its own name, or that of the execution it cleans up after."""
    return cut_short_run(execution) or execution.name


def cut_short_run(execution: Execution) -> str | None:
    """The run that this execution cleans up after, if it does."""
    given = execution.input
    detail = given.get("detail") if isinstance(given, Mapping) else None
    name = detail.get("name") if isinstance(detail, Mapping) else None
    return name if isinstance(name, str) else None


def _resource_of(execution: Execution) -> str:
    given = execution.input
    point = given.get("recoveryPoint") if isinstance(given, Mapping) else None
    return str(point.get("resourceId")) if isinstance(point, Mapping) else ""
