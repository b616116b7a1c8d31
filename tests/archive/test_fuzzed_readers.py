"""Whatever lies where an archive should be: readers answer with one of our errors, and take little memory to do so."""

from __future__ import annotations

import copy
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backup_actions.archive import Archive, ArchiveOptions, FolderStore, archive, search, verify
from backup_actions.archive.checksums import crc64nvme_base64
from backup_actions.archive.codecs import Compressor, content_checksum
from backup_actions.archive.index_rows import SCHEMA
from backup_actions.archive.options import Codec
from backup_actions.archive.seek_table import SeekTable, read_seek_table
from backup_actions.errors import ArchiveDamaged, BackupActionsError, ManifestUnreadable
from backup_actions.model.manifest import Manifest, StoredObject
from backup_actions.model.sealed_json import sealed as sealed_json

MIB = 1 << 20
UNREAD = {"path_text", "frame"}  # there for people and SQL


@pytest.fixture(name="tree", scope="module")
def _tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("tree")
    for number in range(20):
        (tree / f"file-{number}").write_bytes(os.urandom(100 * number))
    with (tree / "sparse").open("wb") as file:
        file.truncate(4 * MIB)
        file.seek(2 * MIB)
        file.write(b"island")
    os.link(tree / "file-3", tree / "hard")
    (tree / "link").symlink_to("file-4")
    return tree


@pytest.fixture(name="pristine", scope="module", params=["zstd", "gzip"])
def _pristine(request: pytest.FixtureRequest, tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    codec: Codec = request.param
    folder = tmp_path_factory.mktemp("archive") / codec
    archive(tree, FolderStore(folder), options=ArchiveOptions(codec=codec, frame_size_mib=1))
    return folder


@pytest.fixture(name="folder")
def _folder(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "archive"))


def use(folder: Path) -> None:
    """Everything that a reader can do; whatever fails otherwise than with an error of ours is a test that fails."""
    store, out = FolderStore(folder), folder / "out"

    def opened() -> Archive:
        return Archive.open(store)

    uses: list[Callable[[], object]] = [
        lambda: list(opened().entries()),
        lambda: list(opened().entries("*file-1*")),
        lambda: sum(map(len, opened().read_file("file-7"))),
        lambda: sum(map(len, opened().read_file("hard"))),
        lambda: opened().extract(["file-9", "hard"], out / "some"),
        lambda: opened().extract(None, out / "all"),
        lambda: opened().rebuild_disk(out / "disk"),
        lambda: verify(store),
        lambda: verify(store, sample=0.5),
        lambda: list(search(store, "*")),
    ]
    for each in uses:
        with suppress(BackupActionsError):
            each()
    shutil.rmtree(out, ignore_errors=True)


def sealed(content: dict[str, Any]) -> bytes:
    """A manifest whose hash is right whatever it says."""
    content.pop("sha256", None)
    return sealed_json(content)


