"""How a device is divided: its partition table parsed in plain Python, and every byte assigned to one region.

GPT: UEFI specification 2.10, chapter 5. MBR: the same, 5.2, with the chain of extended boot records that DOS used.
A table that contradicts itself or the device counts as none: then the whole device is one region.
"""

from __future__ import annotations

import struct
import uuid
import zlib
from dataclasses import replace
from typing import Protocol

from backup_actions.archive.superblocks import Peek, recognise
from backup_actions.model.manifest import Layout, Region

_EXTENDED = frozenset({0x05, 0x0F, 0x85})
_PROTECTIVE = 0xEE
_BOOT_SECTOR_LIKE_MBR = frozenset({"vfat", "exfat", "ntfs"})  # they carry the same signature at the same place
_MOST_LOGICAL = 128
_LARGEST_TABLE_BYTES = 1 << 20


class Readable(Protocol):
    """What can be looked into: ``peek`` gives fewer bytes where the device ends."""

    size_bytes: int

    def peek(self, offset: int, length: int) -> bytes: ...

    def sector_size_bytes(self) -> int | None: ...


def read_layout(source: Readable) -> Layout:
    """Regions in the order of the device, covering it without overlap; each partition with what it holds."""
    known = source.sector_size_bytes()
    for sector in (known,) if known else (512, 4096):
        found = _gpt(source, sector) or _mbr(source, sector)
        if found and _fits(found.regions, source.size_bytes):
            return replace(found, regions=tuple(_with_gaps(found.regions, source)))
    return Layout(
        table="none",
        size_bytes=source.size_bytes,
        sector_size_bytes=known or 512,
        disk_id="",
        regions=(undivided(source),),
    )


def undivided(source: Readable) -> Region:
    """The whole of it as one region, whatever table it may have."""
    whole = Region(number=0, role="whole", offset_bytes=0, size_bytes=source.size_bytes)
    return _recognised(whole, source)


def _fits(partitions: tuple[Region, ...], size_bytes: int) -> bool:
    at = 0
    for partition in sorted(partitions, key=lambda region: region.offset_bytes):
        if partition.offset_bytes < max(at, 1):
            return False
        at = partition.offset_bytes + partition.size_bytes
    return bool(partitions) and at <= size_bytes


def _with_gaps(partitions: tuple[Region, ...], source: Readable) -> list[Region]:
    regions: list[Region] = []
    at, gaps = 0, 0
    end = Region(number=0, role="gap", offset_bytes=source.size_bytes, size_bytes=0)
    for partition in (*sorted(partitions, key=lambda region: region.offset_bytes), end):
        if partition.offset_bytes > at:
            regions.append(Region(number=gaps, role="gap", offset_bytes=at, size_bytes=partition.offset_bytes - at))
            gaps += 1
        if partition is not end:
            regions.append(_recognised(partition, source))
        at = partition.offset_bytes + partition.size_bytes
    return regions


def _recognised(region: Region, source: Readable) -> Region:
    return replace(region, file_system=recognise(region_peek(source, region), region.size_bytes))


def region_peek(source: Readable, region: Region) -> Peek:
    """A way to look into the region that never sees beyond it."""

    def peek(offset: int, length: int) -> bytes:
        return source.peek(region.offset_bytes + offset, max(0, min(length, region.size_bytes - offset)))

    return peek


