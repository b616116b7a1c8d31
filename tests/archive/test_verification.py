"""Whatever happens to what is stored, verify says so, and says what it touches."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backup_actions.archive import Archive, ArchiveOptions, FolderStore, S3Store, VerificationReport, archive, verify
from backup_actions.archive.options import Codec
from backup_actions.archive.seek_table import read_seek_table
from backup_actions.errors import ArchiveMissing, SettingInvalid
from backup_actions.model.manifest import Manifest

MIB = 1 << 20


@pytest.fixture(name="pristine", scope="module")
def _pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of small files around a few large ones, in many frames."""
    tree = tmp_path_factory.mktemp("source") / "tree"
    tree.mkdir()
    for number in range(40):
        (tree / f"small-{number:02}").write_bytes(os.urandom(1000 + number))
        if number % 10 == 5:
            (tree / f"large-{number:02}").write_bytes(os.urandom(3 * MIB))
    os.link(tree / "small-03", tree / "small-03-again")
    folder = tmp_path_factory.mktemp("pristine") / "archive"
    archive(tree, FolderStore(folder), options=ArchiveOptions(frame_size_mib=1))
    return folder


@pytest.fixture(name="folder")
def _folder(pristine: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(pristine, tmp_path / "archive"))


def change(path: Path, at: int, value: int = 0x55) -> None:
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= value
    path.write_bytes(content)


def frame_offsets(folder: Path) -> list[int]:
    stored = (folder / "files.tar.zst").read_bytes()
    return list(read_seek_table(lambda start, end: stored[start:end], len(stored), "zstd").stored_offsets)


def files_named(report: VerificationReport) -> set[str]:
    return {path for problem in report.problems for path in problem.files}


def test_an_intact_archive_is_complete_and_says_how_much_was_compared(folder: Path) -> None:
    report = verify(FolderStore(folder))

    (member,) = report.members
    assert (report.ok, report.complete) == (True, True)
    assert member.frames_checked == member.frames == len(frame_offsets(folder)) - 1
    assert member.entries_compared == member.entries == 46
    assert member.hashes_compared == 44 + 1
    assert report.bytes_read > (folder / "files.tar.zst").stat().st_size
    assert report.to_json()["members"][0]["name"] == "files"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["files.tar.zst", "index.parquet", "manifest.json"]),
    at=st.integers(0, 10**9),
    value=st.integers(1, 255),
)
def test_any_changed_byte_of_any_object_is_reported(pristine: Path, name: str, at: int, value: int) -> None:
    change(pristine / name, at, value)
    try:
        report = verify(FolderStore(pristine))
    finally:
        change(pristine / name, at, value)

    assert not report.ok
    assert {problem.object for problem in report.problems} == {name}


def test_a_changed_frame_is_named_with_the_files_in_it_and_no_others(folder: Path) -> None:
    offsets = frame_offsets(folder)
    entries = {entry.path.decode(): entry for entry in Archive.open(FolderStore(folder)).entries()}
    change(folder / "files.tar.zst", offsets[4] + 5000)

    report = verify(FolderStore(folder))

    assert [problem.frame for problem in report.problems if problem.frame is not None] == [4]
    in_frame = {path for path, e in entries.items() if e.tar_offset < 5 * MIB and e.tar_end > 4 * MIB}
    assert files_named(report) == in_frame
    assert report.members[0].entries_compared == len(entries) - len(in_frame)


def test_every_damaged_frame_is_named_even_within_one_file(folder: Path) -> None:
    offsets = frame_offsets(folder)
    large = next(e for e in Archive.open(FolderStore(folder)).entries("large-*") if e.tar_end - e.tar_offset > 2 * MIB)
    first = large.tar_offset // MIB + 1
    change(folder / "files.tar.zst", offsets[first] + 100)
    change(folder / "files.tar.zst", offsets[first + 1] + 100)

    report = verify(FolderStore(folder))

    named = [(problem.frame, problem.files) for problem in report.problems if problem.frame is not None]
    assert [frame for frame, _ in named] == [first, first + 1]
    assert all(large.path.decode() in files for _, files in named)


