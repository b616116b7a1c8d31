"""``extract``: files, one of them to a pipe, or a whole disk, out of an archive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.locations import PLACE_ERRORS, store_at
from backup_actions.errors import (
    ArchiveDamaged,
    ArchiveMissing,
    DiskFull,
    ExtractionFailed,
    ManifestUnreadable,
    NotInArchive,
    ToolMissing,
    UnsafePath,
)

if TYPE_CHECKING:
    from backup_actions.archive import Archive
    from backup_actions.cli.output import Output
    from backup_actions.model.json_types import JsonObject
    from backup_actions.model.manifest import Region


@command(
    "extract",
    examples=(
        "backup-actions extract s3://archives/data/2026-10-01 --to restored/",
        "backup-actions extract s3://archives/data/2026-10-01 etc/hosts var/lib/app --to restored/",
        "backup-actions extract s3://archives/data/2026-10-01 var/lib/app/dump.sql --to - | psql app",
        "backup-actions extract archives/disk --disk --to disk.img",
        "backup-actions extract dumps/shop accounts.sql --to - | less",
    ),
    fails_with=(
        *PLACE_ERRORS,
        ArchiveMissing,
        NotInArchive,
        ExtractionFailed,
        DiskFull,
        ManifestUnreadable,
        ArchiveDamaged,
        UnsafePath,
        ToolMissing,
    ),
)
@click.argument("location")
@click.argument("paths", nargs=-1)
@click.option(
    "--to",
    "target",
    metavar="TARGET",
    required=True,
    type=click.Path(path_type=Path, allow_dash=True),
    help="The folder to write into; - writes one file to stdout.",
)
@click.option("--disk", is_flag=True, help="Write TARGET as a disk image: partition table, gaps and raw regions.")
def extract(output: Output, location: str, paths: tuple[str, ...], target: Path, *, disk: bool) -> None:
    """Extract files, or a whole disk, from an archive.

    Everything in the archive at LOCATION, or PATHS with all below them, is written into the folder TARGET. Only
    the parts of the archive that hold PATHS are fetched. As root, owners, devices and attributes come back too.

    Of a dump, sections are written as the files that psql, pg_restore or mariadb read; `list --long` names them.
    """
    from backup_actions.archive import Archive
    from backup_actions.archive.folder_store import FolderStore

    to_stdout = str(target) == "-"
    if disk and paths:
        raise click.UsageError("--disk rebuilds the whole disk: leave PATHS out.")
    if to_stdout and (disk or output.as_json or len(paths) != 1):
        raise click.UsageError("--to - writes the content of one file: name one path, and neither --disk nor --json.")
    source = Archive.open(store_at(location))
    if isinstance(source.store, FolderStore) and target.resolve().is_relative_to(source.store.path.resolve()):
        raise click.UsageError(
            f"{target} lies in the archive itself, where nothing else belongs: choose another TARGET."
        )
    if to_stdout:
        output.pour(source.read_file(paths[0]))
        return
    if disk:
        _rebuild(output, source, target)
        return
    with output.progress() as progress:
        source.extract(paths or None, target, progress=progress)
    if output.as_json:
        output.answer({"location": location, "target": str(target), "paths": list(paths)})
    else:
        output.talk(f"extracted to {target}")


def _rebuild(output: Output, source: Archive, target: Path) -> None:
    with output.progress() as progress:
        disk = source.rebuild_disk(target, progress=progress)
    if output.as_json:
        output.answer(
            {
                "image": str(disk.path),
                "written": [_described(region) for region in disk.written],
                "to_be_filled": [_described(region) for region in disk.to_be_filled],
                "logical_volumes": list(disk.logical_volumes),
            }
        )
        return
    output.talk(f"rebuilt {disk.path}")
    for region in disk.to_be_filled:
        kind = f"{region.file_system.type} file system" if region.file_system else "file system"
        place = f"{region.role} {region.number} at byte {region.offset_bytes}"
        output.data(f"{place}: make its {kind}, then extract its files into it")
    if disk.logical_volumes:
        output.data(f"activate LVM on it, then fill the logical volumes from {', '.join(disk.logical_volumes)}")


def _described(region: Region) -> JsonObject:
    return {"role": region.role, "number": region.number, "offset_bytes": region.offset_bytes}