def replace_object(folder: Path, name: str, content: bytes, **changes: Any) -> None:
    """Put other bytes there, and a manifest that vouches for them."""
    (folder / name).write_bytes(content)
    manifest = Manifest.from_bytes((folder / "manifest.json").read_bytes())
    (member,) = manifest.members
    stated = StoredObject(name=name, size_bytes=len(content), crc64nvme=crc64nvme_base64(content))
    which = "index" if name == "index.parquet" else "object"
    changes[which] = stated
    changed = replace(manifest, members=(replace(member, **changes),))
    (folder / "manifest.json").write_bytes(changed.to_bytes())


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Every container with every key of it, at any depth."""
    if not isinstance(value, dict | list):
        return []
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    return [*((value, key) for key in keys), *(place for key in keys for place in places_in(value[key]))]


ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1,
    2**31,
    2**62,
    2**63,
    10**30,
    1.5,
    "",
    "x",
    "../x",
    "\ud800",
    "a\0b",
    [],
    {},
    [None],
    "manifest.json",
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), odd=st.lists(st.sampled_from(ODD), min_size=1, max_size=3))
def test_no_manifest_that_contradicts_itself_makes_a_reader_crash(folder: Path, seed: int, odd: list[Any]) -> None:
    original = (folder / "manifest.json").read_bytes()
    content = json.loads(original)
    chooser = random.Random(seed)  # noqa: S311 - no secret is made of it
    for value in odd:
        container, key = chooser.choice(places_in(content))
        container[key] = copy.deepcopy(value)
    (folder / "manifest.json").write_bytes(sealed(content))
    try:
        use(folder)
    finally:
        (folder / "manifest.json").write_bytes(original)


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("members", 0, "index", "size_bytes"), 2**62),
        (("members", 0, "object", "size_bytes"), 2**62),
        (("members", 0, "frames"), 2**62),
        (("members", 0, "stream_bytes"), 2**62),
        (("members", 0, "stream_blake3"), "\ud800"),
        (("members", 0, "object", "name"), "\ud800"),
    ],
)
def test_numbers_and_names_that_a_machine_chokes_on_are_told_at_once(
    folder: Path, where: tuple[Any, ...], value: object
) -> None:
    content = json.loads((folder / "manifest.json").read_bytes())
    place = content
    for step in where[:-1]:
        place = place[step]
    place[where[-1]] = value
    (folder / "manifest.json").write_bytes(sealed(content))

    use(folder)
    assert not verify(FolderStore(folder)).ok
    assert not verify(FolderStore(folder), sample=0.5).ok


def test_a_region_behind_the_end_of_its_device_is_no_region(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(bytes(MIB))
    archive(tmp_path / "image", FolderStore(tmp_path / "store"), options=ArchiveOptions(raw="always"))
    content = json.loads((tmp_path / "store" / "manifest.json").read_bytes())
    content["layout"]["regions"][0]["offset_bytes"] = 1

    with pytest.raises(ManifestUnreadable, match="behind the device"):
        Manifest.from_bytes(sealed(content))


@pytest.mark.parametrize(
    "hostile",
    [b"[" * 100_000, b'{"a":' * 100_000, b'{"format": ' + b"9" * 10_000 + b"}", b"\xff\xfe", b"NaN", b'"' + b"x" * MIB],
)
def test_json_made_to_exhaust_a_parser_is_no_manifest(hostile: bytes) -> None:
    with pytest.raises(ManifestUnreadable):
        Manifest.from_bytes(hostile)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10**9), new=st.binary(min_size=1, max_size=64), from_end=st.booleans())
def test_no_bytes_of_an_index_make_a_reader_crash(folder: Path, at: int, new: bytes, from_end: bool) -> None:
    before = {name: (folder / name).read_bytes() for name in ("index.parquet", "manifest.json")}
    content = bytearray(before["index.parquet"])
    place = len(content) - 1 - at % min(len(content), 3000) if from_end else at % len(content)
    content[place : place + len(new)] = new
    replace_object(folder, "index.parquet", bytes(content))
    try:
        use(folder)
    finally:
        for name, old in before.items():
            (folder / name).write_bytes(old)


def rewritten(folder: Path, change: Callable[[dict[str, Any]], None], **parquet: Any) -> None:
    """An index that is proper Parquet, with some values, types or encodings that are not ours."""
    table = pq.read_table(folder / "index.parquet")
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    change(columns)
    arrays = {
        name: values if isinstance(values, pa.Array) else pa.array(values, SCHEMA.field(name).type)
        for name, values in columns.items()
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(arrays), sink, compression="zstd", **parquet)
    replace_object(folder, "index.parquet", sink.getvalue().to_pybytes())


@pytest.mark.parametrize("column", SCHEMA.names)
def test_a_missing_value_is_a_damaged_index(folder: Path, column: str) -> None:
    rewritten(folder, lambda columns: columns[column].__setitem__(3, None))

    use(folder)
    assert column in {"link_target", "blake3", *UNREAD} or not verify(FolderStore(folder)).ok


@pytest.mark.parametrize("column", SCHEMA.names)
@pytest.mark.parametrize("kind", [pa.int8(), pa.string(), pa.float64(), pa.list_(pa.int64())], ids=str)
def test_a_column_of_another_type_is_a_damaged_index(folder: Path, column: str, kind: pa.DataType) -> None:
    if SCHEMA.field(column).type == kind:
        pytest.skip("it is of this type")
    rewritten(folder, lambda columns: columns.__setitem__(column, pa.nulls(len(columns["path"]), kind)))

    use(folder)
    with pytest.raises(ArchiveDamaged):
        list(search(FolderStore(folder), "*"))


@pytest.mark.parametrize("column", ["size_bytes", "tar_offset", "data_offset", "tar_end", "mtime_seconds", "mode"])
@pytest.mark.parametrize("value", [-1, -(2**31), 2**31 - 1])
def test_numbers_that_make_no_sense_are_told(folder: Path, column: str, value: int) -> None:
    rewritten(folder, lambda columns: columns.__setitem__(column, [value] * len(columns["path"])))

    use(folder)
    assert not verify(FolderStore(folder)).ok


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_seek_table_makes_a_reader_crash(folder: Path, data: st.DataObject) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    (name,) = (name for name in before if name.startswith("files.tar"))
    codec: Codec = "zstd" if name.endswith("zst") else "gzip"
    stored = before[name]
    table = read_seek_table(lambda start, end: stored[start:end], len(stored), codec)
    number = st.sampled_from([0, 1, 2**20, 64 * MIB, 64 * MIB + 1, 2**32 - 1])
    hostile = SeekTable()
    for size in table.stored_bytes:
        hostile.add(data.draw(number | st.just(size)), data.draw(number), data.draw(number))
    frames = stored[: table.stored_offsets[-1]]
    room = bytes(max(0, min(sum(hostile.stored_bytes), 8 * MIB) - len(frames)))
    replace_object(folder, name, frames + room + hostile.encoded(codec), stream_bytes=sum(hostile.content_bytes))
    try:
        use(folder)
    finally:
        for each, old in before.items():
            (folder / each).write_bytes(old)


_LIMITED = """
import resource, sys
from backup_actions.archive import Archive, FolderStore, search, verify
from backup_actions.errors import BackupActionsError
store = FolderStore(__import__("pathlib").Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_DATA, (400 << 20, 400 << 20))
for use in (
    lambda: list(search(store, "*nothing*")),
    lambda: [None for _ in Archive.open(store).entries("nothing")],
    lambda: sum(map(len, Archive.open(store).read_file("file-7"))),
    lambda: sys.exit("verified") if verify(store).ok else None,
):
    try:
        use()
    except BackupActionsError as error:
        assert error.exit_code in {3, 4}, error
