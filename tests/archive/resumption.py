"""Sources large enough to be interrupted, and what has to hold when an archive of them has gone on."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from pathlib import Path

from backup_actions.archive import Archive, FolderStore, S3Store, Store, verify

MIB = 1 << 20


@dataclass
class Notes:
    """Keeps what is said, and is interrupted by Ctrl-C when so much is done."""

    until_bytes: float = float("inf")
    error: BaseException = field(default_factory=KeyboardInterrupt)

    def __post_init__(self) -> None:
        self.said: list[str] = []
        self.started: list[str] = []
        self._done = 0

    def start(self, what: str, total_bytes: int | None) -> None:
        self.started.append(what)

    def add(self, source_bytes: int) -> None:
        self._done += source_bytes
        if self._done > self.until_bytes:
            self.until_bytes = float("inf")
            raise self.error

    def note(self, sentence: str) -> None:
        self.said.append(sentence)

    @property
    def text(self) -> str:
        return "\n".join(self.said)


def random_tree(root: Path, *, large_files: int = 6) -> Path:
    """Forty MiB: small files, files of several frames and one of many, none of which can be compressed."""
    chance = random.Random(1)  # noqa: S311 - the same every time
    for number in range(120):
        path = root / f"folder{number % 7}" / f"file{number}"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(chance.randbytes(chance.choice([0, 10, 5000, 200_000])))
    for number in range(large_files):
        (root / f"large{number}").write_bytes(chance.randbytes(4 * MIB + number))
    (root / "huge").write_bytes(chance.randbytes(12 * MIB))
    return root


def random_image(path: Path, *, first_mib: int = 30) -> Path:
    """Forty MiB that nobody knows, with a hole in its midst."""
    chance = random.Random(2)  # noqa: S311 - the same every time
    with path.open("wb") as file:
        file.write(chance.randbytes(first_mib * MIB))
        file.seek(20 * MIB, os.SEEK_CUR)
        file.write(chance.randbytes(10 * MIB + 4096))
    return path


def leftovers(store: Store) -> list[str]:
    """Open uploads, temporary files, and whatever lies below resume/."""
    if isinstance(store, FolderStore):
        return [path.name for path in store.path.rglob("*") if path.suffix == ".partial" or "resume" in str(path)]
    assert isinstance(store, S3Store)
    uploads = store.client.list_multipart_uploads(Bucket="archives", Prefix=store.prefix).get("Uploads", [])
    kept = store.client.list_objects_v2(Bucket="archives", Prefix=f"{store.prefix}resume/").get("Contents", [])
    return [found["Key"] for found in [*uploads, *kept]]


def assert_whole(store: Store, source: Path, tmp_path: Path) -> None:
    report = verify(store)
    assert report.ok, report
    assert leftovers(store) == []
    restored = tmp_path / "restored"
    Archive.open(store).extract(None, restored)
    if source.is_file():
        assert next(path for path in restored.rglob("*") if path.is_file()).read_bytes() == source.read_bytes()
    else:
        assert contents(restored) == contents(source)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() if path.is_file() else b"" for path in root.rglob("*")}
