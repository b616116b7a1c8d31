"""``actions``: what is installed, how it goes, and the page about it."""

from __future__ import annotations

from pathlib import Path
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
        "backup-actions actions --page ebs-archive --to docs/ebs-archive.md",
    ),
    fails_with=(ActionUnknown, ActionBroken),
)
@click.option("--graph", metavar="ACTION", help="Draw the workflow of ACTION instead.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "svg"]),
    help="With --graph: text for a page (mermaid, the default), or a picture.",
)
@click.option(
    "--page",
    metavar="ACTION",
    help="Print the page about ACTION instead: steps, settings, permissions and workflow, in Markdown.",
)
@click.option(
    "--to",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="With --page: write it there; what somebody wrote above the generated part stays.",
)
def actions(output: Output, *, graph: str | None, form: str | None, page: str | None, file: Path | None) -> None:
    """List the installed actions.

    With each stand the resource types that it handles and the package that it comes from; broken ones are named on
    stderr.
    """
    from backup_actions.plugins import installed

    if graph is not None and page is not None:
        raise click.UsageError("--graph and --page are different things: ask for one.")
    if file is not None and page is None:
        raise click.UsageError("--to goes with --page.")
    if form is not None and graph is None:
        raise click.UsageError("--format goes with --graph.")
    found = installed()
    if page is not None:
        _tell(output, found, page, file)
        return
    if graph is not None:
        _draw(output, found, graph, form or "mermaid")
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


def _tell(output: Output, found: Installed, name: str, file: Path | None) -> None:
    from backup_actions.cli.pages import action_page

    written = file.read_text(encoding="utf-8") if file is not None and file.exists() else ""
    text = action_page(found.action(name), written)
    if file is not None:
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.UsageError(f"cannot write {file}: {error.strerror}.") from error
        output.talk(f"wrote {file}")
    if output.as_json:
        output.answer({"action": name, "page": text, "file": str(file) if file else None})
    elif file is None:
        output.data(text.rstrip())


def _draw(output: Output, found: Installed, name: str, form: str) -> None:
    from backup_actions.cli.drawing import graph_of, mermaid, svg

    action = found.action(name)
    graph = graph_of(action)
    drawn = mermaid(graph) if form == "mermaid" else svg(graph, title=action.title)
    if output.as_json:
        output.answer({"action": name, "format": form, "drawing": drawn})
    else:
        output.data(drawn.rstrip())
