"""The short step at the end: what the run has come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backup_actions.actions.rds_dump.places import verification_key
from backup_actions.aws import World
from backup_actions.aws.documents import describe_object, read_document
from backup_actions.aws.stored_archives import Verdict, verdict_on
from backup_actions.errors import NotVerified
from backup_actions.model.manifest import MANIFEST_NAME, Manifest, Member
from backup_actions.model.report import ActionReport, Artifact
from backup_actions.model.usage import Counted, Usage, added, of_kind, usage_of_jobs

Event = Mapping[str, Any]

# A workflow's state holds 256 KiB, and a server may have thousands of databases: the manifest has all that was stored.
_MOST_NAMED = 100
_LONGEST_REASON = 500  # it goes into the command of a job, which holds 8 KiB


def report(world: World, event: Event) -> Mapping[str, Any]:
    """Say what was dumped and whether it is verified, from what is stored. Raises NotVerified."""
    s3, bucket, prefix = world.clients.s3, event["bucket"], event["prefix"]
    manifest_key = f"{prefix}/{MANIFEST_NAME}"
    verdict = verdict_on(s3, bucket, manifest_key, verification_key(event["evidencePrefix"]))
    described = describe_object(s3, bucket, manifest_key)
    if described is None:
        raise NotVerified(reason=f"there is no {manifest_key}")
    manifest, verification = verdict.manifest, verdict.verification
    return ActionReport(
        verified=verdict.verified,
        reason=_reason(verdict),
        manifest_key=manifest_key,
        manifest_sha256=verdict.sha256,
        verification_key=verification_key(event["evidencePrefix"]),
        artifacts=(described, *_artifacts(prefix, manifest)[:_MOST_NAMED]),
        source_bytes=manifest.source_bytes,
        stored_bytes=manifest.stored_bytes,
        summary={
            "databases": verification["dump"]["databases"][:_MOST_NAMED],
            "members": [_line(member) for member in manifest.members[:_MOST_NAMED]],
            "notes": verification["notes"],
        },
        usage=added(
            (usage_of_jobs(event["jobs"]), *map(_usage_of_database, event["databases"]), verdict.usage(event["run"]))
        ),
    ).to_json()


def report_load(world: World, event: Event) -> Mapping[str, Any]:
    """Say where it stands what the load has come to, and what that used. Raises NotVerified where there is nothing."""
    key = event["restoreTest"]["documentKey"]
    document = read_document(world.clients.s3, event["bucket"], key)
    if document is None:
        raise NotVerified(reason=f"there is no {key}")
    used = added((usage_of_jobs(event["jobs"]), *map(_usage_of_database, event["databases"]), document["usage"]))
    if document["not_restored"]:
        return {"notRestored": document["not_restored"][:_LONGEST_REASON], "usage": used}
    return {"documentKey": key, "usage": used}


def _usage_of_database(hosted: Mapping[str, Any]) -> Usage:
    """The instance, and its disk; what the volume of a cluster stores is not known."""
    hours = hosted["seconds"] / 3600
    stored: dict[str, float] = {Counted.DATABASE_GIB_HOURS: hosted["gib"] * hours} if "gib" in hosted else {}
    return {of_kind(Counted.DATABASE_HOURS, hosted["class"]): hours, **stored}


def _artifacts(prefix: str, manifest: Manifest) -> list[Artifact]:
    return [Artifact.of(prefix, stored) for stored in manifest.objects]


def _reason(verdict: Verdict) -> str:
    verification = verdict.verification
    if not verdict.verified:
        problems = [str(problem) for problem in verification["problems"][:3]]
        return "the verification found: " + ("; ".join(problems) or "another manifest than the one stored")
    found = verification["dump"]
    if found["depth"] != "restore":
        return f"read back in whole, {found['sections_inspected']} sections inspected"
    tables, rows = (sum(each[what] for each in found["databases"]) for what in ("tables", "rows"))
    return f"{len(found['databases'])} databases loaded and compared: {tables} tables, {rows} rows"


def _line(member: Member) -> dict[str, Any]:
    return {"name": member.name, "object": member.object.name, "stored_bytes": member.object.size_bytes}
