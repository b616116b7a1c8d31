"""Frames stand alone, stay in order, are read by stock tools, and hostile tables do not harm."""

from __future__ import annotations

import subprocess
from concurrent.futures import Future
from functools import partial
from threading import Semaphore
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from backup_actions.archive.codecs import Compressor, FrameError, decompressed
from backup_actions.archive.frame_scan import scanned
from backup_actions.archive.frames import FrameWriter
from backup_actions.archive.frames_so_far import FramesSoFar
from backup_actions.archive.options import ArchiveOptions, Codec
from backup_actions.archive.seek_table import SeekTable, SeekTableError
from backup_actions.errors import SettingInvalid

from .framed_streams import begun_with, contents, framed, table_of

MIB = 1 << 20
CODECS: tuple[Codec, ...] = ("zstd", "gzip")
STOCK = {"zstd": ["zstd", "-dc"], "gzip": ["gzip", "-dc"]}


def sample_data() -> bytes:
    noise = b"".join(number.to_bytes(4, "big") for number in range(700_000))
    return noise + bytes(3 * MIB) + b"text " * 400_000 + noise[:12345]


@pytest.fixture(name="codec", params=CODECS)
def _codec(request: pytest.FixtureRequest) -> Codec:
    codec: Codec = request.param
    return codec


def small_frames(codec: Codec = "zstd", **others: Any) -> ArchiveOptions:
    return ArchiveOptions(codec=codec, frame_size_mib=1, threads=3, **others)


def finished(data: bytes, codec: Codec) -> bytes:
    def write(writer: FrameWriter) -> None:
        for at in range(0, len(data), 700_001):
            writer.write(memoryview(data)[at : at + 700_001])

    return framed(write, small_frames(codec))[0]


@pytest.mark.parametrize("data", [b"", b"x", bytes(MIB), bytes(MIB + 1), sample_data()])
def test_a_stock_decompressor_gives_the_stream_back(codec: Codec, data: bytes) -> None:
    done = subprocess.run(STOCK[codec], input=finished(data, codec), capture_output=True, check=True)

    assert done.stdout == data
    assert done.stderr == b""


def test_every_frame_is_found_by_the_table_and_stands_alone(codec: Codec) -> None:
    data = sample_data()
    stored = finished(data, codec)
    table = table_of(stored, codec)

    for number in range(len(table)):
        start, end = table.stored_offsets[number : number + 2]
        content_start, content_end = table.content_offsets[number : number + 2]
        content = decompressed(codec, stored[start:end], table.content_bytes[number])
        assert content == data[content_start:content_end]
        assert table.frame_at(content_start) == table.frame_at(content_end - 1) == number


def test_frames_that_lie_elsewhere_are_the_same_and_are_all_released(codec: Codec) -> None:
    data = sample_data()
    released: list[int] = []

    def lend(writer: FrameWriter) -> None:
        for at in range(0, len(data), MIB):
            writer.take_frame(memoryview(bytearray(data[at : at + MIB])), partial(released.append, at))

    assert framed(lend, small_frames(codec))[0] == finished(data, codec)
    assert sorted(released) == list(range(0, len(data), MIB))


def test_a_frame_from_elsewhere_cannot_begin_in_the_midst_of_another() -> None:
    def write(writer: FrameWriter) -> None:
        writer.write(b"x")
        with pytest.raises(ValueError, match="midst"):
            writer.take_frame(memoryview(bytes(MIB)), lambda: None)

    framed(write, small_frames())


def test_the_zstd_table_is_the_official_seekable_format() -> None:
    stored = finished(bytes(2 * MIB), "zstd")

    assert stored[-4:] == bytes.fromhex("b1ea928f")
    assert stored[-(8 + 2 * 12 + 9) :][:4] == bytes.fromhex("5e2a4d18")
    listed = subprocess.run(["zstd", "-l", "-"], input=stored, capture_output=True, check=False)
    assert listed.returncode in {0, 1}  # older versions list files only


