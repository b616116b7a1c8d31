"""Which bytes of an ext4 are in use: its block bitmaps, read twice and believed only where everything agrees."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from backup_actions.archive.ext_metadata import (
    SUPERBLOCK_BYTES,
    SUPERBLOCK_OFFSET,
    AllocationUnknownError,
    Group,
    Superblock,
)
from backup_actions.archive.superblocks import Peek

HAVE_BITMAPS = frozenset({"ext2", "ext3", "ext4"})
_RUN = re.compile("1+")

Extent = tuple[int, int]
"""Bytes of the region, from the first to before the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """What of a region is in use. Memory: 64 bytes a group (half a MiB for 1 TiB) and one bitmap."""

    used_bytes: int
    region_bytes: int
    _superblock: Superblock
    _descriptors: bytes
    _unwritten: dict[int, list[Extent]]
    _peek: Peek

    def extents(self) -> Iterator[Extent]:
        """In order, never touching each other. A bitmap that has changed meanwhile makes all of its group used."""
        return _joined(self._pieces())

    def _pieces(self) -> Iterator[Extent]:
        """What lies before the first group and behind the last one belongs to nobody we know: it is used."""
        superblock = self._superblock
        yield 0, superblock.first_block * superblock.block_bytes
        for number in range(superblock.groups):
            try:
                group = superblock.group(number, self._descriptors)
                blocks = _blocks_of(superblock, group, self._unwritten, self._peek)
            except AllocationUnknownError:
                blocks = [superblock.span_of(number)]
            yield from ((start * superblock.block_bytes, end * superblock.block_bytes) for start, end in blocks)
        yield superblock.blocks * superblock.block_bytes, self.region_bytes


def read_allocation(peek: Peek, region_bytes: int) -> Allocation:
    """What the ext4 in a region uses. Raises AllocationUnknownError unless every checksum and every count agrees.

    A file system whose journal would have to be replayed is refused: its bitmaps are older than its files.
    """
    superblock = Superblock.parse(peek(SUPERBLOCK_OFFSET, SUPERBLOCK_BYTES), region_bytes)
    table_bytes = superblock.groups * superblock.descriptor_bytes
    descriptors = peek(superblock.descriptors_offset, table_bytes)
    if len(descriptors) != table_bytes:
        raise AllocationUnknownError("its group descriptors lie outside of the region")
    groups = range(superblock.groups)
    unwritten = _metadata_in_unwritten_groups(superblock, (superblock.group(each, descriptors) for each in groups))
    used_blocks = superblock.first_block
    for number in groups:
        group = superblock.group(number, descriptors)
        used_blocks += sum(end - start for start, end in _blocks_of(superblock, group, unwritten, peek))
    behind = region_bytes - superblock.blocks * superblock.block_bytes
    return Allocation(
        used_bytes=used_blocks * superblock.block_bytes + behind,
        region_bytes=region_bytes,
        _superblock=superblock,
        _descriptors=descriptors,
        _unwritten=unwritten,
        _peek=peek,
    )


def _metadata_in_unwritten_groups(superblock: Superblock, groups: Iterable[Group]) -> dict[int, list[Extent]]:
    """Blocks that are used although no bitmap was ever written: backups of the superblock, bitmaps, inode tables.

    Backups lie in few groups; room for one is kept in each of these.
    """
    unwritten: dict[int, list[Extent]] = {}
    metadata: list[Extent] = []
    for group in groups:
        if group.is_uninitialised:
            start, end = superblock.span_of(group.number)
            unwritten[group.number] = [(start, min(start + superblock.backup_blocks, end))]
        metadata += [
            (group.bitmap_block, group.bitmap_block + 1),
            (group.inode_bitmap_block, group.inode_bitmap_block + 1),
        ]
        metadata.append((group.inode_table_block, group.inode_table_block + superblock.inode_table_blocks))
    for start, end in _joined(sorted(metadata)):
        if not superblock.first_block < start < end <= superblock.blocks:
            raise AllocationUnknownError(f"blocks {start} to {end} cannot be metadata")
        for number in range(superblock.group_at(start), superblock.group_at(end - 1) + 1):
            if number in unwritten:
                first, behind = superblock.span_of(number)
                unwritten[number].append((max(start, first), min(end, behind)))
    return {number: list(_joined(sorted(extents))) for number, extents in unwritten.items()}


def _blocks_of(superblock: Superblock, group: Group, unwritten: dict[int, list[Extent]], peek: Peek) -> list[Extent]:
    """The used blocks of a group. Raises AllocationUnknownError."""
    if group.is_uninitialised:
        return unwritten[group.number]
    first, behind = superblock.span_of(group.number)
    bitmap = peek(group.bitmap_block * superblock.block_bytes, superblock.block_bytes)
    if len(bitmap) != superblock.block_bytes or not superblock.bitmap_holds(group, bitmap):
        raise AllocationUnknownError(f"the checksum of the block bitmap of group {group.number} is wrong")
    number = int.from_bytes(bitmap, "little")
    bits = f"{number:0{8 * len(bitmap)}b}"[::-1][: behind - first]
    if bits.count("0") != group.free_blocks:
        raise AllocationUnknownError(f"the block bitmap of group {group.number} does not agree with its descriptor")
    return [(first + run.start(), first + run.end()) for run in _RUN.finditer(bits)]


def _joined(extents: Iterable[Extent]) -> Iterator[Extent]:
    """Sorted extents with those that touch or overlap made one, and empty ones left out."""
    start, end = 0, 0
    for next_start, next_end in extents:
        if next_start >= next_end:
            continue
        if next_start > end:
            if end > start:
                yield start, end
            start = next_start
        end = max(end, next_end)
    if end > start:
        yield start, end
