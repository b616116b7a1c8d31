"""A tree that was begun goes on where its kept frames end, and comes out as if nothing had happened."""

from __future__ import annotations

import io
import os
import random
import tarfile
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from backup_actions.archive import ArchiveOptions, FolderStore, content_hash, files, index
from backup_actions.archive.entries import Entry
from backup_actions.archive.files import archive_tree
from backup_actions.archive.frames import FrameWriter
from backup_actions.archive.frames_so_far import FramesSoFar
from backup_actions.archive.index import IndexWriter
from backup_actions.archive.tar_walker import TarWalker
from backup_actions.archive.tree_reader import Reading, TreeReader, tree_reader
from backup_actions.archive.tree_so_far import SourceDiffers, TreeJournal, TreeSoFar
from backup_actions.model.progress import Silence

from .torture_tree import plant
from .tree_streams import reader_of

FRAME_BYTES = 1 << 20
PIECE_BYTES = 300_000
OPTIONS = ArchiveOptions(frame_size_mib=1, threads=1)


class Kept:
    """Segments of an index, as a store keeps them."""

    def __init__(self) -> None:
        self.segments: dict[int, bytes] = {}
        self.counted = 0

    def keep(self, number: int, data: bytes) -> None:
        self.segments[number] = data
        self.counted += 1

    def kept(self, number: int) -> bytes:
        return self.segments[number]


@dataclass
class Run:
    """One archiving of a tree: what came out, and what was kept at the end of each frame."""

    frames: list[bytes] = field(default_factory=list)
    index: bytes = b""
    trees: list[TreeSoFar] = field(default_factory=list)
    so_far: FramesSoFar | None = None
    segments: Kept = field(default_factory=Kept)


def tar_of(seed: int = 1) -> bytes:
    dice = random.Random(seed)  # noqa: S311 - the same data every time
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:

        def add(name: str, content: bytes, **pax: str) -> None:
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = len(content), {key.replace("_", "."): value for key, value in pax.items()}
            tar.addfile(info, io.BytesIO(content))

        for number in range(60):
            add(f"./small-{number}", dice.randbytes(dice.randrange(0, 5000)))
        add("./long", dice.randbytes(2_500_000))
        islands = b"2\n0\n1500000\n2000000\n900001\n".ljust(512, b"\0") + dice.randbytes(2_400_001)
        add("./holes", islands, GNU_sparse_major="1", GNU_sparse_minor="0", GNU_sparse_realsize="3000000")
        for number in range(300):
            add(f"./more-{number}", dice.randbytes(dice.randrange(0, 9000)))
    return out.getvalue()


def rows_of(tar: bytes) -> list[Entry]:
    return TarWalker().feed(tar)


