"""The data sets: made once, from a fixed seed, kept for the next run."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate, cycle
from pathlib import Path

MIB = 1 << 20
_POOL_BYTES = 24 * MIB


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of each kind."""

    small_files: int
    large_mib: int
    random_mib: int
    image_gib: int
    slow_files: int


FULL = Sizes(small_files=100_000, large_mib=768, random_mib=512, image_gib=20, slow_files=8_000)
QUICK = Sizes(small_files=40_000, large_mib=192, random_mib=128, image_gib=3, slow_files=1_000)


class Data:
    """Folders and an image below one folder; each is made when it is asked for and not there yet."""

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        self.folder = folder
        self.sizes = sizes
        folder.mkdir(parents=True, exist_ok=True)

    def small(self) -> Path:
        """Many files of 200 bytes to 60 KiB, 8 KiB on average: code, text, some of it compressed already."""
        return self._made(f"small-{self.sizes.small_files}", lambda to: _small(to, self.sizes.small_files))

    def large(self) -> Path:
        """A few large files, half of whose bytes are text and half of which are hard to compress."""
        return self._made(f"large-{self.sizes.large_mib}", lambda to: _large(to, self.sizes.large_mib))

    def random(self) -> Path:
        """Files that cannot be compressed."""
        return self._made(f"random-{self.sizes.random_mib}", lambda to: _random(to, self.sizes.random_mib))

    def image(self) -> Path:
        """A sparse ext4 image, about 15 % of it used by the data sets above."""
        return self._made(f"image-{self.sizes.image_gib}.img", self._image)

    def slow(self) -> Path:
        """An ext4 image with small files, to be read from a device that takes its time."""
        return self._made(f"slow-{self.sizes.slow_files}.img", self._slow)

    def _image(self, to: Path) -> None:
        size_bytes = self.sizes.image_gib << 30
        folder = to.with_suffix(".content")
        folder.mkdir()
        try:
            left_bytes = size_bytes * 15 // 100
            for number, source in enumerate(cycle((self.small(), self.large(), self.random()))):
                source_bytes = _bytes_below(source)
                if number and left_bytes < source_bytes // 2:
                    break
                shutil.copytree(source, folder / f"{source.name}-{number}")
                left_bytes -= source_bytes
            _ext4(to, size_bytes, folder)
        finally:
            shutil.rmtree(folder)

    def _slow(self, to: Path) -> None:
        folder = to.with_suffix(".content")
        shutil.rmtree(folder, ignore_errors=True)
        try:
            _small(folder, self.sizes.slow_files)
            _ext4(to, 512 * MIB, folder)
        finally:
            shutil.rmtree(folder)

    def _made(self, name: str, make: Callable[[Path], None]) -> Path:
        place = self.folder / name
        if not place.exists():
            unfinished = self.folder / f"{name}.unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.unlink(missing_ok=True)
            make(unfinished)
            unfinished.rename(place)
        return place


def read_once(source: Path) -> None:
    """As much of it is in memory as goes there: whoever is first must not be the only one to read the disk."""
    for path in source.rglob("*") if source.is_dir() else [source]:
        if path.is_file() and not path.is_symlink():
            with path.open("rb", buffering=0) as file:
                for start, end in _data_extents(file.fileno()):
                    file.seek(start)
                    while file.tell() < end and file.read(min(MIB, end - file.tell())):
                        pass


def _data_extents(descriptor: int) -> Iterator[tuple[int, int]]:
    """What of a file is no hole."""
    end = 0
    while True:
        try:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
        except OSError:  # nothing but a hole is left
            return
        end = os.lseek(descriptor, start, os.SEEK_HOLE)
        yield start, end


def _small(to: Path, files: int) -> None:
    dice = random.Random(1)  # noqa: S311 - the same data every time
    text = _Text(dice)
    for number in range(files):
        folder = to / f"area-{number // 2000}" / f"group-{number // 40 % 50}"
        if number % 40 == 0:
            folder.mkdir(parents=True, exist_ok=True)
        length = min(60 << 10, int(200 + dice.expovariate(1 / 8000)))
        content = dice.randbytes(length) if dice.random() < 0.08 else text.piece(length)
        (folder / f"file-{number:06}.txt").write_bytes(content)


def _large(to: Path, size_mib: int) -> None:
    dice = random.Random(2)  # noqa: S311
    text = _Text(dice)
    to.mkdir()
    for number in range(4):
        with (to / f"database-{number}").open("wb") as file:
            for _ in range(size_mib * MIB // 4 // (16 << 10)):
                file.write(text.piece(12 << 10))
                file.write(dice.randbytes(4 << 10))


def _random(to: Path, size_mib: int) -> None:
    dice = random.Random(3)  # noqa: S311
    to.mkdir()
    for number in range(4):
        with (to / f"video-{number}").open("wb") as file:
            for _ in range(size_mib // 4):
                file.write(dice.randbytes(MIB))


class _Text:
    """Words of which few are frequent, as in languages; pieces differ, so that no window finds them again."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        letters = "etaoinshrdlucmfwypvbgkjqxz"
        vocabulary = ["".join(dice.choices(letters, range(26, 0, -1), k=dice.randint(2, 11))) for _ in range(20_000)]
        frequency = list(accumulate(1 / (rank + 10) for rank in range(len(vocabulary))))
        words: Iterator[str] = iter(dice.choices(vocabulary, cum_weights=frequency, k=_POOL_BYTES // 6))
        self._pool = " ".join(words).encode()

    def piece(self, length: int) -> bytes:
        start = self._dice.randrange(len(self._pool) - length)
        return self._pool[start : start + length]


def _ext4(to: Path, size_bytes: int, content: Path) -> None:
    """An image without mounting anything: mkfs copies the tree into it."""
    with to.open("wb") as file:
        file.truncate(size_bytes)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-d", content, to], check=True)


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
