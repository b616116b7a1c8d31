"""A tree with everything in it comes back as it was, through us and through stock tools alone."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest

from backup_actions.archive import Archive, ArchiveOptions, FolderStore, Store, archive, index, verify
from backup_actions.archive.options import Codec
from backup_actions.errors import (
    ArchiveDamaged,
    ArchiveExists,
    ArchiveMissing,
    DiskFull,
    NotInArchive,
    SourceUnreadable,
    ToolMissing,
    UploadFailed,
)
from backup_actions.model.manifest import Manifest, StoredObject

from .torture_tree import add_socket, plant, seen

AS_ROOT = os.geteuid() == 0


@pytest.fixture(name="tree", scope="module")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("torture") / "tree"
    plant(root)
    return root


@pytest.fixture(name="kept", scope="module")
def _kept(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """The tree, archived once in small frames."""
    store = FolderStore(tmp_path_factory.mktemp("kept"))
    archive(tree, store, options=ArchiveOptions(frame_size_mib=1))
    return store


class Fixed:
    """A clock that stands still."""

    def now(self) -> datetime:
        return datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


class Notes:
    """Remembers what was said, and counts bytes."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.counted_bytes = 0

    def start(self, what: str, total_bytes: int | None) -> None:
        """Nothing is asked of it."""

    def add(self, source_bytes: int) -> None:
        self.counted_bytes += source_bytes

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)


@pytest.mark.usefixtures("each_reader")
@pytest.mark.parametrize("codec", ["zstd", "gzip"])
def test_every_attribute_of_everything_comes_back(store: Store, codec: Codec, tree: Path, tmp_path: Path) -> None:
    progress = Notes()

    manifest = archive(tree, store, options=ArchiveOptions(codec=codec), progress=progress)
    Archive.open(store).extract(None, tmp_path / "out")

    assert seen(tmp_path / "out") == seen(tree)
    assert manifest.members[0].counts.entries == len(seen(tree))
    assert progress.counted_bytes == manifest.source_bytes
    report = verify(store)
    assert (report.problems, report.complete) == ((), True)


@pytest.mark.usefixtures("each_reader")
@pytest.mark.parametrize(("codec", "unpack"), [("zstd", "zstd"), ("gzip", "gzip")])
def test_stock_tools_alone_restore_the_tree_and_find_a_file_by_the_index(
    codec: Codec, unpack: str, tree: Path, tmp_path: Path
) -> None:
    manifest = archive(tree, FolderStore(tmp_path / "store"), options=ArchiveOptions(codec=codec, frame_size_mib=1))
    stored = tmp_path / "store" / manifest.members[0].object.name
    (tmp_path / "out").mkdir()

    tar = subprocess.run([unpack, "-dc", stored], capture_output=True, check=True).stdout
    command: list[str | Path] = [
        "tar",
        "-x",
        "-p",
        "--xattrs",
        "--xattrs-include=*",
        "--acls",
        "--numeric-owner",
        "-C",
        tmp_path / "out",
    ]
    subprocess.run(command, input=tar, check=True)

    assert seen(tmp_path / "out") == seen(tree)
    rows = pq.read_table(tmp_path / "store" / "index.parquet").to_pylist()
    row = next(row for row in rows if row["path_text"] == "sub/small-123")
    assert tar[row["data_offset"] : row["data_offset"] + row["size_bytes"]] == (tree / "sub/small-123").read_bytes()
    assert row["frame"] == row["tar_offset"] >> 20


def test_the_index_is_in_the_order_of_the_tar_and_has_every_column_filled(kept: FolderStore) -> None:
    table = pq.read_table(kept.path / "index.parquet")

    offsets = table.column("tar_offset").to_pylist()
    assert offsets == sorted(offsets)
    assert [field.name for field in table.schema if table.column(field.name).null_count] == ["link_target", "blake3"]
    by_path = {row["path"]: row for row in table.to_pylist()}
    assert by_path[b"not-utf8-\xff\xfe\x80"]["path_text"] == "not-utf8-\\xff\\xfe\\x80"
    assert (by_path[b"plain"]["mtime_seconds"], by_path[b"plain"]["mtime_nanoseconds"]) == (-2, 499_999_999)


def test_selected_entries_come_with_their_folders_and_what_they_share(
    kept: FolderStore, tree: Path, tmp_path: Path
) -> None:
    wanted: list[str | bytes] = ["sub/far-again", b"not-utf8-\xff\xfe\x80", "./sticky/", "empty"]

    Archive.open(kept).extract(wanted, tmp_path / "out")

    out, whole = seen(tmp_path / "out"), seen(tree)
    shared = {b"far"}  # comes along where tar met it first
    assert set(out) - shared == {b".", b"sub", b"sub/far-again", b"not-utf8-\xff\xfe\x80", b"sticky", b"empty"}
    assert all(out[path] == {**whole[path], "same file as": out[path]["same file as"]} for path in out)


