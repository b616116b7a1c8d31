"""``replay``: a recovery point is dealt with again, in a run of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.deployments import DEPLOYMENT_ERRORS, estate_of, of_deployment
from backup_actions.cli.locations import aws_clients
from backup_actions.errors import PointUnknown, ReplayRefused, RunFailed

if TYPE_CHECKING:
    from backup_actions.cli.output import Output

_POINT = "arn:aws:ec2:us-east-1::snapshot/snap-0a1b2c3d4e5f60718"


@command(
    "replay",
    examples=(
        f"backup-actions replay {_POINT}",
        f"backup-actions replay {_POINT} --wait",
        f"backup-actions replay {_POINT} --again --json",
    ),
    fails_with=(*DEPLOYMENT_ERRORS, PointUnknown, ReplayRefused, RunFailed),
)
@click.argument("point")
@click.option("--again", is_flag=True, help="Also where the point was archived and verified before.")
@click.option("--wait", is_flag=True, help="Return when the run has ended; Ctrl-C leaves it running.")
@of_deployment
def replay(output: Output, point: str, stack: str, *, again: bool, wait: bool) -> None:
    """Deal with a recovery point again.

    POINT is its ARN. What an earlier run has stored whole is not made again but verified again. Nothing is begun while
    a run is at the point, when the point is gone, and, without --again, when it is archived.
    """
    from backup_actions.aws import World
    from backup_actions.estate import replaying
    from backup_actions.model.console import execution_url

    world = World(aws_clients())
    estate = estate_of(stack, world.clients)
    begun = replaying.replay(world, estate, point, again=again)
    answer = {"point": point, "run": begun.run, "after": begun.after, "execution": begun.execution_arn}
    if not output.as_json:
        output.data(begun.run)
        output.talk(execution_url(begun.execution_arn))
    elif not wait:
        output.answer(answer)
    if wait:
        with output.progress() as progress:
            progress.start(f"run {begun.run}", None)
            *_, ended = replaying.end_of(world, estate, begun)
        if output.as_json:
            output.answer({**answer, "status": ended.status, "error": ended.error})
        else:
            output.talk(f"{begun.run} is {ended.status}.")
        if ended.status != "SUCCEEDED":
            reason = ended.cause or ended.error or "Step Functions gives no reason"
            raise RunFailed(run=begun.run, arn=point, status=ended.status, reason=reason)
