"""The two short steps: report what the jobs stored, and remove what was never completed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from backup_actions.actions.ebs_archive.places import verification_key
from backup_actions.aws import World
from backup_actions.aws.documents import read_document, read_object
from backup_actions.aws.objects import abort_uploads, delete_objects, object_keys
from backup_actions.errors import ManifestUnreadable, NotVerified
from backup_actions.model.manifest import MANIFEST_NAME, RESUME_FOLDER, Manifest, Member
from backup_actions.model.report import ActionReport, Artifact

Event = Mapping[str, Any]


def report(world: World, event: Event) -> Mapping[str, Any]:
    """Say what was archived and whether it is verified, from what is stored. Raises NotVerified."""
    s3, bucket, prefix = world.clients.s3, event["bucket"], event["prefix"]
    manifest_key = f"{prefix}/{MANIFEST_NAME}"
    stored = read_object(s3, bucket, manifest_key)
    if stored is None:
        raise NotVerified(reason=f"there is no {manifest_key}")
    verification = read_document(s3, bucket, verification_key(event["evidencePrefix"]))
    if verification is None:
        raise NotVerified(reason=f"there is no verification of {manifest_key}")
    manifest = Manifest.from_bytes(stored)
    digest = hashlib.sha256(stored).hexdigest()
    verified = verification["verified"] is True and verification["manifest_sha256"] == digest
    return ActionReport(
        verified=verified,
        reason=_verdict(verification, verified=verified),
        manifest_key=manifest_key,
        manifest_sha256=digest,
        verification_key=verification_key(event["evidencePrefix"]),
        artifacts=tuple(_artifacts(prefix, manifest)),
        source_bytes=manifest.source_bytes,
        stored_bytes=manifest.stored_bytes,
        summary={"members": [_line(member) for member in manifest.members]},
    ).to_json()


def discard(world: World, event: Event) -> Mapping[str, int]:
    """Abort the run's uploads and remove its objects; of those that a manifest names only the notes for a resume."""
    s3, bucket, inside = world.clients.s3, event["bucket"], f"{event['prefix']}/{event['run']}/"
    aborted = abort_uploads(s3, bucket, inside)
    removable = f"{inside}{RESUME_FOLDER}/" if _may_be_named(world, event) else inside
    keys = object_keys(s3, bucket, removable)
    delete_objects(s3, bucket, keys)
    return {"aborted": aborted, "removed": len(keys)}


def _may_be_named(world: World, event: Event) -> bool:
    """Whether the manifest is of this run, or cannot be read."""
    s3, bucket, key = world.clients.s3, event["bucket"], f"{event['prefix']}/{MANIFEST_NAME}"
    if key not in object_keys(s3, bucket, key):  # a listing is allowed where asking for what is not there is not
        return False
    stored = read_object(s3, bucket, key)
    try:
        members = Manifest.from_bytes(stored).members if stored is not None else ()
    except ManifestUnreadable:
        return True
    return any(member.object.name.startswith(f"{event['run']}/") for member in members)


def _artifacts(prefix: str, manifest: Manifest) -> list[Artifact]:
    objects = [stored for member in manifest.members for stored in (member.object, member.index) if stored is not None]
    return [Artifact(key=f"{prefix}/{o.name}", size_bytes=o.size_bytes, crc64nvme=o.crc64nvme) for o in objects]


def _verdict(verification: Mapping[str, Any], *, verified: bool) -> str:
    if not verified:
        problems = [f"{problem['object']}: {problem['reason']}" for problem in verification["problems"][:3]]
        return "the verification found: " + ("; ".join(problems) or "another manifest than the one stored")
    share = "in whole" if verification["sample"] is None else f"by a sample of {verification['sample']:.0%}"
    hashes = sum(member["hashes_compared"] for member in verification["members"])
    return f"read back {share}, {verification['bytes_read']} bytes, {hashes} content hashes compared"


def _line(member: Member) -> dict[str, Any]:
    return {
        "name": member.name,
        "kind": member.kind,
        "object": member.object.name,
        "source_bytes": member.source_bytes,
        "stored_bytes": member.object.size_bytes + (member.index.size_bytes if member.index else 0),
        "entries": member.counts.entries,
        "raw_because": member.raw_because,
    }
