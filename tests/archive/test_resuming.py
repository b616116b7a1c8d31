"""An interrupted archive goes on where it was: nothing twice that need not be, nothing wrong, nothing left behind."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from tests.archive.resumption import Notes, assert_whole, leftovers, random_image, random_tree
from tests.archive.test_s3_uploads import tampering

from backup_actions.archive import ArchiveOptions, FolderStore, S3Store, Store, archive, files, verify
from backup_actions.archive.checkpoint import CHECKPOINT_NAME
from backup_actions.archive.device import BlockSource
from backup_actions.archive.index import IndexWriter
from backup_actions.archive.tree_reader import tree_reader
from backup_actions.errors import ArchiveExists, ArchiveInterrupted, SourceUnreadable, UploadFailed
from backup_actions.model.manifest import Manifest

MIB = 1 << 20
OPTIONS = ArchiveOptions(frame_size_mib=1, mount=False, threads=2, memory_mib=160)  # twenty frames at a time
NEVER = 3600.0


def resumable(source: Path, to: Store, notes: Notes, **choices: Any) -> Manifest:
    return archive(source, to, progress=notes, **{"options": OPTIONS, "checkpoint_seconds": NEVER, **choices})


def interrupted(source: Path, to: Store, *, at_bytes: int, **choices: Any) -> ArchiveInterrupted:
    with pytest.raises(ArchiveInterrupted) as raised:
        resumable(source, to, Notes(until_bytes=at_bytes), **choices)
    return raised.value


@pytest.fixture(name="tree", scope="module")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty MiB of files."""
    return random_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(name="image", scope="module")
def _image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty MiB of a disk."""
    return random_image(tmp_path_factory.mktemp("image") / "disk.img")


@pytest.fixture(name="disk", scope="module")
def _disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk with two partitions of twenty MiB that nobody knows."""
    path = tmp_path_factory.mktemp("disk") / "disk.img"
    chance = random.Random(3)  # noqa: S311 - the same every time
    path.write_bytes(bytes(MIB) + chance.randbytes(40 * MIB) + bytes(MIB))
    table = "label: gpt\nstart=2048, size=40960\nstart=43008, size=40960\n"
    subprocess.run(["sfdisk", "-q", str(path)], input=table, text=True, check=True)
    return path


@pytest.fixture(name="source", params=["tree", "image"])
def _source(request: pytest.FixtureRequest) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


def test_what_ctrl_c_interrupts_goes_on_and_becomes_the_whole(store: Store, source: Path, tmp_path: Path) -> None:
    error = interrupted(source, store, at_bytes=31 * MIB)
    assert "bytes of" in str(error)
    notes = Notes()

    resumable(source, store, notes)

    assert "an unfinished archive is continued" in notes.text
    assert "from its beginning" not in notes.text
    assert_whole(store, source, tmp_path)


def test_it_may_be_interrupted_many_times(store: Store, tree: Path, tmp_path: Path) -> None:
    for at_bytes in (31 * MIB, 5 * MIB, 3 * MIB):
        interrupted(tree, store, at_bytes=at_bytes)

    resumable(tree, store, Notes())

    assert_whole(store, tree, tmp_path)