def test_what_is_put_into_the_room_is_stored_as_what_is_written(codec: Codec) -> None:
    data = sample_data()

    def write(writer: FrameWriter) -> None:
        at = 0
        while at < len(data):
            room = writer.room()
            length = min(len(room), 300_001, len(data) - at)
            room[:length] = data[at : at + length]
            writer.take(length)
            at += length

    assert framed(write, small_frames(codec))[0] == finished(data, codec)


def test_bytes_that_arrive_later_are_waited_for_and_a_failure_to_bring_them_is_raised() -> None:
    def write(writer: FrameWriter, failure: Exception | None) -> None:
        room, arriving = writer.room(), Future[None]()
        writer.take(len(room), [arriving])
        room[:] = b"a" * len(room)
        if failure:
            arriving.set_exception(failure)
        else:
            arriving.set_result(None)

    assert framed(lambda writer: write(writer, None), small_frames())[0] == finished(b"a" * MIB, "zstd")
    with pytest.raises(OSError, match="broken"):
        framed(lambda writer: write(writer, OSError("broken")), small_frames())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3 * MIB)), max_size=6))
def test_zeros_are_stored_as_if_they_had_been_written(runs: list[tuple[bool, int]]) -> None:
    data = b"".join(bytes(length) if zeros else b"x" * length for zeros, length in runs)

    def write(writer: FrameWriter) -> None:
        for zeros, length in runs:
            if zeros:
                writer.write_zeros(length)
            else:
                writer.write(b"x" * length)

    stored, stream = framed(write, small_frames())

    assert b"".join(contents(stored)) == data
    assert (stored, stream) == framed(lambda writer: writer.write(data), small_frames())


def test_the_hash_of_a_stream_is_that_of_the_digests_of_its_frames(codec: Codec) -> None:
    data = sample_data()
    digests = b"".join(blake3(data[at : at + MIB]).digest() for at in range(0, len(data), MIB))

    _, stream = framed(lambda writer: writer.write(data), small_frames(codec))

    assert stream.blake3 == blake3(digests).hexdigest()


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_stream_that_goes_on_behind_stored_frames_ends_up_the_same(codec: Codec, count: int) -> None:
    data, options = sample_data(), small_frames(codec)
    kept, so_far = begun_with(data[: count * MIB], options)
    again = FramesSoFar.from_bytes(so_far.to_bytes())

    rest, stream = framed(lambda writer: writer.write(data[count * MIB :]), options, again)

    assert (kept + rest, stream) == framed(lambda writer: writer.write(data), options)
    assert (again.stored_bytes, again.stream_bytes, len(again)) == (len(kept), count * MIB, count)


def test_nothing_goes_on_behind_a_frame_that_is_not_full() -> None:
    so_far = FramesSoFar()
    so_far.add(20, MIB - 1, 0, bytes(32))

    with pytest.raises(ValueError, match="full frames"):
        FrameWriter(bytearray().extend, small_frames(), begun=so_far)


@given(st.binary(max_size=200))
def test_garbage_is_not_what_is_kept_of_frames(garbage: bytes) -> None:
    assume(garbage != bytes(8))
    with pytest.raises(ValueError, match="not the frames"):
        FramesSoFar.from_bytes(garbage)


def test_while_one_frame_takes_long_the_other_compressors_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    others, original = Semaphore(0), Compressor.frame

    def slow_for_the_first(self: Compressor, content: memoryview, level: int) -> bytes:
        if content[0] == ord("a"):
            assert all(others.acquire(timeout=30) for _ in range(20))
        others.release()
        return original(self, content, level)

    monkeypatch.setattr(Compressor, "frame", slow_for_the_first)
    data = b"a" * MIB + b"b" * 30 * MIB

    stored, _ = framed(lambda writer: writer.write(data), small_frames())

    assert b"".join(contents(stored)) == data


@pytest.mark.parametrize("level", [1, 2, 3, 4, 9])
def test_every_level_of_gzip_is_read_by_stock_gunzip(level: int) -> None:
    data = sample_data()

    stored, _ = framed(lambda writer: writer.write(data), small_frames("gzip", level=level))

    assert subprocess.run(["gzip", "-dc"], input=stored, capture_output=True, check=True).stdout == data


