"""The commands and where each one is; none is imported before it is needed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

import backup_actions
from backup_actions.cli.errors import EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS: Mapping[str, str] = {
    "demo": "demo:demo",
    "check": "check:check",
    "actions": "actions:actions",
    "permissions": "permissions:permissions",
    "new-action": "new_action:new_action",
    "backup": "backup:backup",
    "archive": "archive:archive",
    "list": "list:list_entries",
    "search": "search:search",
    "extract": "extract:extract",
    "verify": "verify:verify",
    "restore": "restore:restore",
    "query": "query:query",
    "status": "status:status",
    "replay": "replay:replay",
    "sweep": "sweep:sweep",
    "report": "report:report",
    "prove": "prove:prove",
    "imports": "imports:imports",
    "cost": "cost:cost",
}
"""Command → module of ``cli.commands`` and the command's name in it, in the order of the help."""


class _Commands(click.Group):
    """A group that knows its commands by name and imports them one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(import_module(f"backup_actions.cli.commands.{module}"), name)
        assert isinstance(command, click.Command)  # noqa: S101 - held by a test for each
        return command

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Say what every exit status means."""
        with formatter.section("Exit status"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXIT_CODES.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(backup_actions.__version__, prog_name="backup-actions")
def application() -> None:
    """Actions on AWS Backup recovery points: archive, verify, and only then let the backup go.

    Data goes to stdout, talk and progress to stderr. Every command has --json and --help with examples.
    """
