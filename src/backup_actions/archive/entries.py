"""What an archive holds, entry by entry: the words that the tar walker, the index and the readers share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backup_actions.model.manifest import Counts, Member

EntryType = Literal[
    "file", "directory", "symlink", "hardlink", "character-device", "block-device", "fifo", "device-image", "dump"
]

_COUNTED_AS = {
    "file": "files",
    "directory": "directories",
    "symlink": "symlinks",
    "hardlink": "hardlinks",
    "character-device": "devices",
    "block-device": "devices",
    "fifo": "fifos",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a tar. Paths are relative to the root of the tree, which is itself ``.``; they may hold any byte.

    ``tar_offset`` to ``tar_end`` is where its headers, its content and the padding lie in the uncompressed tar.
    """

    path: bytes
    type: EntryType
    size_bytes: int
    """As ``stat`` says it, holes included."""
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    link_target: bytes = b""
    """Of a symbolic link, its text; of a hard link, the path of the entry that carries the content."""
    has_xattrs: bool = False
    is_sparse: bool = False
    tar_offset: int = 0
    data_offset: int = 0
    """Where the content begins in the tar; of a sparse file, its map."""
    tar_end: int = 0
    blake3: str = ""
    """Of a file's content as it lies in the tar: of a sparse file that is the map and the bytes between the holes."""


def sole_entry(member: Member) -> Entry:
    """What a member without an index holds: the image of a device, or what a dump program wrote."""
    is_dump = member.kind == "dump"
    return Entry(
        path=member.dump_file.encode() if is_dump else b"device.img",
        type="dump" if is_dump else "device-image",
        size_bytes=member.stream_bytes,
        mode=0o600,
        uid=0,
        gid=0,
        mtime_ns=0,
        blake3=member.stream_blake3,
    )


def counted(types: dict[EntryType, int], sockets: int = 0) -> Counts:
    """The manifest's counts from the number of entries by type."""
    totals = dict.fromkeys(_COUNTED_AS.values(), 0)
    for kind, number in types.items():
        totals[_COUNTED_AS[kind]] += number
    return Counts(**totals, sockets=sockets)