def test_a_table_larger_than_one_gzip_member_is_read_back() -> None:
    table = SeekTable()
    for number in range(20_001):
        table.add(number + 30, MIB, 0)
    stored = bytes(sum(table.stored_bytes)) + table.encoded("gzip")

    again = table_of(stored, "gzip")

    assert (again.stored_bytes, again.content_bytes) == (table.stored_bytes, table.content_bytes)


def test_what_the_sink_raises_reaches_the_writer() -> None:
    def full(_: bytes) -> None:
        raise OSError("full")

    options = ArchiveOptions(frame_size_mib=1, threads=1, memory_mib=160)  # twenty frames are more than may wait
    with FrameWriter(full, options) as writer, pytest.raises(OSError, match="full"):
        writer.write(bytes(20 * MIB))


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=60, deadline=None)
@given(at=st.integers(0), value=st.integers(1, 255))
def test_a_changed_byte_of_the_table_or_of_a_frame_is_an_error_or_changes_nothing(
    codec: Codec, at: int, value: int
) -> None:
    data = b"some text that is compressed " * 4000
    stored = bytearray(_SMALL[codec])
    stored[at % len(stored)] ^= value

    try:
        table = table_of(bytes(stored), codec)
        content = b"".join(
            decompressed(codec, bytes(stored[table.stored_offsets[n] : table.stored_offsets[n + 1]]), size)
            for n, size in enumerate(table.content_bytes)
        )
    except (SeekTableError, FrameError):
        return
    assert content == data


_SMALL = {codec: finished(b"some text that is compressed " * 4000, codec) for codec in CODECS}


def scanned_table(stored: bytes, codec: Codec) -> SeekTable:
    return scanned(lambda start, end: stored[start:end], len(stored), codec)


def test_all_frames_are_found_without_the_table_and_as_many_as_are_whole_of_a_cut_object(codec: Codec) -> None:
    stored = finished(sample_data(), codec)
    table = table_of(stored, codec)

    found = scanned_table(stored, codec)
    of_a_half = scanned_table(stored[: table.stored_offsets[3] + 20], codec)

    assert (found.stored_bytes, found.content_bytes) == (table.stored_bytes, table.content_bytes)
    assert found.checksums == table.checksums
    assert of_a_half.stored_bytes == table.stored_bytes[:3]


@pytest.mark.parametrize("codec", CODECS)
@settings(max_examples=60, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0), st.binary(min_size=1, max_size=9)), min_size=1, max_size=3))
def test_frames_are_looked_for_in_anything(codec: Codec, changes: list[tuple[int, bytes]]) -> None:
    stored = bytearray(_SMALL[codec])
    for at, data in changes:
        first = at % len(stored)
        stored[first : first + len(data)] = data

    found = scanned_table(bytes(stored), codec)

    assert sum(found.stored_bytes) <= len(stored)


@pytest.mark.parametrize("codec", CODECS)
@given(st.binary(max_size=300))
def test_garbage_is_no_seek_table(codec: Codec, garbage: bytes) -> None:
    with pytest.raises(SeekTableError):
        table_of(garbage, codec)


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("claimed_bytes", [0, 10, 1 << 30, 1 << 60])
def test_a_frame_that_holds_another_size_than_claimed_is_refused_before_it_takes_memory(
    codec: Codec, claimed_bytes: int
) -> None:
    stored = finished(bytes(MIB), codec)
    frame = stored[: table_of(stored, codec).stored_offsets[1]]

    with pytest.raises(FrameError):
        decompressed(codec, frame, claimed_bytes)


@pytest.mark.parametrize(
    "wrong",
    [
        {"codec": "lzma"},
        {"raw": "never"},
        {"level": 0},
        {"level": 20},
        {"codec": "gzip", "level": 10},
        {"frame_size_mib": 0},
        {"frame_size_mib": 65},
        {"threads": 0},
        {"level": "high"},
        {"memory_mib": 159},
        {"frame_size_mib": 64, "memory_mib": 512},
    ],
)
def test_options_outside_their_limits_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingInvalid):
        ArchiveOptions(**wrong)
