"""Recognises what a region holds by its superblock, in plain Python: nothing is mounted, nothing is trusted.

Offsets: the file systems' own documentation, as gathered in util-linux, libblkid/src/superblocks. Types are named as
``mount -t`` or ``blkid`` name them.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable

from backup_actions.model.manifest import FileSystem

Peek = Callable[[int, int], bytes]
"""Offset and length within the region → the bytes as far as there are any."""

_EXT4_INCOMPATIBLE = 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000
_EXT4_READ_ONLY = ~(0x1 | 0x2 | 0x4)  # beyond what ext3 knows: sparse superblocks, large files, trees of directories
_RAID_MAGIC = 0xA92B4EFC
_SECTOR_SIZES = frozenset({512, 1024, 2048, 4096})


def recognise(peek: Peek, size_bytes: int) -> FileSystem | None:
    """What the region holds, or None. Containers come first: what lies in them is not the region's own."""
    probes = (_luks, _lvm, _ext, _xfs, _btrfs, _squashfs, _erofs, _iso9660, _swap, _ntfs, _exfat, _fat)
    found = _raid(peek, size_bytes)
    for probe in probes:
        found = found or probe(peek)
    return found


def spans_several_devices(peek: Peek, kind: str) -> bool:
    """Whether the rest of the file system lies on other devices. The kernel looks for them among all that it has."""
    return kind == "btrfs" and int.from_bytes(peek(65536 + 136, 8), "little") > 1


def _luks(peek: Peek) -> FileSystem | None:
    header = peek(0, 208)
    if len(header) < 208 or header[:6] != b"LUKS\xba\xbe":
        return None
    label = _text(header[24:72]) if header[6:8] == b"\0\x02" else ""
    return FileSystem(type="crypto_LUKS", uuid=_text(header[168:208]), label=label)


def _lvm(peek: Peek) -> FileSystem | None:
    for sector in range(4):  # the label may lie in any of the first four
        label = peek(512 * sector, 512)
        if len(label) == 512 and label[:8] == b"LABELONE" and label[24:32] == b"LVM2 001":
            at = int.from_bytes(label[20:24], "little")
            return FileSystem(type="LVM2_member", uuid=_dashed(_text(label[at : at + 32]), (6, 4, 4, 4, 4, 4, 6)))
    return None


def _raid(peek: Peek, size_bytes: int) -> FileSystem | None:
    sectors = size_bytes // 512
    for at in (0, 4096, ((sectors - 16) & ~7) * 512):  # versions 1.1, 1.2 and 1.0
        block = peek(at, 64) if at >= 0 else b""
        if len(block) == 64 and block[:8] == struct.pack("<II", _RAID_MAGIC, 1):
            return FileSystem(
                type="linux_raid_member", uuid=str(uuid.UUID(bytes=block[16:32])), label=_text(block[32:64])
            )
    at = (size_bytes & ~0xFFFF) - 0x10000
    block = peek(at, 64) if at >= 0 else b""
    if len(block) == 64 and block[:8] == struct.pack("<II", _RAID_MAGIC, 0):
        return FileSystem(type="linux_raid_member", uuid=str(uuid.UUID(bytes=block[20:24] + block[52:64])))
    return None


def _ext(peek: Peek) -> FileSystem | None:
    block = peek(1024, 264)
    if len(block) < 264 or block[56:58] != b"\x53\xef":
        return None
    compatible, incompatible, read_only = struct.unpack_from("<III", block, 92)
    kind = "ext3" if compatible & 0x4 else "ext2"
    if incompatible & _EXT4_INCOMPATIBLE or read_only & _EXT4_READ_ONLY:
        kind = "ext4"
    if incompatible & 0x8:
        kind = "jbd"  # a journal that lies on a device of its own
    return FileSystem(type=kind, uuid=_uuid(block[104:120]), label=_text(block[120:136]))


def _xfs(peek: Peek) -> FileSystem | None:
    block = peek(0, 120)
    if len(block) < 120 or block[:4] != b"XFSB":
        return None
    return FileSystem(type="xfs", uuid=_uuid(block[32:48]), label=_text(block[108:120]))


def _btrfs(peek: Peek) -> FileSystem | None:
    block = peek(65536, 555)
    if len(block) < 555 or block[64:72] != b"_BHRfS_M":
        return None
    return FileSystem(type="btrfs", uuid=_uuid(block[32:48]), label=_text(block[299:555]))


def _squashfs(peek: Peek) -> FileSystem | None:
    block = peek(0, 96)
    return FileSystem(type="squashfs") if len(block) == 96 and block[:4] == b"hsqs" else None


def _erofs(peek: Peek) -> FileSystem | None:
    block = peek(1024, 128)
    if len(block) < 128 or block[:4] != b"\xe2\xe1\xf5\xe0":
        return None
    return FileSystem(type="erofs", uuid=_uuid(block[48:64]), label=_text(block[64:80]))


def _iso9660(peek: Peek) -> FileSystem | None:
    block = peek(32768, 2048)
    if len(block) < 2048 or block[1:6] != b"CD001":
        return None
    return FileSystem(type="iso9660", label=_text(block[40:72]).rstrip())


def _swap(peek: Peek) -> FileSystem | None:
    for page_bytes in (4096, 16384, 65536):
        if peek(page_bytes - 10, 10) == b"SWAPSPACE2":
            header = peek(1024, 44)
            return FileSystem(type="swap", uuid=_uuid(header[12:28]), label=_text(header[28:44]))
    return None


def _ntfs(peek: Peek) -> FileSystem | None:
    block = peek(0, 512)
    if len(block) < 512 or block[3:11] != b"NTFS    " or block[510:] != b"\x55\xaa":
        return None
    return FileSystem(type="ntfs", uuid=block[72:80][::-1].hex().upper())


def _exfat(peek: Peek) -> FileSystem | None:
    block = peek(0, 512)
    if len(block) < 512 or block[3:11] != b"EXFAT   " or block[510:] != b"\x55\xaa":
        return None
    return FileSystem(type="exfat", uuid=_serial(block[100:104]))


def _fat(peek: Peek) -> FileSystem | None:
    block = peek(0, 512)
    if len(block) < 512 or block[510:] != b"\x55\xaa" or block[0] not in {0xEB, 0xE9}:
        return None
    sector_bytes, cluster_sectors, reserved_sectors, tables = struct.unpack_from("<HBHB", block, 11)
    power_of_two = cluster_sectors and not cluster_sectors & (cluster_sectors - 1)
    if sector_bytes not in _SECTOR_SIZES or not power_of_two or not reserved_sectors or tables not in {1, 2}:
        return None
    if block[82:87] == b"FAT32":
        serial, label = block[67:71], block[71:82]
    elif block[54:57] == b"FAT":
        serial, label = block[39:43], block[43:54]
    else:
        return None
    name = label.decode("ascii", "replace").rstrip()
    return FileSystem(type="vfat", uuid=_serial(serial), label="" if name == "NO NAME" else name)


def _uuid(data: bytes) -> str:
    return str(uuid.UUID(bytes=data)) if any(data) else ""


def _serial(data: bytes) -> str:
    text = data[::-1].hex().upper()
    return f"{text[:4]}-{text[4:]}"


def _text(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("utf-8", "replace")


def _dashed(text: str, lengths: tuple[int, ...]) -> str:
    pieces, at = [], 0
    for length in lengths:
        pieces.append(text[at : at + length])
        at += length
    return "-".join(pieces)
