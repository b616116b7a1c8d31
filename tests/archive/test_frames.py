"""Frames stand alone, stay in order, are read by stock tools, and hostile tables do not harm."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backup_actions.archive.codecs import FrameError, decompressed
from backup_actions.archive.frames import FrameWriter
from backup_actions.archive.options import ArchiveOptions, Codec
from backup_actions.archive.seek_table import SeekTable, SeekTableError, read_seek_table
from backup_actions.errors import SettingInvalid

MIB = 1 << 20
CODECS: tuple[Codec, ...] = ("zstd", "gzip")
STOCK = {"zstd": ["zstd", "-dc"], "gzip": ["gzip", "-dc"]}


def table_of(stored: bytes, codec: Codec) -> SeekTable:
    return read_seek_table(lambda start, end: stored[start:end], len(stored), codec)


def sample_data() -> bytes:
    noise = b"".join(number.to_bytes(4, "big") for number in range(700_000))
    return noise + bytes(3 * MIB) + b"text " * 400_000 + noise[:12345]


@pytest.fixture(name="codec", params=CODECS)
def _codec(request: pytest.FixtureRequest) -> Codec:
    codec: Codec = request.param
    return codec


def finished(data: bytes, codec: Codec) -> bytes:
    out = bytearray()
    with FrameWriter(out.extend, ArchiveOptions(codec=codec, frame_size_mib=1, threads=3)) as writer:
        for at in range(0, len(data), 700_001):
            writer.write(memoryview(data)[at : at + 700_001])
        writer.finish()
    return bytes(out)


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


def test_the_zstd_table_is_the_official_seekable_format() -> None:
    stored = finished(bytes(2 * MIB), "zstd")

    assert stored[-4:] == bytes.fromhex("b1ea928f")
    assert stored[-(8 + 2 * 12 + 9) :][:4] == bytes.fromhex("5e2a4d18")
    listed = subprocess.run(["zstd", "-l", "-"], input=stored, capture_output=True, check=False)
    assert listed.returncode in {0, 1}  # older versions list files only


def test_what_is_put_into_the_room_is_stored_as_what_is_written(codec: Codec) -> None:
    data, at, out = sample_data(), 0, bytearray()
    with FrameWriter(out.extend, ArchiveOptions(codec=codec, frame_size_mib=1, threads=3)) as writer:
        while at < len(data):
            room = writer.room()
            length = min(len(room), 300_001, len(data) - at)
            room[:length] = data[at : at + length]
            writer.take(length)
            at += length
        writer.finish()

    assert out == finished(data, codec)


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

    with FrameWriter(full, ArchiveOptions(frame_size_mib=1, threads=1)) as writer, pytest.raises(OSError, match="full"):
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
    ],
)
def test_options_outside_their_limits_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingInvalid):
        ArchiveOptions(**wrong)
