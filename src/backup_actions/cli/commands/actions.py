"""``actions``: what is installed, and how it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.errors import described
from backup_actions.errors import ActionBroken, ActionUnknown

if TYPE_CHECKING:
    from backup_actions.cli.output import Output
    from backup_actions.plugins import Installed


@command(
    "actions",
    examples=(
        "backup-actions actions",
        "backup-actions actions --graph ebs-archive",
        "backup-actions actions --graph ebs-archive --format svg > ebs-archive.svg",
    ),
    fails_with=(ActionUnknown, ActionBroken),
)
@click.option("--graph", metavar="ACTION", help="Draw the workflow of ACTION instead.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "svg"]),
    default="mermaid",
    show_default=True,
    help="With --graph: text for a page, or a picture.",
)
def actions(output: Output, *, graph: str | None, form: str) -> None:
    """List the installed actions.

    With each stand the resource types that it handles and the package that it comes from; broken ones are named on
    stderr.
    """
    from backup_actions.plugins import installed

    found = installed()
    if graph is not None:
        _draw(output, found, graph, form)
    elif output.as_json:
        output.answer(
            {
                "actions": [
                    {
                        "name": action.name,
                        "title": action.title,
                        "handles": list(action.handles),
                        "restorable": action.restorable,
                        "package": found.packages[action.name],
                    }
                    for action in found.actions
                ],
                "broken": [{"name": str(b.facts["name"]), **described(b)} for b in found.broken],
            }
        )
    else:
        _list(output, found)


def _list(output: Output, found: Installed) -> None:
    for broken in found.broken:
        output.warn(broken)
    if not found.actions:
        output.talk("No usable action is installed.")
    output.table(
        (action.name, ", ".join(action.handles), action.title, found.packages[action.name]) for action in found.actions
    )


def _draw(output: Output, found: Installed, name: str, form: str) -> None:
    from backup_actions.cli.drawing import graph_of, mermaid, svg

    action = found.action(name)
    graph = graph_of(action)
    drawn = mermaid(graph) if form == "mermaid" else svg(graph, title=action.title)
    if output.as_json:
        output.answer({"action": name, "format": form, "drawing": drawn})
    else:
        output.data(drawn.rstrip())
