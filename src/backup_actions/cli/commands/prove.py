"""``prove``: what actions have made is read again now, from this machine."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.deployments import DEPLOYMENT_ERRORS, estate_of, of_deployment
from backup_actions.cli.locations import aws_clients
from backup_actions.errors import ArchiveDamaged, PointUnknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backup_actions.aws import World
    from backup_actions.cli.output import Output
    from backup_actions.estate import Estate
    from backup_actions.ledger import Entry, Ledger
    from backup_actions.proving.proof import Proof

_POINT = "arn:aws:ec2:us-east-1::snapshot/snap-0a1b2c3d4e5f60718"


@command(
    "prove",
    examples=(
        f"backup-actions prove {_POINT}",
        f"backup-actions prove {_POINT} --restore",
        "backup-actions prove --oldest 3 --json",
    ),
    fails_with=(*DEPLOYMENT_ERRORS, PointUnknown, ArchiveDamaged),
)
@click.argument("point", required=False)
@click.option("--oldest", metavar="N", type=click.IntRange(1), help="The N archives whose last proof is oldest.")
@click.option("--restore", is_flag=True, help="Restore a sample of each to a scratch folder too, and compare it.")
@of_deployment
def prove(output: Output, point: str | None, oldest: int | None, stack: str, *, restore: bool) -> None:
    """Read archives again and compare them with what was proven.

    POINT is the ARN of a recovery point: all that was made of it. This machine reads everything; the proof goes into
    the bucket, and ledger and people learn of it as if the deployment had made it. Nothing is changed or removed.
    """
    from backup_actions.aws import World
    from backup_actions.ledger import Ledger

    if (point is None) == (oldest is None):
        raise click.UsageError("Give either POINT or --oldest.")
    world = World(aws_clients())
    estate = estate_of(stack, world.clients)
    ledger = Ledger(world.clients.dynamodb, estate.ledger, world.clock)
    entries = list(_of_point(ledger, point) if point else _oldest(ledger, oldest))
    proofs: list[Proof] = []
    with output.progress() as progress:
        at_work = replace(world, progress=progress)
        for entry in entries:
            proofs += _proven(at_work, estate, ledger, entry, restore=restore)
            if proofs and not output.as_json:
                _show(output, proofs[-1])
    if not proofs:
        raise PointUnknown(arn=point or "an archive that was proven")
    if output.as_json:
        output.answer({"proofs": [proof.to_json() for proof in proofs]})
    if damaged := [proof for proof in proofs if proof.found == "damaged"]:
        where = f"s3://{estate.bucket}/{damaged[0].manifest_key.rpartition('/')[0]}"
        raise ArchiveDamaged(where=where, reason=damaged[0].problems[0])


def _of_point(ledger: Ledger, point: str) -> Iterator[Entry]:
    """What was proven of it once."""
    from backup_actions.ledger import Standing

    once_proven = {Standing.ARTIFACT, Standing.DAMAGED, Standing.COLD}
    return (entry for entry in ledger.entries(point) if entry.action and entry.standing in once_proven)


def _oldest(ledger: Ledger, count: int | None) -> Iterator[Entry]:
    from backup_actions.ledger import Standing

    return islice(ledger.standing(Standing.ARTIFACT), count)


def _proven(world: World, estate: Estate, ledger: Ledger, entry: Entry, *, restore: bool) -> Iterator[Proof]:
    """The proof, when everything has followed from it; none while a run is at the point."""
    from backup_actions.proving.concluding import Place, conclude, store
    from backup_actions.proving.proof import ProofKind
    from backup_actions.proving.reading import prove_again
    from backup_actions.proving.sampling import restore_sample
    from backup_actions.proving.scheduling import subject_of

    subject = subject_of(ledger, entry)
    if subject is None:
        return
    kind = ProofKind.RESTORE if restore else ProofKind.VERIFICATION
    key = subject.proof_key(kind, world.clock.now())
    sampling = partial(restore_sample, lot=key, progress=world.progress) if restore else None
    proof = prove_again(world, estate.bucket, subject, kind, restore=sampling)
    store(world, estate.bucket, key, proof)
    place = Place(bucket=estate.bucket, ledger=estate.ledger, topic_arn=estate.topic_arn, stack=estate.name)
    yield conclude(world, place, key)


def _show(output: Output, proof: Proof) -> None:
    output.data(f"{proof.found}: {proof.subject.action} of {proof.subject.recovery_point.arn}")
    for problem in proof.problems:
        output.data(f"  {problem}")
