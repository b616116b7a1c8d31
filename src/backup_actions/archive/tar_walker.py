"""Follows a pax tar as it streams past and says what is in it: strictly, so that no two readers could disagree.

Formats: POSIX.1-2017 pax (https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html) and GNU sparse 1.0
(https://www.gnu.org/software/tar/manual/html_node/PAX-1.html).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple
from zlib import adler32

from backup_actions.archive.content_hash import HASH_OF_NOTHING, ContentHash
from backup_actions.archive.entries import Entry, EntryType
from backup_actions.archive.pax import TarError, mtime_ns, octal_or_binary, parse_pax, text_until_nul, whole_number

BLOCK = 512
_LONGEST_EXTENDED_HEADER = 32 << 20  # attributes of one file; more is an attack on our memory
_ZEROS = bytes(BLOCK)
# Of every header, then of entries only; names of owners and device numbers are passed over.
_COMMON = struct.Struct("124x12s12x8sc100x8s247x")
_FIELDS = struct.Struct("100s8s8s8s12x12s8xx100s88x155s12x")
_is_attribute = re.compile(rb"SCHILY\.(?:xattr|acl)\.").match
_HASH_OF_NOTHING = HASH_OF_NOTHING.hex()
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
        self._collected = b""
        self._wanted = BLOCK
        self._extended_bytes = 0  # of the extended header being collected, without its padding
        self._extended_is_global = False
        self._content_left = 0
        self._padding = 0
        self._hash: ContentHash | None = None
        self._entry: dict[str, Any] | None = None
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
            if self._content_left:
                self._take_content(piece)
            elif self._padding:
                self._padding -= len(piece)
            elif len(piece) < left:
                self._collected += piece
            else:
                self._take_block(self._collected + piece if self._collected else bytes(piece))
            if self._entry is not None and not self._content_left:
                ended.append(self._end_entry(self._entry))
        return ended

    def finish(self) -> None:
        """Raise TarError unless the end of the tar has passed."""
        if self._zero_blocks < 2 or self._collected:
            raise TarError(f"it ends at byte {self._offset} without an end mark")

    def _take_content(self, piece: memoryview) -> None:
        if self._hash is None:
            self._hash = ContentHash()
        self._hash.update(piece)
        self._content_left -= len(piece)
        self.content_bytes += len(piece)

    def _take_block(self, block: bytes) -> None:
        self._collected, self._wanted = b"", BLOCK
        if self._extended_bytes:
            records = parse_pax(block[: self._extended_bytes])
            (self._global if self._extended_is_global else self._pax).update(records)
            self._extended_bytes = 0
        elif block == _ZEROS:
            if self._pax:
                raise TarError(f"an extended header before byte {self._offset} belongs to nothing")
            self._zero_blocks += 1
        elif self._zero_blocks:
            raise TarError(f"there is something behind the end mark, before byte {self._offset}")
        else:
            self._take_header(block)

    def _take_header(self, block: bytes) -> None:
        size, checksum, kind, magic = _COMMON.unpack(block)
        if octal_or_binary(checksum) != _checksum(block, checksum):
            raise TarError(f"a header that ends before byte {self._offset} has a wrong checksum")
        if magic != b"ustar\x0000":
            raise TarError(f"a header that ends before byte {self._offset} is not of the POSIX format")
        stored_bytes = octal_or_binary(size)
        if kind in {b"x", b"g"}:
            if not 0 < stored_bytes <= _LONGEST_EXTENDED_HEADER:
                raise TarError(f"an extended header has {stored_bytes} bytes")
            self._extended_bytes, self._extended_is_global = stored_bytes, kind == b"g"
            self._wanted = -(-stored_bytes // BLOCK) * BLOCK
        elif kind in _TYPES:
            pax = {**self._global, **self._pax} if self._global else self._pax
            if b"size" in pax:
                stored_bytes = whole_number(pax[b"size"])
            self._begin_entry(_TYPES[kind], stored_bytes, _Header(*_FIELDS.unpack(block)), pax)
        else:
            raise TarError(f"an entry has the unknown type {kind!r}")

    def _begin_entry(self, kind: EntryType, stored_bytes: int, header: _Header, pax: dict[bytes, bytes]) -> None:
        path = _path(header, pax)
        is_sparse = b"GNU.sparse.major" in pax
        if is_sparse and (pax[b"GNU.sparse.major"], pax.get(b"GNU.sparse.minor")) != (b"1", b"0"):
            raise TarError(f"{path!r} is stored in an old sparse format")
        if stored_bytes < 0 or (kind != "file" and (stored_bytes or is_sparse)):
            raise TarError(f"{path!r} is a {kind} with {stored_bytes} bytes of content")
        link_target = _link_target(kind, header, pax)
        if self._begins:
            self._begins(EntryBegins(kind, path, link_target))
        self._content_left = stored_bytes
        self._padding = -stored_bytes % BLOCK
        self._entry = {
            "path": path,
            "type": kind,
            "size_bytes": whole_number(pax.get(b"GNU.sparse.realsize", b"")) if is_sparse else stored_bytes,
            "mode": octal_or_binary(header.mode),
            "uid": whole_number(pax[b"uid"]) if b"uid" in pax else octal_or_binary(header.uid),
            "gid": whole_number(pax[b"gid"]) if b"gid" in pax else octal_or_binary(header.gid),
            "mtime_ns": mtime_ns(pax[b"mtime"]) if b"mtime" in pax else octal_or_binary(header.mtime) * 10**9,
            "link_target": link_target,
            "has_xattrs": any(map(_is_attribute, pax)),
            "is_sparse": is_sparse,
            "tar_offset": self._entry_offset,
            "data_offset": self._offset,
            "tar_end": self._offset + stored_bytes + self._padding,
        }

    def _end_entry(self, entry: dict[str, Any]) -> Entry:
        digest = self._hash.digest().hex() if self._hash else _HASH_OF_NOTHING if entry["type"] == "file" else ""
        self._entry, self._hash, self._pax = None, None, {}
        self._entry_offset = entry["tar_end"]
        return Entry(**entry, blake3=digest)


class _Header(NamedTuple):
    """The fields of an entry's header block as they stand there."""

    name: bytes
    mode: bytes
    uid: bytes
    gid: bytes
    mtime: bytes
    link_name: bytes
    prefix: bytes


