"""What follows from a proof: the document, the ledger's word, and, of damage, a mail at once. Nothing is removed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from backup_actions.aws import World, translated
from backup_actions.aws.documents import read_object, write_document
from backup_actions.errors import NotVerified
from backup_actions.estate.failed_proofs import LOOK
from backup_actions.ledger import Entry, Ledger, Standing
from backup_actions.model.commands import command
from backup_actions.model.mail import Mail
from backup_actions.proving.proof import Found, Proof

_STATUS = {Found.GOOD: "verified", Found.DAMAGED: "damaged", Found.COLD: "cold"}
"""As the ledger says it of an action."""

_PROBLEMS_TOLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the deployment keeps what is known, and whom it tells."""

    bucket: str
    ledger: str
    topic_arn: str
    stack: str


def store(world: World, bucket: str, key: str, proof: Proof) -> None:
    """The proof is a document."""
    write_document(world.clients.s3, bucket, key, proof.to_json())


def conclude(world: World, place: Place, key: str) -> Proof:
    """Ledger and people know what the proof that lies there says. Raises NotVerified where there is none."""
    proof = noted(world, bucket=place.bucket, ledger_table=place.ledger, key=key)
    if proof.found == Found.DAMAGED:
        _tell(world, place, proof, key)
    return proof


def noted(world: World, *, bucket: str, ledger_table: str, key: str) -> Proof:
    """The ledger knows what the proof that lies there says. Raises NotVerified where there is none.

    Where another run was at the recovery point meanwhile, the ledger keeps that run's word.
    """
    content = read_object(world.clients.s3, bucket, key)
    if content is None:
        raise NotVerified(reason=f"there is no proof {key}")
    proof = Proof.from_json(json.loads(content))
    ledger = Ledger(world.clients.dynamodb, ledger_table, world.clock)
    entry = _entry(ledger, proof)
    if entry is not None:
        details = _details(entry, proof, key, hashlib.sha256(content).hexdigest())
        status, subject = _STATUS[proof.found], proof.subject
        ledger.record_action(subject.recovery_point, subject.action, run=entry.run, status=status, details=details)
    return proof


def _entry(ledger: Ledger, proof: Proof) -> Entry | None:
    """The action's item, unless it is of another run by now."""
    known = ledger.entries(str(proof.subject.recovery_point.arn))
    own = (entry for entry in known if (entry.action, entry.run) == (proof.subject.action, proof.subject.run))
    return next(own, None)


def _details(entry: Entry, proof: Proof, key: str, sha256: str) -> dict[str, Any]:
    """What the item said before, and this proof as the last of its kind."""
    before: Mapping[str, Any] = entry.details
    was_proven = entry.since if entry.standing == Standing.ARTIFACT else before.get("last_proven", "")
    told: dict[str, Any] = {
        "kind": str(proof.kind),
        "found": str(proof.found),
        "at": proof.proven_at,
        "key": key,
        "sha256": sha256,
        "problem": "; ".join(proof.problems[:3]),
    }
    is_look = proof.found == Found.COLD
    if is_look:
        told["objects_compared"] = proof.looked_at.get("objects_compared", 0)
    return {
        **before,
        "archived_at": before.get("archived_at") or was_proven,
        "last_proven": proof.proven_at if proof.found == Found.GOOD else was_proven,
        "proofs": {**before.get("proofs", {}), LOOK if is_look else str(proof.kind): told},
    }


def _tell(world: World, place: Place, proof: Proof, key: str) -> None:
    point = proof.subject.recovery_point
    folder = proof.manifest_key.rpartition("/")[0]
    lines = [
        f"What {proof.subject.action} had made of {point.resource_type} {point.resource_arn}",
        f"was proven when it was made, and was found damaged at {proof.proven_at}:",
        "",
        *(f"- {problem}" for problem in proof.problems[:_PROBLEMS_TOLD]),
        "",
        f"Archive: s3://{place.bucket}/{folder}"
        if folder
        else f"Evidence: s3://{place.bucket}/{proof.subject.evidence_key}",
        f"Recovery point: {point.arn}",
        f"Proof: s3://{place.bucket}/{key}",
        "",
        "Nothing was removed or changed. What to do:",
        "- If the bucket has versions, bring back the older one of what was replaced or removed, and find out by whom.",
        "- If the backup still exists, move the damaged archive out of its folder and have it made again:",
        f"  `{command(f'replay {point.arn} --again', stack=place.stack)}`.",
        f"- Then prove it again: `{command(f'prove {point.arn}', stack=place.stack)}`.",
    ]
    mail = Mail(f"Damaged archive of {point.resource_type} {point.resource_id}", "\n".join(lines))
    with translated():
        world.clients.sns.publish(TopicArn=place.topic_arn, Subject=mail.subject, Message=mail.message)
