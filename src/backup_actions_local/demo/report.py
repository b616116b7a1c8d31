"""The HTML report of a run: one file that needs nothing else, for a person or an auditor."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from backup_actions.model.quantities import bytes_in_words
from backup_actions_local.demo.live import cut_short_run, run_of
from backup_actions_local.demo.timeline import Step, steps_of
from backup_actions_local.front.audit import Verdict

if TYPE_CHECKING:
    from backup_actions_local.cloud import Cloud
    from backup_actions_local.demo.outcome import Check, Outcome
    from backup_actions_local.states.execution import Execution

_TEMPLATE = Path(__file__).parent / "report.html.j2"


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of a timeline: where it begins and how long it is, in percent of the execution."""

    step: Step
    left_percent: float
    width_percent: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """One execution."""

    machine: str
    execution: Execution
    seconds: float
    bars: tuple[Bar, ...]


def write_report(
    path: Path,
    cloud: Cloud,
    outcomes: Mapping[str, Outcome],
    checks: Sequence[Check],
    notifications: Sequence[str],
) -> None:
    """The report stands at the path."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["size"] = bytes_in_words
    environment.filters["pretty"] = lambda value: json.dumps(value, indent=1, sort_keys=True, default=str)
    entries = cloud.audit.entries
    page = environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        outcomes=list(outcomes.values()),
        checks=checks,
        ok=all(check.holds for check in checks),
        timelines={name: _timelines(cloud, outcome.run) for name, outcome in outcomes.items()},
        notifications=notifications,
        calls=len(entries),
        refused=[entry for entry in entries if entry.verdict is Verdict.REFUSED],
        failed=[entry for entry in entries if entry.verdict is Verdict.FAILED],
        by_role=_by_role(cloud),
        started=min((execution.started for execution in cloud.stepfunctions.executions()), default=None),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def _timelines(cloud: Cloud, run: str) -> list[Timeline]:
    """The executions of a run: the main machine's, its actions', and a clean-up that followed."""
    mine = [execution for execution in cloud.stepfunctions.executions() if run == run_of(execution)]
    return [_timeline(execution) for execution in mine]


def _timeline(execution: Execution) -> Timeline:
    ended = execution.stopped or execution.clock.now()
    seconds = max((ended - execution.started).total_seconds(), 0.001)
    bars = tuple(
        Bar(
            step,
            100 * (step.started - execution.started).total_seconds() / seconds,
            max(0.4, 100 * step.seconds / seconds),
        )
        for step in steps_of(execution)
    )
    machine = execution.machine.name + (" (clean-up)" if cut_short_run(execution) else "")
    return Timeline(machine, execution, seconds, bars)


def _by_role(cloud: Cloud) -> list[tuple[str, list[tuple[str, int]]]]:
    """Role → operation with how often it was called, the administrator left out."""
    counts: dict[str, Counter[str]] = {}
    for entry in cloud.audit.entries:
        if entry.caller is not None and not entry.caller.is_administrator:
            counts.setdefault(entry.caller.role, Counter())[f"{entry.service}:{entry.operation}"] += 1
    return [(role, sorted(operations.items())) for role, operations in sorted(counts.items())]
