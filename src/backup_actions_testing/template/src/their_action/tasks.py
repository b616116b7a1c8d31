"""The short step: is what is stored what the manifest says? Its role cannot write what it checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from backup_actions.aws import World
from backup_actions.aws.documents import describe_object, read_object, write_document
from backup_actions.errors import NotVerified
from backup_actions.model.report import ActionReport, Artifact

from their_action.places import MANIFEST_NAME, verification_key


def check(world: World, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is stored, and whether it is verified; the verification stands in the evidence. Raises NotVerified."""
    s3, bucket = world.clients.s3, event["bucket"]
    manifest_key = f"{event['prefix']}/{MANIFEST_NAME}"
    stored = read_object(s3, bucket, manifest_key)
    if stored is None:
        raise NotVerified(reason=f"there is no {manifest_key}")
    artifacts = tuple(Artifact(**each) for each in json.loads(stored)["objects"])
    problems = list(_problems(world, bucket, artifacts))
    digest = hashlib.sha256(stored).hexdigest()
    verification: dict[str, Any] = {"verified": not problems, "manifest_sha256": digest, "problems": problems}
    write_document(s3, bucket, verification_key(event["evidencePrefix"]), verification)
    return ActionReport(
        verified=not problems,
        reason="; ".join(problems) or f"{len(artifacts)} object(s) found as the manifest has them",
        manifest_key=manifest_key,
        manifest_sha256=digest,
        verification_key=verification_key(event["evidencePrefix"]),
        artifacts=artifacts,
        source_bytes=sum(artifact.size_bytes for artifact in artifacts),
        stored_bytes=sum(artifact.size_bytes for artifact in artifacts),
    ).to_json()


def _problems(world: World, bucket: str, artifacts: tuple[Artifact, ...]) -> Iterator[str]:
    if not artifacts:
        yield "the manifest names nothing"
    for artifact in artifacts:
        found = describe_object(world.clients.s3, bucket, artifact.key)
        if found != artifact:
            yield f"{artifact.key} is not there" if found is None else f"{artifact.key} is another than was stored"
