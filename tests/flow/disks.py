"""Disks for runs that should take no time."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

MIB = 1 << 20


def tiny_disk(folder: Path) -> Path:
    """An ext4 file system of 16 MiB: small files, and nine MiB that no compressor makes smaller than one part."""
    tree, image = folder / "tree", folder / "tiny.img"
    (tree / "notes").mkdir(parents=True)
    for number in range(3):
        (tree / "notes" / f"{number}.txt").write_text(f"note {number}\n" * 50)
    (tree / "notes" / "link").symlink_to("0.txt")
    (tree / "noise.bin").write_bytes(random.Random(1).randbytes(9 * MIB))  # noqa: S311 - the same every time
    with image.open("wb") as disk:
        disk.truncate(16 * MIB)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-d", str(tree), str(image)], check=True)
    return image


def unmountable(image: Path, folder: Path) -> Path:
    """A copy of that ext4 without its group descriptors: it looks mountable and is not."""
    content = bytearray(image.read_bytes())
    content[2048:8192] = b"!" * 6144
    broken = folder / "unmountable.img"
    broken.write_bytes(content)
    return broken


def noisy_disk(folder: Path, noise_mib: int) -> Path:
    """An ext4 file system whose files take several parts of an upload."""
    tree, image = folder / "noisy", folder / "noisy.img"
    tree.mkdir()
    chance = random.Random(2)  # noqa: S311 - the same every time
    for number in range(noise_mib // 4):
        (tree / f"noise-{number}").write_bytes(chance.randbytes(4 * MIB))
    with image.open("wb") as disk:
        disk.truncate((noise_mib + 16) * MIB)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-d", str(tree), str(image)], check=True)
    return image
