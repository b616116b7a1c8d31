"""The long steps: archive what is on the volume, or in the snapshot itself, and read the archive back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from backup_actions.actions.ebs_archive.attachment import attached
from backup_actions.actions.ebs_archive.places import verification_key
from backup_actions.actions.ebs_archive.settings import EbsArchiveSettings
from backup_actions.archive import ArchiveOptions, Blocks, S3Store, SnapshotBlocks, Store, archive, verify
from backup_actions.archive.partial_images import has_in_use_alone, is_image_of_region
from backup_actions.aws import World
from backup_actions.aws.documents import write_document
from backup_actions.errors import VolumeHasProductCodes
from backup_actions.model.manifest import MANIFEST_NAME, Manifest, Member
from backup_actions.model.usage import noted

Event = Mapping[str, Any]

_MEMORY_MIB = 1024  # half of what the container has: parts of volumes up to half a TiB need no disk
_CHECKPOINT_SECONDS = 30.0  # what a host takes with it when it is lost without a notice
_NOT_ATTACHED = ", because EC2 does not attach volumes with product codes of AWS Marketplace to a running instance"


def archive_volume(world: World, event: Event) -> None:
    """The volume's archive stands complete under the prefix; the volume is detached, also after any failure.

    Of a volume with product codes, which EC2 does not attach, images of the snapshot are, where the settings allow it.
    It goes on with what an earlier attempt of the run has left. Raises ArchiveInterrupted where it leaves something.
    """
    store, settings = _store(world, event), EbsArchiveSettings(**event["settings"])
    if _stands(store, world):
        return
    from_snapshot = partial(_snapshot, world, event) if settings.read_from == "auto" else None
    with ExitStack() as stack:
        source: Path | Blocks
        try:
            source = stack.enter_context(attached(world, event["volumeId"]))
        except VolumeHasProductCodes as refused:
            if from_snapshot is None:
                raise
            world.progress.note(f"{refused}: the snapshot itself is read")
            source = stack.enter_context(from_snapshot())
            source.name += _NOT_ATTACHED  # stands in the manifest's notes
        _archive(source, store, world, event, settings, unmountable_from=from_snapshot)


def archive_snapshot(world: World, event: Event) -> None:
    """Images of the snapshot stand complete under the prefix; there was no volume."""
    store, settings = _store(world, event), EbsArchiveSettings(**event["settings"])
    if _stands(store, world):
        return
    with _snapshot(world, event) as blocks:
        _archive(blocks, store, world, event, settings)


def _snapshot(world: World, event: Event) -> Blocks:
    return SnapshotBlocks(world.clients.ebs, event["recoveryPoint"]["nativeId"], clock=world.clock, is_new=True)


def _stands(store: Store, world: World) -> bool:
    if store.describe(MANIFEST_NAME) is None:
        return False
    world.progress.note("an earlier attempt has completed the archive")
    return True


def _archive(
    source: Path | Blocks,
    store: Store,
    world: World,
    event: Event,
    settings: EbsArchiveSettings,
    *,
    unmountable_from: Callable[[], Blocks] | None = None,
) -> None:
    options = ArchiveOptions(
        codec=settings.codec,
        level="auto" if settings.level is None else settings.level,
        raw=settings.raw,
        whole_images=settings.whole_images,
        memory_mib=_MEMORY_MIB,
        source_is_scratch=True,  # the volume was made for this run: its journals may be replayed
    )
    archive(
        source,
        store,
        unmountable_from=unmountable_from,
        options=options,
        name=event["recoveryPoint"]["resourceId"],
        run=event["run"],
        recovery_point=event["recoveryPoint"],
        progress=world.progress,
        clock=world.clock,
        checkpoint_seconds=_CHECKPOINT_SECONDS,
    )


def verify_archive(world: World, event: Event) -> None:
    """The verification stands in the evidence; whether it is good is said in it, not by this job's exit code.

    An archive that another run has made, by other settings, is good if it has all that these ask for.
    """
    store = _store(world, event)
    settings = EbsArchiveSettings(**event["settings"])
    sample = settings.verify_sample_percent / 100 if settings.verify == "sample" else None
    stored = store.read(MANIFEST_NAME)  # what stands later may be another
    report = verify(store, sample=sample, progress=world.progress)
    left_out = _left_out(Manifest.from_bytes(stored), settings, event["prefix"]) if report.ok else ""
    found = report.to_json()
    document = {
        **found,
        "verified": report.ok and not left_out,
        "problems": [{"object": MANIFEST_NAME, "reason": left_out}] if left_out else found["problems"],
        "manifest_sha256": hashlib.sha256(stored).hexdigest(),
        "verified_at": world.clock.now().isoformat(),
        "usage": world.clients.requests.usage,
    }
    write_document(world.clients.s3, event["bucket"], verification_key(event["evidencePrefix"]), document)


def _left_out(manifest: Manifest, settings: EbsArchiveSettings, prefix: str) -> str:
    """What the settings ask for and the archive does not have, and what to do about it; empty if it has all."""
    wants_images = settings.raw == "always" or settings.read_from == "snapshot"
    divided = [member for member in manifest.members if wants_images and not is_image_of_region(member)]
    partial = [member for member in manifest.members if settings.whole_images and has_in_use_alone(member)]
    if not divided and not partial:
        return ""
    lacks = f"no image of {_named(divided)}" if divided else f"only what is in use of {_named(partial)}"
    wanted = "images" if divided else "whole images"
    return (
        f"an earlier run archived {lacks}, and the settings ask for {wanted}: remove {prefix}/{MANIFEST_NAME} and "
        "replay the recovery point with --again, then all is archived anew"
    )


def _named(members: Sequence[Member]) -> str:
    return ", ".join(member.name for member in members)


def _store(world: World, event: Event) -> Store:
    return S3Store(
        client=world.clients.s3,
        bucket=event["bucket"],
        prefix=event["prefix"],
        storage_class=event["storageClass"],
        notes=lambda: noted(event["run"], world.clients.requests.usage),
    )