def test_a_folder_comes_with_all_below_it(kept: FolderStore, tree: Path, tmp_path: Path) -> None:
    Archive.open(kept).extract(["sub"], tmp_path / "out")

    below = {path for path in seen(tree) if path.startswith(b"sub/")}
    assert set(seen(tmp_path / "out")) >= below | {b".", b"sub"}


def test_nothing_is_written_where_a_name_is_not_in_the_archive(kept: FolderStore, tmp_path: Path) -> None:
    with pytest.raises(NotInArchive, match="no such file"):
        Archive.open(kept).extract(["plain", "no such file"], tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_nothing_is_written_where_there_is_no_room(
    kept: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.statvfs(tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_bavail=700, f_frsize=real.f_frsize))

    with pytest.raises(DiskFull, match="MiB are needed"):
        Archive.open(kept).extract(None, tmp_path / "new" / "out")

    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("path", ["plain", "empty", "zeros", "sub/far-again", "many-islands", "new\nline"])
def test_one_file_is_read_as_it_was(kept: FolderStore, tree: Path, path: str) -> None:
    assert b"".join(Archive.open(kept).read_file(path)) == (tree / path).read_bytes()


class Counting:
    """A store that counts the bytes read of each object."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.read_bytes: dict[str, int] = {}
        self.location = store.location
        self.create = store.create
        self.put_if_absent = store.put_if_absent

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        data = self._store.read(name, start, end)
        self.read_bytes[name] = self.read_bytes.get(name, 0) + len(data)
        return data

    def describe(self, name: str) -> StoredObject | None:
        return self._store.describe(name)


def test_listing_touches_only_the_index_and_one_file_only_its_frames(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    for number in range(8):
        (tmp_path / "tree" / f"noise-{number}").write_bytes(os.urandom(2 << 20))
    (tmp_path / "tree" / "small").write_bytes(b"small")
    archive(tmp_path / "tree", FolderStore(tmp_path / "store"), options=ArchiveOptions(frame_size_mib=1))
    store: Any = Counting(FolderStore(tmp_path / "store"))

    paths = [entry.path for entry in Archive.open(store).entries("noise-*")]

    assert sorted(paths) == [f"noise-{number}".encode() for number in range(8)]
    assert "files.tar.zst" not in store.read_bytes
    assert b"".join(Archive.open(store).read_file("small")) == b"small"
    assert store.read_bytes["files.tar.zst"] < 2 << 20


def test_a_glob_crosses_folders_and_matches_any_byte(kept: FolderStore) -> None:
    opened = Archive.open(kept)

    assert {entry.path for entry in opened.entries("*utf8*")} == {b"not-utf8-\xff\xfe\x80"}
    assert {entry.path for entry in opened.entries("*mall-12?")} == {f"sub/small-12{n}".encode() for n in range(10)}
    assert {entry.path for entry in opened.entries("Über*")} == {"Übergröße-漢字".encode()}
    assert list(opened.entries("nothing")) == []


def test_the_manifest_says_what_was_archived_and_when(tmp_path: Path, store: Store) -> None:
    (tmp_path / "tree").mkdir()
    point = {"arn": "arn:aws:ec2:eu-west-1::snapshot/snap-1"}

    written = archive(tmp_path / "tree", store, name="volume vol-1", recovery_point=point, clock=Fixed())

    manifest = Manifest.from_bytes(store.read("manifest.json"))
    assert manifest == written
    assert manifest.created == "2026-01-02T03:04:05+00:00"
    assert manifest.source == {"kind": "directory", "name": "volume vol-1", "recovery_point": point}
    assert json.loads(store.read("manifest.json"))["format_version"] == 1


@pytest.mark.usefixtures("each_reader")
def test_sockets_are_counted_and_named(tmp_path: Path) -> None:
    (tmp_path / "tree" / "run").mkdir(parents=True)
    add_socket(tmp_path / "tree" / "run" / "new\nline.sock")

    manifest = archive(tmp_path / "tree", FolderStore(tmp_path / "store"))

    assert manifest.members[0].counts.sockets == 1
    assert manifest.members[0].sockets == ("run/new\\nline.sock",)
    assert verify(FolderStore(tmp_path / "store")).ok


def test_an_archive_is_never_overwritten(tmp_path: Path, store: Store) -> None:
    (tmp_path / "tree").mkdir()
    archive(tmp_path / "tree", store)
    before = store.read("manifest.json")

    with pytest.raises(ArchiveExists):
        archive(tmp_path / "tree", store)

    assert store.read("manifest.json") == before


def test_an_archive_inside_of_what_it_archives_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable, match="inside"):
        archive(tmp_path, FolderStore(tmp_path / "store"))

    assert not (tmp_path / "store").exists()


def test_a_source_that_is_not_there_is_named(tmp_path: Path, store: Store) -> None:
    with pytest.raises(SourceUnreadable, match="nowhere"):
        archive(tmp_path / "nowhere", store)
    with pytest.raises(SourceUnreadable, match="neither"):
        archive(Path("/dev/null"), store)


def fake_tar(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Puts a program before tar that behaves like it but for what the script does."""
    from backup_actions.archive import gnu_tar

    folder.mkdir()
    program = folder / "tar"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(gnu_tar, "_program", lambda: str(program))


@pytest.mark.usefixtures("by_gnu_tar")
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('/bin/tar "$@"; exit 2', "code 2"),
        ('/bin/tar "$@"; echo "tar: ./a: file changed as we read it" >&2; exit 1', "changed"),
        ('/bin/tar "$@"; echo "tar: ./a: Cannot open: Permission denied" >&2', "Permission denied"),
        ('/bin/tar "$@" | head -c 2000', "tar stopped early"),
        ("head -c 2000 /dev/urandom", "do not understand"),
        ("true", "tar stopped early"),
        ('/bin/tar "$@" & sleep 0; kill -9 $$', "code -9"),
    ],
)
def test_a_source_that_was_not_read_whole_never_becomes_an_archive(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a").write_bytes(os.urandom(100_000))
    fake_tar(tmp_path / "bin", monkeypatch, script)

    with pytest.raises(SourceUnreadable, match=said):
        archive(tmp_path / "tree", store)

    assert [store.describe(name) for name in ("manifest.json", "files.tar.zst", "index.parquet")] == [None] * 3
    with pytest.raises(ArchiveMissing):
        Archive.open(store)
    with pytest.raises(ArchiveMissing):
        verify(store)


@pytest.mark.usefixtures("by_gnu_tar")
def test_a_tar_that_is_not_gnu_tar_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from backup_actions.archive import gnu_tar

    program = tmp_path / "bin" / "tar"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho bsdtar 3.7\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    gnu_tar._program.cache_clear()
    (tmp_path / "tree").mkdir()

    with pytest.raises(ToolMissing, match="GNU tar"):
        archive(tmp_path / "tree", FolderStore(tmp_path / "store"))
    gnu_tar._program.cache_clear()


@pytest.mark.usefixtures("by_gnu_tar")
def test_the_options_of_a_person_do_not_change_what_is_archived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "kept").touch()
    monkeypatch.setenv("TAR_OPTIONS", "--exclude=kept")

    manifest = archive(tmp_path / "tree", FolderStore(tmp_path / "store"))

    assert manifest.members[0].counts.files == 1


