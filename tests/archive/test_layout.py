"""Partition tables and superblocks, whole, damaged and hostile."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backup_actions.archive.device import BlockSource
from backup_actions.archive.layout import read_layout
from backup_actions.archive.superblocks import recognise
from backup_actions.model.manifest import FileSystem, Layout

from .programs import run

MIB = 1 << 20


@dataclass
class Bytes:
    """A device in memory."""

    content: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.content)

    @size_bytes.setter
    def size_bytes(self, value: int) -> None:
        raise AssertionError(value)

    def peek(self, offset: int, length: int) -> bytes:
        return self.content[offset : offset + length] if offset >= 0 and length > 0 else b""

    def sector_size_bytes(self) -> int | None:
        return None


def layout_of(content: bytes) -> Layout:
    layout = read_layout(Bytes(content))
    assert covers(layout, len(content))
    return layout


def covers(layout: Layout, size_bytes: int) -> bool:
    at = 0
    for region in layout.regions:
        if region.offset_bytes != at:
            return False
        at += region.size_bytes
    return at == size_bytes


def partitioned(path: Path, script: str, size_mib: int = 64) -> bytes:
    with path.open("wb") as file:
        file.truncate(size_mib * MIB)
    run("sfdisk", "--quiet", path, text=script)
    return path.read_bytes()


@pytest.fixture(name="gpt", scope="module")
def _gpt(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    script = "label: gpt\nlabel-id: 11111111-2222-3333-4444-555555555555\n"
    script += "start=2048, size=8192, type=C12A7328-F81F-11D2-BA4B-00C04FC93EC9\n"
    script += 'size=16M, uuid=AAAAAAAA-2222-3333-4444-555555555555, name="the röot"\n'
    return partitioned(tmp_path_factory.mktemp("gpt") / "image", script)


@pytest.fixture(name="mbr", scope="module")
def _mbr(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    script = "label: dos\nlabel-id: 0x12345678\nstart=2048, size=8192, type=83\ntype=5\n"
    script += "size=4M, type=83\nsize=5M, type=82\nsize=6M, type=8e\n"
    return partitioned(tmp_path_factory.mktemp("mbr") / "image", script)


def check_gpt(layout: Layout) -> None:
    assert (layout.table, layout.disk_id) == ("gpt", "11111111-2222-3333-4444-555555555555")
    assert [(region.role, region.number) for region in layout.regions] == [
        ("gap", 0), ("partition", 1), ("partition", 2), ("gap", 1),
    ]  # fmt: skip
    first, second = layout.regions[1:3]
    assert (first.offset_bytes, first.size_bytes) == (MIB, 4 * MIB)
    assert first.type_id == "c12a7328-f81f-11d2-ba4b-00c04fc93ec9"
    assert (second.name, second.unique_id) == ("the röot", "aaaaaaaa-2222-3333-4444-555555555555")


def test_a_gpt_gives_partitions_and_gaps_that_cover_the_disk(gpt: bytes) -> None:
    check_gpt(layout_of(gpt))


@pytest.mark.parametrize("at", [512, 512 + 16, 512 + 56, 1024 + 3, 1024 + 130])
def test_the_backup_table_is_used_where_the_first_is_damaged(gpt: bytes, at: int) -> None:
    damaged = bytearray(gpt)
    damaged[at] ^= 0xFF

    check_gpt(layout_of(bytes(damaged)))


def test_a_gpt_that_was_given_up_for_another_table_does_not_count(gpt: bytes) -> None:
    assert layout_of(bytes(512) + gpt[512:]).table == "none"


def test_an_mbr_gives_primary_and_logical_partitions(mbr: bytes) -> None:
    layout = layout_of(mbr)

    assert (layout.table, layout.disk_id) == ("mbr", "12345678")
    partitions = [(r.number, r.type_id, r.size_bytes // MIB) for r in layout.regions if r.role == "partition"]
    assert partitions == [(1, "0x83", 4), (5, "0x83", 4), (6, "0x82", 5), (7, "0x8e", 6)]
    assert [region.unique_id for region in layout.regions if region.number == 5] == ["12345678-05"]


def test_a_chain_of_logical_partitions_that_bites_its_tail_ends(mbr: bytes) -> None:
    layout = layout_of(mbr)
    second = next(region for region in layout.regions if region.number == 6)
    damaged = bytearray(mbr)
    record = second.offset_bytes - MIB  # its boot record lies in the gap before it
    damaged[record + 446 + 16 : record + 446 + 32] = struct.pack("<BBBBBBBBII", 0, 0, 0, 0, 5, 0, 0, 0, 0, 100)

    assert layout_of(bytes(damaged)).table in {"mbr", "none"}


def test_a_partition_outside_of_the_disk_or_over_another_makes_the_table_none(mbr: bytes, gpt: bytes) -> None:
    assert layout_of(mbr[: 20 * MIB]).table == "none"
    assert layout_of(gpt[: 20 * MIB]).table == "none"
    overlapping = bytearray(mbr)
    overlapping[446 + 16 + 8 : 446 + 16 + 12] = struct.pack("<I", 100)
    overlapping[446 + 16 + 4] = 0x83

    assert layout_of(bytes(overlapping)).table == "none"


def test_an_empty_disk_is_one_region_without_a_file_system() -> None:
    layout = layout_of(bytes(MIB))

    assert [(region.role, region.file_system) for region in layout.regions] == [("whole", None)]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2 * MIB - 1), st.binary(min_size=1, max_size=40), st.booleans())
def test_no_damage_to_a_table_makes_the_parser_fail(at: int, noise: bytes, at_the_table: bool) -> None:
    content = bytearray(_TABLE)
    at = at % 1600 + 400 if at_the_table else at
    content[at : at + len(noise)] = noise[: max(0, len(content) - at)]

    layout_of(bytes(content[: 2 * MIB]))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=3000))
def test_no_garbage_makes_the_parser_fail(garbage: bytes) -> None:
    layout_of(garbage)


def _small_mbr() -> bytes:
    content = bytearray(2 * MIB)
    content[446:462] = struct.pack("<BBBBBBBBII", 0x80, 0, 0, 0, 0x83, 0, 0, 0, 8, 100)
    content[462:478] = struct.pack("<BBBBBBBBII", 0, 0, 0, 0, 0x0F, 0, 0, 0, 200, 3000)
    content[510:512] = b"\x55\xaa"
    extended = 200 * 512
    content[extended + 446 : extended + 462] = struct.pack("<BBBBBBBBII", 0, 0, 0, 0, 0x83, 0, 0, 0, 8, 100)
    content[extended + 510 : extended + 512] = b"\x55\xaa"
    return bytes(content)


_TABLE = _small_mbr()

MADE_BY = {
    "ext2": ["mkfs.ext2", "-q", "-F", "-U", "11111111-2222-3333-4444-555555555555", "-L", "label"],
    "ext3": ["mkfs.ext3", "-q", "-F", "-U", "11111111-2222-3333-4444-555555555555", "-L", "label"],
    "ext4": ["mkfs.ext4", "-q", "-F", "-U", "11111111-2222-3333-4444-555555555555", "-L", "label"],
    "xfs": ["mkfs.xfs", "-q", "-m", "uuid=11111111-2222-3333-4444-555555555555", "-L", "label"],
    "btrfs": ["mkfs.btrfs", "-q", "-U", "11111111-2222-3333-4444-555555555555", "-L", "label"],
    "swap": ["mkswap", "-q", "-U", "11111111-2222-3333-4444-555555555555", "-L", "label"],
    "vfat": ["mkfs.vfat", "-i", "1234ABCD", "-n", "LABEL"],
}


@pytest.mark.parametrize("kind", MADE_BY)
def test_a_file_system_on_the_whole_device_is_recognised(kind: str, tmp_path: Path) -> None:
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(320 * MIB)
    run(*MADE_BY[kind], image)

    with BlockSource(image) as source:
        layout = read_layout(source)

    expected = FileSystem(type=kind, uuid="11111111-2222-3333-4444-555555555555", label="label")
    if kind == "vfat":
        expected = FileSystem(type=kind, uuid="1234-ABCD", label="LABEL")
    assert (layout.table, layout.regions[0].file_system) == ("none", expected)


UUID = bytes(range(16))
UUID_TEXT = "00010203-0405-0607-0809-0a0b0c0d0e0f"
MADE_BY_HAND = [
    (
        {0: b"LUKS\xba\xbe\x00\x02", 24: b"secret", 168: b"a-uuid"},
        FileSystem(type="crypto_LUKS", uuid="a-uuid", label="secret"),
    ),
    (
        {512: b"LABELONE", 532: struct.pack("<I", 32), 536: b"LVM2 001", 544: b"abcdefghijklmnopqrstuvwxyz012345"},
        FileSystem(type="LVM2_member", uuid="abcdef-ghij-klmn-opqr-stuv-wxyz-012345"),
    ),
    (
        {4096: struct.pack("<II", 0xA92B4EFC, 1), 4112: UUID, 4128: b"host:0"},
        FileSystem(type="linux_raid_member", uuid=UUID_TEXT, label="host:0"),
    ),
    (
        {MIB - 65536: struct.pack("<II", 0xA92B4EFC, 0), MIB - 65516: UUID[:4], MIB - 65484: UUID[4:]},
        FileSystem(type="linux_raid_member", uuid=UUID_TEXT),
    ),
    ({0: b"hsqs"}, FileSystem(type="squashfs")),
    ({1024: b"\xe2\xe1\xf5\xe0", 1072: UUID, 1088: b"image"}, FileSystem(type="erofs", uuid=UUID_TEXT, label="image")),
    ({32769: b"CD001", 32808: b"DISC".ljust(32)}, FileSystem(type="iso9660", label="DISC")),
    ({3: b"NTFS    ", 72: bytes(range(8)), 510: b"\x55\xaa"}, FileSystem(type="ntfs", uuid="0706050403020100")),
    ({3: b"EXFAT   ", 100: bytes(range(4)), 510: b"\x55\xaa"}, FileSystem(type="exfat", uuid="0302-0100")),
]


def made_by_hand(pieces: dict[int, bytes]) -> bytes:
    content = bytearray(MIB)
    for at, piece in pieces.items():
        content[at : at + len(piece)] = piece
    return bytes(content)


@pytest.mark.parametrize(("pieces", "expected"), MADE_BY_HAND)
def test_what_cannot_be_made_here_is_recognised_by_its_documented_marks(
    pieces: dict[int, bytes], expected: FileSystem
) -> None:
    source = Bytes(made_by_hand(pieces))

    assert recognise(source.peek, source.size_bytes) == expected


@settings(max_examples=100, deadline=None)
@given(st.sampled_from([pieces for pieces, _ in MADE_BY_HAND]), st.integers(0, 70_000))
def test_no_cut_through_a_superblock_makes_the_probes_fail(pieces: dict[int, bytes], length: int) -> None:
    source = Bytes(made_by_hand(pieces)[:length])

    recognise(source.peek, source.size_bytes)
