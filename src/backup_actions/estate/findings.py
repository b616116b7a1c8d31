"""What a sweep finds, in one shape for the mail, the document and the command line."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

from backup_actions.errors import BackupActionsError
from backup_actions.model.json_types import JsonObject


class Kind(StrEnum):
    """What is not as it should be."""

    MISSED_POINT = "missed point"
    """A completed recovery point that no event announced."""
    DEAD_RUN = "dead run"
    """The ledger says that a point is being processed, and no execution is at it."""
    GONE = "gone"
    """A point that failed, or whose run died, and that AWS Backup does not have any more."""
    NO_EVIDENCE = "archive without evidence"
    NO_ARCHIVE = "evidence without archive"
    LEFT_BEHIND = "left behind"
    """A resource that a run has made and not removed."""
    OPEN_UPLOAD = "open upload"
    UNACKNOWLEDGED = "unacknowledged copy"
    SKIPPED_POINTS = "skipped points"
    """Backups of a type that no action handled when they came, and that one handles now."""
    FAILED_PROOF = "failed proof"
    """An archive was to be proven again, and that failed: what it is nobody knows."""
    NOT_LOOKED_AT = "not looked at"
    """A check, a vault or a point could not be looked at: what that would have shown nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be, and whether the sweep has put it right."""

    kind: Kind
    subject: str
    """What it is about: an ARN, or a key in the bucket."""
    what: str
    since: str
    """In ISO 8601; empty where nobody knows."""
    remedy: str
    """What was done about it, or what a person has to do."""
    repaired: bool = False

    def to_json(self) -> JsonObject:
        """The form for scripts."""
        return asdict(self)


def not_looked_at(subject: str, refused: BackupActionsError) -> Finding:
    """What is told of something that could not be looked at, while all else is."""
    return Finding(kind=Kind.NOT_LOOKED_AT, subject=subject, what=str(refused), since="", remedy=refused.hint)
