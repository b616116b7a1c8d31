"""``actions``: what is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backup_actions.cli.command import command
from backup_actions.cli.errors import described

if TYPE_CHECKING:
    from backup_actions.cli.output import Output


@command("actions", examples=("backup-actions actions", "backup-actions actions --json"))
def actions(output: Output) -> None:
    """List the installed actions.

    With each stand the resource types that it handles; broken ones are named on stderr.
    """
    from backup_actions.plugins import installed

    found = installed()
    if output.as_json:
        output.answer(
            {
                "actions": [
                    {
                        "name": action.name,
                        "title": action.title,
                        "handles": list(action.handles),
                        "restorable": action.restorable,
                    }
                    for action in found.actions
                ],
                "broken": [{"name": str(b.facts["name"]), **described(b)} for b in found.broken],
            }
        )
        return
    for broken in found.broken:
        output.warn(broken)
    if not found.actions:
        output.talk("No usable action is installed.")
    output.table((action.name, ", ".join(action.handles), action.title) for action in found.actions)
