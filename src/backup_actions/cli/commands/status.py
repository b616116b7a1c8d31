"""``status``: how the whole estate stands, a resource, or a recovery point."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.deployments import DEPLOYMENT_ERRORS, estate_of, of_deployment
from backup_actions.cli.locations import aws_clients
from backup_actions.cli.standing import show
from backup_actions.errors import PointUnknown

if TYPE_CHECKING:
    from backup_actions.cli.output import Output
    from backup_actions.estate.overview import Stands

_EVERY_SECONDS = 10


@command(
    "status",
    examples=(
        "backup-actions status",
        "backup-actions status --watch",
        "backup-actions status arn:aws:ec2:us-east-1:111122223333:volume/vol-0a1b2c3d4e5f60718",
        "backup-actions status arn:aws:ec2:us-east-1::snapshot/snap-0a1b2c3d4e5f60718 --json",
    ),
    fails_with=(*DEPLOYMENT_ERRORS, PointUnknown),
)
@click.argument("arn", required=False)
@click.option("--watch", is_flag=True, help=f"Look again every {_EVERY_SECONDS} seconds until Ctrl-C.")
@of_deployment
def status(output: Output, arn: str | None, stack: str, *, watch: bool) -> None:
    """Show how backups stand.

    Without ARN: how many stand how, since when, and what waits for a person. With the ARN of what is backed up: its
    recovery points. With that of a recovery point: its actions, archives, evidence and run, and why it was kept.
    """
    from backup_actions.aws import World
    from backup_actions.estate.overview import stands

    world = World(aws_clients())
    estate = estate_of(stack, world.clients)
    before: Stands | None = None
    while True:
        now = stands(world, estate, arn)
        if now is None:
            raise PointUnknown(arn=arn)
        if output.as_json:
            (output.record if watch else output.answer)(now.to_json())
        elif sys.stdout.isatty() and watch:
            click.clear()
            show(output, now)
        elif now != before:
            show(output, now)
        before = now
        if not watch:
            return
        world.clock.sleep(_EVERY_SECONDS)
