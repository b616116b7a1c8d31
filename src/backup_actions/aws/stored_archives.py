"""What stands below an archive's prefix: whether it is verified, and what of a run may be removed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backup_actions.aws.documents import read_document, read_object, read_with_notes
from backup_actions.aws.objects import abort_uploads, delete_objects, object_keys
from backup_actions.errors import ManifestUnreadable, NotVerified
from backup_actions.model.manifest import MANIFEST_NAME, RESUME_FOLDER, Manifest
from backup_actions.model.manifest_contents import require_place
from backup_actions.model.usage import Usage, added, usage_noted

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A stored manifest, and what its verification says; ``verified`` only if it is of this very manifest."""

    manifest: Manifest
    sha256: str
    verification: Mapping[str, Any]
    verified: bool
    notes: Mapping[str, str]
    """What the writer of the manifest had S3 keep with it."""

    def usage(self, run: str) -> Usage:
        """What the jobs of this run counted: the one that wrote, if it was this run's, and the one that verified."""
        return added((usage_noted(self.notes, run), self.verification.get("usage", {})))


def verdict_on(s3: S3Client, bucket: str, manifest_key: str, verification_key: str) -> Verdict:
    """What is stored, and nothing that a job has said.

    Raises NotVerified where one of the two is missing, or the manifest is not of the backup whose place it lies in.
    """
    found = read_with_notes(s3, bucket, manifest_key)
    if found is None:
        raise NotVerified(reason=f"there is no {manifest_key}")
    stored, notes = found
    verification = read_document(s3, bucket, verification_key)
    if verification is None:
        raise NotVerified(reason=f"there is no verification of {manifest_key}")
    digest, manifest = hashlib.sha256(stored).hexdigest(), Manifest.from_bytes(stored)
    require_place(manifest, manifest_key.rpartition("/")[0])
    return Verdict(
        manifest=manifest,
        sha256=digest,
        verification=verification,
        verified=verification["verified"] is True and verification["manifest_sha256"] == digest,
        notes=notes,
    )


def discard_run(s3: S3Client, bucket: str, prefix: str, run: str) -> tuple[int, int]:
    """Abort the run's uploads and remove its objects; of those that a manifest names only the notes for a resume.

    How many uploads, and how many objects.
    """
    inside = f"{prefix}/{run}/"
    aborted = abort_uploads(s3, bucket, inside)
    named = _may_be_named(s3, bucket, prefix, run)
    keys = object_keys(s3, bucket, f"{inside}{RESUME_FOLDER}/" if named else inside)
    delete_objects(s3, bucket, keys)
    return aborted, len(keys)


def _may_be_named(s3: S3Client, bucket: str, prefix: str, run: str) -> bool:
    """Whether the manifest is of this run, or cannot be read."""
    key = f"{prefix}/{MANIFEST_NAME}"
    if key not in object_keys(s3, bucket, key):  # a listing is allowed where asking for what is not there is not
        return False
    stored = read_object(s3, bucket, key)
    try:
        members = Manifest.from_bytes(stored).members if stored is not None else ()
    except ManifestUnreadable:
        return True
    return any(member.object.name.startswith(f"{run}/") for member in members)
