"""``verify``: is what is stored what was written?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from backup_actions.cli.amounts import Amount
from backup_actions.cli.command import command
from backup_actions.cli.locations import PLACE_ERRORS, store_at
from backup_actions.errors import ArchiveDamaged, ArchiveMissing, ManifestUnreadable
from backup_actions.model.quantities import bytes_in_words

if TYPE_CHECKING:
    from backup_actions.archive import Problem, Store, VerificationReport
    from backup_actions.cli.output import Output


@command(
    "verify",
    examples=(
        "backup-actions verify s3://archives/data/2026-10-01",
        "backup-actions verify archives/disk --sample 5",
        "backup-actions verify archives/disk --json > verification.json",
    ),
    fails_with=(*PLACE_ERRORS, ArchiveMissing, ArchiveDamaged),
)
@click.argument("location")
@click.option(
    "--sample",
    "sample_percent",
    metavar="PERCENT",
    type=Amount(0, 100, min_open=True),
    help="Read only this share of the frames, always the same ones.",
)
@click.option("--all", "whole", is_flag=True, help="Read everything; this is the default.")
def verify(output: Output, location: str, sample_percent: float | None, *, whole: bool) -> None:
    """Read an archive back and compare it with what was written.

    Checksums, counts and content hashes of the archive at LOCATION are computed anew; nothing is changed.
    Of a dump it is also compared whether its description and its sections fit together.
    """
    from backup_actions.archive import verify as verify_archive

    if whole and sample_percent is not None:
        raise click.UsageError("--sample and --all exclude each other.")
    sample, store = None if sample_percent is None else sample_percent / 100, store_at(location)
    with output.progress() as progress:
        report = verify_archive(store, sample=sample, progress=progress)
    report = _with_description(report, store)
    if output.as_json:
        output.answer(report.to_json())
    else:
        _summarize(output, report)
    if not report.ok:
        raise ArchiveDamaged(where=report.location, reason=_in_words(report.problems[0], len(report.problems)))


def _with_description(report: VerificationReport, store: Store) -> VerificationReport:
    """The report, with what is wrong with the description of a dump."""
    from backup_actions.archive import Archive, Problem

    if not report.ok or Archive.open(store).manifest.description is None:
        return report
    from backup_actions.dump import StoredDump

    try:
        StoredDump.open(store)
    except ManifestUnreadable as wrong:
        return replace(report, problems=(Problem(object="the description", reason=str(wrong)),))
    return report


def _summarize(output: Output, report: VerificationReport) -> None:
    for problem in report.problems:
        output.data(_in_words(problem))
    for member in report.members:
        output.data(
            f"{member.name}: {member.frames_checked} of {member.frames} frames, "
            f"{member.entries_compared} of {member.entries} entries, {member.hashes_compared} hashes compared"
        )
    if report.ok:
        extent = "read whole" if report.complete else "sampled"
        output.data(f"{report.location}: {extent}, {bytes_in_words(report.bytes_read)}, nothing is wrong")


def _in_words(problem: Problem, of: int = 1) -> str:
    frame = "" if problem.frame is None else f", frame {problem.frame}"
    files = f"; affected: {', '.join(problem.files)}" if problem.files else ""
    others = f" (and {of - 1} more)" if of > 1 else ""
    return f"{problem.object}{frame}: {problem.reason}{files}{others}"
