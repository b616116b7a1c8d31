"""A checkpoint that could not be stored costs what was done since the last one, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backup_actions.archive import FolderStore
from backup_actions.archive.checkpoint import CHECKPOINT_NAME, Checkpoint
from backup_actions.archive.frames_so_far import FramesSoFar
from backup_actions.archive.journal import Journal, SoFar
from backup_actions.archive.store import KeptObject
from backup_actions.errors import UploadFailed
from backup_actions.model.progress import Silence


class Growing:
    """A member that has a frame more whenever it is asked."""

    def __init__(self) -> None:
        self.frames = FramesSoFar()

    def so_far(self) -> SoFar:
        self.frames.add(7, 10, 0, bytes(32))
        count = len(self.frames)
        kept = KeptObject(handle="handle", size_bytes=7 * count, writes=count, crc64nvme="AAAAAAAAAAA=")
        return SoFar(member="files", object="files.tar.zst", kept=kept, frames=self.frames.first(count))


def unused(*_: object) -> Any:
    raise AssertionError("no member was finished")


@pytest.fixture(name="journal")
def _journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(FolderStore(tmp_path), {}, unused, Silence(), frame_bytes=10, every_seconds=3600)
    journal.follow(Growing())
    yield journal
    journal.close()


def test_the_last_checkpoint_can_be_used_however_many_could_not_be_stored(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.flush()
    original = FolderStore.put

    def refuse(store: FolderStore, name: str, data: bytes) -> None:
        if name == CHECKPOINT_NAME:
            raise UploadFailed(what=name, reason="no space")
        original(store, name, data)

    monkeypatch.setattr(FolderStore, "put", refuse)
    for _ in range(3):
        with pytest.raises(UploadFailed):
            journal.flush()

    under_way = Checkpoint.from_bytes((tmp_path / CHECKPOINT_NAME).read_bytes()).under_way
    assert under_way is not None
    frames = under_way.frames.checked((tmp_path / under_way.frames.name).read_bytes())
    assert len(FramesSoFar.from_bytes(frames)) == 1