def _checksum(block: bytes, stated: bytes) -> int:
    """The sum of all bytes, the eight of the checksum itself counted as spaces.

    The low half of Adler-32 is 1 and the sum of the bytes modulo 65,521, which 256 of them cannot reach.
    """
    halves = (adler32(block[:256]) & 0xFFFF) + (adler32(block[256:]) & 0xFFFF) - 2
    return halves - sum(stated) + 8 * 0x20


def _path(header: _Header, pax: dict[bytes, bytes]) -> bytes:
    stated = pax.get(b"GNU.sparse.name", pax.get(b"path"))
    if stated is None:
        name, prefix = text_until_nul(header.name), text_until_nul(header.prefix)
        stated = prefix + b"/" + name if prefix else name
    path = _relative(stated)
    if b"\0" in path or not path:
        raise TarError(f"{path!r} is no path")
    return path


def _link_target(kind: EntryType, header: _Header, pax: dict[bytes, bytes]) -> bytes:
    if kind not in {"hardlink", "symlink"}:
        return b""
    target = pax.get(b"linkpath", text_until_nul(header.link_name))
    return _relative(target) if kind == "hardlink" else target


def _relative(path: bytes) -> bytes:
    """Without the ``./`` that tar puts before each name and the ``/`` behind directories; the root is ``.``."""
    return path.removeprefix(b"./").rstrip(b"/") or (b"." if path.startswith(b".") else path[:1])
