"""``check``: is the settings file right, and the account that it is for?"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from backup_actions.cli.cells import cell
from backup_actions.cli.command import command
from backup_actions.errors import (
    AccountUnfit,
    ActionBroken,
    AwsNotConfigured,
    SettingsInvalid,
    SettingsUnreadable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from backup_actions.account import Result
    from backup_actions.cli.output import Output
    from backup_actions.contract import Action
    from backup_actions.model.json_types import JsonObject
    from backup_actions.settings import DeploymentSettings

# Where no others are known.
_LIST_PRICES = "us-east-1"


@command(
    "check",
    examples=(
        "backup-actions check --example > backup-actions.yaml",
        "backup-actions check",
        "backup-actions check production.yaml --json",
        "backup-actions check --account",
        "backup-actions check --key-policy > statements.json",
        "backup-actions check --schema > backup-actions.schema.json",
    ),
    fails_with=(SettingsInvalid, SettingsUnreadable, ActionBroken, AccountUnfit, AwsNotConfigured),
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
def check(output: Output, settings: Path, *, schema: bool, example: bool, key_policy: bool, account: bool) -> None:
    """Check the settings file SETTINGS and price its network.

    Every mistake is reported at once. Nothing is changed, and AWS is only asked with --account: zones, vaults, bucket,
    key, network, quotas and what the CDK needs are then looked at, with the rights of the credentials at hand. What
    they may not look at is not checked.
    """
    import backup_actions.settings as settings_file
    from backup_actions.plugins import installed

    if sum((schema, example, key_policy, account)) > 1:
        raise click.UsageError("--schema, --example, --key-policy and --account are different things: ask for one.")
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
    if key_policy:
        _tell_key_policy(output, loaded, found.actions)
    else:
        results = _looked_at(loaded, found.actions) if account else None
        _tell_what_is_right(output, settings, loaded, found.actions, results)
        _refuse_what_is_wrong(settings, loaded, results or ())


def _looked_at(loaded: DeploymentSettings, actions: Sequence[Action]) -> list[Result]:
    from backup_actions.account import looked_at
    from backup_actions.aws import Clients, translated

    with translated():
        return list(looked_at(loaded, actions, Clients(region=loaded.region)))


def _refuse_what_is_wrong(settings: Path, loaded: DeploymentSettings, results: Iterable[Result]) -> None:
    wrong = [result.subject for result in results if result.outcome == "wrong"]
    if wrong:
        subjects = ", ".join(dict.fromkeys(wrong))
        raise AccountUnfit(count=len(wrong), account=loaded.account, path=settings, subjects=subjects)


def _tell_key_policy(output: Output, loaded: DeploymentSettings, actions: Sequence[Action]) -> None:
    from backup_actions.lifecycle.key_policy import key_policy_needed

    named = loaded.archive_bucket.key_arn
    if not named:
        output.talk("archive_bucket.key_arn is not set: the stack makes a key, and its policy.")
    output.answer(list(key_policy_needed(loaded, actions)) if named else [])


def _tell_what_is_right(
    output: Output,
    settings: Path,
    loaded: DeploymentSettings,
    actions: Sequence[Action],
    results: Sequence[Result] | None,
) -> None:
    from backup_actions.costs import in_dollars, known_regions, network_monthly_usd, prices_of
    from backup_actions.settings.endpoints import endpoint_count, gateway_count
    from backup_actions.settings.remarks import remarks

    enabled = [action.name for action in loaded.enabled(actions)]
    prices = prices_of(loaded.region if loaded.region in known_regions() else _LIST_PRICES)
    endpoints, gateways = endpoint_count(loaded, actions), gateway_count(loaded)
    monthly_usd = network_monthly_usd(endpoints=endpoints, gateways=gateways, prices=prices)
    found = list(remarks(loaded, actions))
    if output.as_json:
        network: JsonObject = {
            "kind": loaded.network.kind,
            "interface_endpoints": endpoints,
            "nat_gateways": gateways,
            "monthly_usd": float(monthly_usd),
            "prices": prices.region,
        }
        about = {"settings": str(settings), "account": loaded.account, "region": loaded.region}
        seen: JsonObject = {} if results is None else {"checks": [dataclasses.asdict(result) for result in results]}
        output.answer({**about, "enabled": enabled, "network": network, "remarks": found, **seen})
        return
    output.data(f"{settings} is right: {', '.join(enabled) or 'no action'} in {loaded.account}, {loaded.region}.")
    output.data(
        f"The network ({loaded.network.kind}) costs {in_dollars(monthly_usd)} a month before anything is sent"
        + (f", by the list prices of {prices.region}." if monthly_usd else ".")
    )
    for remark in found:
        output.talk(f"Look again: {remark}.")
    if results is not None:
        output.data("")
        output.table([("OUTCOME", "SUBJECT", ""), *((one.outcome, one.subject, cell(one.says)) for one in results)])