"""


def use_with_little_memory(folder: Path) -> None:
    """Arrow's own pool would reserve a gigabyte of addresses when it is loaded, which the limit counts."""
    environment = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"}
    subprocess.run([sys.executable, "-c", _LIMITED, folder], check=True, timeout=120, env=environment)


def test_an_index_that_unpacks_to_gigabytes_is_refused_before_it_does(folder: Path) -> None:
    def blow_up(columns: dict[str, Any]) -> None:
        columns.update({name: values * 40 for name, values in columns.items()})
        columns["path"] = [b"x" * MIB] * len(columns["path"])

    rewritten(folder, blow_up)

    use_with_little_memory(folder)


def test_frames_that_unpack_to_more_than_they_claim_are_refused_before_they_do(folder: Path) -> None:
    (stored,) = folder.glob("files.tar.*")
    codec: Codec = "zstd" if stored.suffix == ".zst" else "gzip"
    bomb = Compressor(codec).frame(bytes(500 * MIB), 1)
    for claimed in (MIB, 500 * MIB):
        table = SeekTable()
        table.add(len(bomb), claimed, content_checksum(codec, bomb))
        replace_object(folder, stored.name, bomb + table.encoded(codec), stream_bytes=claimed, frames=1)

        use_with_little_memory(folder)


def test_a_frame_that_takes_gigabytes_is_not_fetched(folder: Path) -> None:
    (stored,) = folder.glob("files.tar.*")
    codec: Codec = "zstd" if stored.suffix == ".zst" else "gzip"
    table = SeekTable()
    table.add(3 << 30, MIB, 0)
    encoded = table.encoded(codec)
    replace_object(folder, stored.name, encoded, stream_bytes=MIB, frames=1)
    content = json.loads((folder / "manifest.json").read_bytes())
    content["members"][0]["object"]["size_bytes"] = (3 << 30) + len(encoded)
    (folder / "manifest.json").write_bytes(sealed(content))
    with stored.open("wb") as file:
        file.seek(3 << 30)
        file.write(encoded)

    with pytest.raises(ArchiveDamaged, match="larger than frames can be"):
        list(Archive.open(FolderStore(folder)).read_file("file-7"))
