"""Disks and devices: every region by itself, mounted where possible, never changed unless it is ours, always let go."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from backup_actions.archive import Archive, ArchiveOptions, FolderStore, archive, mounting, verify
from backup_actions.errors import DeviceUnavailable, ExtractionFailed, NotInArchive, SourceUnreadable, ToolMissing
from backup_actions.model.manifest import Member

from .programs import looped, run
from .torture_tree import plant, seen

MIB = 1 << 20
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root and loop devices")


@dataclass
class Notes:
    """Remembers what was said."""

    notes: list[str] = field(default_factory=list)

    def start(self, what: str, total_bytes: int | None) -> None:
        """Nothing is asked of it."""

    def add(self, source_bytes: int) -> None:
        """Nothing is asked of it."""

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


def empty_image(path: Path, size_mib: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size_mib * MIB)
    return path


@contextmanager
def writable(image: Path, folder: Path, offset: int = 0, size: int = 0) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    with looped(image, offset, size) as name:
        run("mount", name, folder)
        try:
            yield folder
        finally:
            run("umount", folder)


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def member(store: FolderStore, name: str) -> Member:
    return next(member for member in Archive.open(store).manifest.members if member.name == name)


def nothing_is_held(image: Path) -> bool:
    """Whether no loop device is left; one that is still mounted would be, even when it was told to go."""
    return run("losetup", "--associated", image) == ""


@dataclass(frozen=True)
class Disk:
    """A partitioned image and what was put into its file systems."""

    image: Path
    trees: dict[str, Path]
    regions: dict[str, tuple[int, int]]


@pytest.fixture(name="disk", scope="module")
def _disk(tmp_path_factory: pytest.TempPathFactory) -> Disk:
    """GPT with FAT, ext4 and xfs, and code of a boot loader in the first sector and before the first partition."""
    folder = tmp_path_factory.mktemp("disk")
    image = empty_image(folder / "image", 440)
    script = "label: gpt\nstart=2048, size=33M, type=C12A7328-F81F-11D2-BA4B-00C04FC93EC9\n"
    run("sfdisk", "--quiet", image, text=script + "size=64M, name=root\nsize=310M, name=data\n")
    regions = {"p1": (MIB, 33 * MIB), "p2": (34 * MIB, 64 * MIB), "p3": (98 * MIB, 310 * MIB)}
    with image.open("r+b") as file:
        file.write(b"boot loader".ljust(440, b"!"))
        file.seek(40 * 512)
        file.write(b"second stage" * 1000)
    makers = {"p1": ["mkfs.vfat", "-F", "32"], "p2": ["mkfs.ext4", "-q"], "p3": ["mkfs.xfs", "-q"]}
    for name, maker in makers.items():
        with looped(image, *regions[name]) as loop:
            run(*maker, loop)
    with image.open("r+b") as file:  # no driver for FAT in this kernel: some bytes that must come back
        file.seek(MIB + 20 * MIB)
        file.write(os.urandom(MIB))
    trees = {"p2": folder / "p2", "p3": folder / "p3"}
    for name, tree in trees.items():
        with writable(image, folder / "mount", *regions[name]) as root:
            plant(root)
            run("cp", "-a", root, tree)
    return Disk(image, trees, regions)


@pytest.mark.root
@NEEDS_ROOT
def test_every_region_of_a_disk_is_archived_by_itself_and_the_image_stays_as_it_was(disk: Disk, tmp_path: Path) -> None:
    store, before, progress = FolderStore(tmp_path / "store"), digest(disk.image), Notes()

    manifest = archive(disk.image, store, progress=progress)
    Archive.open(store).extract(None, tmp_path / "out")

    assert digest(disk.image) == before
    assert nothing_is_held(disk.image)
    assert [(m.name, m.kind) for m in manifest.members] == [
        ("gap-0", "device"), ("p1", "device"), ("p2", "files"), ("p3", "files"), ("gap-1", "device"),
    ]  # fmt: skip
    assert progress.notes == ["p1 is archived as an image: a tar does not keep the attributes of FAT"]
    for name, tree in disk.trees.items():
        assert seen(tmp_path / "out" / name) == seen(tree)
    with disk.image.open("rb") as file:
        file.seek(MIB)
        assert (tmp_path / "out" / "p1" / "device.img").read_bytes() == file.read(33 * MIB)
    assert verify(store).complete


@pytest.mark.root
@NEEDS_ROOT
def test_a_disk_is_rebuilt_with_its_table_its_boot_loader_and_its_raw_regions(disk: Disk, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    archive(disk.image, store)

    rebuilt = Archive.open(store).rebuild_disk(tmp_path / "rebuilt")

    assert [region.number for region in rebuilt.to_be_filled] == [2, 3]
    assert [region.file_system.type for region in rebuilt.to_be_filled if region.file_system] == ["ext4", "xfs"]
    assert run("sfdisk", "--dump", rebuilt.path).replace(str(rebuilt.path), "X") == run(
        "sfdisk", "--dump", disk.image
    ).replace(str(disk.image), "X")
    with disk.image.open("rb") as ours, rebuilt.path.open("rb") as theirs:
        for start, end in ((0, 34 * MIB), (408 * MIB, 440 * MIB)):
            ours.seek(start)
            theirs.seek(start)
            assert ours.read(end - start) == theirs.read(end - start)
    assert rebuilt.path.stat().st_blocks * 512 < 60 * MIB
    with pytest.raises(ExtractionFailed, match="exists"):
        Archive.open(store).rebuild_disk(tmp_path / "rebuilt")


@pytest.mark.root
@NEEDS_ROOT
def test_paths_of_a_disk_begin_with_the_partition(disk: Disk, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    archive(disk.image, store)
    opened = Archive.open(store)

    paths = {entry.path for entry in opened.entries()}
    assert {b"gap-0/device.img", b"p1/device.img", b"p2", b"p2/plain", b"p3/sub/small-9"} <= paths
    assert {entry.path for entry in opened.entries("p3/*small-29")} == {b"p3/sub/small-29"}
    assert b"".join(opened.read_file("p2/plain")) == (disk.trees["p2"] / "plain").read_bytes()
    opened.extract(["p2/plain", "gap-1"], tmp_path / "out")
    assert sorted(p.name for p in (tmp_path / "out").rglob("*") if p.is_file()) == ["device.img", "plain"]
    for missing in ("p9/plain", "p2/nothing", "gap-0/other", "plain"):
        with pytest.raises(NotInArchive):
            opened.extract([missing], tmp_path / "out")


def snapshot_while_mounted(kind: list[str], size_mib: int, folder: Path) -> Path:
    """A copy of a file system in use: what was synced lies in its journal only."""
    image, copy = empty_image(folder / "in-use", size_mib), folder / "copy"
    run(*kind, image)
    with writable(image, folder / "mount") as root:
        for number in range(20):
            (root / f"file-{number}").write_bytes(b"synced" * 1000)
            descriptor = os.open(root / f"file-{number}", os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
        run("cp", "--sparse=always", image, copy)
    return copy


KINDS = [(["mkfs.ext4", "-q", "-F"], 64), (["mkfs.xfs", "-q"], 310)]


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.parametrize(("kind", "size_mib"), KINDS)
def test_on_a_scratch_copy_the_journal_is_replayed(kind: list[str], size_mib: int, tmp_path: Path) -> None:
    image, progress = snapshot_while_mounted(kind, size_mib, tmp_path), Notes()
    store = FolderStore(tmp_path / "store")

    manifest = archive(image, store, options=ArchiveOptions(source_is_scratch=True), progress=progress)

    assert manifest.members[0].counts.files == 20
    assert (progress.notes, manifest.members[0].notes) == ([], ())
    assert nothing_is_held(image)


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.parametrize(("kind", "size_mib"), KINDS)
def test_on_the_image_of_a_person_it_is_left_alone_and_that_is_said(
    kind: list[str], size_mib: int, tmp_path: Path
) -> None:
    image, progress = snapshot_while_mounted(kind, size_mib, tmp_path), Notes()
    before = digest(image)

    manifest = archive(image, FolderStore(tmp_path / "store"), progress=progress)

    assert digest(image) == before
    assert "journal was not replayed" in progress.notes[0]
    assert "journal was not replayed" in manifest.members[0].notes[0]
    assert nothing_is_held(image)


@pytest.fixture(name="ext4")
def _ext4(tmp_path: Path) -> Path:
    """A small image with noise in a file."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "noise").write_bytes(os.urandom(8 * MIB))
    image = empty_image(tmp_path / "ext4", 32)
    run("mkfs.ext4", "-q", "-F", "-d", tmp_path / "tree", image)
    return image


