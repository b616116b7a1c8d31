"""Writes the pages that say what the code says: run by ``make docs``; a test fails when one of them is stale."""

from __future__ import annotations

import contextlib
import inspect
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import click

from backup_actions import errors
from backup_actions.cli.application import COMMANDS, application
from backup_actions.cli.commands import demo
from backup_actions.cli.errors import EXIT_CODES
from backup_actions.plugins import GROUP, Installed, installed
from backup_actions.settings import json_schema

DOCS = Path(__file__).parent
_GENERATED = "<!-- Written by docs/generate.py; change the code it is made from and run `make docs`. -->"
_HELP_WIDTH = 100
_FAMILY = re.compile(r"^# -+ (BA\d\d)xx: (.+)$", re.MULTILINE)


def announced(group: str) -> list[EntryPoint]:
    """What this project itself announces, whatever else is installed."""
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [EntryPoint(name, value, group) for name, value in project["entry-points"][group].items()]


def own_actions() -> Installed:
    """This project's own actions."""
    return installed(announced(GROUP))


_ERRORS_INTRODUCTION = f"""\
{_GENERATED}
# Errors

An error reads `code: sentence` and, below it, `HINT: remedy`. Codes are never reused.
The exit status belongs to the error, whatever the command:
"""


def errors_page() -> str:
    """Every error with its sentence, its remedy and its exit status."""
    lines = [_ERRORS_INTRODUCTION, "| status | meaning |", "| --- | --- |"]
    lines += [f"| {status} | {meaning} |" for status, meaning in EXIT_CODES.items()]
    for prefix, title in _FAMILY.findall(inspect.getsource(errors)):
        lines += ["", f"## {prefix}xx: {title}"]
        lines += [line for kind in error_classes() if kind.code.startswith(prefix) for line in _error(kind)]
    return "\n".join(lines) + "\n"


def error_classes() -> list[type[errors.BackupActionsError]]:
    """Every error but the root, by code."""
    root = errors.BackupActionsError
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, root)]
    return sorted((kind for kind in kinds if kind is not root), key=lambda kind: kind.code)


def _error(kind: type[errors.BackupActionsError]) -> list[str]:
    retry = "trying again can help" if kind.retryable else "trying again does not help"
    return [
        "",
        f"### {kind.code} {kind.__name__}",
        "",
        " ".join((kind.__doc__ or "").split()),
        "",
        f"- says: `{json.dumps(kind.sentence)[1:-1]}`",
        f"- remedy: {kind.remedy}",
        f"- exit status {kind.exit_code}; {retry}",
    ]


_SETTINGS_INTRODUCTION = f"""\
{_GENERATED}
# Settings

One file, `backup-actions.yaml`. `backup-actions check --example` prints one with every setting and its default,
`backup-actions check --schema` its JSON Schema for editors, and `backup-actions check` reports every mistake of a file
at once.
"""


def settings_page() -> str:
    """Every setting with type, limits, default and meaning."""
    schema = json_schema(own_actions().actions)
    lines = [_SETTINGS_INTRODUCTION, "| setting | value | default | meaning |", "| --- | --- | --- | --- |"]
    return "\n".join([*lines, *_settings(schema, schema["$defs"], "")]) + "\n"


def _settings(section: Mapping[str, Any], definitions: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, setting in section["properties"].items():
        place = f"{path}{name}"
        inner = _section_in(setting, definitions)
        default = "required" if name in section.get("required", ()) else f"`{json.dumps(setting['default'])}`"
        told_below = inner is not None and setting.get("default") is not None and "required" not in inner
        meaning = setting.get("description") or (inner or {})["description"]  # pydantic leaves out the section's own
        yield f"| `{place}` | {_kind(setting)} | {'' if told_below else default} | {meaning} |"
        if inner is not None:
            yield from _settings(inner, definitions, f"{place}[]." if setting.get("type") == "array" else f"{place}.")


def _section_in(setting: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for part in (setting, *setting.get("anyOf", ()), setting.get("items", {})):
        if "$ref" in part:
            section: Mapping[str, Any] = definitions[part["$ref"].removeprefix("#/$defs/")]
            return section if "properties" in section else None
    return None


def _kind(setting: Mapping[str, Any]) -> str:
    if "enum" in setting:
        return ", ".join(f"`{value}`" for value in setting["enum"])
    if "anyOf" in setting:
        limits = {key: setting[key] for key in ("minimum", "maximum") if key in setting}
        return " or ".join(
            _kind({**part, **(limits if part.get("type") != "null" else {})}) for part in setting["anyOf"]
        )
    if "$ref" in setting:
        return "section"
    if "$ref" in setting.get("items", {}):
        return "list of sections"
    words = {"string": "text", "integer": "whole number", "boolean": "`true` or `false`", "null": "`null`"}
    words |= {"number": "number", "array": "list", "object": "texts by name"}
    return words[setting["type"]] + _limits(setting)


def _limits(setting: Mapping[str, Any]) -> str:
    match (setting.get("minimum"), setting.get("maximum")):
        case (None, None):
            return ""
        case (least, None):
            return f", at least {least}"
        case (None, most):
            return f", at most {most}"
        case (least, most):
            return f", {least} to {most}"


def cli_page() -> str:
    """The help of every command."""
    whole = click.Context(
        application,
        info_name="backup-actions",
        terminal_width=_HELP_WIDTH,
        max_content_width=_HELP_WIDTH,
        **application.context_settings,
    )
    lines = [_GENERATED, "# Command line", "", *_help(whole)]
    for name in COMMANDS:
        command = _command(name)
        context = click.Context(command, parent=whole, info_name=name)
        lines += ["", f"## {name}", "", *_help(context)]
        for inner, below in command.commands.items() if isinstance(command, click.Group) else ():
            lines += ["", f"### {name} {inner}", "", *_help(click.Context(below, parent=context, info_name=inner))]
    return "\n".join(lines) + "\n"


def _command(name: str) -> click.Command:
    """The command itself, also where the command line has only a stand-in for it."""
    command: object = application.get_command(click.Context(application), name)
    for entry in announced(demo.GROUP):
        if entry.name == name:
            with contextlib.suppress(ModuleNotFoundError):  # the embedded AWS is not installed
                command = entry.load()
    assert isinstance(command, click.Command)  # noqa: S101 - COMMANDS are the commands
    return command


def _help(context: click.Context) -> list[str]:
    return ["```", *context.get_help().rstrip().splitlines(), "```"]


PAGES: Mapping[str, Callable[[], str]] = {"errors.md": errors_page, "settings.md": settings_page, "cli.md": cli_page}

if __name__ == "__main__":
    for page, text in PAGES.items():
        (DOCS / page).write_text(text(), encoding="utf-8")
