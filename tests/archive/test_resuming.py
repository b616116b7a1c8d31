"""An interrupted archive goes on where it was: nothing twice that need not be, nothing wrong, nothing left behind."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backup_actions.archive import Archive, ArchiveOptions, FolderStore, S3Store, Store, archive, verify
from backup_actions.errors import ArchiveInterrupted
from backup_actions.model.manifest import Manifest

MIB = 1 << 20
OPTIONS = ArchiveOptions(frame_size_mib=1, mount=False, threads=2)
NEVER = 3600.0


@dataclass
class Notes:
    """Keeps what is said, and is interrupted by Ctrl-C when so much is done."""

    until_bytes: float = float("inf")
    error: BaseException = KeyboardInterrupt()  # noqa: RUF009 - it is only raised

    def __post_init__(self) -> None:
        self.said: list[str] = []
        self._done = 0

    def start(self, what: str, total_bytes: int | None) -> None:
        pass

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


def resumable(source: Path, to: Store, notes: Notes, **choices: Any) -> Manifest:
    return archive(source, to, progress=notes, **{"options": OPTIONS, "checkpoint_seconds": NEVER, **choices})


def interrupted(source: Path, to: Store, *, at_bytes: int, **choices: Any) -> ArchiveInterrupted:
    with pytest.raises(ArchiveInterrupted) as raised:
        resumable(source, to, Notes(until_bytes=at_bytes), **choices)
    return raised.value


@pytest.fixture(name="tree", scope="module")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty MiB: small files, files of several frames and one of many, none of which can be compressed."""
    root, chance = tmp_path_factory.mktemp("tree"), random.Random(1)  # noqa: S311 - the same every time
    for number in range(300):
        path = root / f"folder{number % 7}" / f"file{number}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(chance.randbytes(chance.choice([0, 10, 5000, 200_000])))
    for number in range(6):
        (root / f"large{number}").write_bytes(chance.randbytes(5 * MIB + number))
    (root / "huge").write_bytes(chance.randbytes(12 * MIB))
    return root


@pytest.fixture(name="image", scope="module")
def _image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty MiB that nobody knows, with a hole in its midst."""
    path = tmp_path_factory.mktemp("image") / "disk.img"
    chance = random.Random(2)  # noqa: S311 - the same every time
    with path.open("wb") as file:
        file.write(chance.randbytes(30 * MIB))
        file.seek(20 * MIB, os.SEEK_CUR)
        file.write(chance.randbytes(10 * MIB + 4096))
    return path


@pytest.fixture(name="source", params=["tree", "image"])
def _source(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
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


def test_what_ctrl_c_interrupts_goes_on_and_becomes_the_whole(store: Store, source: Path, tmp_path: Path) -> None:
    error = interrupted(source, store, at_bytes=25 * MIB)
    assert "bytes of" in str(error)
    notes = Notes()

    resumable(source, store, notes)

    assert "an unfinished archive is continued" in notes.text
    assert "from its beginning" not in notes.text
    assert_whole(store, source, tmp_path)
