"""The disks of the demo: real file systems with the things in them that archivers get wrong.

Nothing is mounted to make them, so the same disks are made with and without root. A disk whose tools are missing
holds plain data instead and is archived raw.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

GIB, MIB = 1 << 30, 1 << 20

# What a distribution's grub-install puts into the gap before the first partition: here a text that can be found again.
BOOT_LOADER = b"the boot loader's second stage lives in this gap, outside every partition\n"


@dataclass(frozen=True, slots=True)
class DemoDisk:
    """A disk image and what the story says of it. ``tree`` is the folder its main file system was made from."""

    name: str
    story: str
    image: Path
    tree: Path | None = None


def make_disks(folder: Path, *, files: int) -> list[DemoDisk]:
    """The four disks, made under the folder; ``files`` is how many small files the first one holds."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_data(folder, files), _root_disk(folder), _unreadable(folder), _unlucky(folder)]


def _data(folder: Path, files: int) -> DemoDisk:
    tree = folder / "data.tree"
    _small_files(tree, files, seed=1)
    _large_files(tree / "large", seed=2)
    _oddities(tree / "odd")
    image = _blank(folder / "data.img")
    _ext4(image, tree, label="data")
    return DemoDisk("data", "one ext4 file system over the whole device", image, tree)


def _root_disk(folder: Path) -> DemoDisk:
    image = _blank(folder / "root.img")
    tree = folder / "root.tree"
    _small_files(tree / "usr", 400, seed=3)
    (tree / "etc").mkdir()
    (tree / "etc/fstab").write_text("UUID=5d1c6a52-0d6f-4d0e-9a55-6a3c8cbd3a11 / ext4 defaults 0 1\n")
    if shutil.which("sfdisk"):
        _partition(image)
        starts = {number: start * 512 for number, start in ((1, 2048), (2, 133_120), (3, 854_016))}
        _into(image, starts[1], 64 * MIB, _efi)
        _into(image, starts[2], 352 * MIB, lambda part: _ext4(part, tree, label="root"))
        _into(image, starts[3], 400 * MIB, lambda part: _xfs(part, folder / "srv.tree"))
    with image.open("r+b") as disk:
        disk.seek(34 * 512 + 65536)
        disk.write(BOOT_LOADER)
    return DemoDisk(
        "root disk", "a GPT disk: EFI (vfat), root (ext4), srv (xfs), a boot loader in the gap", image, tree
    )


def _unreadable(folder: Path) -> DemoDisk:
    image = _blank(folder / "unreadable.img")
    dice = random.Random(5)  # noqa: S311 - made-up data, the same every time
    with image.open("r+b") as disk:
        for page in range(256):  # a database that keeps its pages on the bare device
            disk.seek(64 * MIB + page * 65536)
            disk.write(struct.pack("<QQ", 0x0DB0DB, page) + dice.randbytes(8192))
    return DemoDisk("unreadable", "a database on the bare device: no file system to mount", image)


def _unlucky(folder: Path) -> DemoDisk:
    tree = folder / "unlucky.tree"
    tree.mkdir()
    dice = random.Random(6)  # noqa: S311
    for number in range(8):
        (tree / f"measurement-{number:02}.bin").write_bytes(dice.randbytes(8 * MIB))
    image = _blank(folder / "unlucky.img")
    _ext4(image, tree, label="unlucky")
    return DemoDisk("unlucky", "its host is lost half-way, on every attempt", image, tree)


def _blank(image: Path, size_bytes: int = GIB) -> Path:
    with image.open("wb") as disk:
        disk.truncate(size_bytes)
    return image