@pytest.fixture(name="tree", autouse=True)
def _tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Small pieces and groups; the reader reads one and the same tar, whatever the tree."""
    monkeypatch.setattr(content_hash, "HASH_PIECE_BYTES", PIECE_BYTES)
    monkeypatch.setattr(index, "ROWS_IN_A_GROUP", 50)
    monkeypatch.setattr(index, "_ROWS_AT_A_TIME", 20)
    tar = tar_of()
    read(reader_of(tar, rows_of(tar), tmp_path / "reader", rows=23), monkeypatch)
    return tmp_path


def read(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "tree_reader", lambda: program)


def run(
    folder: Path,
    begun: tuple[TreeSoFar, FramesSoFar] | None = None,
    segments: Kept | None = None,
    source: Path | None = None,
) -> Run:
    """Archives, and asks after each frame what has to be kept."""
    done = Run(segments=segments or Kept())
    tree, before = begun or (None, None)
    journal = TreeJournal(done.segments, tree)
    passed = len(before) if before is not None else 0

    def sink(frame: bytes) -> None:
        done.frames.append(frame)
        done.trees.append(journal.so_far((passed + len(done.frames)) * FRAME_BYTES))

    store = FolderStore(folder / "store")
    with (
        store.create("index.parquet") as stored,
        IndexWriter(stored, FRAME_BYTES) as rows,
        FrameWriter(sink, OPTIONS, begun=before) as frames,
    ):
        archive_tree(source or folder, frames, rows, one_file_system=False, progress=Silence(), journal=journal)
        frames.finish()
        done.so_far = frames.so_far(passed + len(done.frames) - 2)
        rows.finish()
    done.index = (folder / "store" / "index.parquet").read_bytes()
    return done


def full_frames(whole: Run) -> int:
    return len(whole.frames) - 2  # the last one is shorter, and behind it lies the seek table


def state(whole: Run, frames: int) -> tuple[TreeSoFar, FramesSoFar]:
    """What a later process gets, through bytes."""
    assert whole.so_far is not None
    tree = TreeSoFar.from_bytes(whole.trees[frames - 1].to_bytes())
    return tree, whole.so_far.first(frames)


def test_wherever_it_was_cut_the_rest_is_the_same(tmp_path: Path) -> None:
    whole = run(tmp_path)

    assert full_frames(whole) > 5
    for frames in range(1, full_frames(whole) + 1):
        rest = run(tmp_path, state(whole, frames), whole.segments)
        assert rest.frames == whole.frames[frames:]
        assert rest.index == whole.index


def test_what_a_second_process_keeps_serves_a_third(tmp_path: Path) -> None:
    whole = run(tmp_path)
    second = run(tmp_path, state(whole, 2), whole.segments)

    third = run(tmp_path, (second.trees[2], state(whole, 5)[1]), second.segments)

    assert third.frames == whole.frames[5:]
    assert third.index == whole.index


def test_a_long_file_is_read_again_from_its_last_piece_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(tmp_path)
    started: list[int] = []

    def watched(program: Path, reading: Reading) -> TreeReader:
        started.append(reading.start_at)
        return TreeReader(program, reading)

    monkeypatch.setattr(files, "TreeReader", watched)
    for frames in range(1, full_frames(whole) + 1):
        run(tmp_path, state(whole, frames), whole.segments)

    behind = [frames * FRAME_BYTES - at for frames, at in enumerate(started, start=1)]
    assert all(0 <= reread < PIECE_BYTES + FRAME_BYTES for reread in behind)
    assert max(behind) > 0
    assert {len(tree.pieces) for tree in whole.trees} > {0}


def test_segments_that_are_kept_are_not_kept_again(tmp_path: Path) -> None:
    whole = run(tmp_path)
    tree, frames = state(whole, full_frames(whole))
    before = whole.segments.counted

    run(tmp_path, (tree, frames), whole.segments)

    assert tree.segments > 2
    assert whole.segments.counted - before == len(whole.segments.segments) - tree.segments


@pytest.mark.parametrize("number", [0, 30, 60, 61, 100])
def test_a_tree_that_changed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    whole = run(tmp_path)
    tar = tar_of()
    rows = rows_of(tar)
    rows[number] = replace(rows[number], mtime_ns=rows[number].mtime_ns + 1)
    read(reader_of(tar, rows, tmp_path / "other", rows=7), monkeypatch)

    with pytest.raises(SourceDiffers, match=rows[number].path.decode()):
        run(tmp_path, state(whole, full_frames(whole)), whole.segments)


def test_a_tree_that_ends_before_what_was_kept_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(tmp_path)
    tar = tar_of()
    rows = rows_of(tar)[:70]
    short = tar[: rows[-1].tar_end] + bytes(10240)
    read(reader_of(short, rows, tmp_path / "other", rows=7), monkeypatch)

    with pytest.raises(SourceDiffers):
        run(tmp_path, state(whole, full_frames(whole)), whole.segments)


@pytest.mark.parametrize("damaged", [b"", b"x" * 100])
def test_a_kept_index_that_is_none_is_told(tmp_path: Path, damaged: bytes) -> None:
    whole = run(tmp_path)
    tree, frames = state(whole, full_frames(whole))

    with pytest.raises(SourceDiffers):
        run(tmp_path, (replace(tree, tail=damaged, segments=0), frames))


@pytest.mark.parametrize("cut", [0, 10, 40])
def test_a_state_that_is_cut_is_refused(cut: int) -> None:
    tree = TreeSoFar(position=5, segments=1, tail=b"", content_end=9, pieces=(bytes(32),))

    assert TreeSoFar.from_bytes(tree.to_bytes()) == tree
    with pytest.raises(ValueError, match="cut"):
        TreeSoFar.from_bytes(tree.to_bytes()[:cut])


@pytest.mark.skipif(tree_reader() is None, reason="the tree reader is not built: make builds it with a C compiler")
def test_a_tree_of_everything_goes_on_wherever_it_was_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "tree_reader", tree_reader)
    source = tmp_path / "source"
    plant(source)
    (source / "long").write_bytes(os.urandom(4 << 20))
    whole = run(tmp_path, source=source)

    for frames in range(1, full_frames(whole) + 1):
        rest = run(tmp_path, state(whole, frames), whole.segments, source)
        assert rest.frames == whole.frames[frames:]
        assert rest.index == whole.index


def test_gnu_tar_reads_everything_again_and_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "tree_reader", lambda: None)
    source = tmp_path / "source"
    source.mkdir()
    for number in range(200):
        (source / f"file-{number}").write_bytes(os.urandom(20_000))
    whole = run(tmp_path, source=source)

    rest = run(tmp_path, state(whole, 2), whole.segments, source)

    assert rest.frames == whole.frames[2:]
    assert rest.index == whole.index
    (source / "file-0").write_bytes(os.urandom(20_000))
    with pytest.raises(SourceDiffers):
        run(tmp_path, state(whole, 2), whole.segments, source)


def test_the_state_may_be_asked_for_at_any_time_by_another_thread(tmp_path: Path) -> None:
    whole = run(tmp_path)
    journal = TreeJournal(Kept())
    positions: list[int] = [0]
    wrong: list[tuple[int, bytes]] = []
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            position = positions[-1]
            tree = journal.so_far(position)
            expected = whole.trees[position // FRAME_BYTES - 1] if position else tree
            if (tree.position, tree.pieces) != (expected.position, expected.pieces):
                wrong.append((position, tree.tail))

    with (
        FolderStore(tmp_path / "asked").create("index.parquet") as stored,
        IndexWriter(stored, FRAME_BYTES) as rows,
        FrameWriter(lambda frame: positions.append(positions[-1] + FRAME_BYTES), OPTIONS) as frames,
    ):
        asking = threading.Thread(target=ask)
        asking.start()
        try:
            archive_tree(tmp_path, frames, rows, one_file_system=False, progress=Silence(), journal=journal)
        finally:
            ended.set()
            asking.join()

    assert not wrong
