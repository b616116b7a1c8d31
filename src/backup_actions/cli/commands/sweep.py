"""``sweep``: what no event announced, what died, what was left behind; looked for now, from this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.deployments import DEPLOYMENT_ERRORS, estate_of, of_deployment
from backup_actions.cli.locations import aws_clients

if TYPE_CHECKING:
    from backup_actions.cli.output import Output
    from backup_actions.estate.findings import Finding


@command(
    "sweep",
    examples=(
        "backup-actions sweep --dry-run",
        "backup-actions sweep --stack backup-actions --json | jq '.findings[] | select(.repaired | not)'",
    ),
    fails_with=DEPLOYMENT_ERRORS,
)
@click.option("--dry-run", is_flag=True, help="Change nothing, and say what would be done.")
@of_deployment
def sweep(output: Output, stack: str, *, dry_run: bool) -> None:
    """Look for everything that is not as it should be.

    That is what the deployment's own function does on a schedule: recovery points that no event announced, runs that
    died, resources and uploads that were left behind, off-site copies that nobody acknowledges, archives without
    evidence and evidence without archive, proofs that failed, skipped backups that an action handles now. What is safe
    to repair is repaired, the rest is told.
    """
    from backup_actions.aws import World
    from backup_actions.estate.looking import Looking
    from backup_actions.estate.sweeping import look

    world = World(aws_clients())
    estate = estate_of(stack, world.clients)
    findings: list[Finding] = []
    check = ""
    looking = Looking(world, estate, repairs=not dry_run)
    for found, progress in look(looking):
        findings += found
        if not output.as_json:
            for finding in found:
                _show(output, finding)
            if progress.check and progress.check != check:
                output.talk(f"… {progress.check}")
        check = progress.check
    repaired = sum(finding.repaired for finding in findings)
    if output.as_json:
        output.answer({"dry_run": dry_run, "findings": [finding.to_json() for finding in findings]})
    elif not findings:
        output.talk("Everything is as it should be.")
    else:
        output.talk(f"{len(findings)} found, {repaired} repaired.")
    looking.was_told()


def _show(output: Output, finding: Finding) -> None:
    output.data(f"{finding.kind}: {finding.subject}")
    output.data(f"  {finding.what}")
    output.data(f"  {'done' if finding.repaired else 'to do'}: {finding.remedy}")
