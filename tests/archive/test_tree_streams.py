"""What a tree reader says becomes frames and an index, and is refused where it contradicts itself."""

from __future__ import annotations

import io
import struct
import tarfile
from collections.abc import Callable, Container
from dataclasses import replace
from pathlib import Path

import pytest

from backup_actions.archive import Archive, ArchiveOptions, FolderStore, archive, files, verify
from backup_actions.archive.entries import Entry
from backup_actions.archive.tar_walker import TarWalker
from backup_actions.archive.tree_reader import tree_reader
from backup_actions.errors import SourceUnreadable

from .tree_streams import END, ENTRIES, FRAME, MAGIC, REMARK, batch, chunk, frames, reader_of, reader_that_says

SPARSE_MAP = b"2\n0\n600\n4096\n100\n".ljust(512, b"\0")


def tar_of(content_bytes: int = 3000) -> tuple[bytes, list[Entry]]:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, content, pax in [
            ("./", tarfile.DIRTYPE, b"", {}),
            ("./empty", tarfile.REGTYPE, b"", {}),
            *((f"./file-{number}", tarfile.REGTYPE, bytes([number]) * content_bytes, {}) for number in range(40)),
            ("./link", tarfile.SYMTYPE, b"", {}),
            ("./odd\udcff", tarfile.REGTYPE, b"odd", {}),
            (
                "./holes",
                tarfile.REGTYPE,
                SPARSE_MAP + b"i" * 700,
                {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "9000"},
            ),
            ("./long", tarfile.REGTYPE, b"long" * 800_000, {"SCHILY.xattr.user.note": "x"}),
        ]:
            info = tarfile.TarInfo(name)
            info.type, info.size, info.pax_headers, info.mtime = kind, len(content), pax, -1.5
            info.linkname = "target" if kind == tarfile.SYMTYPE else ""
            tar.addfile(info, io.BytesIO(content))
    walker = TarWalker()
    entries = walker.feed(out.getvalue())
    walker.finish()
    return out.getvalue(), entries


TAR, ROWS = tar_of()
FRAME_BYTES = 1 << 20
FRAMES = frames(TAR, FRAME_BYTES)
WHOLE = chunk(ENTRIES, batch(ROWS)) + FRAMES
THE_END = chunk(END, struct.pack("<QQQ", len(TAR), len(ROWS), 0))


@pytest.fixture(name="archived")
def _archived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], FolderStore]:
    """Archives whatever the program says of an empty folder."""
    (tmp_path / "tree").mkdir()

    def archived(program: Path) -> FolderStore:
        monkeypatch.setattr(files, "tree_reader", lambda: program)
        store = FolderStore(tmp_path / "store")
        archive(tmp_path / "tree", store, options=ArchiveOptions(frame_size_mib=1))
        return store

    return archived


@pytest.mark.parametrize("hashed", [(), {row.path for row in ROWS if row.type == "file"}, {b"file-3", b"holes"}])
@pytest.mark.parametrize("rows", [1, 7, 4000])
def test_the_index_says_of_each_entry_what_its_tar_says(
    archived: Callable[[Path], FolderStore], tmp_path: Path, rows: int, hashed: Container[bytes]
) -> None:
    store = archived(reader_of(TAR, ROWS, tmp_path / "program", rows=rows, hashed=hashed))

    opened = Archive.open(store)
    assert list(opened.entries()) == ROWS
    assert b"".join(opened.read_file("long")) == b"long" * 800_000
    assert opened.manifest.members[0].notes == ("a note",)
    assert opened.manifest.members[0].counts.files == 44
    report = verify(store)
    assert (report.complete, report.problems) == (True, ())


