"""Reads an archive, a dump, an export or whatever an action has made, and says what of it is not as it was proven."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backup_actions.archive import S3Store, verify
from backup_actions.archive.checksums import Crc64Nvme
from backup_actions.aws import World, translated
from backup_actions.aws.errors import ABSENT
from backup_actions.dump import verify_dump
from backup_actions.errors import AwsCallFailed, ManifestUnreadable
from backup_actions.model.json_types import JsonObject
from backup_actions.model.manifest import MANIFEST_NAME, Manifest
from backup_actions.model.report import ActionReport, Artifact
from backup_actions.model.usage import added
from backup_actions.proving.bucket import COLD, StoredDocument, stored_document
from backup_actions.proving.elsewhere import Elsewhere
from backup_actions.proving.presence import look_at
from backup_actions.proving.proof import Found, Proof, ProofKind, Subject
from backup_actions.proving.told import cold_evidence, parsed, report_in

_PIECE_BYTES = 1 << 20
_PROBLEMS_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class _Read:
    """What a reader has found."""

    problems: Sequence[str]
    looked_at: JsonObject


Restore = Callable[[S3Store, Manifest], tuple[Sequence[str], JsonObject]]
"""Restores a sample of an archive that was just verified: what was wrong, and what it was."""


def prove_again(
    world: World,
    bucket: str,
    subject: Subject,
    kind: ProofKind,
    *,
    restore: Restore | None = None,
    elsewhere: Elsewhere | None = None,
) -> Proof:
    """What the archive is now, compared with the evidence of the run that made it.

    What was restored elsewhere takes the place of the sample, where anything was.

    Damage and cold are found, never raised. Raises AwsBusy and AwsCallFailed: then nothing was found.
    """
    began = world.clock.now().isoformat()
    evidence = stored_document(world.clients.s3, bucket, subject.evidence_key)
    report = report_in(parsed(evidence), subject.action)
    manifest = stored_document(world.clients.s3, bucket, report.manifest_key) if report else None
    was_restored = elsewhere is not None and not elsewhere.not_restored
    if evidence is not None and evidence.is_cold:
        found, read = Found.COLD, _Read([cold_evidence(evidence)], {})
    else:
        found, read = _judged(world, bucket, report, manifest, None if was_restored else restore)
    if found == Found.GOOD and elsewhere is not None and manifest is not None:
        found, read = _with(read, elsewhere, manifest.sha256)
    return Proof(
        subject=subject,
        kind=kind,
        found=found,
        problems=tuple(read.problems[:_PROBLEMS_AT_MOST]),
        began_at=began,
        proven_at=world.clock.now().isoformat(),
        manifest_key=report.manifest_key if report else "",
        manifest_sha256=manifest.sha256 if manifest else "",
        evidence_sha256=evidence.sha256 if evidence else "",
        looked_at=read.looked_at,
        usage=added((world.clients.requests.usage, elsewhere.usage if elsewhere else {})),
    )


def _with(read: _Read, elsewhere: Elsewhere, manifest_sha256: str) -> tuple[Found, _Read]:
    """What was read and found good, and what has become of it elsewhere."""
    if elsewhere.not_restored:
        return Found.GOOD, _Read([], {**read.looked_at, "not_restored_elsewhere": elsewhere.not_restored})
    problems = elsewhere.problems_with(manifest_sha256)
    return (Found.DAMAGED if problems else Found.GOOD), _Read(
        problems, {**read.looked_at, "restored": elsewhere.restored}
    )


def _judged(
    world: World, bucket: str, report: ActionReport | None, manifest: StoredDocument | None, restore: Restore | None
) -> tuple[Found, _Read]:
    if report is None:
        return Found.DAMAGED, _Read(["no evidence says what it was when it was made"], {})
    look = look_at(world.clients.s3, bucket, report, manifest)
    if look.found != Found.GOOD or manifest is None:
        return look.found, _Read(look.problems, look.looked_at)
    try:
        read = _read(world, bucket, report.manifest_key, manifest.content, look.objects, restore)
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] != COLD:
            raise
        return Found.COLD, _Read(["a part of it has to be thawed before it is read"], look.looked_at)
    return (Found.DAMAGED if read.problems else Found.GOOD), read


def _read(
    world: World, bucket: str, key: str, content: bytes, objects: Sequence[Artifact], restore: Restore | None
) -> _Read:
    """By the manifest's kind: an archive or a dump of ours as their own verification does, all else by its bytes."""
    prefix, _, name = key.rpartition("/")
    try:
        manifest = Manifest.from_bytes(content) if name == MANIFEST_NAME else None
    except ManifestUnreadable:
        manifest = None  # an action of somebody else's, which calls its own manifest so
    if manifest is None:
        return _bytes_compared(world, bucket, objects)
    store = S3Store(client=world.clients.s3, bucket=bucket, prefix=prefix)
    read = _dump_read(world, store) if manifest.is_dump else _archive_read(world, store)
    if read.problems or restore is None:
        return read
    problems, restored = restore(store, manifest)
    return _Read(problems, {**read.looked_at, "restored": restored})


def _archive_read(world: World, store: S3Store) -> _Read:
    report = verify(store, progress=world.progress)
    return _Read([f"{problem.object}: {problem.reason}" for problem in report.problems], report.to_json())


def _dump_read(world: World, store: S3Store) -> _Read:
    report = verify_dump(store, None, depth="list", progress=world.progress)
    damage = [f"{problem.object}: {problem.reason}" for problem in report.archive.problems]
    return _Read([*damage, *map(str, report.differences)], report.to_json())


def _bytes_compared(world: World, bucket: str, objects: Sequence[Artifact]) -> _Read:
    """Each object is read whole, and has the size and the checksum that were proven."""
    problems: list[str] = []
    size_bytes = sum(each.size_bytes for each in objects)
    world.progress.start("objects", size_bytes)
    for each in objects:
        problems += _objections(world, bucket, each)
    figures: JsonObject = {
        "objects": len(objects),
        "bytes_read": size_bytes,
        "objects_without_checksum": sum(not each.crc64nvme for each in objects),
    }
    return _Read(problems, figures)


def _objections(world: World, bucket: str, artifact: Artifact) -> list[str]:
    checksum, size_bytes = Crc64Nvme(), 0
    try:
        with translated():
            body = world.clients.s3.get_object(Bucket=bucket, Key=artifact.key)["Body"]
            for piece in body.iter_chunks(_PIECE_BYTES):
                checksum.update(piece)
                size_bytes += len(piece)
                world.progress.add(len(piece))
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] in ABSENT:
            return [f"{artifact.key} is not there"]
        raise
    if size_bytes != artifact.size_bytes:
        return [f"{artifact.key} has {size_bytes} bytes, not {artifact.size_bytes}"]
    if artifact.crc64nvme and checksum.base64() != artifact.crc64nvme:
        return [f"{artifact.key} has the CRC64NVME {checksum.base64()}, not {artifact.crc64nvme}"]
    return []
