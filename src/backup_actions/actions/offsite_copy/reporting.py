"""What the run has come to, from what is stored."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from backup_actions.actions.offsite_copy.places import acknowledgement_key
from backup_actions.aws import World
from backup_actions.aws.documents import describe_object, read_document, read_object
from backup_actions.errors import NotVerified
from backup_actions.model.offsite import Announcement, sha256_of
from backup_actions.model.report import ActionReport

Event = Mapping[str, Any]

_FRESH = timedelta(days=2)


def report(world: World, event: Event) -> Mapping[str, Any]:
    """Say whether the separated account has acknowledged an import, and then of what. Raises NotVerified."""
    s3, bucket, key = world.clients.s3, event["bucket"], acknowledgement_key(event["evidencePrefix"])
    evidence = read_document(s3, bucket, key)
    if evidence is None:
        return {"acknowledged": False, "report": {}}
    _require_fresh(world, str(evidence["received_at"]))
    manifest_key = str(evidence["manifest_key"])
    stored, described = read_object(s3, bucket, manifest_key), describe_object(s3, bucket, manifest_key)
    if stored is None or described is None:
        raise NotVerified(reason=f"there is no {manifest_key}")
    announcement, sha256 = Announcement.from_text(stored.decode()), sha256_of(stored)
    is_it = evidence["verified"] is True and evidence["manifest_sha256"] == sha256
    acknowledged = evidence["acknowledgement"]
    found = ActionReport(
        verified=is_it,
        reason=f"imported as {acknowledged['imported_arn']} on {acknowledged['imported_at']}"
        if is_it
        else "the acknowledgement is of another announcement than the one stored",
        manifest_key=manifest_key,
        manifest_sha256=sha256,
        verification_key=key,
        artifacts=(described,),
        source_bytes=announcement.size_gib << 30,
        stored_bytes=described.size_bytes,
        summary={"import": acknowledged["imported_arn"], "engine": announcement.engine, "run": announcement.run},
    )
    return {"acknowledged": True, "report": found.to_json()}


def _require_fresh(world: World, received_at: str) -> None:
    """Raise NotVerified for old news: the separated account may have let its import go since, by its own rules."""
    if world.clock.now() - datetime.fromisoformat(received_at) > _FRESH:
        raise NotVerified(reason=f"that there was an import was acknowledged on {received_at[:10]}, and not since")