def test_a_content_hash_goes_by_pieces(
    archived: Callable[[Path], FolderStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backup_actions.archive.content_hash.HASH_PIECE_BYTES", 1000)
    pieces = tar_of()[1]

    store = archived(reader_of(TAR, ROWS, tmp_path / "program", rows=7))

    assert list(Archive.open(store).entries()) == pieces
    assert [entry.blake3 for entry in pieces] != [entry.blake3 for entry in ROWS]
    assert verify(store).problems == ()


def announced(*changes: Callable[[list[Entry]], None]) -> bytes:
    rows = list(ROWS)
    for change in changes:
        change(rows)
    return chunk(ENTRIES, batch(rows))


def changed(number: int, **values: int) -> Callable[[list[Entry]], None]:
    def change(rows: list[Entry]) -> None:
        rows[number] = replace(rows[number], **values)  # type: ignore[arg-type]

    return change


def frame(number: int, length: int) -> bytes:
    return chunk(FRAME, struct.pack("<QQ", number, length))


TYPES_AT = 8 + (56 + 32 + 8) * len(ROWS) + 8 * (len(ROWS) + 1)
MISSPOKEN = {
    "nothing": b"",
    "another protocol": b"BATREE\0\1".ljust(16, b"\0") + WHOLE + THE_END,
    "a chunk of an unknown kind": MAGIC + chunk(5, b""),
    "a chunk that uses what is reserved": MAGIC + struct.pack("<IIQ", FRAME, 1, 0),
    "a chunk that is too long": MAGIC + struct.pack("<IIQ", ENTRIES, 0, 1 << 40),
    "a frame that is none": MAGIC + announced() + chunk(FRAME, bytes(15)),
    "a frame that there is not": MAGIC + announced() + frame(1 << 40, FRAME_BYTES),
    "a frame twice": MAGIC + announced() + frame(0, FRAME_BYTES) + frame(0, FRAME_BYTES),
    "a frame of nothing": MAGIC + announced() + frame(0, 0),
    "a frame that is too long": MAGIC + announced() + frame(0, FRAME_BYTES + 1),
    "a frame behind the last one": MAGIC + announced() + frame(0, FRAME_BYTES - 1) + frame(1, FRAME_BYTES),
    "no end": MAGIC + WHOLE,
    "cut within a chunk": MAGIC + WHOLE[:-1],
    "more behind the end": MAGIC + WHOLE + THE_END + b"x",
    "a short end": MAGIC + WHOLE + chunk(END, bytes(23)),
    "a remark without severity": MAGIC + chunk(REMARK, b"abc"),
    "other totals": MAGIC + WHOLE + chunk(END, struct.pack("<QQQ", len(TAR), len(ROWS), 1)),
    "content of nothing": MAGIC + WHOLE + frame(9, 512) + THE_END,
    "content missing": MAGIC + chunk(ENTRIES, batch(ROWS)) + THE_END,
    "content before its entries": MAGIC + FRAMES + announced() + THE_END,
    "a batch of none": MAGIC + chunk(ENTRIES, bytes(8)),
    "a batch of too many": MAGIC + chunk(ENTRIES, struct.pack("<Q", 1 << 60)),
    "a batch that is cut": MAGIC + chunk(ENTRIES, batch(ROWS)[:-1]),
    "a batch with something behind it": MAGIC + chunk(ENTRIES, batch(ROWS) + b"x"),
    "a batch without a number": MAGIC + chunk(ENTRIES, b"x"),
    "an unknown type": MAGIC + chunk(ENTRIES, batch(ROWS)[:TYPES_AT] + b"\x07" + batch(ROWS)[TYPES_AT + 1 :]),
    "a hash of a folder": MAGIC + chunk(ENTRIES, batch(ROWS, {b"."})),
    "offsets that fall": MAGIC
    + chunk(ENTRIES, batch(ROWS)[: TYPES_AT - 8] + b"\xff" * 4 + batch(ROWS)[TYPES_AT - 4 :]),
    "a gap in the tar": MAGIC + announced(changed(5, tar_offset=ROWS[5].tar_offset + 512)),
    "two batches of the same": MAGIC + announced() + announced(),
    "a size that is not stored": MAGIC + announced(changed(5, size_bytes=9)),
    "a size beyond all": MAGIC + announced(changed(5, size_bytes=1 << 63)),
    "an owner beyond all": MAGIC + announced(changed(5, uid=1 << 63)),
    "headers of nothing": MAGIC + announced(changed(0, data_offset=0)),
}


@pytest.mark.parametrize("stream", MISSPOKEN.values(), ids=MISSPOKEN)
def test_a_reader_that_breaks_its_rules_makes_no_archive(
    archived: Callable[[Path], FolderStore], tmp_path: Path, stream: bytes
) -> None:
    with pytest.raises(SourceUnreadable, match="the tree reader"):
        archived(reader_that_says(stream, tmp_path / "program", tar=TAR))

    assert not list((tmp_path / "store").glob("*"))


@pytest.mark.parametrize(
    ("stream", "ending", "said"),
    [
        (MAGIC + WHOLE + THE_END, "exit 3", "code 3"),
        (MAGIC + WHOLE, "echo out of memory >&2; exit 4", "out of memory"),
        (MAGIC + WHOLE, "kill -9 $$", "code -9"),
        (MAGIC + chunk(REMARK, struct.pack("<I", 2) + b"a/b: Permission denied") + WHOLE + THE_END, "", "a/b: Perm"),
        (MAGIC + chunk(REMARK, struct.pack("<I", 2) + b"a/b: Input/output error") + WHOLE, "exit 1", "a/b: Input"),
    ],
)
def test_what_could_not_be_read_is_said(
    archived: Callable[[Path], FolderStore], tmp_path: Path, stream: bytes, ending: str, said: str
) -> None:
    with pytest.raises(SourceUnreadable, match=said):
        archived(reader_that_says(stream, tmp_path / "program", ending, TAR))


def test_sockets_are_counted_and_named(archived: Callable[[Path], FolderStore], tmp_path: Path) -> None:
    sockets = b"".join(chunk(REMARK, struct.pack("<I", 0) + path) for path in (b"run/one", b"run/\xff"))
    end = chunk(END, struct.pack("<QQQ", len(TAR), len(ROWS), 2))

    store = archived(reader_that_says(MAGIC + sockets + WHOLE + end, tmp_path / "program", tar=TAR))

    member = Archive.open(store).manifest.members[0]
    assert (member.counts.sockets, member.sockets) == (2, ("run/one", "run/\\xff"))


def test_the_program_beside_the_interpreter_comes_before_that_of_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = {}
    for name in ("beside", "path"):
        reader_that_says(b"", tmp_path / name)
        programs[name] = (tmp_path / name / "reader").rename(tmp_path / name / "backup-actions-tree-reader")
    (tmp_path / "none").mkdir()

    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr("sys.executable", str(tmp_path / "beside" / "python"))
    assert tree_reader() == programs["beside"]
    monkeypatch.setattr("sys.executable", str(tmp_path / "none" / "python"))
    assert tree_reader() == programs["path"]
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    assert tree_reader() is None