def _small_files(tree: Path, count: int, *, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    words = [f"{dice.getrandbits(40):010x}" for _ in range(400)]
    for number in range(count):
        folder = tree / f"{number % 23:02}" / f"{number % 7}"
        folder.mkdir(parents=True, exist_ok=True)
        text = " ".join(dice.choices(words, k=dice.randrange(4, 900)))
        (folder / f"report-{number:05}.txt").write_text(text)


def _large_files(folder: Path, *, seed: int) -> None:
    folder.mkdir()
    dice = random.Random(seed)  # noqa: S311
    (folder / "photo.raw").write_bytes(dice.randbytes(24 * MIB))
    line = b'203.0.113.%d - - [15/Jan/2026:03:%02d:%02d +0000] "GET /item/%d HTTP/1.1" 200 %d\n'
    with (folder / "access.log").open("wb") as log:
        for second in range(120_000):
            values = (dice.randrange(256), second // 60 % 60, second % 60, dice.randrange(10**6), dice.randrange(9000))
            log.write(line % values)


def _oddities(folder: Path) -> None:
    """Names, links and attributes that tests of restores forget."""
    folder.mkdir()
    for name in (b"caf\xe9 latin-1.txt", b"new\nline.txt", " täglich 日次.txt".encode()):
        (folder / os.fsdecode(name)).write_bytes(b"content of " + name)
    original = folder / "original.txt"
    original.write_text("three names, one file\n")
    (folder / "second-name.txt").hardlink_to(original)
    (folder / "third-name.txt").hardlink_to(original)
    (folder / "link").symlink_to("original.txt")
    (folder / "dangling").symlink_to("nowhere/" + "x" * 200)
    (folder / ("long-" * 45 + "name")).write_text("a name of 229 bytes\n")
    with (folder / "sparse.db").open("wb") as sparse:
        sparse.write(b"head")
        sparse.seek(300 * MIB)
        sparse.write(b"tail")
    (folder / "empty-folder").mkdir(mode=0o700)
    os.utime(original, (1_234_567_890, 1_234_567_890))
    with suppress(OSError):  # the file system that the demo runs on may keep none of these
        os.setxattr(original, "user.origin", b"\x00binary\xff")
        os.setxattr(original, "system.posix_acl_access", _acl(reader_uid=1234))
    if os.geteuid() == 0:
        os.mkfifo(folder / "queue")
        os.mknod(folder / "null", 0o600 | 0o020000, os.makedev(1, 3))
        os.chown(folder / "second-name.txt", 4_000_000_000, 1000)


def _acl(*, reader_uid: int) -> bytes:
    """A POSIX ACL as the kernel stores it: owner rw, one more reader, group and others nothing."""
    entries = ((0x01, 6, -1), (0x02, 4, reader_uid), (0x04, 4, -1), (0x10, 4, -1), (0x20, 0, -1))
    packed = (struct.pack("<HHI", tag, rights, who & 0xFFFFFFFF) for tag, rights, who in entries)
    return struct.pack("<I", 2) + b"".join(packed)


def _partition(image: Path) -> None:
    script = "\n".join(
        (
            "label: gpt",
            "label-id: 1F5C8A2E-7B1D-4C64-9B6B-0A5E2E5E6F01",
            "start=2048, size=64MiB, type=U, name=efi",
            "start=133120, size=352MiB, type=L, name=root",
            "start=854016, size=400MiB, type=L, name=srv",
        )
    )
    _run("sfdisk", "--quiet", str(image), text=script)


def _into(image: Path, offset_bytes: int, size_bytes: int, make: Callable[[Path], None]) -> None:
    """Make a file system by itself and write it into its partition, holes left out."""
    part = image.with_suffix(".part")
    make(_blank(part, size_bytes))
    with part.open("rb") as source, image.open("r+b") as disk:
        position = 0
        while block := source.read(MIB):
            if block.strip(b"\0"):
                disk.seek(offset_bytes + position)
                disk.write(block)
            position += len(block)
    part.unlink()


def _ext4(image: Path, tree: Path, *, label: str) -> None:
    if not shutil.which("mkfs.ext4"):
        image.write_bytes(b"no tool to make ext4\n")
        os.truncate(image, GIB)
        return
    _to_whole_seconds(tree)
    _run("mkfs.ext4", "-q", "-F", "-L", label, "-E", "root_owner=0:0", "-d", str(tree), str(image))


def _to_whole_seconds(tree: Path) -> None:
    """mkfs.ext4 copies no more of a time; what is compared later has to be what is on the disk."""
    for path in (tree, *tree.rglob("*")):
        seconds = path.lstat().st_mtime_ns // 10**9
        os.utime(path, (seconds, seconds), follow_symlinks=False)


def _efi(image: Path) -> None:
    if shutil.which("mkfs.vfat"):
        _run("mkfs.vfat", "-n", "EFI", str(image))
    if shutil.which("mcopy"):
        _run("mmd", "-i", str(image), "::/EFI")
        loader = image.with_suffix(".efi")
        loader.write_bytes(b"MZ" + b"a stand-in for the boot manager " * 64)
        _run("mcopy", "-i", str(image), str(loader), "::/EFI/BOOTX64.EFI")
        loader.unlink()


def _xfs(image: Path, tree: Path) -> None:
    """An xfs with a few files, made from a prototype file: mkfs.xfs has no other way without mounting."""
    if not shutil.which("mkfs.xfs"):
        return
    tree.mkdir()
    dice = random.Random(4)  # noqa: S311
    lines = ["/none", "0 0", "d--755 0 0"]
    for number in range(60):
        source = tree / f"page-{number:02}.html"
        source.write_text(f"<p>{dice.getrandbits(4000):x}</p>\n")
        lines.append(f"{source.name} ---644 33 33 {source}")
    prototype = image.with_suffix(".prototype")
    prototype.write_text("\n".join([*lines, "$", ""]))
    _run("mkfs.xfs", "-q", "-f", "-L", "srv", "-p", str(prototype), str(image))
    prototype.unlink()


def _run(*command: str, text: str | None = None) -> None:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    subprocess.run(command, input=text, text=True, check=True, capture_output=True, env={**os.environ, "PATH": path})
