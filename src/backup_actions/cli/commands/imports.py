"""``imports``: what a separated account has taken in, what has to stay, and what will go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from backup_actions.cli.cells import cell
from backup_actions.cli.command import command
from backup_actions.cli.deployments import of_file
from backup_actions.cli.locations import aws_clients
from backup_actions.cli.settings_files import loaded_settings
from backup_actions.errors import (
    ActionBroken,
    AwsBusy,
    AwsCallFailed,
    AwsNotConfigured,
    DeploymentUnknown,
    ForgetRefused,
    HoldRefused,
    ImportChanged,
    ImportUnknown,
    NotSeparated,
    SettingsInvalid,
    SettingsUnreadable,
)

if TYPE_CHECKING:
    from backup_actions.cli.output import Output
    from backup_actions.model.json_types import JsonObject
    from backup_actions.offsite.imports import Import, Imports
    from backup_actions.offsite.retention import Verdict
    from backup_actions.settings import DeploymentSettings

_AWS_ERRORS = (AwsCallFailed, AwsBusy, AwsNotConfigured)
_LEDGER = "backup-actions-Ledger0A1B2C3D"

_ledger = click.option(
    "--ledger",
    metavar="TABLE",
    required=True,
    envvar="BACKUP_ACTIONS_LEDGER",
    show_envvar=True,
    help="The ledger's DynamoDB table, an output of the separated account's stack.",
)


@click.group("imports")
def imports() -> None:
    """Look after what a separated account has imported.

    To be run with credentials of that account.
    """


@command(
    "list",
    examples=(
        f"backup-actions imports list --ledger {_LEDGER}",
        f"backup-actions imports list --ledger {_LEDGER} --json | jq '.[] | select(.hold != \"\")'",
    ),
    fails_with=_AWS_ERRORS,
)
@_ledger
def list_imports(output: Output, ledger: str) -> None:
    """List every import that the ledger knows.

    The newest backup of each resource comes first; what retention has removed is listed, too.
    """
    known = sorted(_imports(ledger).all(), key=lambda each: each.backed_up_at, reverse=True)
    known.sort(key=lambda each: each.announcement.resource_arn)
    if output.as_json:
        output.answer([_described(each) for each in known])
        return
    if not known:
        output.talk("Nothing was imported yet.")
        return
    heading = ("BACKUP OF", "RESOURCE", "GIB", "STAGE", "ACTIONS", "IMPORT", "HOLD")
    output.table([heading, *map(_row, known)])


@command(
    "hold",
    examples=(
        "backup-actions imports hold arn:aws:rds:us-east-1:444455556666:snapshot:offsite-0a1b2c --why 'audit of 2026'",
    ),
    fails_with=(*_AWS_ERRORS, ImportUnknown, HoldRefused, ImportChanged),
)
@click.argument("arn")
@click.option("--why", required=True, help="The reason, which is told wherever the import is listed.")
@_ledger
def hold_import(output: Output, arn: str, why: str, ledger: str) -> None:
    """Keep an import, whatever the rules say.

    ARN is that of the import or of the snapshot that was announced. The hold lasts until it is released.
    """
    from backup_actions.offsite.holds import hold

    if not why.strip():
        raise click.BadParameter("a hold needs a reason.", param_hint="--why")
    held = hold(_imports(ledger), arn, why.strip())
    _answer(output, held, f"{held.imported_arn} stays until it is released.")


@command(
    "release",
    examples=("backup-actions imports release arn:aws:rds:us-east-1:444455556666:snapshot:offsite-0a1b2c",),
    fails_with=(*_AWS_ERRORS, ImportUnknown, ImportChanged),
)
@click.argument("arn")
@_ledger
def release_import(output: Output, arn: str, ledger: str) -> None:
    """Take a hold back: the rules decide again.

    ARN is that of the import or of the snapshot that was announced.
    """
    from backup_actions.offsite.holds import release

    released = release(_imports(ledger), arn)
    _answer(output, released, f"{released.imported_arn or arn} is under no hold.")


@command(
    "forget",
    examples=("backup-actions imports forget arn:aws:rds:us-east-1:444455556666:snapshot:offsite-0a1b2c",),
    fails_with=(*_AWS_ERRORS, ImportUnknown, ForgetRefused, ImportChanged),
)
@click.argument("arn")
@_ledger
def forget_import(output: Output, arn: str, ledger: str) -> None:
    """Note that an import is gone for good.

    You have deleted its snapshot, or it has failed and is given up; AWS is asked whether it is really gone. ARN is that
    of the import or of the snapshot that was announced, which is refused from then on.
    """
    from backup_actions.aws import World
    from backup_actions.offsite.holds import forget

    forgotten = forget(World(aws_clients()), _imports(ledger), arn)
    _answer(output, forgotten, f"{forgotten.imported_arn or arn} is known as removed.")


@command(
    "retention",
    examples=(
        f"backup-actions imports retention --ledger {_LEDGER}",
        f"backup-actions imports retention stricter.yaml --ledger {_LEDGER}",
        f"backup-actions imports retention --ledger {_LEDGER} --json | jq '.verdicts[] | select(.keeps | not)'",
    ),
    fails_with=(*_AWS_ERRORS, SettingsInvalid, SettingsUnreadable, DeploymentUnknown, ActionBroken, NotSeparated),
)
@click.argument("settings", type=click.Path(path_type=Path), default=Path("backup-actions.yaml"))
@of_file
@_ledger
def retention(output: Output, settings: Path, deployment: str | None, ledger: str) -> None:
    """Say what retention would remove now, and why.

    The imports of the ledger are looked up and judged by the rules of the file SETTINGS. Nothing is changed: removing
    is done once a day by a function of the stack.
    """
    from backup_actions.aws import World
    from backup_actions.offsite.imports import Imports
    from backup_actions.offsite.retention import Rules
    from backup_actions.offsite.stocktaking import take_stock

    loaded = _loaded(output, settings, deployment)
    assert loaded.imports is not None  # noqa: S101 - looked at when it was loaded
    rules = Rules.among(loaded.imports.retention.model_dump())
    world = World(aws_clients())
    known = Imports(world.clients.dynamodb, ledger, world.clock).all()
    security_tag = {loaded.security_tag.key: loaded.security_tag.value}
    stock = take_stock(world, known, security_tag, rules, machine_arn=_machine_arn(loaded))
    if output.as_json:
        output.answer(stock.to_json())
        return
    output.table(map(_verdict_row, stock.verdicts))
    for each in stock.leaving:
        output.data(f"is leaving: {each.imported_arn}")
    for trouble in stock.troubles:
        output.talk(trouble)


for _each in (list_imports, hold_import, release_import, forget_import, retention):
    imports.add_command(_each)


def _imports(ledger: str) -> Imports:
    from backup_actions.model.clock import SystemClock
    from backup_actions.offsite.imports import Imports

    return Imports(aws_clients().dynamodb, ledger, SystemClock())


def _loaded(output: Output, path: Path, deployment: str | None) -> DeploymentSettings:
    """Raises SettingsInvalid, SettingsUnreadable, DeploymentUnknown, NotSeparated."""
    loaded = loaded_settings(output, path, deployment)
    if loaded.imports is None:
        raise NotSeparated(path=path)
    return loaded


def _machine_arn(settings: DeploymentSettings) -> str:
    """That of imports."""
    from backup_actions.contract.placeholders import fill_text
    from backup_actions.offsite.permissions import IMPORT_MACHINE

    names = {
        "Partition": settings.partition,
        "Region": settings.region,
        "Account": settings.account,
        "Name": settings.name,
    }
    return fill_text(IMPORT_MACHINE, names.__getitem__)


def _described(each: Import) -> JsonObject:
    announced = each.announcement
    return {
        "import": each.imported_arn,
        "announced": announced.snapshot_arn,
        "resource": announced.resource_arn,
        "resource_type": announced.resource_type,
        "backed_up_at": announced.created_at,
        "imported_at": each.imported_at,
        "size_gib": each.size_gib,
        "stage": each.stage.value,
        "attempt": each.attempt,
        "actions": each.acted.value,
        "problem": each.problem,
        "leaving_since": each.leaving_since,
        "hold": each.hold,
    }


def _row(each: Import) -> tuple[str, ...]:
    stage = "leaving" if each.leaving_since and each.is_at_rest else each.stage.value
    announced = each.announcement
    size = str(each.size_gib or announced.size_gib)
    imported = each.imported_arn or "-"
    return (announced.created_at, announced.resource_arn, size, stage, each.acted.value, imported, cell(each.hold))


def _verdict_row(verdict: Verdict) -> tuple[str, ...]:
    word = "stays" if verdict.keeps else "goes"
    announced = verdict.imported.announcement
    return (word, announced.created_at, announced.resource_arn, verdict.imported.imported_arn, cell(verdict.because))


def _answer(output: Output, changed: Import, sentence: str) -> None:
    if output.as_json:
        output.answer(_described(changed))
    else:
        output.data(sentence)