@pytest.mark.root
@NEEDS_ROOT
def test_ctrl_c_in_the_middle_unmounts_and_detaches_and_leaves_no_object(ext4: Path, tmp_path: Path) -> None:
    class Impatient(Notes):
        def add(self, source_bytes: int) -> None:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        archive(ext4, FolderStore(tmp_path / "store"), progress=Impatient())

    assert nothing_is_held(ext4)
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.parametrize("moment", ["_attach", "_mount", "_unmount", "_detach"])
def test_ctrl_c_at_the_worst_moment_still_lets_everything_go(
    ext4: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    original = mounting.run_tool

    def interrupted(command: list[str], program: str) -> subprocess.CompletedProcess[str]:
        done = original(command, program)
        what = {"mount": "_mount", "umount": "_unmount"}.get(program, "_detach" if "--detach" in command else "_attach")
        if what == moment:
            signal.raise_signal(signal.SIGINT)
        return done

    monkeypatch.setattr(mounting, "run_tool", interrupted)

    with pytest.raises(KeyboardInterrupt):
        archive(ext4, FolderStore(tmp_path / "store"))

    assert nothing_is_held(ext4)


@pytest.mark.root
@NEEDS_ROOT
def test_a_file_system_that_cannot_be_mounted_is_archived_as_an_image_with_the_reason(
    ext4: Path, tmp_path: Path
) -> None:
    with ext4.open("r+b") as file:
        file.seek(1024 + 99)
        file.write(b"\x40")  # a feature that no kernel knows
    store, progress = FolderStore(tmp_path / "store"), Notes()

    archive(ext4, store, progress=progress)
    Archive.open(store).extract(None, tmp_path / "out")

    assert "could not be mounted" in member(store, "whole").raw_because
    assert "could not be mounted" in progress.notes[0]
    assert digest(tmp_path / "out" / "device.img") == digest(ext4)
    assert nothing_is_held(ext4)


@pytest.mark.root
@NEEDS_ROOT
def test_a_block_device_is_archived_like_an_image(ext4: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    with looped(ext4) as name:
        manifest = archive(Path(name), store, options=ArchiveOptions(source_is_scratch=True))

    assert manifest.source["kind"] == "block-device"
    assert manifest.layout is not None
    assert manifest.layout.size_bytes == 32 * MIB
    assert b"".join(Archive.open(store).read_file("noise")) == (tmp_path / "tree" / "noise").read_bytes()


@pytest.mark.root
@NEEDS_ROOT
def test_every_subvolume_of_a_btrfs_is_archived(tmp_path: Path) -> None:
    image = empty_image(tmp_path / "image", 160)
    run("mkfs.btrfs", "-q", image)
    with writable(image, tmp_path / "mount") as root:
        run("btrfs", "subvolume", "create", root / "home")
        (root / "home" / "inside").write_bytes(b"inside")
        (root / "outside").write_bytes(b"outside")
        default = run("btrfs", "subvolume", "list", root).split()[1]
        run("btrfs", "subvolume", "set-default", default, root)
    store = FolderStore(tmp_path / "store")

    archive(image, store)

    assert {entry.path for entry in Archive.open(store).entries()} == {b".", b"home", b"home/inside", b"outside"}


@pytest.mark.root
@NEEDS_ROOT
def test_where_no_loop_device_is_to_be_had_nothing_is_archived(
    ext4: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(command: list[str], program: str) -> subprocess.CompletedProcess[str]:
        assert program == "losetup"
        return subprocess.CompletedProcess(command, 1, "", "losetup: cannot find an unused loop device")

    monkeypatch.setattr(mounting, "run_tool", refused)

    with pytest.raises(DeviceUnavailable, match="cannot find an unused"):
        archive(ext4, FolderStore(tmp_path / "store"))


@pytest.mark.root
@NEEDS_ROOT
def test_a_missing_program_is_named(ext4: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", missing)

    with pytest.raises(ToolMissing, match="losetup"):
        archive(ext4, FolderStore(tmp_path / "store"))


@pytest.mark.parametrize(
    ("options", "because"),
    [
        (ArchiveOptions(raw="always"), "images were asked for"),
        (ArchiveOptions(mount=False), "mounting was switched off"),
        (ArchiveOptions(), "mounting needs root"),
    ],
)
def test_without_mounting_the_image_comes_back_identical_and_sparse(
    ext4: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: ArchiveOptions, because: str
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    store, progress = FolderStore(tmp_path / "store"), Notes()

    archive(ext4, store, options=options, progress=progress)
    Archive.open(store).extract(None, tmp_path / "out")

    assert progress.notes[0] == f"whole is archived as an image: {because}"
    assert digest(tmp_path / "out" / "device.img") == digest(ext4)
    assert (tmp_path / "out" / "device.img").stat().st_blocks * 512 < 24 * MIB
    assert verify(store).complete


def test_stock_zstd_alone_gives_the_image_back(ext4: Path, tmp_path: Path) -> None:
    archive(ext4, FolderStore(tmp_path / "store"), options=ArchiveOptions(raw="always"))

    run("zstd", "-dq", tmp_path / "store" / "whole" / "device.img.zst", "-o", tmp_path / "image")

    assert digest(tmp_path / "image") == digest(ext4)


def test_a_device_that_cannot_be_read_never_becomes_an_archive(
    ext4: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = os.preadv

    def failing(descriptor: int, buffers: list[memoryview], offset: int) -> int:
        if len(buffers[0]) == MIB:
            raise OSError(5, "Input/output error")
        return original(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", failing)

    with pytest.raises(SourceUnreadable, match=r"bytes \d+ to \d+ of .*ext4: .*Input/output error"):
        archive(ext4, FolderStore(tmp_path / "store"), options=ArchiveOptions(raw="always", whole_images=True))

    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


def test_an_image_that_shrinks_while_it_is_read_never_becomes_an_archive(
    ext4: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Shrinking(Notes):
        def start(self, what: str, total_bytes: int | None) -> None:
            os.truncate(ext4, 10 * MIB)

    with pytest.raises(SourceUnreadable, match="it ends at byte 10485760"):
        archive(ext4, FolderStore(tmp_path / "store"), options=ArchiveOptions(raw="always"), progress=Shrinking())


def test_an_image_without_anything_is_archived_too(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    store = FolderStore(tmp_path / "store")

    archive(tmp_path / "empty", store)
    Archive.open(store).extract(None, tmp_path / "out")

    assert (tmp_path / "out" / "device.img").read_bytes() == b""
    assert verify(store).complete
