"""``cost``: what a run will cost, what runs did cost, and by which prices."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from backup_actions.cli.amounts import MOST_GIB, Amount
from backup_actions.cli.command import command
from backup_actions.cli.deployments import DEPLOYMENT_ERRORS, estate_of, of_deployment, of_file
from backup_actions.cli.locations import aws_clients
from backup_actions.cli.settings_files import loaded_settings
from backup_actions.errors import (
    ActionBroken,
    DeploymentUnknown,
    PricesUnreadable,
    PriceUnknown,
    SettingsInvalid,
    SettingsUnreadable,
    TemplateUnreadable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backup_actions.aws import Clients
    from backup_actions.cli.output import Output
    from backup_actions.costs import By, Keeping, Prices, Run, Standing, Sum
    from backup_actions.settings import DeploymentSettings

_ACTIONS = ("ebs-archive", "rds-export", "rds-dump", "dynamodb-export", "offsite-copy")
_SETTINGS_ERRORS = (SettingsInvalid, SettingsUnreadable, DeploymentUnknown, ActionBroken)
_PRICE_ERRORS = (PriceUnknown, PricesUnreadable)

_own_prices = click.option(
    "--prices",
    "own_prices",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A TOML file with prices of your own, which take the place of those that are known; see docs/costs.md.",
)
_settings = click.option(
    "--settings",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The settings file, for the region and for the classes in which archives are kept.",
)
_region = click.option("--region", help="The region of the prices; without a settings file us-east-1.")


@click.group("cost")
def cost() -> None:
    """Say what it costs, before and after.

    Figures are list prices in US dollars, without taxes, discounts and free tiers.
    """


@command(
    "estimate",
    examples=(
        "backup-actions cost estimate --action ebs-archive --gib 100",
        "backup-actions cost estimate --action ebs-archive --gib 80 --files 2000000 --years 7 --settings our.yaml",
        "backup-actions cost estimate --action rds-dump --gib 500 --instance-class db.t4g.large",
        "backup-actions cost estimate --action dynamodb-export --gib 40 --json | jq .run.most.usd",
    ),
    fails_with=(*_PRICE_ERRORS, *_SETTINGS_ERRORS),
)
@click.option("--action", type=click.Choice(_ACTIONS), required=True, help="What is done with the backup.")
@click.option("--gib", type=Amount(min=0, min_open=True, max=MOST_GIB), required=True, help="What is in use, in GiB.")
@click.option("--files", type=click.IntRange(min=0), default=0, help="How many files are on the volume, if known.")
@click.option("--years", type=Amount(min=0, min_open=True, max=100), default=3, show_default=True, help="Kept so long.")
@click.option(
    "--freed-gib",
    type=Amount(min=0, min_open=True, max=MOST_GIB),
    help="What deleting the backup frees, if less: a snapshot shares blocks with those before and after it.",
)
@click.option("--from-snapshot", is_flag=True, help="EBS: the snapshot's blocks are read, without a volume.")
@click.option("--instance-class", default="db.t4g.medium", show_default=True, help="RDS: the temporary instance's.")
@click.option("--copy-of", type=click.Choice(["EBS", "RDS"]), default="EBS", show_default=True, help="Off-site: what.")
@click.option("--other-region", is_flag=True, help="Off-site: the copy goes to another region.")
@_settings
@of_file
@_region
@_own_prices
def estimate_cost(
    output: Output,
    *,
    action: str,
    gib: float,
    files: int,
    years: float,
    freed_gib: float | None,
    from_snapshot: bool,
    instance_class: str,
    copy_of: str,
    other_region: bool,
    settings: Path | None,
    deployment: str | None,
    region: str | None,
    own_prices: Path | None,
) -> None:
    """Say what an action on one backup will cost.

    The run at best and at worst, by what was measured of its speed; keeping what it makes for some years in the
    storage classes of the settings; and leaving the backup where it is, for as long.
    """
    from backup_actions.cli.bills import estimate_rows, verdict_on
    from backup_actions.costs import Subject, estimate

    loaded = loaded_settings(output, settings, deployment) if settings else None
    keeping, prices = _keeping(loaded), _prices(loaded, region, own_prices)
    subject = Subject(
        gib=Decimal(str(gib)),
        files=files,
        storage_class=keeping.storage_class,
        from_snapshot=from_snapshot,
        database_class=instance_class,
        resource_type=copy_of,
        other_region=other_region,
    )
    freed = Decimal(str(freed_gib)) if freed_gib else None
    found = estimate(action, subject, keeping, prices, days=max(1, round(years * 365)), freed_gib=freed)
    if output.as_json:
        output.answer(found.to_json())
        return
    output.data(f"{action} of {gib:g} GiB in {prices.region}, by prices of {prices.as_of}\n")
    output.table(estimate_rows(found))
    output.data(f"\n{verdict_on(found)}")
    output.talk("")
    for sentence in found.assumed:
        output.talk(f"Assumed: {sentence}.")


@command(
    "runs",
    examples=(
        "backup-actions cost runs",
        "backup-actions cost runs --by month --since 2026-01-01",
        "backup-actions cost runs --by resource --settings backup-actions.yaml --json | jq '.[] | select(.usd > 1)'",
    ),
    fails_with=(*DEPLOYMENT_ERRORS, *_PRICE_ERRORS, *_SETTINGS_ERRORS),
)
@click.option(
    "--by",
    type=click.Choice(["run", "action", "resource", "month"]),
    default="action",
    show_default=True,
    help="What is summed up together.",
)
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Only runs that ended on this day (UTC) or later.")
@of_deployment
@_settings
@of_file
@_own_prices
def cost_of_runs(
    output: Output,
    *,
    by: str,
    since: datetime | None,
    stack: str,
    settings: Path | None,
    deployment: str | None,
    own_prices: Path | None,
) -> None:
    """Say what the runs of a deployment did cost.

    The ledger has what each run used that ended well: of an action on a backup the last one. A run that counted
    nothing, of an older version for instance, is told as not counted. What failed runs used is not in it, nor are
    the calls of functions, logs, and what AWS Backup itself charges.
    """
    from backup_actions.cli.bills import sum_rows, sums_described
    from backup_actions.costs import summed
    from backup_actions.model.clock import SystemClock

    clients = aws_clients()
    estate = estate_of(stack, clients)
    loaded = loaded_settings(output, settings, deployment) if settings else None
    prices = _prices(None, estate.region, own_prices)
    which, now = cast("By", by), SystemClock().now()
    runs = _runs(estate.ledger, clients, prices, since.replace(tzinfo=UTC) if since else None)
    sums = summed(runs, which, keeping=_keeping(loaded), prices=prices, now=now)
    if output.as_json:
        output.answer(sums_described(sums, which))
        return
    if not sums:
        output.talk("No run has ended well.")
        return
    output.table(sum_rows(sums, which))
    _tell_what_is_missing(output, sums, prices)


@command(
    "month",
    examples=(
        "backup-actions cost month cdk.out/backup-actions.template.json",
        "backup-actions cost month cdk.out/backup-actions.template.json --json | jq .usd",
    ),
    fails_with=(TemplateUnreadable, *_PRICE_ERRORS),
)
@click.argument("template", type=click.Path(path_type=Path))
@_region
@_own_prices
def cost_of_a_month(output: Output, *, template: Path, region: str | None, own_prices: Path | None) -> None:
    """Say what a stack costs while nothing happens.

    TEMPLATE is a stack as the CDK has rendered it: network, keys, alarms, metrics and dashboards are counted there.
    """
    from backup_actions.cli.bills import standing_rows
    from backup_actions.costs import number, standing_charges, total_usd

    charges = standing_charges(_standing(template), _prices(None, region, own_prices))
    if output.as_json:
        usd = number(total_usd(charges))
        output.answer({"template": str(template), "usd": usd, "charges": [charge.to_json() for charge in charges]})
        return
    output.table(standing_rows(charges))


@command(
    "prices",
    examples=(
        "backup-actions cost prices",
        "backup-actions cost prices --region eu-west-1 --prices ours.toml --json",
    ),
    fails_with=_PRICE_ERRORS,
)
@_region
@_own_prices
def list_prices(output: Output, *, region: str | None, own_prices: Path | None) -> None:
    """List the prices, each with its unit and its source."""
    prices = _prices(None, region, own_prices)
    if output.as_json:
        rows = [
            {"name": row.name, "usd": str(row.usd), "unit": row.unit, "source": row.source, "note": row.note}
            for row in prices.rows.values()
        ]
        output.answer({"region": prices.region, "as_of": prices.as_of, "prices": rows})
        return
    heading = ("PRICE", "USD", "PER", "SOURCE", "NOTE")
    output.table(
        [heading, *((row.name, f"{row.usd:f}", row.unit, row.source, row.note) for row in prices.rows.values())]
    )


for _each in (estimate_cost, cost_of_runs, cost_of_a_month, list_prices):
    cost.add_command(_each)


def _prices(loaded: DeploymentSettings | None, region: str | None, own: Path | None) -> Prices:
    """Raises PriceUnknown for a region of which nothing is known, PricesUnreadable."""
    from backup_actions.costs import known_regions, prices_of

    wanted = region or (loaded.region if loaded else "us-east-1")
    prices = prices_of(wanted, own)
    if not prices.rows:
        raise PriceUnknown(name="anything", region=wanted, known=", ".join(known_regions()))
    return prices


def _keeping(loaded: DeploymentSettings | None) -> Keeping:
    from backup_actions.costs import Keeping

    if loaded is None:
        return Keeping()
    bucket = loaded.archive_bucket
    return Keeping(
        storage_class=bucket.storage_class,
        glacier_days=bucket.lifecycle.glacier,
        deep_archive_days=bucket.lifecycle.deep_archive,
        expiration_days=bucket.lifecycle.expiration,
    )


def _standing(path: Path) -> Standing:
    """Raises TemplateUnreadable."""
    from backup_actions.costs import Standing
    from backup_actions.estate import metrics

    try:
        template = json.loads(path.read_text(encoding="utf-8"))
        kinds = [each["Type"] for each in template["Resources"].values()]
        of_actions = max(0, kinds.count("AWS::StepFunctions::StateMachine") - 1)  # one is the main machine's
        own = len(metrics.PER_ESTATE) + of_actions * len(metrics.PER_ACTION)
        return Standing.of_template(template, metrics=own if "AWS::CloudWatch::Dashboard" in kinds else 0)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise TemplateUnreadable(path=path, reason=f"{type(wrong).__name__}: {wrong}") from wrong


def _runs(ledger: str, clients: Clients, prices: Prices, since: datetime | None) -> Iterator[Run]:
    from backup_actions.costs import run_of
    from backup_actions.ledger import Ledger, Standing
    from backup_actions.model.clock import SystemClock

    for entry in Ledger(clients.dynamodb, ledger, SystemClock()).standing(Standing.ARTIFACT):
        run = run_of(
            run=entry.run,
            action=entry.action,
            resource=entry.resource,
            ended_at=entry.changed_at,
            details=entry.details,
            prices=prices,
        )
        if since is None or run.ended_at >= since:
            yield run


def _tell_what_is_missing(output: Output, sums: list[Sum], prices: Prices) -> None:
    if uncounted := sum(each.uncounted for each in sums):
        output.talk(f"{uncounted} of the runs did not count what they used: their cost is not known.")
    if unpriced := sorted({name for each in sums for name in each.unpriced}):
        output.talk(f"Without a price in {prices.region}, and in no sum: {', '.join(unpriced)}. Give it with --prices.")
