"""What every store promises, tried on a folder and on a real S3 server."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from backup_actions.archive import FolderStore, S3Store, Store
from backup_actions.archive.checksums import crc64nvme_base64
from backup_actions.errors import ArchiveExists, ArchiveMissing, UnsafePath, UploadFailed

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
        writer.write(data)
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


@pytest.fixture(name="traces")
def _traces() -> Callable[[Store], list[str]]:
    """Whatever is left of an unfinished object: files, or open uploads."""

    def look(store: Store) -> list[str]:
        if isinstance(store, FolderStore):
            return [str(path) for path in store.path.rglob("*") if path.is_file()]
        assert isinstance(store, S3Store)
        return [upload["Key"] for upload in store.client.list_multipart_uploads(Bucket="archives").get("Uploads", [])]

    return look
