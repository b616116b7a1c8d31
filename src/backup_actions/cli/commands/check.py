"""``check``: is the settings file right, and the account that it is for?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.deployments import of_file
from backup_actions.errors import (
    AccountUnfit,
    ActionBroken,
    AwsNotConfigured,
    DeploymentUnknown,
    SettingsInvalid,
    SettingsUnreadable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backup_actions.cli.checked import Checked
    from backup_actions.cli.output import Output
    from backup_actions.contract import Action
    from backup_actions.settings import DeploymentSettings


@command(
    "check",
    examples=(
        "backup-actions check --example > backup-actions.yaml",
        "backup-actions check",
        "backup-actions check production.yaml --json",
        "backup-actions check --account --deployment europe",
        "backup-actions check --key-policy > statements.json",
        "backup-actions check --schema > backup-actions.schema.json",
    ),
    fails_with=(
        SettingsInvalid,
        SettingsUnreadable,
        DeploymentUnknown,
        ActionBroken,
        AccountUnfit,
        AwsNotConfigured,
    ),
)
@click.argument("settings", type=click.Path(path_type=Path), default=Path("backup-actions.yaml"))
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the settings file instead.")
@click.option("--example", is_flag=True, help="Print a settings file with every setting, its meaning and its default.")
@click.option(
    "--key-policy", is_flag=True, help="Print the statements that the policy of archive_bucket.key_arn needs, as JSON."
)
@click.option(
    "--account", is_flag=True, help="With credentials: also look whether the account has what the settings need."
)
@of_file
def check(
    output: Output,
    settings: Path,
    deployment: str | None,
    *,
    schema: bool,
    example: bool,
    key_policy: bool,
    account: bool,
) -> None:
    """Check the settings file SETTINGS and price its network.

    Every mistake is reported at once. Nothing is changed, and AWS is only asked with --account: zones, vaults, bucket,
    key, network, quotas and what the CDK needs are then looked at, with the rights of the credentials at hand. What
    they may not look at is not checked. Of a file with deployments in several accounts, --deployment names the one
    that the credentials are for.
    """
    import backup_actions.settings as settings_file
    from backup_actions.cli.checked import checked
    from backup_actions.cli.settings_files import usable_actions

    if sum((schema, example, key_policy, account)) > 1:
        raise click.UsageError("--schema, --example, --key-policy and --account are different things: ask for one.")
    found = usable_actions(output)
    if schema:
        output.data(json.dumps(settings_file.json_schema(found.actions), indent=1))
        return
    if example:
        output.data(settings_file.example(found.actions).rstrip("\n"))
        return
    loaded = settings_file.load_all(settings, found.actions)
    if found.broken:
        raise found.broken[0]
    if key_policy or deployment:
        loaded = (settings_file.load(settings, found.actions, deployment),)
    if key_policy:
        _tell_key_policy(output, loaded[0], found.actions)
    else:
        _tell_what_is_right(output, [checked(settings, one, found.actions, account=account) for one in loaded])


def _tell_what_is_right(output: Output, found: Sequence[Checked]) -> None:
    """Raises AccountUnfit for the first account in which something is wrong, when all has been told."""
    if output.as_json:
        answers = [one.to_json() for one in found]
        output.answer(answers[0] if len(answers) == 1 else {"deployments": answers})
    else:
        for one in found:
            one.show(output)
    for one in found:
        one.require_fit()


def _tell_key_policy(output: Output, loaded: DeploymentSettings, actions: Sequence[Action]) -> None:
    from backup_actions.lifecycle.key_policy import key_policy_needed

    named = loaded.archive_bucket.key_arn
    if not named:
        output.talk("archive_bucket.key_arn is not set: the stack makes a key, and its policy.")
    output.answer(list(key_policy_needed(loaded, actions)) if named else [])