class Breaking:
    """A store whose objects fail after some bytes."""

    def __init__(self, store: Store, error: BaseException, after_bytes: int) -> None:
        self._store = store
        self._error = error
        self._left = after_bytes
        self.location = store.location
        self.read = store.read
        self.describe = store.describe
        self.put_if_absent = store.put_if_absent

    def after(self, check: Callable[[], object]) -> Breaking:
        check()
        return self

    def create(self, name: str, **plans: int | None) -> Any:
        writer: Any = self._store.create(name, **plans)
        if name.startswith("files"):
            original: Callable[[bytes], None] = writer.write

            def write(data: bytes) -> None:
                self._left -= len(data)
                if self._left < 0:
                    raise self._error
                original(data)

            writer.write = write
        return writer


def memory_shared_with_programs() -> int:
    """How many such maps this process has."""
    return Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").count("/memfd:frames")


@pytest.mark.parametrize("error", [KeyboardInterrupt, partial(UploadFailed, what="x", reason="y"), MemoryError])
@pytest.mark.parametrize("after_bytes", [0, 3 << 20, 20 << 20])
def test_an_archive_that_dies_leaves_nothing_behind(
    store: Store, tmp_path: Path, error: Callable[[], BaseException], after_bytes: int
) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "noise").write_bytes(os.urandom(24 << 20))
    shared = memory_shared_with_programs()

    breaking: Any = Breaking(store, error(), after_bytes)
    with pytest.raises((KeyboardInterrupt, UploadFailed, MemoryError)):
        archive(tmp_path / "tree", breaking)

    assert memory_shared_with_programs() == shared
    assert [store.describe(name) for name in ("manifest.json", "files.tar.zst", "index.parquet")] == [None] * 3


def test_a_file_whose_bytes_changed_is_not_given_out_as_good(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "noise").write_bytes(os.urandom(100_000))
    archive(tmp_path / "tree", FolderStore(tmp_path / "store"))
    stored = tmp_path / "store" / "files.tar.zst"
    content = bytearray(stored.read_bytes())
    content[50_000] ^= 1
    stored.write_bytes(content)
    opened = Archive.open(FolderStore(tmp_path / "store"))

    with pytest.raises(ArchiveDamaged, match="frame 0"):
        list(opened.read_file("noise"))
    with pytest.raises(ArchiveDamaged, match="frame 0"):
        opened.extract(None, tmp_path / "out")


def test_paths_that_no_reader_of_the_index_would_take_make_no_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "_MOST_BYTES_A_ROW", 2000)
    (tmp_path / "tree" / "/".join(["folder" * 30] * 15)).mkdir(parents=True)

    with pytest.raises(SourceUnreadable, match="paths of 2714 characters are too long for an index"):
        archive(tmp_path / "tree", FolderStore(tmp_path / "to"))

    assert list((tmp_path / "to").iterdir()) == []