def test_what_is_sent_twice_is_one_part_and_the_frames_on_their_way_at_most(s3_store: S3Store, source: Path) -> None:
    sent: list[int] = []

    def count(call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        sent.append(parameters["Body"].size_bytes)
        return call(**parameters)

    store = replace(s3_store, client=tampering(s3_store.client, upload_part=count))
    interrupted(source, store, at_bytes=31 * MIB)
    resumable(source, store, Notes())

    once = Manifest.from_bytes(store.read("manifest.json")).members[0].object.size_bytes
    assert once <= sum(sent) <= once + 8 * MIB + 4 * MIB


def test_a_checkpoint_is_written_while_the_work_goes_on(folder_store: FolderStore, tree: Path) -> None:
    class Waiting(Notes):
        def add(self, source_bytes: int) -> None:
            while self._done > 12 * MIB and not (folder_store.path / CHECKPOINT_NAME).exists():
                pass
            super().add(source_bytes)

    with pytest.raises(RuntimeError):
        resumable(tree, folder_store, Waiting(until_bytes=20 * MIB, error=RuntimeError()), checkpoint_seconds=0.1)

    assert leftovers(folder_store) == []


@pytest.mark.skipif(tree_reader() is None, reason="the tree reader is not built: make builds it with a C compiler")
def test_another_reader_of_trees_begins_again(
    folder_store: FolderStore, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tree, folder_store, at_bytes=31 * MIB)
    monkeypatch.setattr(files, "tree_reader", lambda: None)
    notes = Notes()

    resumable(tree, folder_store, notes)

    assert "begun again: reader of trees differ from what was begun" in notes.text
    assert_whole(folder_store, tree, tmp_path)


def test_a_tree_that_changed_meanwhile_is_archived_from_its_beginning(
    folder_store: FolderStore, tree: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(tree, changed)
    interrupted(changed, folder_store, at_bytes=31 * MIB)
    for path in changed.rglob("large*"):
        path.write_bytes(b"other content")
    notes = Notes()

    resumable(changed, folder_store, notes)

    assert "files is archived from its beginning" in notes.text
    assert_whole(folder_store, changed, tmp_path)


@pytest.mark.parametrize("at_bytes", [5, 5 * MIB + 1])
def test_a_file_in_whose_midst_it_goes_on_is_as_it_was_whatever_its_times_say(
    folder_store: FolderStore, tmp_path: Path, at_bytes: int
) -> None:
    (tmp_path / "tree").mkdir()
    file = tmp_path / "tree" / "file"
    file.write_bytes(random.Random(4).randbytes(40 * MIB))  # noqa: S311 - the same every time
    interrupted(tmp_path / "tree", folder_store, at_bytes=31 * MIB)
    before = file.stat()
    with file.open("r+b") as changed:
        changed.seek(at_bytes)
        changed.write(b"other")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    notes = Notes()

    resumable(tmp_path / "tree", folder_store, notes)

    assert "files is archived from its beginning: what was stored last is not as it was" in notes.text
    assert_whole(folder_store, tmp_path / "tree", tmp_path)


def test_a_disk_that_changed_meanwhile_is_archived_from_its_beginning(
    folder_store: FolderStore, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BlockSource, "times", lambda _: "")  # as a device, which does not tell when it was changed
    changed = tmp_path / "changed.img"
    shutil.copy(image, changed)
    interrupted(changed, folder_store, at_bytes=31 * MIB)
    with changed.open("r+b") as file:
        file.write(b"other content")
    notes = Notes()

    resumable(changed, folder_store, notes)

    assert "whole is archived from its beginning" in notes.text
    assert_whole(folder_store, changed, tmp_path)


def test_a_single_byte_that_changed_of_an_image_is_enough(
    folder_store: FolderStore, image: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.img"
    shutil.copy(image, changed)
    interrupted(changed, folder_store, at_bytes=31 * MIB)
    with changed.open("r+b") as file:
        file.seek(MIB + MIB // 2)
        file.write(b"!")

    resumable(changed, folder_store, Notes())

    assert_whole(folder_store, changed, tmp_path)


@pytest.mark.parametrize("checkpoint_seconds", [None, NEVER])
def test_an_image_that_changes_while_it_is_read_makes_no_archive(
    folder_store: FolderStore, image: Path, tmp_path: Path, checkpoint_seconds: float | None
) -> None:
    changed = tmp_path / "changed.img"
    shutil.copy(image, changed)

    class Busy(Notes):
        def add(self, source_bytes: int) -> None:
            with changed.open("r+b") as file:
                file.write(b"!")

    with pytest.raises(SourceUnreadable, match="changed while it was read"):
        resumable(changed, folder_store, Busy(), checkpoint_seconds=checkpoint_seconds)

    assert leftovers(folder_store) == []


def test_other_options_begin_again_and_say_so(folder_store: FolderStore, tree: Path, tmp_path: Path) -> None:
    interrupted(tree, folder_store, at_bytes=31 * MIB)
    notes = Notes()

    resumable(tree, folder_store, notes, options=replace(OPTIONS, codec="gzip"))

    assert "begun again: options differ from what was begun" in notes.text
    assert_whole(folder_store, tree, tmp_path)


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flipped(data: bytes) -> bytes:
    return data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]


def _nothing(_: bytes) -> bytes:
    return b""


def _forged_type(data: bytes) -> bytes:
    return _forged(data, "kept", "size_bytes", "8")


def _forged_path(data: bytes) -> bytes:
    return _forged(data, "frames", "name", "../../frames-1")


def _forged_handle(data: bytes) -> bytes:
    return _forged(data, "kept", "handle", "manifest.json")


def _forged(data: bytes, part: str, key: str, value: object) -> bytes:
    raw = json.loads(data)
    del raw["sha256"]
    raw["under_way"][part][key] = value
    content = json.dumps(raw, indent=1, sort_keys=True).encode() + b"\n"
    sealed = {**raw, "sha256": hashlib.sha256(content).hexdigest()}
    return json.dumps(sealed, indent=1, sort_keys=True).encode() + b"\n"


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("checkpoint.json", _cut),
        ("checkpoint.json", _flipped),
        ("checkpoint.json", _nothing),
        ("checkpoint.json", _forged_type),
        ("checkpoint.json", _forged_path),
        ("checkpoint.json", _forged_handle),
        ("frames-1", _flipped),
        ("frames-1", _cut),
        ("tree-1", _flipped),
        ("tree-1", _nothing),
    ],
)
def test_a_damaged_checkpoint_begins_again_and_says_so(
    folder_store: FolderStore, tree: Path, tmp_path: Path, name: str, damage: Callable[[bytes], bytes]
) -> None:
    interrupted(tree, folder_store, at_bytes=31 * MIB)
    path = folder_store.path / "resume" / name
    path.write_bytes(damage(path.read_bytes()))
    notes = Notes()

    resumable(tree, folder_store, notes)

    assert "begun again" in notes.text or "from its beginning" in notes.text
    assert_whole(folder_store, tree, tmp_path)


def test_an_upload_that_is_gone_begins_again_and_says_so(s3_store: S3Store, tree: Path, tmp_path: Path) -> None:
    interrupted(tree, s3_store, at_bytes=31 * MIB)
    assert s3_store.give_up_unfinished() == 1
    notes = Notes()

    resumable(tree, s3_store, notes)

    assert "files is archived from its beginning: the upload of files.tar.zst cannot be asked for" in notes.text
    assert_whole(s3_store, tree, tmp_path)


def test_a_network_that_fails_interrupts_as_ctrl_c_does(s3_store: S3Store, tree: Path, tmp_path: Path) -> None:
    parts = count()

    def fail_third(call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        if next(parts) == 2:
            raise EndpointConnectionError(endpoint_url="https://s3")
        return call(**parameters)

    store = replace(s3_store, client=tampering(s3_store.client, upload_part=fail_third))
    with pytest.raises(ArchiveInterrupted, match="Could not connect"):
        resumable(tree, store, Notes())

    resumable(tree, s3_store, Notes())

    assert_whole(s3_store, tree, tmp_path)


def test_without_a_checkpoint_an_interruption_leaves_nothing(store: Store, tree: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        resumable(tree, store, Notes(until_bytes=31 * MIB), checkpoint_seconds=None)

    assert leftovers(store) == []


def test_a_member_that_stands_is_removed_when_a_later_one_fails(store: Store, disk: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        resumable(disk, store, Notes(until_bytes=30 * MIB), checkpoint_seconds=None)

    assert store.describe("p1/device.img.zst") is None
    assert leftovers(store) == []


def test_a_member_of_an_archive_that_another_has_completed_is_not_removed(
    folder_store: FolderStore, disk: Path
) -> None:
    class Overtaken(Notes):
        """Somebody completes the archive in the last moment before Ctrl-C."""

        def add(self, source_bytes: int) -> None:
            if self._done + source_bytes > 30 * MIB:
                folder_store.put("manifest.json", b"{}")
            super().add(source_bytes)

    with pytest.raises(KeyboardInterrupt):
        resumable(disk, folder_store, Overtaken(until_bytes=30 * MIB), checkpoint_seconds=None)

    assert folder_store.describe("p1/device.img.zst") is not None


def test_ctrl_c_in_the_very_end_leaves_nothing_that_nobody_knows_of(
    s3_store: S3Store, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(IndexWriter, "finish", interrupt)

    with pytest.raises(KeyboardInterrupt):
        resumable(tree, s3_store, Notes())

    assert leftovers(s3_store) == []


def test_what_trying_again_cannot_heal_leaves_nothing(folder_store: FolderStore, tree: Path) -> None:
    error = SourceUnreadable(what="x", reason="y")

    with pytest.raises(SourceUnreadable):
        resumable(tree, folder_store, Notes(until_bytes=31 * MIB, error=error))

    assert leftovers(folder_store) == []


def test_finished_members_are_not_done_again(store: Store, disk: Path, tmp_path: Path) -> None:
    interrupted(disk, store, at_bytes=30 * MIB)
    finished = store.describe("p1/device.img.zst")
    assert finished is not None
    notes = Notes()

    manifest = resumable(disk, store, notes)

    begun = [line for line in notes.started if line.startswith(("p", "gap"))]
    assert "p1" not in begun
    assert next(member for member in manifest.members if member.name == "p1").object == finished
    report = verify(store)
    assert report.ok, report
    assert leftovers(store) == []


def test_a_finished_member_whose_object_is_gone_is_done_again(folder_store: FolderStore, disk: Path) -> None:
    interrupted(disk, folder_store, at_bytes=30 * MIB)
    (folder_store.path / "p1" / "device.img.zst").unlink()

    resumable(disk, folder_store, Notes())

    assert verify(folder_store).ok


def test_of_two_that_go_on_at_once_one_completes_the_archive_and_the_other_fails(
    s3_store: S3Store, tree: Path, tmp_path: Path
) -> None:
    interrupted(tree, s3_store, at_bytes=31 * MIB)

    class Rival(Notes):
        def add(self, source_bytes: int) -> None:
            super().add(source_bytes)
            if self._done > 12 * MIB and s3_store.describe("manifest.json") is None:
                resumable(tree, s3_store, Notes())

    with pytest.raises((ArchiveExists, UploadFailed, ArchiveInterrupted)):
        resumable(tree, s3_store, Rival())

    assert_whole(s3_store, tree, tmp_path)


@pytest.mark.parametrize("checkpoint_seconds", [None, NEVER])
def test_what_another_process_completed_meanwhile_is_not_written_over(
    store: Store, tree: Path, tmp_path: Path, checkpoint_seconds: float | None
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_bytes(b"of another time")

    class Rival(Notes):
        def add(self, source_bytes: int) -> None:
            if store.describe("manifest.json") is None:
                archive(tmp_path / "other", store)

    with pytest.raises(ArchiveExists):
        resumable(tree, store, Rival(), checkpoint_seconds=checkpoint_seconds)

    assert_whole(store, tmp_path / "other", tmp_path)


def test_notes_that_cannot_be_removed_do_not_spoil_a_complete_archive(s3_store: S3Store, tree: Path) -> None:
    def refuse(_: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        raise EndpointConnectionError(endpoint_url=parameters["Bucket"])

    notes = Notes()

    resumable(tree, replace(s3_store, client=tampering(s3_store.client, delete_objects=refuse)), notes)

    assert "/resume could not be removed" in notes.text
    assert verify(s3_store).ok


def test_notes_left_beside_a_complete_archive_are_removed(folder_store: FolderStore, tree: Path) -> None:
    resumable(tree, folder_store, Notes())
    folder_store.put(CHECKPOINT_NAME, b"{}")

    with pytest.raises(ArchiveExists):
        resumable(tree, folder_store, Notes())

    assert leftovers(folder_store) == []
