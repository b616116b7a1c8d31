"""The short steps: report what the jobs stored, and remove what no manifest names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from backup_actions.aws import World
from backup_actions.aws.documents import read_document, read_object
from backup_actions.aws.objects import abort_uploads, delete_objects, object_keys
from backup_actions.errors import NotVerified
from backup_actions.model.report import ActionReport, Artifact
from backup_actions.model.usage import added, usage_of_jobs

from ec2_archive.places import MANIFEST_NAME, verification_key

Event = Mapping[str, Any]


def report(world: World, event: Event) -> Mapping[str, Any]:
    """Say what was archived and whether it is verified, from what is stored. Raises NotVerified."""
    s3, bucket, manifest_key = world.clients.s3, event["bucket"], f"{event['prefix']}/{MANIFEST_NAME}"
    stored = read_object(s3, bucket, manifest_key)
    verification = read_document(s3, bucket, verification_key(event["evidencePrefix"]))
    if stored is None or verification is None:
        raise NotVerified(reason=f"there is no {manifest_key}, or no verification of it")
    manifest, digest = json.loads(stored), hashlib.sha256(stored).hexdigest()
    artifacts = tuple(Artifact(**each) for each in manifest["objects"])
    verified = verification["verified"] is True and verification["manifest_sha256"] == digest
    return ActionReport(
        verified=verified,
        reason=f"read back in whole, {verification['bytes_read']} bytes" if verified else _objection(verification),
        manifest_key=manifest_key,
        manifest_sha256=digest,
        verification_key=verification_key(event["evidencePrefix"]),
        artifacts=artifacts,
        source_bytes=sum(disk["source_bytes"] for disk in manifest["disks"]),
        stored_bytes=sum(artifact.size_bytes for artifact in artifacts),
        summary={"image": manifest["image"], "disks": manifest["disks"]},
        usage=added((usage_of_jobs(event["jobs"]), manifest["usage"].get(event["run"], {}), verification["usage"])),
    ).to_json()


def discard(world: World, event: Event) -> Mapping[str, int]:
    """Nothing of the run is under way, and nothing is left of it but what the manifest names."""
    s3, bucket, prefix = world.clients.s3, event["bucket"], event["prefix"]
    inside, manifest_key = f"{prefix}/{event['run']}/", f"{prefix}/{MANIFEST_NAME}"
    aborted = abort_uploads(s3, bucket, inside)
    # A listing is allowed where asking for what is not there is not.
    stored = read_object(s3, bucket, manifest_key) if manifest_key in object_keys(s3, bucket, manifest_key) else None
    named = {each["key"] for each in json.loads(stored)["objects"]} if stored is not None else set[str]()
    keys = [key for key in object_keys(s3, bucket, inside) if key not in named]
    delete_objects(s3, bucket, keys)
    return {"aborted": aborted, "removed": len(keys)}


def _objection(verification: Mapping[str, Any]) -> str:
    return "the verification found: " + ("; ".join(verification["problems"][:3]) or "another manifest than the stored")
