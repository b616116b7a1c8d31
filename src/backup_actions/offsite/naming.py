"""The names of what an import makes: all follow from what was announced, so that anybody can find it again."""

from __future__ import annotations

import hashlib

from backup_actions.model.offsite import Announcement


def copy_name(announced: Announcement) -> str:
    """A letter first, letters, digits and single hyphens, 48 characters: sound for a cluster's snapshot too."""
    return f"offsite-{_digest(announced.snapshot_arn)}"


def execution_name(announced: Announcement, attempt: int) -> str:
    """The same for everybody who wants to begin the same attempt."""
    return f"import-{attempt}-{_digest(announced.snapshot_arn)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]
