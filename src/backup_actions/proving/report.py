"""The report that an auditor asks for, as data: what is protected, when that was last proven and how, what is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby

from backup_actions.ledger import Standing, Status
from backup_actions.model.json_types import JsonObject
from backup_actions.offsite.imports import Acted, Stage

FORMAT = "backup-actions/report"

ARCHIVED = frozenset({Status.KEPT, Status.SHORTENED, Status.DELETED})
"""Every chosen action had succeeded and was verified before a point came to stand so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenArchive:
    """What an action has made of a recovery point, and what is known of it today. Texts are empty if nothing is."""

    action: str
    standing: str
    """``artifact``: its last proof was good; else another word of the ledger."""
    proven_at: str
    """In ISO 8601."""
    proven_by: str
    """``run``: when it was made; ``verification`` or ``restore``: later."""
    restored_at: str
    """When a restore from it was last tested."""
    looked_at: str
    """When, being too cold to be read, its objects were last compared with S3's word for them: size and checksum."""
    place: str
    stored_bytes: int
    manifest_sha256: str
    """Of the manifest that was proven."""
    manifest_now: str
    """``as proven``, ``missing``, ``another``, or ``not readable``, as it is in classes that are thawed first."""
    storage_class: str
    locked_until: str
    """Until when S3 lets nobody remove the manifest, with the mode of the lock."""
    proof: str
    """The document that says so, and its hash: of the last proof after the run."""
    proof_sha256: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedPoint:
    """One recovery point."""

    point: str
    resource: str
    resource_type: str
    vault: str
    tags: tuple[tuple[str, str], ...]
    made_at: str
    """When the backup was made, in ISO 8601."""
    status: str
    why: str
    """Why it was kept or let go, or what keeps it from being archived."""
    holds: tuple[str, ...]
    """The titles of AWS Backup's legal holds that the backup is under."""
    evidence: str
    evidence_sha256: str
    archives: tuple[ProvenArchive, ...]

    @property
    def is_archived(self) -> bool:
        """Whether all that was to be made of it was made and verified."""
        return self.status in ARCHIVED

    @property
    def last_proof(self) -> str:
        """When one of its archives was last proven."""
        return max((archive.proven_at for archive in self.archives), default="")


@dataclass(frozen=True, slots=True)
class ReportedResource:
    """What is backed up, and its recovery points, the newest backup first."""

    resource: str
    points: tuple[ReportedPoint, ...]

    @property
    def last_backup(self) -> str:
        """When the newest of them was made."""
        return self.points[0].made_at

    @property
    def last_archived(self) -> ReportedPoint | None:
        """The newest of them that is archived."""
        return next((point for point in self.points if point.is_archived), None)

    @property
    def last_proof(self) -> str:
        """When an archive of it was last proven."""
        return max(point.last_proof for point in self.points)

    def to_json(self) -> JsonObject:
        """The form for scripts."""
        archived = self.last_archived
        return {
            "resource": self.resource,
            "resource_type": self.points[0].resource_type,
            "last_backup": self.last_backup,
            "last_archived_backup": archived.made_at if archived else "",
            "last_proof": self.last_proof,
            "points": [asdict(point) for point in self.points],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedImport:
    """A snapshot that another account has announced, and what this one has of it. Texts are empty if nothing is."""

    resource: str
    """What was backed up, in its own account."""
    resource_type: str
    made_at: str
    """When the backup was made, as its source says, in ISO 8601."""
    announced: str
    imported: str
    imported_at: str
    """When the copy was found to be what was announced."""
    size_gib: int
    stage: str
    is_held: bool
    """Whether the snapshot was verified, and nobody has removed it or is about to."""
    actions: str
    """What has come of the actions on it."""
    promised_until: str
    """Until when its source was told that it is kept; rules of retention may keep it longer."""
    hold: str
    """Why somebody keeps it from being removed."""
    problem: str
    announcement_sha256: str
    evidence: str
    evidence_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One deployment, at one moment."""

    deployment: JsonObject
    made_at: str
    tool_version: str
    retention: tuple[str, ...]
    """What the bucket keeps, for how long, and what ends it: sentences."""
    resources: tuple[ReportedResource, ...]
    remarks: tuple[str, ...]
    """What could not be looked at: this report says nothing of it."""
    imports: tuple[ReportedImport, ...] = ()
    """Of a separated account."""

    @property
    def points(self) -> Iterator[ReportedPoint]:
        """All of them."""
        return (point for resource in self.resources for point in resource.points)

    @property
    def unprotected(self) -> tuple[ReportedPoint, ...]:
        """The backups that are not archived, for whatever reason."""
        return tuple(point for point in self.points if not point.is_archived)

    @property
    def damaged(self) -> tuple[tuple[ReportedPoint, ProvenArchive], ...]:
        """The archives that are not what they were, each with its point."""
        return tuple(
            (point, archive)
            for point in self.points
            for archive in point.archives
            if archive.standing == Standing.DAMAGED or archive.manifest_now in {"missing", "another"}
        )

    @property
    def failed_imports(self) -> tuple[ReportedImport, ...]:
        """Those that a person has to look at: they are not there, or not all that should be was made of them."""
        return tuple(each for each in self.imports if each.stage == Stage.FAILED or each.actions == Acted.FAILED)

    @property
    def counts(self) -> JsonObject:
        """How much of what."""
        archives = [archive for point in self.points for archive in point.archives]
        by_standing = Counter(archive.standing for archive in archives)
        return {
            "resources": len(self.resources),
            "resources_without_archive": sum(each.last_archived is None for each in self.resources),
            "backups": sum(1 for _ in self.points),
            "backups_not_archived": len(self.unprotected),
            "archives": len(archives),
            "archives_by_standing": dict(sorted(by_standing.items())),
            "archives_damaged": len(self.damaged),
            "archives_restored_in_a_test": sum(bool(archive.restored_at) for archive in archives),
            "stored_bytes": sum(archive.stored_bytes for archive in archives),
            "imports": len(self.imports),
            "imports_held": sum(each.is_held for each in self.imports),
            "imports_failed": len(self.failed_imports),
            "oldest_proof": min((archive.proven_at for archive in archives if archive.proven_at), default=""),
        }

    def to_json(self) -> JsonObject:
        """The form for scripts; what is not protected stands in ``resources`` too."""
        return {
            "format": FORMAT,
            "format_version": 1,
            "tool_version": self.tool_version,
            "made_at": self.made_at,
            "deployment": self.deployment,
            "counts": self.counts,
            "retention": [*self.retention],
            "damaged": [{"point": point.point, **asdict(archive)} for point, archive in self.damaged],
            "not_archived": [point.point for point in self.unprotected],
            "resources": [resource.to_json() for resource in self.resources],
            "imports": [asdict(each) for each in self.imports],
            "remarks": [*self.remarks],
        }


def by_resource(points: list[ReportedPoint]) -> tuple[ReportedResource, ...]:
    """The points under what they are backups of: in the same order whenever the same is known."""
    newest_first = sorted(points, key=lambda point: (point.made_at, point.point), reverse=True)
    ordered = sorted(newest_first, key=lambda point: point.resource)
    return tuple(
        ReportedResource(resource, tuple(together))
        for resource, together in groupby(ordered, key=lambda point: point.resource)
    )
