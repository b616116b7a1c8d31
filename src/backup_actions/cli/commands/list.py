"""``list``: what an archive holds."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.dumps import list_dump
from backup_actions.cli.entries import readable, time_in_words
from backup_actions.cli.locations import PLACE_ERRORS, store_at
from backup_actions.errors import ArchiveMissing, ManifestUnreadable, UnsafePath

if TYPE_CHECKING:
    from backup_actions.archive import Archive, Entry
    from backup_actions.cli.output import Output
    from backup_actions.model.json_types import JsonObject

_MODE_BITS = {
    "file": stat.S_IFREG,
    "directory": stat.S_IFDIR,
    "symlink": stat.S_IFLNK,
    "hardlink": stat.S_IFREG,
    "character-device": stat.S_IFCHR,
    "block-device": stat.S_IFBLK,
    "fifo": stat.S_IFIFO,
    "device-image": stat.S_IFREG,
    "dump": stat.S_IFREG,
}


@command(
    "list",
    examples=(
        "backup-actions list s3://archives/data/2026-10-01",
        "backup-actions list archives/disk '*.conf' --long",
        "backup-actions list archives/disk --json | jq .path",
        "backup-actions list dumps/shop 'shop/public.*'",
    ),
    fails_with=(*PLACE_ERRORS, ArchiveMissing, ManifestUnreadable, UnsafePath),
)
@click.argument("location")
@click.argument("pattern", required=False)
@click.option("--long", "-l", is_flag=True, help="Print mode, owner, size and time of change too.")
def list_entries(output: Output, location: str, pattern: str | None, *, long: bool) -> None:
    r"""List what an archive holds.

    That is everything in the archive at LOCATION, or what of it matches PATTERN, in which * crosses folders. A
    byte that is not printable text is written as \xNN. With --json there is one object on each line.

    Of a dump, the tables are listed with their rows, as database/schema.table; with --long and --json its sections
    too, which `extract` takes.
    """
    from backup_actions.archive import Archive

    archive = Archive.open(store_at(location))
    if archive.manifest.is_dump:
        from backup_actions.dump import StoredDump

        listed = list_dump(output, StoredDump.open(archive.store), pattern, long=long)
    else:
        listed = _list_files(output, archive, pattern, long=long)
    if pattern is not None and not listed:
        output.talk(f"Nothing in {location} matches {pattern}.")


def _list_files(output: Output, archive: Archive, pattern: str | None, *, long: bool) -> int:
    """Each entry on a line; says how many there are."""
    listed = 0
    for listed, entry in enumerate(archive.entries(pattern), 1):  # noqa: B007 - the last number is how many
        if output.as_json:
            output.record(_described(entry))
        elif long:
            output.data(_long(entry))
        else:
            output.data(readable(entry.path))
    return listed


def _described(entry: Entry) -> JsonObject:
    return {
        "path": readable(entry.path),
        "path_hex": entry.path.hex(),
        "type": entry.type,
        "size_bytes": entry.size_bytes,
        "mode": f"{entry.mode:04o}",
        "uid": entry.uid,
        "gid": entry.gid,
        "mtime": time_in_words(entry.mtime_ns),
        "link_target": readable(entry.link_target),
        "blake3": entry.blake3,
    }


def _long(entry: Entry) -> str:
    mode = stat.filemode(_MODE_BITS[entry.type] | stat.S_IMODE(entry.mode))
    arrow = {"symlink": " -> ", "hardlink": " = "}.get(entry.type)
    target = f"{arrow}{readable(entry.link_target)}" if arrow else ""
    time = time_in_words(entry.mtime_ns)
    return f"{mode} {entry.uid:>5} {entry.gid:>5} {entry.size_bytes:>14} {time} {readable(entry.path)}{target}"
