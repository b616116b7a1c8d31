"""Archives that somebody made to do harm: a clear error, nothing written outside, no memory taken."""

from __future__ import annotations

import dataclasses
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backup_actions.archive import Archive, ArchiveOptions, FolderStore, archive, verify
from backup_actions.archive.frames import FrameWriter
from backup_actions.archive.index import IndexWriter
from backup_actions.archive.index_rows import RowBatch
from backup_actions.archive.tar_walker import TarWalker
from backup_actions.errors import BackupActionsError, ManifestUnreadable, UnsafePath
from backup_actions.model.manifest import Manifest, Member, StoredObject


def forged(folder: Path, tar: bytes) -> FolderStore:
    """A proper archive around any tar."""
    store = FolderStore(folder)
    options = ArchiveOptions(frame_size_mib=1, threads=1)
    walker = TarWalker()
    with (
        store.create("files.tar.zst") as stored,
        store.create("index.parquet") as stored_index,
        IndexWriter(stored_index, 1 << 20) as index,
        FrameWriter(stored.write, options) as frames,
    ):
        frames.write(tar)
        index.announce(RowBatch.of_entries(walker.feed(tar)))
        index.settle()
        stream = frames.finish()
        member = Member(
            name="files",
            kind="files",
            codec="zstd",
            object=stored.finish(),
            index=index.finish(),
            region_index=None,
            frames=stream.frames,
            stream_bytes=stream.stream_bytes,
            stream_blake3=stream.blake3,
            source_bytes=0,
        )
    manifest = Manifest(tool_version="0", created="", source={}, layout=None, members=(member,))
    store.put_if_absent("manifest.json", manifest.to_bytes())
    return store


def packed(*members: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for attributes in members:
            info = tarfile.TarInfo(attributes["name"])
            content = attributes.get("content", b"")
            info.size = len(content)
            info.type = attributes.get("type", tarfile.REGTYPE)
            info.linkname = attributes.get("linkname", "")
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


LINK, HARD, FOLDER = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


@pytest.mark.parametrize(
    "members",
    [
        [{"name": "../escaped", "content": b"x"}],
        [{"name": "a/../../escaped", "content": b"x"}],
        [{"name": "{outside}/escaped", "content": b"x"}],
        [{"name": "a//b", "content": b"x"}],
        [{"name": "././../escaped", "content": b"x"}],
        [{"name": "out", "type": LINK, "linkname": "{outside}"}, {"name": "out/escaped", "content": b"x"}],
        [{"name": "out", "type": LINK, "linkname": ".."}, {"name": "out/escaped", "content": b"x"}],
        [{"name": "./out", "type": LINK, "linkname": ".."}, {"name": "./out/deep/escaped", "type": FOLDER}],
        [{"name": "hard", "type": HARD, "linkname": "../victim"}, {"name": "hard", "content": b"x"}],
        [{"name": "hard", "type": HARD, "linkname": "{outside}/victim"}],
        [{"name": "d", "type": LINK, "linkname": ".."}, {"name": "hard", "type": HARD, "linkname": "d/victim"}],
        [{"name": ".", "type": LINK, "linkname": "{outside}"}],
    ],
)
def test_nothing_is_written_outside_of_the_target(tmp_path: Path, members: list[dict[str, Any]]) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_bytes(b"untouched")
    filled = [{key: _fill(value, outside) for key, value in member.items()} for member in members]
    store = forged(tmp_path / "store", packed(*filled))

    with pytest.raises(UnsafePath):
        Archive.open(store).extract(None, outside / "target")

    assert (outside / "victim").read_bytes() == b"untouched"
    assert not list(tmp_path.rglob("escaped"))


def _fill(value: Any, outside: Path) -> Any:
    return value.format(outside=outside) if isinstance(value, str) else value


def test_a_name_that_looks_like_an_option_is_only_a_name(tmp_path: Path) -> None:
    store = forged(tmp_path / "store", packed({"name": "--checkpoint-action=exec=touch pwned", "content": b"x"}))

    Archive.open(store).extract(None, tmp_path / "out")

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["--checkpoint-action=exec=touch pwned"]


@pytest.fixture(name="manifest", scope="module")
def _manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    image = tmp_path_factory.mktemp("image") / "image"
    image.write_bytes(bytes(1 << 20))
    return archive(image, FolderStore(tmp_path_factory.mktemp("store")), options=ArchiveOptions(raw="always"))


MISTAKES: list[dict[str, Any]] = [
    {"name": "../../etc"},
    {"name": "/etc"},
    {"name": ""},
    {"name": "a/b"},
    {"kind": "files"},
    {"kind": "other"},
    {"codec": "lzma"},
    {"frames": -1},
    {"frames": "1"},
    {"frames": True},
    {"region_index": 7},
    {"stream_bytes": 1.5},
]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_manifest_with_impossible_values_is_refused(manifest: Manifest, mistake: dict[str, Any]) -> None:
    wrong = dataclasses.replace(manifest, members=(dataclasses.replace(manifest.members[0], **mistake),))

    with pytest.raises(ManifestUnreadable):
        Manifest.from_bytes(wrong.to_bytes())


def test_two_members_of_one_name_or_none_at_all_are_refused(manifest: Manifest) -> None:
    for members in ((), manifest.members * 2):
        with pytest.raises(ManifestUnreadable):
            Manifest.from_bytes(dataclasses.replace(manifest, members=members).to_bytes())


def test_a_manifest_of_a_later_version_says_so(manifest: Manifest) -> None:
    later = dataclasses.replace(manifest, format_version=2)

    with pytest.raises(ManifestUnreadable, match="archive 2, known is"):
        Manifest.from_bytes(later.to_bytes())


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    )
)
def test_no_json_makes_the_manifest_parser_fail_otherwise(value: Any) -> None:
    with pytest.raises(ManifestUnreadable):
        Manifest.from_bytes(json.dumps(value).encode())


def test_an_object_named_outside_of_the_store_is_never_read(tmp_path: Path, manifest: Manifest) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    stolen = StoredObject(name="../secret", size_bytes=6, crc64nvme="")
    evil = dataclasses.replace(manifest, members=(dataclasses.replace(manifest.members[0], object=stolen),))
    store = FolderStore(tmp_path / "store")
    store.put_if_absent("manifest.json", evil.to_bytes())

    with pytest.raises(UnsafePath):
        list(Archive.open(store).read_file("device.img"))
    assert not verify(store).ok


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000), st.binary(max_size=2000))
def test_garbage_objects_give_clear_errors(tmp_path_factory: pytest.TempPathFactory, tar: bytes, index: bytes) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    store = FolderStore(folder)
    member = Member(
        name="files",
        kind="files",
        codec="zstd",
        object=StoredObject(name="files.tar.zst", size_bytes=len(tar), crc64nvme=""),
        index=StoredObject(name="index.parquet", size_bytes=len(index), crc64nvme=""),
        region_index=None,
        frames=1,
        stream_bytes=1,
        stream_blake3="",
        source_bytes=0,
    )
    (folder / "files.tar.zst").write_bytes(tar)
    (folder / "index.parquet").write_bytes(index)
    manifest = Manifest(tool_version="0", created="", source={}, layout=None, members=(member,))
    store.put_if_absent("manifest.json", manifest.to_bytes())
    opened = Archive.open(store)

    assert not verify(store).ok
    with pytest.raises(BackupActionsError):
        list(opened.entries())
    with pytest.raises(BackupActionsError):
        opened.extract(None, folder / "out")
