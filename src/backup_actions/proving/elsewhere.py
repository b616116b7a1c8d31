"""Restore tests that the machine of an action makes, into something temporary of its own: begun, and what they came to.

See ``contract.Action.restore_test``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from backup_actions.aws import World
from backup_actions.aws.documents import read_document
from backup_actions.errors import NotVerified
from backup_actions.model.json_types import JsonObject
from backup_actions.model.usage import Usage

TESTERS = "BACKUP_ACTIONS_RESTORE_TESTERS"
"""The environment variable with the machines that are asked for such tests: JSON, action → ARN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elsewhere:
    """What a machine has answered."""

    usage: Usage = field(default_factory=dict)
    not_restored: str = ""
    """Why there was no test, where there was none; then nothing is known of the archive."""
    manifest_sha256: str = ""
    """Of the manifest that it restored from."""
    problems: tuple[str, ...] = ()
    restored: JsonObject = field(default_factory=dict)
    """What was restored and compared, in figures."""

    @classmethod
    def answered(cls, world: World, bucket: str, answer: Mapping[str, Any]) -> Self:
        """Raises NotVerified where the document is not there of which the answer speaks."""
        usage = answer.get("usage", {})
        if reason := answer.get("notRestored"):
            return cls(usage=usage, not_restored=reason)
        document = read_document(world.clients.s3, bucket, answer["documentKey"])
        if document is None:
            raise NotVerified(reason=f"there is no {answer['documentKey']}")
        return cls(
            usage=usage,
            manifest_sha256=document["manifest_sha256"],
            problems=tuple(document["problems"]),
            restored={**document["restored"], "document": answer["documentKey"]},
        )

    def problems_with(self, manifest_sha256: str) -> tuple[str, ...]:
        """What is wrong with the archive of this manifest."""
        if self.manifest_sha256 != manifest_sha256:
            return ("what was restored in the test is of another manifest than this one",)
        return self.problems


def asked(machine_arn: str, result: Mapping[str, Any], proof_key: str) -> JsonObject:
    """What the machine of proving is told, so that it has the action's machine make a test, of what that had made."""
    return {
        "machineArn": machine_arn,
        "prefix": result["prefix"],
        "evidencePrefix": result["evidencePrefix"],
        "documentKey": f"{proof_key.removesuffix('.json')}-restored.json",
    }
