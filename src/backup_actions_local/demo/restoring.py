"""The proof that counts: restore from the archives and compare with what was there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from backup_actions.archive import Archive, S3Store
from backup_actions_local.demo.comparison import differences
from backup_actions_local.demo.outcome import Check, Outcome, Work
from backup_actions_local.demo.volumes import BOOT_LOADER, DemoDisk

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from backup_actions_local.demo.tabular import SpoiltDatabase


def restore_checks(
    disks: Mapping[str, DemoDisk], outcomes: Mapping[str, Outcome], s3: S3Client, folder: Path
) -> list[Check]:
    """One file, one whole file system (or image), and a disk with its boot loader, each compared with its source."""
    checks = []
    if archive := _open(outcomes["data"], s3):
        checks.append(_whole(archive, disks["data"], folder / "data"))
    if archive := _open(outcomes["root disk"], s3):
        checks.append(_one_file(archive, disks["root disk"]))
        checks.append(_boot_gap(archive, disks["root disk"], folder / "root.img"))
    return checks or [Check(sentence="something can be restored", holds=False, detail="there is no archive")]


def dump_check(spoilt: SpoiltDatabase, outcome: Outcome, s3: S3Client) -> Check:
    """The dump is loaded into a new server, which answers as the database did before its backup."""
    from backup_actions.dump import Connection, restore

    work = outcome.work("dump")
    if work is None:
        return Check(sentence=f"{spoilt.name}: there is a dump", holds=False, detail=outcome.why)
    with spoilt.new_server() as server:
        target = Connection(
            family="postgresql", host=server.host, port=server.port, user=server.user, password=server.password
        )
        report = restore(_store(work, s3), target)
        answered = spoilt.asked(server)
    (database,) = report.databases
    return Check(
        sentence=f"{spoilt.name}: the dump was restored into a new server, which answers as at the backup",
        holds=answered == spoilt.before != spoilt.after,
        detail=f"{database.tables} tables, {database.rows} rows",
    )


def _open(outcome: Outcome, s3: S3Client) -> Archive | None:
    work = outcome.work("archive")
    return Archive.open(_store(work, s3)) if work else None


def _store(work: Work, s3: S3Client) -> S3Store:
    bucket, _, prefix = work.place.removeprefix("s3://").partition("/")
    return S3Store(client=s3, bucket=bucket, prefix=prefix)


def _whole(archive: Archive, disk: DemoDisk, to: Path) -> Check:
    to.mkdir(parents=True)
    archive.extract(None, to)
    if archive.manifest.members[0].kind == "device":
        same = _same_bytes(to / "device.img", disk.image)
        return Check(sentence="data: the whole image was restored and is identical", holds=same)
    assert disk.tree is not None  # noqa: S101 - a disk with files was made from a tree
    differing = differences(disk.tree, to, owners=os.geteuid() == 0)
    entries = sum(1 for _ in archive.entries())
    return Check(
        sentence=f"data: the whole file system ({entries} entries) was restored and is identical in every attribute",
        holds=not differing,
        detail="; ".join(differing[:5]),
    )


def _one_file(archive: Archive, disk: DemoDisk) -> Check:
    path = next((entry.path for entry in archive.entries("*etc/fstab")), None)
    if path is None:  # raw: the file lies inside an image
        expected = next(iter(archive.manifest.members)).name
        return Check(sentence=f"root disk: stored raw, first member {expected}", holds=True)
    assert disk.tree is not None  # noqa: S101
    found = b"".join(archive.read_file(path))
    same = found == (disk.tree / "etc/fstab").read_bytes()
    return Check(
        sentence=f"root disk: one file ({os.fsdecode(path)}) was fetched by ranges and is identical", holds=same
    )


def _boot_gap(archive: Archive, disk: DemoDisk, to: Path) -> Check:
    rebuilt = archive.rebuild_disk(to)
    with to.open("rb") as restored, disk.image.open("rb") as original:
        head = restored.read(1 << 20)
        same = head == original.read(1 << 20)
    waiting = ", ".join(region.name or str(region.number) for region in rebuilt.to_be_filled) or "none"
    return Check(
        sentence="root disk: partition table, boot loader and raw partitions were rebuilt into a disk image",
        holds=same and BOOT_LOADER in head,
        detail=f"file systems to be made and filled from their members: {waiting}",
    )


def _same_bytes(one: Path, other: Path) -> bool:
    with one.open("rb") as left, other.open("rb") as right:
        while True:
            a, b = left.read(1 << 22), right.read(1 << 22)
            if a != b:
                return False
            if not a:
                return True
