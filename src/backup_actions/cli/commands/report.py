"""``report``: what an auditor asks of backups, as JSON and as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.deployments import DEPLOYMENT_ERRORS, estate_of, of_deployment
from backup_actions.cli.locations import aws_clients
from backup_actions.model.quantities import bytes_in_words

if TYPE_CHECKING:
    from backup_actions.cli.output import Output
    from backup_actions.proving.report import Report

_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)


@command(
    "report",
    examples=(
        "backup-actions report",
        "backup-actions report --html backups.html",
        "backup-actions report --json > backups.json",
    ),
    fails_with=DEPLOYMENT_ERRORS,
)
@click.option("--html", "html_file", metavar="FILE", type=_FILE, help="Write the report as one HTML file.")
@of_deployment
def report(output: Output, html_file: Path | None, stack: str) -> None:
    """Report what is protected and how it was proven.

    Ledger, evidence and bucket are read, nothing is changed. For each resource: its backups and their archives, when
    each was last proven, SHA-256 of evidence, manifests and proofs, locks and legal holds; and what needs a person.
    Of a separated account: its imports, since when each is held, until when at least, and its evidence.
    """
    from backup_actions.aws import World
    from backup_actions.cli.report_page import page
    from backup_actions.proving.reporting import report_on

    world = World(aws_clients())
    estate = estate_of(stack, world.clients)
    with output.progress() as progress:
        found = report_on(world, estate, progress)
    if html_file:
        html_file.write_text(page(found), encoding="utf-8")
        output.talk(f"The report is in {html_file}.")
    if output.as_json:
        output.answer(found.to_json())
    else:
        _show(output, found)


def _show(output: Output, found: Report) -> None:
    rows = [("RESOURCE", "BACKUPS", "LAST ARCHIVED", "LAST PROVEN", "STORED")]
    for resource in found.resources:
        archived = resource.last_archived
        stored = sum(archive.stored_bytes for point in resource.points for archive in point.archives)
        last = archived.made_at[:16] if archived else "-"
        rows.append(
            (
                resource.resource,
                str(len(resource.points)),
                last,
                resource.last_proof[:16] or "-",
                bytes_in_words(stored),
            )
        )
    if found.resources or not found.imports:
        output.table(rows)
    if found.imports:
        _show_imports(output, found)
    for point, archive in found.damaged:
        output.data(f"damaged: {archive.action} of {point.point}: {archive.problem or archive.manifest_now}")
    for point in found.unprotected:
        output.data(f"not archived: {point.point} of {point.resource}: {point.status}, {point.why}")
    for each in found.failed_imports:
        output.data(f"import failed: {each.announced} of {each.resource}: {each.problem or f'actions {each.actions}'}")
    for remark in found.remarks:
        output.talk(remark)


def _show_imports(output: Output, found: Report) -> None:
    columns = ("RESOURCE", "BACKUP OF", "IMPORTED", "STANDS", "KEPT AT LEAST UNTIL", "SNAPSHOT")
    rows = [
        (
            each.resource,
            each.made_at[:16],
            each.imported_at[:16] or "-",
            each.stage,
            "it is released" if each.hold else each.promised_until[:16] or "-",
            each.imported or "-",
        )
        for each in found.imports
    ]
    output.table([columns, *rows])
