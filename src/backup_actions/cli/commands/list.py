"""``list``: what an archive holds."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.cli.locations import PLACE_ERRORS, store_at
from backup_actions.errors import ArchiveMissing, ManifestUnreadable

if TYPE_CHECKING:
    from backup_actions.archive import Entry
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
}


@command(
    "list",
    examples=(
        "backup-actions list s3://archives/data/2026-10-01",
        "backup-actions list archives/disk '*.conf' --long",
        "backup-actions list archives/disk --json | jq .path",
    ),
    fails_with=(*PLACE_ERRORS, ArchiveMissing, ManifestUnreadable),
)
@click.argument("location")
@click.argument("pattern", required=False)
@click.option("--long", "-l", is_flag=True, help="Print mode, owner, size and time of change too.")
def list_entries(output: Output, location: str, pattern: str | None, *, long: bool) -> None:
    r"""List what an archive holds.

    That is everything in the archive at LOCATION, or what of it matches PATTERN, in which * crosses folders. A
    byte that is not printable text is written as \xNN. With --json there is one object on each line.
    """
    from backup_actions.archive import Archive

    for entry in Archive.open(store_at(location)).entries(pattern):
        if output.as_json:
            output.record(_described(entry))
        elif long:
            output.data(_long(entry))
        else:
            output.data(_readable(entry.path))


def _described(entry: Entry) -> JsonObject:
    return {
        "path": _readable(entry.path),
        "path_hex": entry.path.hex(),
        "type": entry.type,
        "size_bytes": entry.size_bytes,
        "mode": f"{entry.mode:04o}",
        "uid": entry.uid,
        "gid": entry.gid,
        "mtime": _time(entry),
        "link_target": _readable(entry.link_target),
        "blake3": entry.blake3,
    }


def _long(entry: Entry) -> str:
    mode = stat.filemode(_MODE_BITS[entry.type] | stat.S_IMODE(entry.mode))
    arrow = {"symlink": " -> ", "hardlink": " = "}.get(entry.type)
    target = f"{arrow}{_readable(entry.link_target)}" if arrow else ""
    return f"{mode} {entry.uid:>5} {entry.gid:>5} {entry.size_bytes:>14} {_time(entry)} {_readable(entry.path)}{target}"


def _time(entry: Entry) -> str:
    """ISO 8601 in whole seconds, or the seconds themselves where the calendar has no such year."""
    seconds = entry.mtime_ns // 1_000_000_000
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"@{seconds}"


def _readable(path: bytes) -> str:
    r"""The path as one line of text, the same one for no other path: ``\`` and what cannot be shown are escaped."""
    text = path.decode("utf-8", "surrogateescape").replace("\\", "\\\\")
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)


def _escaped(letter: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape"))
