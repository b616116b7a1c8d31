"""The sweep: every check in turn, resumed by the next call where the time of one is over; then people are told."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from backup_actions.aws import World, translated
from backup_actions.aws.documents import write_document
from backup_actions.errors import AwsBusy, BackupActionsError
from backup_actions.estate.dead_runs import dead_runs
from backup_actions.estate.dead_waits import dead_waits
from backup_actions.estate.description import VARIABLE, Estate
from backup_actions.estate.evidence import archives_and_evidence
from backup_actions.estate.failed_proofs import failed_proofs
from backup_actions.estate.findings import Finding, not_looked_at
from backup_actions.estate.gone_points import gone_points
from backup_actions.estate.left_behind import left_behind
from backup_actions.estate.looking import Check, Looking, Page
from backup_actions.estate.missed_points import missed_points
from backup_actions.estate.open_uploads import open_uploads
from backup_actions.estate.skipped_points import skipped_points
from backup_actions.estate.sweeps import Progress, Sweeps
from backup_actions.estate.unacknowledged import unacknowledged_copies
from backup_actions.model.commands import command
from backup_actions.model.json_types import JsonObject
from backup_actions.model.mail import Mail

log = logging.getLogger(__name__)

CHECKS: Mapping[str, Check] = {
    "missed points": missed_points,
    "dead runs": dead_runs,
    "dead waits": dead_waits,
    "gone points": gone_points,
    "left behind": left_behind,
    "open uploads": open_uploads,
    "unacknowledged copies": unacknowledged_copies,
    "failed proofs": failed_proofs,
    "skipped points": skipped_points,
    "archives and evidence": archives_and_evidence,
}
"""In this order: what protects a backup first."""

# Of the 15 minutes that a function may take; a page takes seconds.
_WORKS_FOR = timedelta(minutes=10)
_HELD_FOR = timedelta(minutes=15)
_TOLD_AT_MOST = 100

# The calls come every hour, but for moments: one that is a moment early must not put a sweep off for an hour.
_EARLY = timedelta(minutes=10)


def look(
    looking: Looking, progress: Progress | None = None, *, is_over: Callable[[], bool] = lambda: False
) -> Iterator[tuple[tuple[Finding, ...], Progress]]:
    """Everything that is not as it should be, page by page, each with from where to go on.

    After ``is_over`` the page that was begun is the last one; the last progress of all names no check. A check that is
    refused is a finding itself, and the others are made all the same. Raises AwsBusy.
    """
    names = list(CHECKS)
    progress = progress or Progress(began=looking.world.clock.now().isoformat(), check=names[0])
    # A version that called its checks otherwise may have left the progress: all of them are made then.
    first = names.index(progress.check) if progress.check in names else 0
    for name in names[first:]:
        cursor = progress.cursor if name == progress.check else ""
        for page in _pages(name, looking, cursor):
            then = name if page.cursor else next(iter(names[names.index(name) + 1 :]), "")
            progress = replace(progress, check=then, cursor=page.cursor)
            yield page.findings, progress
            if is_over():
                return


def sweep(world: World, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """A sweep has gone on, or was not due. What was found is a document in the bucket; of what is left people are told.

    Called every hour; a sweep begins as often as the settings say. Called twice at a time, the second does nothing.
    """
    del event
    estate = Estate.from_text(world.environment[VARIABLE])
    sweeps = Sweeps(world.clients.dynamodb, estate.ledger, world.clock)
    every = timedelta(hours=estate.sweep_hours) - _EARLY
    progress = sweeps.take(first_check=next(iter(CHECKS)), every=every, held_for=_HELD_FOR)
    if progress is None:
        return {"swept": False}
    end, looking = world.clock.now() + _WORKS_FOR, Looking(world, estate, repairs=True)
    findings: list[Finding] = []
    reached = progress
    try:
        for page in look(looking, progress, is_over=lambda: world.clock.now() > end):
            findings += page[0]
            reached = page[1]
    except AwsBusy as busy:
        log.warning("the next call goes on with %s: %s", reached.check, busy)
    document = _stored(world, estate, progress.began, findings) if findings else ""
    if left := [finding for finding in findings if not finding.repaired]:
        _tell(world, estate, left, document)
    looking.was_told()
    is_done = not reached.check
    if is_done:
        sweeps.finish(reached)
    else:
        sweeps.leave(reached)
    log.info("%d found, %d repaired, %s", len(findings), len(findings) - len(left), "done" if is_done else "goes on")
    return {"swept": True, "done": is_done, "found": len(findings), "left": len(left), "document": document}


def _pages(name: str, looking: Looking, cursor: str) -> Iterator[Page]:
    try:
        yield from CHECKS[name](looking, cursor)
    except AwsBusy:
        raise
    except BackupActionsError as refused:
        yield Page((not_looked_at(name, refused),))


def _stored(world: World, estate: Estate, began: str, findings: list[Finding]) -> str:
    """The key of the document with all that this call has found."""
    now = world.clock.now()
    key = f"sweeps/date={now:%Y-%m-%d}/{now:%H%M%S}.json"
    document: JsonObject = {
        "format": "backup-actions/sweep",
        "format_version": 1,
        "began": began,
        "written_at": now.isoformat(),
        "findings": [finding.to_json() for finding in findings],
    }
    write_document(world.clients.s3, estate.bucket, key, document)
    return key


def _tell(world: World, estate: Estate, left: list[Finding], document: str) -> None:
    lines = [f"The sweep of {estate.name} has found what it cannot put right by itself ({len(left)} in all):", ""]
    for finding in left[:_TOLD_AT_MOST]:
        lines += [f"- {finding.kind}: {finding.subject}", f"  {finding.what}", f"  What to do: {finding.remedy}"]
    lines += [
        "",
        f"All of it: s3://{estate.bucket}/{document}. What the next sweep still finds it tells again; backups",
    ]
    lines += [f"that stand as failed are in the digest and in `{command('status', stack=estate.name)}`."]
    mail = Mail(f"Sweep of {estate.name}: {len(left)} to look at", "\n".join(lines))
    with translated():
        world.clients.sns.publish(TopicArn=estate.topic_arn, Subject=mail.subject, Message=mail.message)
