"""What an action machine hands back: where its artifacts and their verification are, so that others can check."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from backup_actions.model.json_types import JsonObject
from backup_actions.model.manifest import StoredObject
from backup_actions.model.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One object in the archive bucket; ``crc64nvme`` is S3's base64 form over all bytes, empty where S3 has none."""

    key: str
    size_bytes: int
    crc64nvme: str

    @classmethod
    def of(cls, prefix: str, stored: StoredObject) -> Self:
        """An object that a manifest below the prefix names."""
        return cls(key=f"{prefix}/{stored.name}", size_bytes=stored.size_bytes, crc64nvme=stored.crc64nvme)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionReport:
    """The output of an action machine. ``verified`` is a claim; the main machine checks it before it counts.

    ``verification_key`` names a document with ``verified`` (bool) and ``manifest_sha256``, written by a role that
    cannot write artifacts.
    """

    verified: bool
    reason: str
    manifest_key: str
    manifest_sha256: str
    verification_key: str
    artifacts: tuple[Artifact, ...]
    """All that was stored; where the manifest names that in a form that ``ManifestContents`` reads, a few of it do."""
    source_bytes: int
    stored_bytes: int
    """What all that was stored occupies."""
    summary: JsonObject = field(default_factory=dict)
    """Figures and sentences for people: member by member what was archived, how it was verified."""
    usage: Usage = field(default_factory=dict)
    """What the run used and will be paid for, by the names of ``Counted``; empty where nobody counted."""

    def to_json(self) -> dict[str, Any]:
        """The form that travels through workflows."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: JsonObject) -> Self:
        """Raises TypeError or KeyError for anything that is not a report."""
        raw: dict[str, Any] = dict(data)
        artifacts = tuple(Artifact(**artifact) for artifact in raw.pop("artifacts"))
        return cls(artifacts=artifacts, **raw)
