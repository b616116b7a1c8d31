"""A proof: what was found when an archive was read again, as a document that stands in the bucket."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from backup_actions import __version__
from backup_actions.estate.folders import folder_of
from backup_actions.model.json_types import JsonObject
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions.model.usage import Usage

FORMAT = "backup-actions/proof"


class ProofKind(StrEnum):
    """How an archive is proven again."""

    VERIFICATION = "verification"
    """All of it is read and compared."""
    RESTORE = "restore"
    """And a sample of it is restored."""


class Found(StrEnum):
    """What the proof has come to."""

    GOOD = "good"
    DAMAGED = "damaged"
    """It is not what was proven before."""
    COLD = "cold"
    """It has to be thawed before it can be read; as far as S3 tells without that, it is what it was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is proven again: what one action has made of one recovery point."""

    recovery_point: RecoveryPoint
    action: str
    run: str
    """The run whose outcome the ledger had when this was begun."""
    evidence_key: str

    def proof_key(self, kind: ProofKind, at: datetime) -> str:
        """Where the proof lies: by the day, and in the order of the archives themselves."""
        path = folder_of(self.evidence_key).path or self.recovery_point.key_id
        return f"proofs/date={at:%Y-%m-%d}/{path}/{self.action}-{kind}-{at:%H%M%S}.json"

    def to_json(self) -> JsonObject:
        """The form that travels through the workflow."""
        return {
            "recoveryPoint": self.recovery_point.to_json(),
            "action": self.action,
            "run": self.run,
            "evidenceKey": self.evidence_key,
        }

    @classmethod
    def from_json(cls, data: JsonObject) -> Self:
        """Raises KeyError and MalformedEvent for anything else."""
        raw: dict[str, Any] = dict(data)
        return cls(
            recovery_point=RecoveryPoint.from_json(raw["recoveryPoint"]),
            action=raw["action"],
            run=raw["run"],
            evidence_key=raw["evidenceKey"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was found, of what, when."""

    subject: Subject
    kind: ProofKind
    found: Found
    problems: tuple[str, ...]
    """Of what is damaged; of what is cold, why."""
    began_at: str
    proven_at: str
    manifest_key: str = ""
    manifest_sha256: str = ""
    """Of the manifest as it lies there now."""
    evidence_sha256: str = ""
    looked_at: JsonObject = field(default_factory=dict)
    """What was read and compared, in figures."""
    usage: Usage = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        """The document."""
        return {
            "format": FORMAT,
            "format_version": 1,
            "tool_version": __version__,
            **{name: value for name, value in asdict(self).items() if name not in {"subject", "problems"}},
            "problems": [*self.problems],
            **self.subject.to_json(),
        }

    @classmethod
    def from_json(cls, data: JsonObject) -> Self:
        """Raises KeyError, TypeError and ValueError for anything that is no proof."""
        raw: dict[str, Any] = dict(data)
        own = ("began_at", "proven_at", "manifest_key", "manifest_sha256", "evidence_sha256", "looked_at", "usage")
        return cls(
            subject=Subject.from_json(data),
            kind=ProofKind(raw["kind"]),
            found=Found(raw["found"]),
            problems=tuple(raw["problems"]),
            **{name: raw[name] for name in own},
        )
