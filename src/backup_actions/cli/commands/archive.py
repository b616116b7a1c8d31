"""``archive``: a directory, disk image, block device or EBS snapshot becomes an archive."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal, cast

import click

from backup_actions.cli.amounts import Amount
from backup_actions.cli.command import command
from backup_actions.cli.locations import PLACE_ERRORS, Source, opened, store_at
from backup_actions.errors import (
    ArchiveExists,
    ArchiveInterrupted,
    DeviceUnavailable,
    DiskFull,
    SettingInvalid,
    SourceUnreadable,
    ToolMissing,
    UploadFailed,
)
from backup_actions.model.quantities import bytes_in_words

if TYPE_CHECKING:
    from pathlib import Path

    from backup_actions.archive.options import Codec, Raw
    from backup_actions.cli.output import Output
    from backup_actions.model.manifest import Manifest


class Level(click.ParamType[Any]):
    """A number, or auto."""

    name = "level"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> int | Literal["auto"]:
        """The number; which ones there are depends on the codec."""
        return "auto" if value == "auto" else int(click.INT.convert(value, parameter, context))


@command(
    "archive",
    examples=(
        "backup-actions archive /srv/data s3://archives/data/2026-10-01",
        "backup-actions archive /dev/nvme1n1 /mnt/archives/disk --level 3",
        "backup-actions archive disk.img archives/disk --raw always --json",
        "backup-actions archive /srv/data s3://archives/data/2026-10-01 --resume",
        "backup-actions archive ebs:snap-0123456789abcdef0 s3://archives/snapshots/web",
    ),
    fails_with=(
        *PLACE_ERRORS,
        SettingInvalid,
        ArchiveExists,
        SourceUnreadable,
        UploadFailed,
        ToolMissing,
        DeviceUnavailable,
        DiskFull,
        ArchiveInterrupted,
    ),
)
@click.argument("source", type=Source())
@click.argument("destination")
@click.option("--codec", type=click.Choice(["zstd", "gzip"]), default="zstd", show_default=True, help="Compression.")
@click.option(
    "--level",
    type=Level(),
    default="auto",
    show_default=True,
    help="Compression level: 1 to 19 of zstd, 1 to 9 of gzip; auto begins with 1 and takes a higher one, up to 6 of "
    "zstd and 3 of gzip, while the processor waits for the disk or the network.",
)
@click.option(
    "--raw",
    type=click.Choice(["auto", "always"]),
    default="auto",
    show_default=True,
    help="auto archives files where a file system can be mounted; always takes images.",
)
@click.option(
    "--whole-images",
    is_flag=True,
    help="Keep in images what their file system does not use: the remains of deleted files.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Keep what is done when interrupted, and go on where the same command was interrupted before.",
)
@click.option(
    "--checkpoint-seconds",
    type=Amount(min=0.1, max=86400),
    default=30.0,
    show_default=True,
    help="With --resume, how often it is noted what is done.",
)
@click.option(
    "--memory-mib",
    type=int,
    default=256,
    show_default=True,
    help="What archiving may take in all; from 160. More lets more than eight processors compress.",
)
@click.option("--name", help="What the manifest calls the source; its path by default.")
def archive(
    output: Output,
    source: Path | str,
    destination: str,
    *,
    codec: str,
    level: int | Literal["auto"],
    memory_mib: int,
    raw: str,
    name: str | None,
    checkpoint_seconds: float,
    whole_images: bool,
    resume: bool,
) -> None:
    """Archive a directory, disk image, block device or EBS snapshot.

    SOURCE is written to DESTINATION, s3://bucket/prefix or a folder. The manifest is written last: an archive
    that was interrupted never looks complete. The source is not changed.

    A snapshot, written as ebs:snap-0123456789abcdef0, is read through the EBS direct APIs: without a volume, but
    as images only. AWS bills each block of 512 KiB that was ever written: about 6 US dollars for a full TiB.

    With --resume, what was stored before Ctrl-C, a signal, a crash or a lost connection is kept, with notes about
    it below resume/ of the destination, and the same command goes on from there. Without it nothing is left.
    """
    from backup_actions.archive import ArchiveOptions
    from backup_actions.archive import archive as make_archive

    options = ArchiveOptions(
        codec=cast("Codec", codec),
        level=level,
        raw=cast("Raw", raw),
        whole_images=whole_images,
        memory_mib=memory_mib,
    )
    store = store_at(destination, soon=True)
    with output.progress() as progress, opened(source) as what:
        manifest = make_archive(
            what,
            store,
            options=options,
            name=name or str(source),
            progress=progress,
            checkpoint_seconds=checkpoint_seconds if resume else None,
        )
    if output.as_json:
        output.answer({"location": store.location, "manifest": json.loads(manifest.to_bytes())})
        return
    _summarize(output, manifest, store.location)


def _summarize(output: Output, manifest: Manifest, location: str) -> None:
    for member in manifest.members:
        note = f" (raw: {member.raw_because})" if member.raw_because else ""
        output.data(
            f"{member.name}: {bytes_in_words(member.source_bytes)} as {member.kind}, "
            f"stored in {bytes_in_words(member.object.size_bytes)}{note}"
        )
    source, stored = bytes_in_words(manifest.source_bytes), bytes_in_words(manifest.stored_bytes)
    output.data(f"{location}: {source} archived in {stored}")
