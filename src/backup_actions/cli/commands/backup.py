"""``backup``: a backup on demand, before a risky change."""

from __future__ import annotations

import shlex
import uuid
from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.deployments import of_deployment, outputs_of
from backup_actions.cli.locations import aws_clients
from backup_actions.errors import (
    AwsBusy,
    AwsCallFailed,
    AwsNotConfigured,
    BackupFailed,
    MalformedArn,
    PlansUnknown,
    StackUnknown,
    VaultUnknown,
)

if TYPE_CHECKING:
    from backup_actions.aws import Clients, World
    from backup_actions.cli.output import Output
    from backup_actions.lifecycle.on_demand import Planned

_SHOP = "arn:aws:rds:us-east-1:111122223333:db:shop"


def _tags(_context: click.Context, _parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    tags = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{each!r} is no tag: write KEY=VALUE.")
        tags[key] = value
    return tags


@command(
    "backup",
    examples=(
        f"backup-actions backup {_SHOP} --wait",
        f"backup-actions backup {_SHOP} --keep-days 14 --tag change=4711 --wait --json",
        "backup-actions backup arn:aws:ec2:us-east-1:111122223333:volume/vol-0123456789abcdef0 --token change-4711",
    ),
    fails_with=(
        AwsCallFailed,
        AwsBusy,
        AwsNotConfigured,
        MalformedArn,
        PlansUnknown,
        VaultUnknown,
        BackupFailed,
    ),
)
@click.argument("resource")
@of_deployment
@click.option("--vault", metavar="NAME", help="The vault; by default that of the deployment's backup plans.")
@click.option(
    "--role",
    "role_arn",
    metavar="ARN",
    help="The role under which AWS Backup makes it; by default that of the deployment's backup plans.",
)
@click.option(
    "--keep-days",
    type=click.IntRange(1, 36_500),
    default=30,
    show_default=True,
    help="Days for which it is kept.",
)
@click.option(
    "--tag", "tags", metavar="KEY=VALUE", multiple=True, callback=_tags, help="A tag on the backup; may be repeated."
)
@click.option("--wait", is_flag=True, help="Return when the backup is complete, and fail when there is none.")
@click.option(
    "--token",
    metavar="TEXT",
    help="Makes the command repeatable: with the same token there is one backup and not two.",
)
def backup(
    output: Output,
    resource: str,
    *,
    stack: str,
    vault: str | None,
    role_arn: str | None,
    keep_days: int,
    tags: dict[str, str],
    wait: bool,
    token: str | None,
) -> None:
    """Make a backup of RESOURCE now.

    RESOURCE is the ARN of a volume, a database or whatever else AWS Backup knows. AWS Backup begins within an hour, or
    gives it up. Ctrl-C ends the waiting, and not the backup.

    In a watched vault it is dealt with as any other backup.
    """
    from backup_actions.lifecycle.on_demand import Order, look_at, start
    from backup_actions.model.arn import Arn

    arn = Arn.parse(resource)
    clients = aws_clients()
    if not (vault and role_arn):
        planned = _planned(stack, clients)
        vault, role_arn = vault or planned.vault, role_arn or planned.role_arn
    order = Order(
        resource=arn, vault=vault, role_arn=role_arn, keep_days=keep_days, tags=tags, token=token or str(uuid.uuid4())
    )
    job_id = start(_world(clients), order)
    output.talk(f"AWS Backup has the job {job_id}: a backup into {vault}, kept for {keep_days} days.")
    if wait:
        _wait(output, clients, job_id)
    elif output.as_json:
        output.answer(look_at(_world(clients), job_id).to_json())
    else:
        output.data(job_id)
        output.talk(f"See how it stands: {_look(clients, job_id)}")


def _wait(output: Output, clients: Clients, job_id: str) -> None:
    from dataclasses import replace

    from backup_actions.lifecycle.on_demand import follow

    try:
        with output.progress() as progress:
            job = follow(replace(_world(clients), progress=progress), job_id)
    except (KeyboardInterrupt, AwsBusy, AwsCallFailed):
        output.talk(f"The backup goes on without this command. See how it stands: {_look(clients, job_id)}")
        raise
    if output.as_json:
        output.answer(job.to_json())
    else:
        output.data(job.recovery_point_arn)


def _world(clients: Clients) -> World:
    from backup_actions.aws import World

    return World(clients)


def _look(clients: Clients, job_id: str) -> str:
    return shlex.join(["aws", "backup", "describe-backup-job", "--region", clients.region, "--backup-job-id", job_id])


def _planned(stack: str, clients: Clients) -> Planned:
    """What the stack of the plans tells. Raises PlansUnknown."""
    from backup_actions.lifecycle.on_demand import OUTPUT, Planned

    name = f"{stack}-plans"
    try:
        return Planned.from_text(outputs_of(name, clients)[OUTPUT])
    except StackUnknown as missing:
        raise PlansUnknown(stack=name, reason="it is not there") from missing
    except KeyError as missing:
        raise PlansUnknown(stack=name, reason=f"it does not tell {missing}") from missing
    except (ValueError, TypeError) as wrong:
        raise PlansUnknown(stack=name, reason=f"its output {OUTPUT} is of another version") from wrong
