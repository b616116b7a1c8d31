"""Reads an archive back and compares everything with everything; nothing that the writer kept is trusted."""

from __future__ import annotations

from backup_actions.archive.report import VerificationReport
from backup_actions.archive.store import Store
from backup_actions.model.progress import Progress


def verify(store: Store, *, sample: float | None = None, progress: Progress | None = None) -> VerificationReport:
    """Damage is reported, never raised. Raises ArchiveMissing where there is no manifest.

    ``sample`` is the share of frames to read, from above 0 to 1; None reads everything.
    """
    raise NotImplementedError
