"""Follows a pax tar as it streams past and says what is in it: strictly, so that no two readers could disagree.

Formats: POSIX.1-2017 pax (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html) and GNU sparse 1.0
(https://www.gnu.org/software/tar/manual/html_node/PAX-1.html).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from blake3 import blake3

from backup_actions.archive.entries import Entry, EntryType
from backup_actions.archive.pax import TarError, mtime_ns, octal_or_binary, parse_pax, text_until_nul, whole_number

BLOCK = 512
_LONGEST_EXTENDED_HEADER = 32 << 20  # attributes of one file; more is an attack on our memory
_FIELDS = struct.Struct("100s8s8s8s12s12s8sc100s6s2s32s32s8s8s155s12x")
_TYPES: dict[bytes, EntryType] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "character-device",
    b"4": "block-device",
    b"5": "directory",
    b"6": "fifo",
}


@dataclass(frozen=True, slots=True)
class EntryBegins:
    """What is known of an entry before its content has passed."""

    type: EntryType
    path: bytes
    link_target: bytes


class TarWalker:
    """Feed it a tar in pieces of any size; it returns each entry when its content has passed.

    Memory: the longest extended header and one block. ``begins`` is told of each entry before its content is read.
    """

    def __init__(self, begins: Callable[[EntryBegins], None] | None = None, *, tar_offset: int = 0) -> None:
        self._begins = begins
        self._offset = tar_offset
        self._collected = bytearray()
        self._wanted = BLOCK
        self._extended_bytes = 0  # of the extended header being collected, without its padding
        self._extended_is_global = False
        self._content_left = 0
        self._padding = 0
        self._hash = blake3()
        self._hash_is_wanted = False
        self._entry: Callable[..., Entry] | None = None
        self._pax: dict[bytes, bytes] = {}
        self._global: dict[bytes, bytes] = {}
        self._entry_offset = tar_offset
        self._zero_blocks = 0
        self.content_bytes = 0
        """File content seen so far, holes not counted."""

    def feed(self, data: bytes | bytearray | memoryview) -> list[Entry]:
        """The entries that end within this piece. Raises TarError where it is not a tar of ours."""
        view = memoryview(data)
        ended: list[Entry] = []
        at = 0
        while at < len(view):
            left = self._content_left or self._padding or self._wanted - len(self._collected)
            piece = view[at : at + left]
            at += len(piece)
            self._offset += len(piece)
            self._take(piece)
            if self._entry is not None and not self._content_left:
                ended.append(self._end_entry(self._entry))
        return ended

    def finish(self) -> None:
        """Raise TarError unless the end of the tar has passed."""
        if self._zero_blocks < 2 or self._collected:
            raise TarError(f"it ends at byte {self._offset} without an end mark")

    def _take(self, piece: memoryview) -> None:
        if self._content_left:
            self._hash.update(piece)
            self._content_left -= len(piece)
            self.content_bytes += len(piece)
        elif self._padding:
            self._padding -= len(piece)
        else:
            self._collected += piece
            if len(self._collected) == self._wanted:
                self._take_collected()

    def _take_collected(self) -> None:
        block, self._collected, self._wanted = bytes(self._collected), bytearray(), BLOCK
        if self._extended_bytes:
            records = parse_pax(block[: self._extended_bytes])
            (self._global if self._extended_is_global else self._pax).update(records)
            self._extended_bytes = 0
        elif not any(block):
            if self._pax:
                raise TarError(f"an extended header before byte {self._offset} belongs to nothing")
            self._zero_blocks += 1
        elif self._zero_blocks:
            raise TarError(f"there is something behind the end mark, before byte {self._offset}")
        else:
            self._take_header(block)

    def _take_header(self, block: bytes) -> None:
        fields = _FIELDS.unpack(block)
        if octal_or_binary(fields[6]) != sum(block) - sum(fields[6]) + 8 * 0x20:
            raise TarError(f"a header that ends before byte {self._offset} has a wrong checksum")
        if fields[9] != b"ustar\0" or fields[10] != b"00":
            raise TarError(f"a header that ends before byte {self._offset} is not of the POSIX format")
        kind, size = fields[7], octal_or_binary(fields[4])
        if kind in {b"x", b"g"}:
            if not 0 < size <= _LONGEST_EXTENDED_HEADER:
                raise TarError(f"an extended header has {size} bytes")
            self._extended_bytes, self._extended_is_global = size, kind == b"g"
            self._wanted = -(-size // BLOCK) * BLOCK
        elif kind in _TYPES:
            self._begin_entry(_TYPES[kind], fields, {**self._global, **self._pax})
        else:
            raise TarError(f"an entry has the unknown type {kind!r}")

    def _begin_entry(self, kind: EntryType, fields: tuple[bytes, ...], pax: dict[bytes, bytes]) -> None:
        stored_bytes = whole_number(pax[b"size"]) if b"size" in pax else octal_or_binary(fields[4])
        path = _path(fields, pax)
        target = pax.get(b"linkpath", text_until_nul(fields[8]))
        is_sparse = b"GNU.sparse.major" in pax
        if is_sparse and (pax[b"GNU.sparse.major"], pax.get(b"GNU.sparse.minor")) != (b"1", b"0"):
            raise TarError(f"{path!r} is stored in an old sparse format")
        if stored_bytes < 0 or (kind != "file" and (stored_bytes or is_sparse)):
            raise TarError(f"{path!r} is a {kind} with {stored_bytes} bytes of content")
        link_target = _relative(target) if kind == "hardlink" else target if kind == "symlink" else b""
        if self._begins:
            self._begins(EntryBegins(kind, path, link_target))
        self._content_left = stored_bytes
        self._padding = -stored_bytes % BLOCK
        self._hash_is_wanted = kind == "file"
        self._entry = partial(
            Entry,
            path=path,
            type=kind,
            size_bytes=whole_number(pax.get(b"GNU.sparse.realsize", b"")) if is_sparse else stored_bytes,
            mode=octal_or_binary(fields[1]),
            uid=whole_number(pax[b"uid"]) if b"uid" in pax else octal_or_binary(fields[2]),
            gid=whole_number(pax[b"gid"]) if b"gid" in pax else octal_or_binary(fields[3]),
            mtime_ns=mtime_ns(pax[b"mtime"]) if b"mtime" in pax else octal_or_binary(fields[5]) * 10**9,
            link_target=link_target,
            has_xattrs=any(key.startswith((b"SCHILY.xattr.", b"SCHILY.acl.")) for key in pax),
            is_sparse=is_sparse,
            tar_offset=self._entry_offset,
            data_offset=self._offset,
            tar_end=self._offset + stored_bytes + self._padding,
        )

    def _end_entry(self, entry: Callable[..., Entry]) -> Entry:
        ended = entry(blake3=self._hash.hexdigest()) if self._hash_is_wanted else entry()
        if self._hash_is_wanted:
            self._hash = blake3()
        self._entry, self._pax = None, {}
        self._entry_offset = ended.tar_end
        return ended


def _path(fields: tuple[bytes, ...], pax: dict[bytes, bytes]) -> bytes:
    name, prefix = text_until_nul(fields[0]), text_until_nul(fields[15])
    plain = prefix + b"/" + name if prefix else name
    path = _relative(pax.get(b"GNU.sparse.name", pax.get(b"path", plain)))
    if b"\0" in path or not path:
        raise TarError(f"{path!r} is no path")
    return path


def _relative(path: bytes) -> bytes:
    """Without the ``./`` that tar puts before each name and the ``/`` behind directories; the root is ``.``."""
    return path.removeprefix(b"./").rstrip(b"/") or (b"." if path.startswith(b".") else path[:1])
