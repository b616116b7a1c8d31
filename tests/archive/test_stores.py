"""What every store promises, tried on a folder and on a real S3 server."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from tests.archive.test_s3_uploads import tampering

from backup_actions.archive import FolderStore, S3Store, Store
from backup_actions.archive.checksums import crc64nvme_base64
from backup_actions.archive.store import CannotResumeError, KeptObject
from backup_actions.errors import ArchiveExists, ArchiveMissing, ArchiveUnreadable, UnsafePath, UploadFailed

SIZES = [0, 1, (8 << 20) - 1, 8 << 20, (8 << 20) + 1, (24 << 20) + 12345]


def written(store: Store, name: str, data: bytes, piece_bytes: int = 3 << 20) -> None:
    with store.create(name) as writer:
        for at in range(0, len(data), piece_bytes):
            writer.write(memoryview(data)[at : at + piece_bytes])
        writer.finish()


@pytest.mark.parametrize("size_bytes", SIZES)
def test_what_was_written_is_what_is_read_and_described(store: Store, size_bytes: int) -> None:
    data = os.urandom(size_bytes)

    with store.create("folder/object", expected_bytes=size_bytes) as writer:
        for at in range(0, size_bytes, 1 << 20):
            writer.write(data[at : at + (1 << 20)])
        finished = writer.finish()

    assert store.read("folder/object") == data
    assert finished == store.describe("folder/object")
    assert (finished.size_bytes, finished.crc64nvme) == (size_bytes, crc64nvme_base64(data))


@pytest.mark.parametrize(("start", "end"), [(0, 3), (5, None), (90, 300), (7, 7), (200, 300), (99, 100)])
def test_a_range_gives_the_bytes_that_there_are(store: Store, start: int, end: int | None) -> None:
    data = bytes(range(100))
    written(store, "object", data)

    assert store.read("object", start, end) == data[start:end]


def test_a_second_put_if_absent_is_refused_and_changes_nothing(store: Store) -> None:
    store.put_if_absent("manifest.json", b"first")

    with pytest.raises(ArchiveExists):
        store.put_if_absent("manifest.json", b"second")

    assert store.read("manifest.json") == b"first"


def test_what_is_not_there_is_missing(store: Store) -> None:
    assert store.describe("nothing") is None
    with pytest.raises(ArchiveMissing):
        store.read("nothing")
    with pytest.raises(ArchiveMissing):
        store.read("nothing", 3, 5)


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../outside", "a/../../b", "a//b", "./a", "a\0b"])
def test_a_name_never_leaves_the_store(store: Store, name: str) -> None:
    with pytest.raises(UnsafePath):
        store.create(name)
    with pytest.raises(UnsafePath):
        store.read(name)
    with pytest.raises(UnsafePath):
        store.describe(name)
    with pytest.raises(UnsafePath):
        store.folder(name)


def test_what_is_removed_is_gone_and_may_have_been_before(store: Store) -> None:
    store.put("folder/object", b"content")

    store.remove("folder/object")
    store.remove("folder/object")

    assert store.describe("folder/object") is None


def test_a_folder_of_a_store_has_what_lies_in_it(store: Store) -> None:
    store.put("folder/inner/object", b"content")

    inside = store.folder("folder/inner")

    assert inside.read("object") == b"content"
    assert inside.location == f"{store.location}/folder/inner"


@pytest.mark.parametrize("size_bytes", [100, 40 << 20])
def test_what_a_check_raises_keeps_everything_from_being_written(store: Store, size_bytes: int) -> None:
    def refuse() -> None:
        raise ArchiveExists(where="here")

    def write() -> None:
        written(store.after(refuse), "object", bytes(size_bytes))

    with pytest.raises(ArchiveExists):
        write()

    assert store.describe("object") is None
    assert store.give_up_unfinished() == 0


def test_nothing_is_sent_before_the_check_has_returned(s3_store: S3Store) -> None:
    calls: list[str] = []
    answered = Event()

    def check() -> None:
        answered.wait(30)
        calls.append("check")

    def begin(call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        calls.append("create")
        return call(**parameters)

    store = replace(s3_store, client=tampering(s3_store.client, create_multipart_upload=begin)).after(check)
    with store.create("object") as writer:
        writer.write(bytes(20 << 20))  # it is taken, although nobody has answered
        answered.set()
        writer.finish()

    assert calls[:2] == ["check", "create"]


@pytest.mark.parametrize("size_bytes", [100, 20 << 20])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_leaving_by_an_exception_leaves_no_trace(
    store: Store, size_bytes: int, error: type[BaseException], traces: Callable[[Store], list[str]]
) -> None:
    def die() -> None:
        with store.create("object") as writer:
            writer.write(bytes(size_bytes))
            raise error

    with pytest.raises(error):
        die()

    assert store.describe("object") is None
    assert traces(store) == []


def test_leaving_without_finishing_leaves_no_trace(store: Store, traces: Callable[[Store], list[str]]) -> None:
    with store.create("object") as writer:
        writer.write(bytes(20 << 20))

    assert store.describe("object") is None
    assert traces(store) == []


def test_an_object_that_is_written_again_is_replaced(store: Store) -> None:
    written(store, "object", b"first")
    written(store, "object", b"second")

    assert store.read("object") == b"second"


def test_a_folder_that_cannot_be_written_to_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UploadFailed, match="File exists"):
        FolderStore(tmp_path / "file").create("object")


FRAMES = [os.urandom(3 << 20) for _ in range(9)]


def interrupted(store: Store, frames: list[bytes]) -> KeptObject:
    with store.create("object") as writer:
        for frame in frames:
            writer.write(frame)
        kept = writer.hold()
    assert kept is not None
    return kept


def finished_from(store: Store, kept: KeptObject) -> None:
    with store.resume("object", kept) as writer:
        for frame in FRAMES[kept.writes :]:
            writer.write(frame)
        assert writer.finish() == store.describe("object")


def test_an_object_that_was_held_goes_on_behind_what_was_kept(
    store: Store, traces: Callable[[Store], list[str]]
) -> None:
    kept = interrupted(store, FRAMES[:7])
    assert store.describe("object") is None
    assert kept.size_bytes == sum(map(len, FRAMES[: kept.writes])) > 0

    finished_from(store, kept)

    assert store.read("object") == b"".join(FRAMES)
    assert len(traces(store)) == (1 if isinstance(store, FolderStore) else 0)


def test_an_object_may_be_held_again_and_again(store: Store) -> None:
    kept = interrupted(store, FRAMES[:4])
    with store.resume("object", kept) as writer:
        for frame in FRAMES[kept.writes : 8]:
            writer.write(frame)
        further = writer.hold()
    assert further is not None
    assert further.writes > kept.writes

    finished_from(store, further)

    assert store.read("object") == b"".join(FRAMES)


def test_what_was_kept_earlier_is_enough_and_what_came_behind_is_written_over(store: Store) -> None:
    with store.create("object") as writer:
        for frame in FRAMES[:4]:
            writer.write(frame)
        while (kept := writer.kept()) is None:
            pass
        for _ in range(3):
            writer.write(bytes(3 << 20))
        writer.hold()

    finished_from(store, kept)

    assert store.read("object") == b"".join(FRAMES)


def test_an_object_of_which_nothing_is_kept_leaves_no_trace_when_it_is_held(
    store: Store, traces: Callable[[Store], list[str]]
) -> None:
    with store.create("object") as writer:
        assert writer.hold() is None

    assert traces(store) == []


@pytest.mark.parametrize("change", [{"handle": "nothing"}, {"size_bytes": 1 << 40}])
def test_what_is_not_as_it_was_kept_cannot_be_resumed(store: Store, change: dict[str, Any]) -> None:
    kept = interrupted(store, FRAMES[:4])

    with pytest.raises(CannotResumeError):
        store.resume("object", replace(kept, **change))


def test_what_nobody_finishes_can_be_given_up_but_for_what_was_kept(
    store: Store, traces: Callable[[Store], list[str]]
) -> None:
    interrupted(store, FRAMES[:4])
    kept = interrupted(store, FRAMES[:4])

    assert store.give_up_unfinished(besides=kept) == 1
    finished_from(store, kept)
    interrupted(store, FRAMES[:4])
    assert store.give_up_unfinished() == 1

    assert store.read("object") == b"".join(FRAMES)
    assert len(traces(store)) == (1 if isinstance(store, FolderStore) else 0)


def test_put_takes_the_place_of_what_stood_there_and_a_folder_is_removed_with_all_in_it(store: Store) -> None:
    store.put("resume/checkpoint.json", b"first")
    store.put("resume/checkpoint.json", b"second")
    store.put("resume/frames/0", b"frames")
    store.put("resumed", b"a neighbour")

    assert store.read("resume/checkpoint.json") == b"second"
    store.remove_folder("resume")
    store.remove_folder("resume")

    assert store.describe("resume/checkpoint.json") is None
    assert store.describe("resume/frames/0") is None
    assert store.read("resumed") == b"a neighbour"


def test_a_file_that_another_process_writes_is_neither_taken_over_nor_given_up(folder_store: FolderStore) -> None:
    with folder_store.create("object") as writer:
        writer.write(b"content")
        kept = writer.kept()
        assert kept is not None

        with pytest.raises(UploadFailed, match="another process is writing it"):
            folder_store.resume("object", kept)
        assert folder_store.give_up_unfinished() == 0

        writer.finish()
    assert folder_store.read("object") == b"content"


@pytest.fixture(name="traces")
def _traces() -> Callable[[Store], list[str]]:
    """Whatever is left of an unfinished object: files, or open uploads."""

    def look(store: Store) -> list[str]:
        if isinstance(store, FolderStore):
            return [str(path) for path in store.path.rglob("*") if path.is_file()]
        assert isinstance(store, S3Store)
        found = store.client.list_multipart_uploads(Bucket="archives", Prefix=store.prefix)
        return [upload["Key"] for upload in found.get("Uploads", [])]

    return look


def test_a_disk_that_has_lost_bytes_once_is_not_believed_the_next_time(
    folder_store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[OSError | None] = [OSError(errno.EIO, "lost")]  # the kernel tells of it once

    def fsync(_: int) -> None:
        if answers and (error := answers.pop()):
            raise error

    monkeypatch.setattr(os, "fsync", fsync)
    with folder_store.create("object") as writer:
        writer.write(b"content")
        with pytest.raises(UploadFailed, match="lost"):
            writer.kept()

        with pytest.raises(UploadFailed, match="lost"):
            writer.kept()
        with pytest.raises(UploadFailed, match="lost"):
            writer.finish()

    assert folder_store.describe("object") is None


def test_a_file_that_does_not_let_itself_be_read_is_neither_missing_nor_damaged(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    store, too_long = FolderStore(tmp_path), "x" * 300

    with pytest.raises(ArchiveUnreadable, match=r"cannot read .*loop: Too many levels of symbolic links"):
        store.read("loop")
    with pytest.raises(ArchiveUnreadable, match="File name too long"):
        store.describe(too_long)
