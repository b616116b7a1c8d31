"""Superblock and group descriptors of ext4, believed only where their checksums hold.

Layout and checksums: https://docs.kernel.org/filesystems/ext4/globals.html (super block, group descriptors, checksums).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import Self

from awscrt.checksums import crc32c

SUPERBLOCK_OFFSET = 1024
SUPERBLOCK_BYTES = 1024
BLOCK_UNINIT = 0x2

_CLEAN = 0x1
_NEEDS_RECOVERY = 0x4
_64BIT, _CHECKSUM_SEED = 0x80, 0x2000
_UNINIT_BG, _METADATA_CSUM = 0x10, 0x400
# File types, extents, 64bit, mmp, flex_bg, ea_inode, checksum seed, large directories, inline data, encryption,
# case-insensitive names.
_INCOMPATIBLE_KNOWN = 0x2 | 0x40 | _64BIT | 0x100 | 0x200 | 0x400 | _CHECKSUM_SEED | 0x4000 | 0x8000 | 0x10000 | 0x20000
# Sparse superblocks, large files, tree directories, huge files, uninit_bg, many links, extra inode size, quota,
# metadata_csum, read-only, project quota, verity, orphan file in use.
_READ_ONLY_KNOWN = 0x7 | 0x8 | _UNINIT_BG | 0x20 | 0x40 | 0x100 | _METADATA_CSUM | 0x1000 | 0x2000 | 0x8000 | 0x10000
_MOST_DESCRIPTOR_BYTES = 64 << 20  # those of 128 TiB
_ALL_ONES = 0xFFFFFFFF


class AllocationUnknownError(Exception):
    """What the file system uses cannot be told for sure, so that everything has to be read; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What a group descriptor says."""

    number: int
    bitmap_block: int
    inode_bitmap_block: int
    inode_table_block: int
    free_blocks: int
    is_uninitialised: bool
    """Its bitmap was never written: it uses nothing but its own metadata."""
    bitmap_checksum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Superblock:
    """The shape of a file system that was left clean and has checksums."""

    block_bytes: int
    blocks: int
    first_block: int
    blocks_in_a_group: int
    inode_table_blocks: int
    """Of each group."""
    reserved_descriptor_blocks: int
    descriptor_bytes: int
    has_bitmap_checksums: bool
    seed: int
    """What the CRC32C of everything begins with."""
    uuid: bytes

    @classmethod
    def parse(cls, data: bytes, region_bytes: int) -> Self:
        """Raise AllocationUnknownError for anything that is not understood, not clean, or not covered by checksums."""
        if len(data) != SUPERBLOCK_BYTES or data[56:58] != b"\x53\xef":
            raise AllocationUnknownError("it has no superblock")
        state = struct.unpack_from("<H", data, 58)[0]
        incompatible, read_only = struct.unpack_from("<II", data, 96)
        if incompatible & _NEEDS_RECOVERY:
            raise AllocationUnknownError("its journal holds changes that its bitmaps do not have yet")
        if state != _CLEAN:
            raise AllocationUnknownError("it was not left clean, or errors were found in it")
        unknown = (incompatible & ~_INCOMPATIBLE_KNOWN, read_only & ~_READ_ONLY_KNOWN)
        if any(unknown):
            raise AllocationUnknownError(
                "it has features whose bitmaps are not understood ({:#x}, {:#x})".format(*unknown)
            )
        if not read_only & (_UNINIT_BG | _METADATA_CSUM):
            raise AllocationUnknownError("it has no checksums that vouch for its bitmaps")
        has_checksums = bool(read_only & _METADATA_CSUM)
        if has_checksums and (data[373] != 1 or _raw_crc32c(data[:1020]) != struct.unpack_from("<I", data, 1020)[0]):
            raise AllocationUnknownError("the checksum of its superblock is wrong")
        return cls._shaped(data, region_bytes, incompatible, has_checksums=has_checksums)

    @classmethod
    def _shaped(cls, data: bytes, region_bytes: int, incompatible: int, *, has_checksums: bool) -> Self:
        blocks_low, first_block, log_block = struct.unpack_from("<4xI12xII", data)
        blocks_in_a_group, inodes_in_a_group = struct.unpack_from("<I4xI", data, 32)
        inode_bytes = struct.unpack_from("<H", data, 88)[0]
        is_64bit = bool(incompatible & _64BIT)
        block_bytes = 1024 << min(log_block, 7)
        found = cls(
            block_bytes=block_bytes,
            blocks=blocks_low | (struct.unpack_from("<I", data, 336)[0] << 32 if is_64bit else 0),
            first_block=first_block,
            blocks_in_a_group=blocks_in_a_group,
            inode_table_blocks=-(-inodes_in_a_group * inode_bytes // block_bytes),
            reserved_descriptor_blocks=struct.unpack_from("<H", data, 206)[0],
            descriptor_bytes=struct.unpack_from("<H", data, 254)[0] if is_64bit else 32,
            has_bitmap_checksums=has_checksums,
            seed=struct.unpack_from("<I", data, 624)[0]
            if incompatible & _CHECKSUM_SEED
            else _raw_crc32c(data[104:120]),
            uuid=data[104:120],
        )
        if log_block > 6 or not found._makes_sense(region_bytes):
            raise AllocationUnknownError(
                "the numbers in its superblock contradict each other or the size of the region"
            )
        return found

    def _makes_sense(self, region_bytes: int) -> bool:
        return (
            self.first_block == (1 if self.block_bytes == 1024 else 0)
            and self.first_block < self.blocks
            and self.blocks * self.block_bytes <= region_bytes
            and 0 < self.blocks_in_a_group <= 8 * self.block_bytes
            and self.blocks_in_a_group % 8 == 0
            and 32 <= self.descriptor_bytes <= 1024
            and self.descriptor_bytes & (self.descriptor_bytes - 1) == 0
            and self.groups * self.descriptor_bytes <= _MOST_DESCRIPTOR_BYTES
        )

    @property
    def groups(self) -> int:
        """How many groups there are; the last one may be shorter."""
        return -(-(self.blocks - self.first_block) // self.blocks_in_a_group)

    @property
    def descriptors_offset(self) -> int:
        """Where the table of group descriptors begins: behind the block of the superblock."""
        return (self.first_block + 1) * self.block_bytes

    @property
    def backup_blocks(self) -> int:
        """How many blocks a superblock with its descriptors, and the room for them to grow, take at most."""
        return 1 + -(-self.groups * self.descriptor_bytes // self.block_bytes) + self.reserved_descriptor_blocks

    def span_of(self, group: int) -> tuple[int, int]:
        """The blocks of a group, from the first to before the last."""
        start = self.first_block + group * self.blocks_in_a_group
        return start, min(start + self.blocks_in_a_group, self.blocks)

    def group_at(self, block: int) -> int:
        """The group that this block belongs to."""
        return (block - self.first_block) // self.blocks_in_a_group

    def group(self, number: int, table: bytes) -> Group:
        """What the table of all descriptors says of a group. Raises AllocationUnknownError if its checksum is wrong."""
        data = table[number * self.descriptor_bytes : (number + 1) * self.descriptor_bytes]
        if self._descriptor_checksum(number, data) != struct.unpack_from("<H", data, 30)[0]:
            raise AllocationUnknownError(f"the checksum of the descriptor of group {number} is wrong")
        low = struct.unpack_from("<IIIH4xH4xH", data)
        high = struct.unpack_from("<IIIH10xH", data, 32) if self.descriptor_bytes >= 64 else (0, 0, 0, 0, 0)
        return Group(
            number=number,
            bitmap_block=low[0] | high[0] << 32,
            inode_bitmap_block=low[1] | high[1] << 32,
            inode_table_block=low[2] | high[2] << 32,
            free_blocks=low[3] | high[3] << 16,
            is_uninitialised=bool(low[4] & BLOCK_UNINIT),
            bitmap_checksum=low[5] | high[4] << 16,
        )

    def bitmap_holds(self, group: Group, bitmap: bytes) -> bool:
        """Whether the bitmap is the one that the checksum in its descriptor was made of, if there are such."""
        if not self.has_bitmap_checksums:
            return True
        bits = _ALL_ONES if self.descriptor_bytes >= 64 else 0xFFFF
        return _raw_crc32c(bitmap[: self.blocks_in_a_group // 8], self.seed) & bits == group.bitmap_checksum

    def _descriptor_checksum(self, number: int, data: bytes) -> int:
        place = struct.pack("<I", number)
        if self.has_bitmap_checksums:
            return _raw_crc32c(place + data[:30] + bytes(2) + data[32:], self.seed) & 0xFFFF
        return _crc16(self.uuid + place + data[:30] + data[32:])


def _raw_crc32c(data: bytes, before: int = _ALL_ONES) -> int:
    """As ext4 has it: without the inversions at the begin and the end."""
    return ~int(crc32c(data, ~before & _ALL_ONES)) & _ALL_ONES


def _crc16(data: bytes) -> int:
    """CRC-16/ANSI, reflected, beginning with all ones."""
    table, value = _crc16_table(), 0xFFFF
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return value


@cache
def _crc16_table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)  # noqa: PLW2901 - eight steps of the same division
        table.append(value)
    return table
