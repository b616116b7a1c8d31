"""The long step: read an archive again, and restore a sample of it where that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from backup_actions.aws import World
from backup_actions.proving.concluding import store
from backup_actions.proving.elsewhere import Elsewhere
from backup_actions.proving.proof import ProofKind, Subject
from backup_actions.proving.reading import prove_again
from backup_actions.proving.sampling import restore_sample

Event = Mapping[str, Any]


def prove_archive(world: World, event: Event) -> None:
    """The proof stands in the bucket; whether it is good is said in it, not by this job's exit code."""
    kind = ProofKind(event["kind"])
    subject = Subject.from_json(event)
    tested = event.get("tested")
    elsewhere = Elsewhere.answered(world, event["bucket"], tested) if tested else None
    restore = partial(restore_sample, lot=event["proofKey"], progress=world.progress)
    proof = prove_again(
        world,
        event["bucket"],
        subject,
        kind,
        restore=restore if kind == ProofKind.RESTORE else None,
        elsewhere=elsewhere,
    )
    store(world, event["bucket"], event["proofKey"], proof)
