"""The tar walker agrees with tar, in pieces of any size, and refuses what two readers could understand differently."""

from __future__ import annotations

import io
import tarfile
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backup_actions.archive.content import FileContent
from backup_actions.archive.entries import Entry
from backup_actions.archive.pax import TarError, mtime_ns, octal_or_binary, parse_pax
from backup_actions.archive.tar_walker import EntryBegins, TarWalker


def walked(tar: bytes, piece_bytes: int = 1 << 20) -> list[Entry]:
    walker = TarWalker()
    entries = [entry for at in range(0, len(tar), piece_bytes) for entry in walker.feed(tar[at : at + piece_bytes])]
    walker.finish()
    return entries


def packed(*members: tuple[tarfile.TarInfo, bytes], pax: dict[str, str] | None = None) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers=pax) as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def member(name: str, content: bytes = b"", **attributes: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info, content


SAMPLE = packed(
    member("./", type=tarfile.DIRTYPE, mode=0o755),
    member("./a", b"content" * 300, uid=3_000_000_000, mtime=-1.5),
    member("./" + "long/" * 60 + "name", b"x" * 512),
    member("./link", type=tarfile.SYMTYPE, linkname="../" * 50),
    member("./hard", type=tarfile.LNKTYPE, linkname="./a"),
    member("./null", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    member("./pipe", type=tarfile.FIFOTYPE),
    member("./marked", b"12", pax_headers={"SCHILY.xattr.user.note": "value\nwith=everything"}),
)


@pytest.mark.parametrize("piece_bytes", [1, 7, 511, 512, 513, 10_000])
def test_pieces_of_any_size_give_the_same_entries(piece_bytes: int) -> None:
    assert walked(SAMPLE, piece_bytes) == walked(SAMPLE)


def test_every_attribute_is_seen() -> None:
    entries = {entry.path: entry for entry in walked(SAMPLE)}

    assert entries[b"."].type == "directory"
    assert (entries[b"a"].uid, entries[b"a"].mtime_ns, entries[b"a"].size_bytes) == (
        3_000_000_000,
        -1_500_000_000,
        2100,
    )
    assert entries[b"long/" * 60 + b"name"].size_bytes == 512
    assert entries[b"link"].link_target == b"../" * 50
    assert (entries[b"hard"].type, entries[b"hard"].link_target) == ("hardlink", b"a")
    assert entries[b"marked"].has_xattrs
    assert not entries[b"a"].has_xattrs


def test_entries_lie_behind_each_other_and_hold_their_content() -> None:
    entries = walked(SAMPLE)

    for before, after in pairwise(entries):
        assert before.tar_end == after.tar_offset
    for entry in entries:
        if entry.type == "file":
            content = FileContent(entry, iter([SAMPLE[entry.data_offset : entry.tar_end]]))
            assert len(b"".join(content)) == entry.size_bytes
            assert content.is_as_written()


def test_a_file_larger_than_a_header_field_can_say_is_followed_to_its_end() -> None:
    info = tarfile.TarInfo("./large")
    info.size = 9 << 30
    begun: list[EntryBegins] = []
    walker = TarWalker(begun.append)

    assert walker.feed(info.tobuf(tarfile.PAX_FORMAT)) == []
    assert walker.feed(bytes(1 << 20)) == []
    assert (begun[0].path, walker._content_left) == (b"large", (9 << 30) - (1 << 20))


def test_a_walk_may_begin_at_any_entry() -> None:
    entries = walked(SAMPLE)
    walker = TarWalker(tar_offset=entries[3].tar_offset)

    assert walker.feed(SAMPLE[entries[3].tar_offset :]) == entries[3:]


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(SAMPLE) - 1), value=st.integers(1, 255))
def test_a_changed_byte_is_refused_or_seen_or_lies_where_nobody_looks(at: int, value: int) -> None:
    changed = bytearray(SAMPLE)
    changed[at] ^= value

    try:
        seen = walked(bytes(changed))
    except TarError:
        return
    unread = {entry.tar_end - padding for entry in walked(SAMPLE) for padding in range(1, 512)}
    header_fields_not_compared = range(512)  # names of owners, device numbers: the stream's hash covers them
    assert seen != walked(SAMPLE) or at in unread or at % 512 in header_fields_not_compared


@given(st.binary(max_size=3000))
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(TarError):
        walked(garbage)


@given(st.binary(max_size=100))
def test_garbage_is_no_extended_header(garbage: bytes) -> None:
    try:
        records = parse_pax(garbage)
    except TarError:
        return
    assert all(key for key in records)


@pytest.mark.parametrize(
    "tar",
    [
        SAMPLE[:-10_000],
        SAMPLE[:5_000],
        SAMPLE + b"more" * 128,
        packed(member("./a", b"x", type=tarfile.SYMTYPE)),
        packed(member("./a", type=b"S")),
        packed(member("./a", b"5\n", pax_headers={"GNU.sparse.major": "0", "GNU.sparse.minor": "1"})),
        packed(member("./a", b"5\n", pax_headers={"GNU.sparse.major": "1", "GNU.sparse.minor": "0"})),
        packed(member("./a", pax_headers={"mtime": "soon"})),
        packed(member("./a", pax_headers={"uid": "-1"})),
        packed(member("./a", pax_headers={"path": "a\0b"})),
    ],
)
def test_what_readers_could_understand_differently_is_refused(tar: bytes) -> None:
    with pytest.raises(TarError):
        walked(tar)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        (b"0", 0),
        (b"1.5", 1_500_000_000),
        (b"-0.000000001", -1),
        (b"-1.25", -1_250_000_000),
        (b"1.0000000019", 10**9 + 1),
    ],
)
def test_times_are_exact_and_may_lie_before_1970(text: bytes, nanoseconds: int) -> None:
    assert mtime_ns(text) == nanoseconds


@pytest.mark.parametrize(
    ("field", "number"),
    [(b"0000644\0", 0o644), (b"   7 \0", 7), (b"\0" * 8, 0), (b"\x80" + b"\0" * 6 + b"\x09", 9), (b"\xff" * 8, -1)],
)
def test_numbers_are_octal_or_base_256(field: bytes, number: int) -> None:
    assert octal_or_binary(field) == number


@pytest.mark.parametrize("field", [b"0o17", b"+7", b"-7", b"1_0", b"8", b"7 7"])
def test_what_only_looks_like_a_number_is_refused(field: bytes) -> None:
    with pytest.raises(TarError):
        octal_or_binary(field)


def sparse(size_bytes: int, is_sparse: bool = True) -> Entry:
    return Entry(path=b"s", type="file", size_bytes=size_bytes, mode=0, uid=0, gid=0, mtime_ns=0, is_sparse=is_sparse)


def test_holes_are_filled() -> None:
    stored = b"2\n3\n4\n1000\n2\n".ljust(512, b"\0") + b"abcdef"

    content = b"".join(FileContent(sparse(2000), iter([stored[:5], stored[5:520]])))

    assert content == bytes(3) + b"abcd" + bytes(993) + b"ef" + bytes(998)


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"nonsense".ljust(512, b"\0"),
        b"1\n0\n5\n".ljust(512, b"\0"),
        b"1\n1999\n2\n".ljust(512, b"\0") + b"xx",
        b"2\n10\n4\n12\n2\n".ljust(512, b"\0") + b"xxxxxx",
        (b"9" * 30 + b"\n").ljust(512, b"\0"),
    ],
)
def test_a_map_that_contradicts_itself_is_refused(stored: bytes) -> None:
    with pytest.raises(TarError):
        list(FileContent(sparse(2000), iter([stored] if stored else [])))
