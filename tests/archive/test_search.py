"""Files are found in many archives by their indexes alone, and little of these is read."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from backup_actions.archive import Archive, ArchiveOptions, FolderStore, S3Store, archive, archives_below, search
from backup_actions.errors import ArchiveDamaged, ArchiveMissing, AwsCallFailed, ManifestUnreadable

Root = FolderStore | S3Store


@pytest.fixture(name="root", params=["folder", "s3"])
def _root(request: pytest.FixtureRequest, tmp_path: Path) -> Root:
    """A place of each kind, with nothing in it."""
    if request.param == "folder":
        return FolderStore(tmp_path / "archives")
    return S3Store(client=request.getfixturevalue("s3"), bucket="archives", prefix=str(uuid.uuid4()))


def below(root: Root, name: str) -> Root:
    if isinstance(root, S3Store):
        return replace(root, prefix=f"{root.prefix}/{name}")
    return FolderStore(root.path / name)


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    (tree / os.fsdecode(b"odd\xff")).touch()
    os.utime(tree / "etc" / "hosts", ns=(0, -1_500_000_000))
    return tree


def test_archives_are_found_wherever_they_lie_and_nothing_else_is_one(root: Root, tree: Path) -> None:
    for name in ("one", "deep/down/two", "one-more"):
        archive(tree, below(root, name))
    with below(root, "unfinished").create("files.tar.zst") as writer:
        writer.finish()
    below(root, "other").put_if_absent("not-manifest.json", b"")

    found = [store.location for store in archives_below(root)]

    assert sorted(found) == sorted(below(root, name).location for name in ("one", "deep/down/two", "one-more"))
    assert [store.location for store in archives_below(below(root, "one"))] == [below(root, "one").location]
    assert list(archives_below(below(root, "none"))) == []


def test_a_bucket_is_listed_page_by_page(s3_store: S3Store) -> None:
    for number in range(1001):
        s3_store.client.put_object(Bucket="archives", Key=f"{s3_store.prefix}{number:04}/manifest.json", Body=b"")

    found = list(archives_below(s3_store))

    assert len({store.location for store in found}) == len(found) == 1001


def test_a_bucket_that_is_not_there_is_an_error(s3_store: S3Store) -> None:
    with pytest.raises(AwsCallFailed, match="NoSuchBucket"):
        list(archives_below(replace(s3_store, bucket="none")))


def test_a_hit_is_what_the_archive_lists(root: Root, tree: Path) -> None:
    archive(tree, root)

    hits = {hit.path: hit for hit in search(root, "*")}

    listed = {entry.path: entry for entry in Archive.open(root).entries()}
    assert set(hits) == set(listed) == {b".", b"etc", b"etc/hosts", b"odd\xff"}
    for path, hit in hits.items():
        entry = listed[path]
        assert (hit.type, hit.size_bytes, hit.mtime_ns) == (entry.type, entry.size_bytes, entry.mtime_ns)
        assert hit.archive == root.location
    assert [hit.path for hit in search(root, "*/hosts")] == [b"etc/hosts"]
    assert list(search(root, "hosts")) == []


def test_images_are_found_by_the_path_that_they_are_extracted_by(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(bytes(1 << 20))
    store = FolderStore(tmp_path / "store")
    archive(tmp_path / "image", store, options=ArchiveOptions(raw="always"))

    assert [(hit.path, hit.size_bytes) for hit in search(store, "*.img")] == [(b"device.img", 1 << 20)]


@dataclass(frozen=True)
class Watched(FolderStore):
    """A store that remembers what was read of it."""

    reads: list[tuple[str, int, int | None]] = field(default_factory=list)

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        data = super().read(name, start, end)
        self.reads.append((name, start, len(data)))
        return data


@pytest.fixture(name="large", scope="module")
def _large(tmp_path_factory: pytest.TempPathFactory) -> FolderStore:
    """Three row groups of entries whose hashes are most of the index."""
    tree = tmp_path_factory.mktemp("large")
    for folder in range(40):
        (tree / f"{folder}").mkdir()
        for number in range(1000):
            (tree / f"{folder}" / f"file-{number}").write_bytes(f"{folder} {number}".encode())
    store = FolderStore(tmp_path_factory.mktemp("store"))
    archive(tree, store)
    return store


def test_paths_alone_are_read_where_nothing_matches(large: FolderStore) -> None:
    watched = Watched(large.path)

    assert list(search(watched, "no such file")) == []

    index_bytes = (large.path / "index.parquet").stat().st_size
    assert {name for name, _, _ in watched.reads} == {"manifest.json", "index.parquet"}
    assert sum(length or 0 for name, _, length in watched.reads if name == "index.parquet") < index_bytes / 4
    assert len(watched.reads) < 10


def test_other_columns_are_read_of_the_row_groups_that_matched(large: FolderStore) -> None:
    nothing, one, all_of_them = Watched(large.path), Watched(large.path), Watched(large.path)

    list(search(nothing, "no such file"))
    assert len(list(search(one, "7/file-123"))) == 1
    assert len(list(search(all_of_them, "*/file-123"))) == 40

    read = [sum(length or 0 for _, _, length in watched.reads) for watched in (nothing, one, all_of_them)]
    assert read[0] < read[1] < read[2] < (large.path / "index.parquet").stat().st_size / 2


def test_one_file_costs_a_group_of_the_index_and_its_frames(large: FolderStore) -> None:
    watched = Watched(large.path)

    assert b"".join(Archive.open(watched).read_file("39/file-987")) == b"39 987"

    frames = [length for name, _, length in watched.reads if name == "files.tar.zst"]
    index = [length for name, _, length in watched.reads if name == "index.parquet"]
    assert sum(length or 0 for length in frames) < 2 << 20  # two frames, compressed
    assert sum(length or 0 for length in index) < 1 << 20
    assert sum(length or 0 for length in index) < (large.path / "index.parquet").stat().st_size / 2
    assert len(index) <= 6


def test_what_is_damaged_is_told(large: FolderStore, tmp_path: Path) -> None:
    copy = FolderStore(tmp_path / "copy")
    copy.path.mkdir()
    manifest = (large.path / "manifest.json").read_bytes()
    index = (large.path / "index.parquet").read_bytes()

    (copy.path / "manifest.json").write_bytes(manifest)
    with pytest.raises(ArchiveMissing):
        list(search(copy, "*"))
    for wrong in (b"", index[:-1], index[: len(index) // 2], index[:-9] + b"\xff" + index[-8:], bytes(len(index))):
        (copy.path / "index.parquet").write_bytes(wrong)
        with pytest.raises(ArchiveDamaged, match=r"index\.parquet"):
            list(search(copy, "*"))
    (copy.path / "manifest.json").write_bytes(manifest[:-2])
    with pytest.raises(ManifestUnreadable):
        list(search(copy, "*"))
