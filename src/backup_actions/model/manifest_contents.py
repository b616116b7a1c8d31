"""What a stored manifest of whatever form says: which recovery point it is of, and which objects it names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from backup_actions.errors import MalformedArn, MalformedEvent, MalformedMessage, ManifestUnreadable, NotVerified
from backup_actions.model import export_manifest as exports
from backup_actions.model import manifest as archives
from backup_actions.model.arn import Arn
from backup_actions.model.offsite import ANNOUNCEMENT, Announcement
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions.model.report import Artifact


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestContents:
    """What is in a manifest. Those of actions of somebody else's may be of any form, and need not say either of it.

    A JSON object of theirs is read for ``recovery_point``, in the form that the action is given it, and for
    ``objects``: ``key``, ``size_bytes`` and ``crc64nvme`` of each.
    """

    is_ours: bool
    """Whether it is of a form of this project; these have always named their recovery point."""
    recovery_point: RecoveryPoint | None
    objects: tuple[Artifact, ...] | None
    """All that it names, with their keys in the bucket; None where it names none and only a report does."""

    @classmethod
    def of(cls, manifest_key: str, content: bytes) -> Self:
        """What is in the manifest that lies there.

        Raises ManifestUnreadable where it is of a form of ours and altered, or of an unknown version.
        """
        raw = _json_object(content)
        form = raw.get("format")
        if form == archives.FORMAT:
            return cls.of_ours(manifest_key, archives.Manifest.from_bytes(content))
        if form == exports.FORMAT:
            return cls.of_ours(manifest_key, exports.ExportManifest.from_bytes(content))
        if form == ANNOUNCEMENT:
            return cls(is_ours=True, recovery_point=_announced(content), objects=())
        return cls(is_ours=False, recovery_point=_point(raw), objects=_listed(raw.get("objects")))

    @classmethod
    def of_ours(cls, manifest_key: str, manifest: archives.Manifest | exports.ExportManifest) -> Self:
        """What is in a manifest that was read already."""
        stored = manifest.files if isinstance(manifest, exports.ExportManifest) else manifest.objects
        folder = manifest_key.rpartition("/")[0]
        objects = tuple(Artifact.of(folder, each) for each in stored)
        return cls(is_ours=True, recovery_point=_point(manifest.source), objects=objects)

    def objection_at(self, prefix: str) -> str | None:
        """Why the manifest cannot be of the recovery point whose place that is, if it cannot."""
        if self.recovery_point is None:
            return "its manifest names no recovery point" if self.is_ours else None
        if not self.recovery_point.is_place(prefix):
            return f"what lies under {prefix} is of another recovery point, {self.recovery_point.arn}: move it away"
        return None


def require_place(manifest: archives.Manifest | exports.ExportManifest, prefix: str) -> None:
    """A manifest of ours that was read already is of the recovery point whose place that is. Raises NotVerified."""
    contents = ManifestContents(is_ours=True, recovery_point=_point(manifest.source), objects=None)
    if objection := contents.objection_at(prefix):
        raise NotVerified(reason=objection)


def _json_object(content: bytes) -> dict[str, Any]:
    """An empty one for anything else."""
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return raw if isinstance(raw, dict) else {}


def _point(named_in: Mapping[str, Any]) -> RecoveryPoint | None:
    """None where it names none that can be read."""
    try:
        return RecoveryPoint.from_json(named_in["recovery_point"])
    except (KeyError, MalformedArn, MalformedEvent):
        return None


def _announced(content: bytes) -> RecoveryPoint:
    try:
        told = Announcement.from_text(content.decode())
    except (UnicodeDecodeError, MalformedMessage) as wrong:
        raise ManifestUnreadable(reason=str(wrong)) from wrong
    return RecoveryPoint(
        arn=Arn.parse(told.recovery_point_arn),
        vault_name="",
        resource_arn=Arn.parse(told.resource_arn),
        resource_type=told.resource_type,
    )


def _listed(told: Any) -> tuple[Artifact, ...] | None:
    """None for anything but a list of objects, each with key, size and checksum."""
    if not isinstance(told, list) or not all(isinstance(each, Mapping) for each in told):
        return None
    try:
        objects = tuple(Artifact(**each) for each in told)
    except TypeError:
        return None
    is_whole = all((type(each.key), type(each.size_bytes), type(each.crc64nvme)) == (str, int, str) for each in objects)
    return objects if is_whole else None