def _gpt(source: Readable, sector: int) -> Layout | None:
    """A table without its protective MBR is one that somebody gave up without erasing it."""
    if not any(kind == _PROTECTIVE for kind, _, _ in _mbr_entries(source.peek(0, 512))):
        return None
    for header_at in (sector, source.size_bytes // sector * sector - sector):
        header = source.peek(header_at, sector)
        entries = _gpt_entries(source, header, sector)
        if entries is not None:
            return Layout(
                table="gpt",
                size_bytes=source.size_bytes,
                sector_size_bytes=sector,
                disk_id=str(uuid.UUID(bytes_le=header[56:72])),
                regions=tuple(_gpt_regions(entries, struct.unpack_from("<I", header, 84)[0], sector)),
            )
    return None


def _gpt_entries(source: Readable, header: bytes, sector: int) -> bytes | None:
    """The table of partitions that the header speaks of, if both checksums hold."""
    if len(header) < sector or header[:8] != b"EFI PART":
        return None
    header_bytes, checksum = struct.unpack_from("<II", header, 12)
    if not 92 <= header_bytes <= sector or zlib.crc32(header[:16] + bytes(4) + header[20:header_bytes]) != checksum:
        return None
    table_sector, count, entry_bytes, table_checksum = struct.unpack_from("<QIII", header, 72)
    if entry_bytes < 128 or not 0 < count * entry_bytes <= _LARGEST_TABLE_BYTES:
        return None
    table = source.peek(min(table_sector * sector, source.size_bytes), count * entry_bytes)
    return table if len(table) == count * entry_bytes and zlib.crc32(table) == table_checksum else None


def _gpt_regions(table: bytes, entry_bytes: int, sector: int) -> list[Region]:
    regions = []
    for number, at in enumerate(range(0, len(table), entry_bytes), start=1):
        entry = table[at : at + entry_bytes]
        first, last = struct.unpack_from("<QQ", entry, 32)
        if any(entry[:16]) and last >= first:
            regions.append(
                Region(
                    number=number,
                    role="partition",
                    offset_bytes=first * sector,
                    size_bytes=(last - first + 1) * sector,
                    name=entry[56:128].decode("utf-16-le", "replace").split("\0", 1)[0],
                    type_id=str(uuid.UUID(bytes_le=entry[:16])),
                    unique_id=str(uuid.UUID(bytes_le=entry[16:32])),
                )
            )
    return regions


def _mbr(source: Readable, sector: int) -> Layout | None:
    block = source.peek(0, 512)
    itself = recognise(source.peek, source.size_bytes)
    if itself and itself.type in _BOOT_SECTOR_LIKE_MBR:
        return None
    disk_id = block[440:444][::-1].hex()
    regions = []
    for number, (kind, first, count) in enumerate(_mbr_entries(block), start=1):
        if kind == _PROTECTIVE:
            return None
        if kind in _EXTENDED:
            regions += _logical(source, first, sector, disk_id)
        elif kind and count:
            regions.append(_mbr_region(number, kind, first, count, sector, disk_id))
    if not regions:
        return None
    return Layout(
        table="mbr",
        size_bytes=source.size_bytes,
        sector_size_bytes=sector,
        disk_id=disk_id,
        regions=tuple(regions),
    )


def _logical(source: Readable, extended_first: int, sector: int, disk_id: str) -> list[Region]:
    """The chain of logical partitions, as far as it makes sense; numbers begin at 5."""
    regions: list[Region] = []
    record = extended_first
    seen: set[int] = set()
    while record not in seen and len(regions) < _MOST_LOGICAL:
        seen.add(record)
        entries = _mbr_entries(source.peek(min(record * sector, source.size_bytes), 512))
        if len(entries) < 2:
            break
        kind, first, count = entries[0]
        if kind and count:
            regions.append(_mbr_region(5 + len(regions), kind, record + first, count, sector, disk_id))
        next_kind, next_first, _ = entries[1]
        if next_kind not in _EXTENDED:
            break
        record = extended_first + next_first
    return regions


def _mbr_region(number: int, kind: int, first: int, count: int, sector: int, disk_id: str) -> Region:
    return Region(
        number=number,
        role="partition",
        offset_bytes=first * sector,
        size_bytes=count * sector,
        type_id=f"0x{kind:02x}",
        unique_id=f"{disk_id}-{number:02x}",
    )


def _mbr_entries(block: bytes) -> list[tuple[int, int, int]]:
    """Type, first sector and count of each of the four entries, or nothing where the block is no boot record."""
    if len(block) < 512 or block[510:512] != b"\x55\xaa":
        return []
    entries = [block[at : at + 16] for at in range(446, 510, 16)]
    if any(entry[0] not in {0x00, 0x80} for entry in entries):
        return []  # a boot sector of FAT or NTFS has code and messages there
    return [(entry[4], *struct.unpack_from("<II", entry, 8)) for entry in entries]
