"""Images of ext4 hold what the file system uses and nothing that was deleted; in any doubt they hold everything."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backup_actions.archive import Archive, ArchiveOptions, FolderStore, archive, regions, verify
from backup_actions.archive.allocation import Allocation, read_allocation
from backup_actions.archive.ext_metadata import AllocationUnknownError
from backup_actions.archive.mounting import CannotMountError
from backup_actions.model.manifest import Member

from .programs import run
from .torture_tree import plant, seen

MIB = 1 << 20
SIZE = 100 * MIB
GROUP = 32 * MIB  # of 8,192 blocks
RAW = ArchiveOptions(raw="always", frame_size_mib=1)
SECRET = b"this file was deleted " * 4000


def made(folder: Path, *options: str) -> Path:
    """An image with files, holes between them, and the remains of what was deleted."""
    tree = folder / "tree"
    tree.mkdir()
    for number in range(200):
        (tree / f"file-{number}").write_bytes(f"content {number} ".encode() * (300 + 7 * number))
    (tree / "deleted").write_bytes(SECRET)
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(SIZE)
    run("mkfs.ext4", "-q", "-F", *options, "-g", "8192", "-d", tree, image)
    for name in ("deleted", *(f"file-{number}" for number in range(0, 200, 3))):
        run("debugfs", "-w", "-R", f"rm {name}", image)
    assert SECRET[:4096] in image.read_bytes()
    return image


class Changing:
    """An image that is read with other bytes at some places."""

    def __init__(self, image: Path) -> None:
        self.changes: list[tuple[int, bytes]] = []
        self.looked_at: set[int] = set()
        self._image = image

    def peek(self, offset: int, length: int) -> bytes:
        with self._image.open("rb") as file:
            data = bytearray(os.pread(file.fileno(), length, offset))
        self.looked_at.update(range(offset, offset + len(data)))
        for at, new in self.changes:
            for place, value in enumerate(new, start=at - offset):
                if 0 <= place < len(data):
                    data[place] = value
        return bytes(data)


def allocation_of(image: Path) -> Allocation:
    """Of an image that is one file system."""
    return read_allocation(Changing(image).peek, SIZE)


def archived(image: Path, to: Path, options: ArchiveOptions = RAW) -> tuple[Member, Path]:
    """The member, and the image that comes back."""
    store = FolderStore(to / "store")
    (member,) = archive(image, store, options=options).members
    assert verify(store).complete
    Archive.open(store).extract(None, to / "out")
    return member, to / "out" / "device.img"


@pytest.fixture(name="pristine", scope="module")
def _pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("pristine"), "-b", "4096")


@pytest.fixture(name="image")
def _image(pristine: Path, tmp_path: Path) -> Path:
    """A copy to be changed."""
    copy = tmp_path / "image"
    run("cp", "--sparse=always", pristine, copy)
    return copy


SHAPES = [
    (),
    ("-b", "4096"),
    ("-O", "^64bit"),
    ("-O", "^flex_bg"),
    ("-O", "^flex_bg", "-b", "4096"),
    ("-O", "metadata_csum_seed"),
    ("-O", "sparse_super2"),
    ("-O", "^metadata_csum,uninit_bg"),
    ("-O", "^metadata_csum,uninit_bg,^64bit,^flex_bg"),
]


@pytest.mark.parametrize("shape", SHAPES, ids=" ".join)
def test_what_comes_back_is_sound_and_has_every_file_and_nothing_that_was_deleted(
    tmp_path: Path, shape: tuple[str, ...]
) -> None:
    image = made(tmp_path, *shape)

    member, restored = archived(image, tmp_path)

    run("e2fsck", "-fn", restored)
    for name, source in (("ours", image), ("theirs", restored)):
        (tmp_path / name).mkdir()
        run("debugfs", "-R", f"rdump / {tmp_path / name}", source)
    assert seen(tmp_path / "theirs") == seen(tmp_path / "ours")
    assert SECRET[:4096] not in restored.read_bytes()
    assert member.notes[0].startswith(f"only the {allocation_of(image).used_bytes} of {SIZE} bytes")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root and loop devices")
def test_a_restored_image_mounts_identically(image: Path, tmp_path: Path) -> None:
    with mounted(image, tmp_path / "mount") as root:
        plant(root)
        shutil.rmtree(root / "sub")
        before = seen(root)

    _, restored = archived(image, tmp_path)

    run("e2fsck", "-fn", restored)
    with mounted(restored, tmp_path / "mount") as root:
        assert seen(root) == before


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    at.mkdir(exist_ok=True)
    run("mount", "-o", "loop", image, at)
    try:
        yield at
    finally:
        run("umount", at)


def test_only_what_is_in_use_and_what_says_so_is_read(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_bytes = 0
    original = os.pread

    def counting(descriptor: int, length: int, offset: int) -> bytes:
        nonlocal read_bytes
        data = original(descriptor, length, offset)
        read_bytes += len(data)
        return data

    used_bytes = allocation_of(image).used_bytes
    monkeypatch.setattr(os, "pread", counting)

    archived(image, tmp_path)

    assert used_bytes < SIZE // 3
    assert read_bytes < used_bytes + MIB


def test_whoever_wants_every_byte_gets_it(image: Path, tmp_path: Path) -> None:
    member, restored = archived(image, tmp_path, ArchiveOptions(raw="always", whole_images=True))

    assert restored.read_bytes() == image.read_bytes()
    assert member.notes == ()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_bitmaps_of_a_file_system_that_cannot_be_mounted_are_not_trusted(
    image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise CannotMountError("the kernel says no")

    monkeypatch.setattr(regions, "mounted", refused)

    member, restored = archived(image, tmp_path, ArchiveOptions())

    assert restored.read_bytes() == image.read_bytes()
    assert member.raw_because == "the kernel says no"
    assert member.notes == ("everything was read: a file system that cannot be mounted may be damaged",)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("feature needs_recovery", "its journal holds changes"),
        ("set_super_value state 0", "was not left clean"),
        ("set_super_value state 3", "was not left clean"),
        ("feature bigalloc", "features whose bitmaps are not understood"),
        ("feature meta_bg", "features whose bitmaps are not understood"),
        ("feature ^metadata_csum", "no checksums"),
        ("set_super_value blocks_per_group 16384", "the checksum of"),
        ("set_super_value blocks_count 900000000", "contradict"),
        ("set_super_value log_block_size 9", "contradict"),
        ("set_super_value first_data_block 1", "contradict"),
        ("set_block_group 0 free_blocks_count 7", "does not agree"),
        ("set_block_group 1 inode_table 99999999", "cannot be metadata"),
        ("set_block_group 1 block_bitmap 99999999", "cannot be metadata"),
    ],
)
def test_where_anything_is_odd_bitmaps_are_not_believed(image: Path, tmp_path: Path, change: str, reason: str) -> None:
    seal = f"set_block_group {change.split()[1]} checksum calc" if "block_group" in change else ""
    (tmp_path / "commands").write_text(f"{change}\n{seal}\n")
    run("debugfs", "-w", "-f", tmp_path / "commands", image)

    with pytest.raises(AllocationUnknownError, match=reason):
        allocation_of(image)


def test_in_doubt_everything_is_read_and_the_reason_noted(image: Path, tmp_path: Path) -> None:
    run("debugfs", "-w", "-R", "feature needs_recovery", image)

    member, restored = archived(image, tmp_path)

    assert restored.read_bytes() == image.read_bytes()
    assert member.notes == ("everything was read: its journal holds changes that its bitmaps do not have yet",)


@pytest.mark.parametrize("shape", [("-t", "ext2"), ("-t", "ext3")], ids=" ".join)
def test_file_systems_without_checksums_are_read_whole(tmp_path: Path, shape: tuple[str, ...]) -> None:
    image = made(tmp_path, *shape)

    member, restored = archived(image, tmp_path)

    assert restored.read_bytes() == image.read_bytes()
    assert "no checksums" in member.notes[0]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_change_to_metadata_makes_anything_in_use_be_left_out(pristine: Path, data: st.DataObject) -> None:
    image = Changing(pristine)
    before = list(read_allocation(image.peek, SIZE).extents())
    places = st.sampled_from(sorted(image.looked_at))
    image.changes = data.draw(st.lists(st.tuples(places, st.binary(min_size=1, max_size=40)), min_size=1, max_size=3))

    try:
        after = list(read_allocation(image.peek, SIZE).extents())
    except AllocationUnknownError:
        return
    assert all(any(first <= start and end <= last for first, last in after) for start, end in before)


def test_a_bitmap_that_changes_while_it_is_read_makes_its_whole_group_used(pristine: Path) -> None:
    image = Changing(pristine)
    allocation = read_allocation(image.peek, SIZE)
    bitmap = int(run("debugfs", "-R", "stats", pristine).split("block bitmap at ")[1].split(",")[0])
    assert not any(start == 0 and end >= GROUP for start, end in allocation.extents())

    image.changes = [(4096 * bitmap + 1000, b"\x7f")]

    assert any(start == 0 and end >= GROUP for start, end in allocation.extents())
