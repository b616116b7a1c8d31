"""The page about an action: what its description says, below whatever its author has written about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from backup_actions.cli.drawing import graph_of, mermaid
from backup_actions.cli.pages.settings import settings_table

if TYPE_CHECKING:
    from backup_actions.contract import Action, Statement

_FROM_HERE = "<!-- From here on written by `backup-actions actions --page"


def action_page(action: Action, written: str = "") -> str:
    """The whole page. What is ``written`` already stays, down to the line that the generated part begins with."""
    about = written.partition(_FROM_HERE)[0].rstrip()
    lines = [about or "\n".join(_introduction(action)), "", f"{_FROM_HERE} {action.name}`. -->"]
    for title, section in (
        ("Steps", _steps(action)),
        ("Settings", _settings(action)),
        ("What it may do", _permissions(action)),
        ("The workflow", _workflow(action)),
    ):
        lines += ["", f"## {title}", "", *section]
    return "\n".join(lines) + "\n"


def _introduction(action: Action) -> Iterator[str]:
    stays = "after it alone the backup stays, unless `deletion.after_unrestorable` is set"
    can, backup = ("can", "a deletion policy may let the backup go") if action.restorable else ("cannot", stays)
    yield f"# {action.title} (`{action.name}`)"
    yield ""
    yield f"For backups of {', '.join(action.handles)}. What it makes {can} bring the resource back: {backup}."
    if action.opt_in:
        yield "Only used where the settings name it."
    yield from (f"Not in {region}: {reason}." for region, reason in action.missing_in.items())


def _steps(action: Action) -> Iterator[str]:
    yield "| step | runs as | does |"
    yield "| --- | --- | --- |"
    for name, task in action.tasks.items():
        yield _row(name, f"function, {task.memory_mib} MiB, at most {_span(task.timeout_seconds)}", task.doc)
    for name, job in action.jobs.items():
        size = f"{job.vcpus} vCPU, {job.memory_mib:,} MiB, at most {_span(job.attempt_timeout_seconds)} an attempt"
        yield _row(name, f"job, {size}", job.doc)
    for name, role in action.service_roles.items():
        yield _row(name, f"`{role.service}`", role.doc)
    for function in action.functions:
        called = f", `{function.schedule}`" if function.schedule else ""
        yield _row(function.name, f"function{called}, {function.memory_mib} MiB", function.title)


def _span(seconds: int) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _settings(action: Action) -> Iterator[str]:
    from backup_actions.settings import json_schema

    yield from settings_table(json_schema([action]), "actions", action.name)


def _permissions(action: Action) -> Iterator[str]:
    yield "Each step has a role of its own; `${…}` is filled in by the deployment."
    for role, statements in roles_of(action).items():
        yield ""
        yield f"### {role}"
        yield ""
        yield "| may | on | for |"
        yield "| --- | --- | --- |"
        yield from map(_statement, statements)


def roles_of(action: Action) -> dict[str, tuple[Statement, ...]]:
    """Every role with its statements: those of the workflow's steps, then those of the other functions."""
    of_functions = {f"function {each.name}": each.permissions.tasks["function"] for each in action.functions}
    return {**action.permissions.roles(), **of_functions}


def _statement(statement: Statement) -> str:
    verb = "" if statement.effect == "Allow" else f"**{statement.effect}** "
    conditions = [
        f"where `{key}` {operator} `{value if isinstance(value, str) else ' or '.join(value)}`"
        for operator, keys in statement.when.items()
        for key, value in keys.items()
    ]
    return _row(
        verb + _lines(f"`{each}`" for each in statement.actions),
        _lines([*(f"`{each}`" for each in statement.resources), *conditions]),
        ", ".join(statement.for_) + (f" ({statement.because})" if statement.because else ""),
    )


def _workflow(action: Action) -> Iterator[str]:
    yield f"Drawn from its text by `backup-actions actions --graph {action.name}`; with `--format svg` it is a picture."
    yield ""
    yield "```mermaid"
    yield mermaid(graph_of(action)).rstrip()
    yield "```"


def _lines(texts: Iterable[str]) -> str:
    return "<br>".join(texts)


def _row(*cells: str) -> str:
    """A row of a table; a bar within a cell is no end of it."""
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
