"""An archive that outlives its process: what interrupts it leaves what was done, for the same command to go on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from backup_actions.archive.journal import Journal
from backup_actions.archive.options import ArchiveOptions
from backup_actions.archive.store import Store
from backup_actions.archive.under_way import can_be_continued
from backup_actions.errors import ArchiveExists, ArchiveInterrupted, BackupActionsError
from backup_actions.model.json_types import JsonObject
from backup_actions.model.manifest import MANIFEST_NAME, Manifest, Member
from backup_actions.model.progress import Progress

_OPTIONS = ("codec", "level", "frame_size_mib", "raw", "whole_images", "mount", "source_is_scratch")
"""Those that decide what the bytes of an archive are; threads and memory may change."""


@contextmanager
def journal_kept(
    to: Store,
    options: ArchiveOptions,
    identity: JsonObject,
    manifest: Callable[[tuple[Member, ...]], Manifest],
    progress: Progress,
    *,
    every_seconds: float,
    manifest_in: Store | None = None,
) -> Iterator[Journal]:
    """A journal that has what an earlier process kept. Raises ArchiveInterrupted where this one keeps something too.

    The manifest will stand in ``manifest_in``, by default where the journal is.
    """
    chosen = {name: getattr(options, name) for name in _OPTIONS}
    journal = Journal(
        to,
        {**identity, "options": chosen},
        manifest,
        progress,
        frame_bytes=options.frame_bytes,
        every_seconds=every_seconds,
    )
    try:
        try:
            yield journal
        finally:
            journal.close()
    except BaseException as error:
        complete = isinstance(error, ArchiveExists) or _is_complete(manifest_in or to)
        if journal.kept and can_be_continued(error) and not complete:
            raise ArchiveInterrupted(where=to.location, reason=_reason(error), kept=journal.kept) from error
        with suppress(BackupActionsError):
            journal.forget()
            if complete or not journal.kept:
                journal.remove()
        raise


def _is_complete(to: Store) -> bool:
    """Whether somebody else was faster; a store that cannot be reached does not say."""
    try:
        return to.describe(MANIFEST_NAME) is not None
    except BackupActionsError:
        return False


def _reason(error: BaseException) -> str:
    return str(error) if isinstance(error, BackupActionsError) else "it was interrupted"
