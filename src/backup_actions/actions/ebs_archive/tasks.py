"""The two short steps: report what the jobs stored, and remove what was never completed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup_actions.actions.ebs_archive.places import verification_key
from backup_actions.aws import World
from backup_actions.aws.stored_archives import Verdict, discard_run, verdict_on
from backup_actions.model.manifest import MANIFEST_NAME, Manifest, Member
from backup_actions.model.report import ActionReport, Artifact
from backup_actions.model.usage import Counted, Usage, added, usage_of_jobs, usage_of_volume

Event = Mapping[str, Any]


def report(world: World, event: Event) -> Mapping[str, Any]:
    """Say what was archived and whether it is verified, from what is stored. Raises NotVerified."""
    s3, bucket, prefix = world.clients.s3, event["bucket"], event["prefix"]
    manifest_key = f"{prefix}/{MANIFEST_NAME}"
    verdict = verdict_on(s3, bucket, manifest_key, verification_key(event["evidencePrefix"]))
    manifest = verdict.manifest
    return ActionReport(
        verified=verdict.verified,
        reason=_reason(verdict),
        manifest_key=manifest_key,
        manifest_sha256=verdict.sha256,
        verification_key=verification_key(event["evidencePrefix"]),
        artifacts=tuple(_artifacts(prefix, manifest)),
        source_bytes=manifest.source_bytes,
        stored_bytes=manifest.stored_bytes,
        summary={"members": [_line(member) for member in manifest.members]},
        usage=added((usage_of_jobs(event["jobs"]), _usage_of_volume(event["volume"]), verdict.usage(event["run"]))),
    ).to_json()


def discard(world: World, event: Event) -> Mapping[str, int]:
    """Abort the run's uploads and remove its objects; of those that a manifest names only the notes for a resume."""
    aborted, removed = discard_run(world.clients.s3, event["bucket"], event["prefix"], event["run"])
    return {"aborted": aborted, "removed": removed}


def _usage_of_volume(volume: Mapping[str, Any]) -> Usage:
    """The volume was there until a moment ago; without one the numbers of hours are 0."""
    hours, gib = volume["seconds"] / 3600, volume["gib"]
    used = usage_of_volume(gib=gib, hours=hours, iops=volume["iops"], mib_per_s=volume["mibPerSecond"])
    return {**used, Counted.VOLUME_INITIALIZED_GIB: gib if volume["initialized"] else 0}


def _artifacts(prefix: str, manifest: Manifest) -> list[Artifact]:
    return [Artifact.of(prefix, stored) for stored in manifest.objects]


def _reason(verdict: Verdict) -> str:
    verification = verdict.verification
    if not verdict.verified:
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
