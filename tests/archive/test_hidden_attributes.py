"""What a kernel does not show of a file system's files is never left out in silence: an image has it.

A mount option stands for a kernel that was built without: such a kernel mounts btrfs as with ``noacl``, and says so.
"""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from backup_actions.archive import Archive, ArchiveOptions, Blocks, FolderStore, archive, mounting
from backup_actions.errors import SourceUnreadable
from backup_actions.model.manifest import FileSystem, Region

from .programs import looped, run

MIB = 1 << 20
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root and loop devices")
SCRATCH = ArchiveOptions(source_is_scratch=True)
LISTS = ("system.posix_acl_access", "user.note")


def made(tmp_path: Path, kind: str, size_mib: int) -> Path:
    """A file system with a file that has an access control list and an attribute."""
    image, root = tmp_path / "image", tmp_path / "mount"
    with image.open("wb") as file:
        file.truncate(size_mib * MIB)
    run(f"mkfs.{kind}", "-q", image)
    root.mkdir()
    run("mount", "-o", "loop", image, root)
    try:
        (root / "file").write_bytes(b"content")
        run("setfacl", "-m", "u:1234:rwx", root / "file")
        os.setxattr(root / "file", "user.note", b"note")
    finally:
        run("umount", root)
    return image


def read_for_money() -> Blocks:
    """What AWS bills, for a file system that may be damaged; one that could be mounted is not."""
    raise AssertionError


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.usefixtures("each_reader")
def test_a_btrfs_whose_lists_the_kernel_does_not_show_is_archived_as_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, store = made(tmp_path, "btrfs", 160), FolderStore(tmp_path / "store")
    monkeypatch.setitem(mounting._OPTIONS, "btrfs", ("subvolid=5", "noacl"))

    (member,) = archive(image, store, options=SCRATCH, unmountable_from=read_for_money).members

    assert member.raw_because == "the kernel of this machine does not show the ACLs of btrfs"
    assert b"".join(Archive.open(store).read_file("device.img")) == image.read_bytes()
    assert run("losetup", "--associated", image) == ""


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.usefixtures("each_reader")
def test_a_folder_with_lists_that_the_kernel_names_and_does_not_give_becomes_no_archive(tmp_path: Path) -> None:
    image, root = made(tmp_path, "btrfs", 160), tmp_path / "mount"
    store = FolderStore(tmp_path / "store")
    run("mount", "-o", "loop,ro,noacl", image, root)
    try:
        with pytest.raises(SourceUnreadable, match=r"file: .*(the kernel names and does not give|not supported)"):
            archive(root, store)
    finally:
        run("umount", root)

    assert store.describe("manifest.json") is None


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.usefixtures("each_reader")
@pytest.mark.parametrize(("kind", "size_mib"), [("ext2", 16), ("ext4", 16), ("xfs", 320), ("btrfs", 160)])
def test_lists_and_attributes_are_in_the_tar_also_where_the_superblock_of_an_ext_switches_them_off(
    kind: str, size_mib: int, tmp_path: Path
) -> None:
    image, store, to = made(tmp_path, kind, size_mib), FolderStore(tmp_path / "store"), tmp_path / "to"
    if kind.startswith("ext"):
        run("tune2fs", "-o", "^acl,^user_xattr", image)

    (member,) = archive(image, store, options=SCRATCH).members
    Archive.open(store).extract(None, to)

    assert member.raw_because == ""
    assert set(LISTS) <= set(os.listxattr(next(to.rglob("file"))))


@pytest.mark.root
@NEEDS_ROOT
def test_a_btrfs_on_several_devices_is_not_mounted_with_what_happens_to_be_there(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for image in (first, second):
        with image.open("wb") as file:
            file.truncate(160 * MIB)
    store = FolderStore(tmp_path / "store")
    with looped(first) as one, looped(second) as other:
        run("mkfs.btrfs", "-q", "-d", "raid0", one, other)
        run("btrfs", "device", "scan", one, other)
        try:
            (member,) = archive(Path(one), store, options=SCRATCH).members
        finally:
            run("btrfs", "device", "scan", "--forget", one, other)

    assert member.raw_because == "its file system spans several devices"
    assert b"".join(Archive.open(store).read_file("device.img")) == first.read_bytes()


@pytest.mark.parametrize(
    ("kind", "hidden", "refused"),
    [
        ("ext4", "user.", "attributes of users of ext4"),
        ("xfs", "security.", "capabilities and labels of xfs"),
        ("erofs", "system.posix_acl_access", "ACLs of erofs"),
        ("squashfs", "trusted.", "trusted attributes of squashfs"),
        ("squashfs", "system.posix_acl_access", ""),
        ("iso9660", "", ""),
    ],
)
def test_only_what_a_file_system_can_keep_has_to_be_shown(
    kind: str, hidden: str, refused: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(_path: Path, name: str) -> bytes:
        raise OSError(errno.ENOTSUP if name.startswith(hidden) else errno.ENODATA, "none")

    monkeypatch.setattr(os, "getxattr", asked)
    monkeypatch.setattr(
        mounting, "run_tool", lambda command, _: subprocess.CompletedProcess(command, 0, "/dev/loop7", "")
    )
    region = Region(number=0, role="whole", offset_bytes=0, size_bytes=MIB, file_system=FileSystem(type=kind))

    try:
        with mounting.mounted(tmp_path / "disk", region, source_is_scratch=True):
            because = ""
    except mounting.CannotMountError as failure:
        because = str(failure)

    assert because == (f"the kernel of this machine does not show the {refused}" if refused else "")