def test_frames_that_changed_places_are_named(folder: Path) -> None:
    stored = folder / "files.tar.zst"
    content, offsets = stored.read_bytes(), frame_offsets(folder)
    frames = [content[start:end] for start, end in pairwise(offsets)]
    twins = [(a, b) for a in range(len(frames)) for b in range(a) if len(frames[a]) == len(frames[b])]
    assert twins, "noise compresses to frames of one size"
    first, second = twins[0]
    frames[first], frames[second] = frames[second], frames[first]
    stored.write_bytes(b"".join(frames) + content[offsets[-1] :])

    report = verify(FolderStore(folder))

    assert {problem.frame for problem in report.problems} >= {first, second}


@pytest.mark.parametrize("name", ["files.tar.zst", "index.parquet"])
def test_a_cut_or_missing_object_is_reported(folder: Path, name: str) -> None:
    whole = (folder / name).read_bytes()
    for left in (len(whole) - 1, len(whole) // 2, 0):
        (folder / name).write_bytes(whole[:left])
        assert not verify(FolderStore(folder)).ok
    (folder / name).unlink()

    report = verify(FolderStore(folder))

    assert [(problem.object, problem.reason) for problem in report.problems] == [(name, "it is not there")]


def tail_bytes(folder: Path) -> int:
    return (folder / "files.tar.zst").stat().st_size - frame_offsets(folder)[-1]


@pytest.mark.parametrize("damage", ["flipped sizes", "no footer", "no table", "another count", "rubbish behind it"])
def test_a_damaged_seek_table_is_reported_and_every_frame_is_still_checked(folder: Path, damage: str) -> None:
    stored = folder / "files.tar.zst"
    content, table_bytes = bytearray(stored.read_bytes()), tail_bytes(folder)
    if damage == "flipped sizes":
        content[-table_bytes + 8 + 12 * 3] ^= 0x10
    elif damage == "no footer":
        del content[-9:]
    elif damage == "no table":
        del content[-table_bytes:]
    elif damage == "another count":
        content[-9] ^= 1
    else:
        content += b"rubbish"
    stored.write_bytes(content)

    report = verify(FolderStore(folder))

    (member,) = report.members
    assert any("seek table" in problem.reason for problem in report.problems) or damage == "rubbish behind it"
    assert not report.ok
    assert files_named(report) == set()
    assert (member.frames_checked, member.entries_compared) == (member.frames, member.entries)


def test_of_a_cut_object_everything_before_the_cut_is_checked_and_the_rest_is_named(folder: Path) -> None:
    entries = list(Archive.open(FolderStore(folder)).entries())
    stored, offsets = folder / "files.tar.zst", frame_offsets(folder)
    stored.write_bytes(stored.read_bytes()[: offsets[5] + 3000])

    report = verify(FolderStore(folder))

    assert files_named(report) == {entry.path.decode() for entry in entries if entry.tar_end > 5 * MIB}
    assert report.members[0].frames_checked == 5


@pytest.mark.parametrize("change_bytes", [-700_000, -1, 1, 3_000_000])
def test_bytes_cut_out_of_a_frame_or_put_in_touch_no_other_frame(folder: Path, change_bytes: int) -> None:
    entries = list(Archive.open(FolderStore(folder)).entries())
    stored, offsets = folder / "files.tar.zst", frame_offsets(folder)
    content, at = bytearray(stored.read_bytes()), offsets[5] + 3000
    if change_bytes < 0:
        del content[at : at - change_bytes]
    else:
        content[at:at] = os.urandom(change_bytes)
    stored.write_bytes(content)

    report = verify(FolderStore(folder))

    in_frame = {e.path.decode() for e in entries if e.tar_offset < 6 * MIB and e.tar_end > 5 * MIB}
    assert files_named(report) == in_frame
    assert [problem.frame for problem in report.problems if problem.frame is not None] == [5]


@pytest.mark.parametrize("codec", ["zstd", "gzip"])
def test_frames_of_an_image_are_found_without_a_table(tmp_path: Path, codec: Codec) -> None:
    (tmp_path / "image").write_bytes(os.urandom(2 * MIB) + bytes(3 * MIB) + b"text" * 300_000)
    folder = tmp_path / "archive"
    archive(tmp_path / "image", FolderStore(folder), options=ArchiveOptions(codec=codec, frame_size_mib=1))
    (stored,) = (folder / "whole").iterdir()
    change(stored, -1)

    report = verify(FolderStore(folder))

    assert not report.ok
    assert report.members[0].frames_checked == report.members[0].frames == 7
    assert all(problem.frame is None for problem in report.problems)


@pytest.mark.parametrize("name", ["files.tar.zst", "index.parquet"])
def test_an_object_of_another_archive_is_not_accepted(folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "small-00").write_bytes(b"other")
    archive(tmp_path / "other", FolderStore(tmp_path / "stranger"))
    shutil.copy(tmp_path / "stranger" / name, folder / name)

    report = verify(FolderStore(folder))

    assert not report.ok
    assert not report.complete or name == "index.parquet"


def test_an_index_that_does_not_describe_the_tar_is_reported_file_by_file(folder: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    Archive.open(FolderStore(folder)).extract(None, tree)
    (tree / "small-07").write_bytes(os.urandom(1007))
    (tree / "small-08").chmod(0o600)
    archive(tree, FolderStore(tmp_path / "liar"), options=ArchiveOptions(frame_size_mib=1))
    ours, liar = (Manifest.from_bytes((f / "manifest.json").read_bytes()) for f in (folder, tmp_path / "liar"))
    shutil.copy(tmp_path / "liar" / "index.parquet", folder / "index.parquet")
    forged = replace(ours, members=(replace(ours.members[0], index=liar.members[0].index),))
    (folder / "manifest.json").write_bytes(forged.to_bytes())

    report = verify(FolderStore(folder))

    assert files_named(report) >= {"small-07", "small-08"}
    assert any("blake3" in problem.reason for problem in report.problems)


def test_no_manifest_is_no_archive(folder: Path) -> None:
    (folder / "manifest.json").unlink()

    with pytest.raises(ArchiveMissing):
        verify(FolderStore(folder))


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"format": "other", "format_version": 9}', b"\xff"])
def test_what_is_no_manifest_is_reported(folder: Path, content: bytes) -> None:
    (folder / "manifest.json").write_bytes(content)

    report = verify(FolderStore(folder))

    assert (report.ok, report.complete, report.problems[0].object) == (False, False, "manifest.json")


@pytest.mark.parametrize("sample", [0.0001, 0.3, 0.7, 1.0])
def test_a_sample_reads_its_share_and_finds_nothing_wrong_with_an_intact_archive(folder: Path, sample: float) -> None:
    report = verify(FolderStore(folder), sample=sample)

    (member,) = report.members
    assert (report.ok, report.complete) == (True, False)
    assert 1 <= member.frames_checked <= member.frames
    assert member.frames_checked == verify(FolderStore(folder), sample=sample).members[0].frames_checked
    if sample == 1.0:
        assert member.entries_compared == member.entries


@pytest.mark.parametrize("sample", [0, -1, 1.01])
def test_a_sample_is_a_share(folder: Path, sample: float) -> None:
    with pytest.raises(SettingInvalid):
        verify(FolderStore(folder), sample=sample)


def test_rot_behind_the_back_of_s3_is_found_by_reading(s3_store: S3Store, pristine: Path) -> None:
    for name in ("files.tar.zst", "index.parquet", "manifest.json"):
        with s3_store.create(name) as writer:
            writer.write((pristine / name).read_bytes())
            writer.finish()
    assert verify(s3_store).complete
    content = bytearray(s3_store.read("files.tar.zst"))
    content[frame_offsets(pristine)[2] + 77] ^= 1

    class Rotten(S3Store):
        """S3 that states the checksum of what was once written, and reads something else."""

        def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
            return bytes(content[start:end]) if name == "files.tar.zst" else super().read(name, start, end)

    report = verify(Rotten(client=s3_store.client, bucket=s3_store.bucket, prefix=s3_store.prefix))

    assert 2 in {problem.frame for problem in report.problems}
    assert report.members[0].bytes_read > len(content)
