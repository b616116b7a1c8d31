"""From an exception to what a person reads and a script tests: a sentence, a hint, an exit status."""

from __future__ import annotations

import sys
import traceback
from typing import TYPE_CHECKING

import click

from backup_actions.errors import BackupActionsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from backup_actions.model.json_types import JsonObject

BUG, INTERRUPTED, TERMINATED = 70, 130, 143

EXIT_CODES: Mapping[int, str] = {
    0: "It did what it says.",
    1: "It failed, in a way that no other status names.",
    2: "What was given is wrong: the command line, a setting, a name.",
    3: "What was asked for is not there.",
    4: "What is stored is damaged or cannot be trusted.",
    5: "Something is missing on this machine: a program, a device, room.",
    75: "Interrupted; the same command with --resume goes on.",
    BUG: "A fault of this program: the trace on stderr says where.",
    INTERRUPTED: "Interrupted by Ctrl-C, after cleaning up.",
    TERMINATED: "Terminated by SIGTERM, after cleaning up.",
}
"""What the exit status tells, whatever the command."""


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit status; every failure has been told on stderr."""
    from backup_actions.cli.application import application

    try:
        status = application.main(list(arguments), prog_name="backup-actions", standalone_mode=False)
    except BackupActionsError as error:
        click.echo(told(error), err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - the last door: nothing is above that could handle it
        traceback.print_exc(file=sys.stderr)
        click.echo("This is a bug. Please report it with the lines above and the command.", err=True)
        return BUG
    return status if isinstance(status, int) else 0


def told(error: BackupActionsError) -> str:
    """The error for people: ``BA0203: sentence`` and ``HINT: remedy``."""
    return f"{error}\nHINT: {error.hint}"


def described(error: BackupActionsError) -> JsonObject:
    """The error for scripts."""
    sentence = str(error).removeprefix(f"{error.code}: ")
    return {"code": error.code, "message": sentence, "hint": error.hint, "retryable": error.retryable}


def first_sentence(kind: type[BackupActionsError]) -> str:
    """When this error happens, in one sentence."""
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())
