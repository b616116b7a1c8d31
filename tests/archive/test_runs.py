"""Archives of the same source by several runs: each in a folder of its own, below the one manifest."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.archive.resumption import Notes, leftovers, random_tree

from backup_actions.archive import Archive, ArchiveOptions, FolderStore, Store, archive, verify
from backup_actions.errors import ArchiveExists, ArchiveInterrupted
from backup_actions.model.manifest import MANIFEST_NAME, Manifest

MIB = 1 << 20
OPTIONS = ArchiveOptions(frame_size_mib=1, threads=2, memory_mib=160)  # twenty frames at a time


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").write_bytes(b"content")
    return tmp_path / "tree"


def test_the_objects_of_a_run_lie_in_its_folder_and_the_manifest_above_names_them(store: Store, tree: Path) -> None:
    made = archive(tree, store, run="one")

    assert made == Manifest.from_bytes(store.read(MANIFEST_NAME))
    (member,) = made.members
    assert member.index is not None
    assert (member.object.name, member.index.name) == ("one/files.tar.zst", "one/index.parquet")
    assert verify(store).ok
    assert [entry.path for entry in Archive.open(store).entries()] == [b".", b"file"]


def test_a_run_that_is_overtaken_by_another_changes_nothing_of_its_archive(store: Store, tree: Path) -> None:
    class Overtaken(Notes):
        def add(self, source_bytes: int) -> None:
            if self.started:
                self.started.clear()
                archive(tree, store, run="fast")

    with pytest.raises(ArchiveExists):
        archive(tree, store, run="slow", progress=Overtaken())

    assert Manifest.from_bytes(store.read(MANIFEST_NAME)).members[0].object.name == "fast/files.tar.zst"
    assert store.describe("slow/files.tar.zst") is None
    assert verify(store).ok


def begun_by_one(store: Store, tree: Path) -> None:
    """It was interrupted when more was read than may be waiting to be stored."""
    with pytest.raises(ArchiveInterrupted):
        archive(tree, store, run="one", options=OPTIONS, progress=Notes(until_bytes=31 * MIB), checkpoint_seconds=1000)


def test_what_a_run_has_begun_neither_ends_nor_is_continued_by_another(folder_store: FolderStore, tree: Path) -> None:
    begun_by_one(folder_store, random_tree(tree))
    begun = leftovers(folder_store.folder("one"))
    notes = Notes()

    archive(tree, folder_store, run="two", options=OPTIONS, progress=notes, checkpoint_seconds=1000)

    assert begun
    assert leftovers(folder_store.folder("one")) == begun
    assert "continued" not in notes.text


def test_a_run_goes_on_with_what_it_has_begun(folder_store: FolderStore, tree: Path) -> None:
    begun_by_one(folder_store, random_tree(tree))
    notes = Notes()

    archive(tree, folder_store, run="one", options=OPTIONS, progress=notes, checkpoint_seconds=1000)

    assert "an unfinished archive is continued" in notes.text
    assert "from its beginning" not in notes.text
    assert verify(folder_store).ok
