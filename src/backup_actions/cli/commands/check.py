"""``check``: is the settings file right?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.errors import ActionBroken, SettingsInvalid, SettingsUnreadable

if TYPE_CHECKING:
    from backup_actions.cli.output import Output


@command(
    "check",
    examples=(
        "backup-actions check --example > backup-actions.yaml",
        "backup-actions check",
        "backup-actions check production.yaml --json",
        "backup-actions check --schema > backup-actions.schema.json",
    ),
    fails_with=(SettingsInvalid, SettingsUnreadable, ActionBroken),
)
@click.argument("settings", type=click.Path(path_type=Path), default=Path("backup-actions.yaml"))
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the settings file instead.")
@click.option("--example", is_flag=True, help="Print a settings file with every setting, its meaning and its default.")
def check(output: Output, settings: Path, *, schema: bool, example: bool) -> None:
    """Check the settings file SETTINGS.

    Every mistake is reported at once. Nothing is changed and AWS is not asked.
    """
    import backup_actions.settings as settings_file
    from backup_actions.plugins import installed

    if schema and example:
        raise click.UsageError("--schema and --example are two things: ask for one.")
    found = installed()
    if schema:
        output.data(json.dumps(settings_file.json_schema(found.actions), indent=1))
        return
    if example:
        output.data(settings_file.example(found.actions).rstrip("\n"))
        return
    for broken in found.broken:
        output.warn(broken)
    loaded = settings_file.load(settings, found.actions)
    if found.broken:
        raise found.broken[0]
    enabled = [action.name for action in loaded.enabled(found.actions)]
    if output.as_json:
        output.answer(
            {"settings": str(settings), "account": loaded.account, "region": loaded.region, "enabled": enabled}
        )
        return
    output.data(f"{settings} is right: {', '.join(enabled) or 'no action'} in {loaded.account}, {loaded.region}.")
