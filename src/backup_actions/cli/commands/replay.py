"""``replay``: a recovery point is dealt with again, in a run of its own; or those that were skipped."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.deployments import DEPLOYMENT_ERRORS, estate_of, of_deployment
from backup_actions.cli.locations import aws_clients
from backup_actions.errors import PointUnknown, ReplayRefused, RunFailed

if TYPE_CHECKING:
    from backup_actions.aws import World
    from backup_actions.cli.output import Output
    from backup_actions.estate import Estate

_POINT = "arn:aws:ec2:us-east-1::snapshot/snap-0a1b2c3d4e5f60718"
_AT_ONCE = 100


@command(
    "replay",
    examples=(
        f"backup-actions replay {_POINT}",
        f"backup-actions replay {_POINT} --wait",
        f"backup-actions replay {_POINT} --again --json",
        "backup-actions replay --skipped --dry-run",
        "backup-actions replay --skipped --limit 20",
    ),
    fails_with=(*DEPLOYMENT_ERRORS, PointUnknown, ReplayRefused, RunFailed),
)
@click.argument("point", required=False)
@click.option("--again", is_flag=True, help="Also where the point was archived and verified before.")
@click.option("--wait", is_flag=True, help="Return when the run has ended; Ctrl-C leaves it running.")
@click.option(
    "--skipped", is_flag=True, help="Instead of POINT those that were skipped and that an action handles now."
)
@click.option("--dry-run", is_flag=True, help="With --skipped: begin nothing, and say which would be.")
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(1),
    default=_AT_ONCE,
    show_default=True,
    help="With --skipped: so many at most.",
)
@of_deployment
def replay(
    output: Output, point: str | None, stack: str, *, again: bool, wait: bool, skipped: bool, dry_run: bool, limit: int
) -> None:
    """Deal with a recovery point again.

    POINT is its ARN. What an earlier run has stored whole is not made again but verified again. Nothing is begun while
    a run is at the point, when the point is gone, and, without --again, when it is archived.

    With --skipped, recovery points are taken up that no action was for when they came, once there is one: those that
    were skipped longest ago first. Each costs what a new one costs, so look with --dry-run before.
    """
    from backup_actions.aws import World

    if (point is None) != skipped:
        raise click.UsageError("Give either POINT or --skipped.")
    if (skipped and (again or wait)) or (dry_run and not skipped):
        raise click.UsageError("--again and --wait are for one POINT, --dry-run is for --skipped.")
    world = World(aws_clients())
    estate = estate_of(stack, world.clients)
    if point is None:
        _take_up(output, world, estate, limit, begins=not dry_run)
    else:
        _replay_one(output, world, estate, point, again=again, wait=wait)


def _replay_one(output: Output, world: World, estate: Estate, point: str, *, again: bool, wait: bool) -> None:
    from backup_actions.estate import replaying
    from backup_actions.model.console import execution_url

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


def _take_up(output: Output, world: World, estate: Estate, limit: int, *, begins: bool) -> None:
    from backup_actions.estate import replaying

    entries = replaying.skipped(world, estate)
    points = []
    for entry in islice(replaying.still_there(world, entries), limit):
        begun = replaying.take_up(world, estate, entry) if begins else None
        if begins and begun is None:  # somebody else was quicker
            continue
        run = begun.run if begun else ""
        points.append({"point": entry.point, "resource": entry.resource, "since": entry.since, "run": run})
        if not output.as_json:
            output.data(f"{entry.point} of {entry.resource}{f': {run}' if run else ''}")
    if output.as_json:
        output.answer({"dry_run": not begins, "skipped": len(entries), "points": points})
        return
    did = "were begun" if begins else "would be begun"
    output.talk(f"{len(points)} {did}, of {len(entries)} that stand as skipped and that an action handles.")
