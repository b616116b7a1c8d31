"""The tree reader agrees with GNU tar about every tree, with any number of threads, and says what it could not read."""

# Names here hold any bytes, which pathlib does not take.
# ruff: noqa: PTH102

from __future__ import annotations

import os
import random
import runpy
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backup_actions.archive import Archive, ArchiveOptions, FolderStore, archive, files, verify
from backup_actions.archive.entries import Entry
from backup_actions.archive.gnu_tar import create_command, extract_command
from backup_actions.archive.tar_walker import TarWalker
from backup_actions.archive.tree_program import environment

from .programs import run
from .torture_tree import add_socket, plant, seen
from .tree_reader_builds import Build, Heard, Row, Stream, built, read

MIB = 1 << 20
AS_ROOT = os.geteuid() == 0
SLOW_DEVICE = Path(__file__).parents[2] / "benchmarks" / "slow_device.py"  # no package that tests could import

# Loaded into the reader: a block of every file is as if the device failed there.
BAD_READS = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

static int is_bad(off_t offset, size_t length) {
    errno = EIO;
    return offset < BAD + 4096 && offset + (off_t)length > BAD;
}

ssize_t pread(int fd, void *to, size_t length, off_t offset) {
    ssize_t (*original)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, "pread");
    return is_bad(offset, length) ? -1 : original(fd, to, length, offset);
}
"""


@pytest.fixture(name="program", params=["plain", "address", "thread"], scope="session")
def _program(request: pytest.FixtureRequest) -> Path:
    """The reader, once as it is used and once for each kind of fault that it can find in itself."""
    build: Build = request.param
    return built(build)


@pytest.fixture(name="reader", scope="session")
def _reader() -> Path:
    """The reader as it finds faults of memory."""
    return built("address")


@pytest.fixture(name="torture", scope="module")
def _torture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("torture") / "tree"
    plant(root)
    add_socket(root / "sub" / "socket")
    return root


def walked(tar: bytes | bytearray) -> list[Entry]:
    walker = TarWalker()
    entries = walker.feed(tar)
    walker.finish()
    return entries


def as_row(entry: Entry) -> Row:
    """What the reader should have announced of an entry that was found in its tar."""
    return Row(
        entry.type,
        entry.has_xattrs,
        entry.is_sparse,
        entry.mode,
        entry.uid,
        entry.gid,
        entry.size_bytes if entry.type == "file" else 0,
        entry.mtime_ns,
        entry.tar_offset,
        entry.data_offset,
        entry.tar_end,
        entry.path,
        entry.link_target,
    )


def by_gnu_tar(root: Path) -> list[Entry]:
    done = subprocess.run(
        create_command(root, one_file_system=False), env=environment(), capture_output=True, check=True
    )
    return walked(done.stdout)


def meaning(entry: Entry) -> dict[str, Any]:
    """Everything about an entry but its place."""
    return {name: getattr(entry, name) for name in Entry.__slots__ if not name.endswith(("_offset", "_end"))}


def assert_announced(stream: Stream) -> None:
    """All entries of the tar as they are, and the hashes at least of those that are small."""
    entries = walked(stream.tar)
    assert [as_row(entry) for entry in entries] == [replace(row, digest=b"") for row in stream.rows]
    for entry, row in zip(entries, stream.rows, strict=True):
        is_small = entry.type == "file" and entry.tar_end - entry.data_offset <= 256 << 10
        assert row.digest.hex() in ({entry.blake3} if is_small else {entry.blake3, ""})


def assert_agrees_with_gnu_tar(stream: Stream, root: Path) -> None:
    ours = walked(stream.tar)
    assert_announced(stream)
    assert [meaning(entry) for entry in ours] == [meaning(entry) for entry in by_gnu_tar(root)]


def scattered(root: Path, seed: int) -> Path:
    """A tree of folders, files of all sizes up to several segments, holes, links and attributes."""
    dice = random.Random(seed)  # noqa: S311 - the same tree every time
    folders = [root]
    files: list[Path] = []
    root.mkdir()
    for number in range(dice.randrange(50, 100)):
        parent = dice.choice(folders)
        place = parent / f"{'n' * dice.choice([1, 20, 90, 200])}{number}"
        kind = dice.random()
        if kind < 0.2:
            place.mkdir(mode=dice.choice([0o700, 0o755, 0o1777]))
            folders.append(place)
        elif kind < 0.25 and any(file.parent != parent for file in files):
            # Not in one folder, where GNU tar takes two names of one inode as they come.
            original = dice.choice([file for file in files if file.parent != parent])
            place.hardlink_to(original)
            files.remove(original)
        elif kind < 0.3:
            place.symlink_to("x" * dice.choice([1, 99, 100, 101, 400]))
        else:
            _write(place, dice)
            files.append(place)
        if not place.is_symlink():
            if dice.random() < 0.1:
                os.setxattr(place, "user.note", dice.randbytes(dice.choice([0, 10, 3000])))
            os.utime(place, ns=(0, dice.choice([0, 10**18, -1, dice.randrange(2 * 10**18)])))
    return root


def _write(place: Path, dice: random.Random) -> None:
    length = dice.choice([0, 1, 511, 512, 513, 40_000, 256 << 10, (256 << 10) + 1, 2 * MIB + 7])
    with place.open("wb") as file:
        if dice.random() < 0.15:
            for _ in range(dice.randrange(1, 8)):
                file.seek(dice.randrange(4 * MIB))
                file.write(dice.randbytes(dice.choice([1, 5000, 400_000])))
            file.truncate(max(file.tell(), dice.randrange(5 * MIB)))
        else:
            file.write(dice.randbytes(length))


def test_every_attribute_comes_back_through_gnu_tar(program: Path, torture: Path, tmp_path: Path) -> None:
    stream = read(program, torture)

    subprocess.run(extract_command(tmp_path), input=stream.tar, env=environment(), check=True)

    assert seen(tmp_path) == seen(torture)
    assert stream.remarks == [(0, "sub/socket")]
    assert stream.end is not None
    assert stream.end[2] == 1


def test_every_entry_is_the_one_of_gnu_tar(program: Path, torture: Path) -> None:
    assert_agrees_with_gnu_tar(read(program, torture), torture)


@pytest.mark.parametrize("seed", range(3))
def test_any_tree_is_read_as_by_gnu_tar(program: Path, seed: int, tmp_path: Path) -> None:
    root = scattered(tmp_path / "tree", seed)

    assert_agrees_with_gnu_tar(read(program, root, "--read-ahead-mib", "2"), root)


@pytest.mark.parametrize("seed", [None, 14, 15])
def test_an_archive_is_the_same_whoever_reads_the_tree(
    torture: Path, seed: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = torture if seed is None else scattered(tmp_path / "tree", seed)
    found = []
    for name, program in (("reader", built("plain")), ("tar", None)):
        monkeypatch.setattr(files, "tree_reader", lambda program=program: program)
        store = FolderStore(tmp_path / name)
        archive(root, store, options=ArchiveOptions(frame_size_mib=1))
        opened = Archive.open(store)
        member = opened.manifest.members[0]
        entries = [meaning(entry) for entry in opened.entries()]
        found.append((entries, member.counts, member.sockets, member.source_bytes))
        assert verify(store).problems == ()

    assert found[0] == found[1]


def test_the_stream_does_not_depend_on_threads_or_on_what_is_read_ahead(program: Path, tmp_path: Path) -> None:
    root = scattered(tmp_path / "tree", 11)
    first = read(program, root)

    for options in (("--threads", "1"), ("--threads", "64", "--read-ahead-mib", "1"), ("--threads", "3")):
        again = read(program, root, *options)
        assert (again.rows, again.tar, again.end) == (first.rows, first.tar, first.end)


def test_from_any_offset_on_the_tail_is_the_same_and_all_entries_are_announced(reader: Path, tmp_path: Path) -> None:
    root = scattered(tmp_path / "tree", 12)
    whole = read(reader, root)
    dice = random.Random(1)  # noqa: S311

    for start_at in (1, len(whole.tar) - 1, len(whole.tar), *(dice.randrange(len(whole.tar)) for _ in range(6))):
        rest = read(reader, root, "--start-at", str(start_at))
        assert rest.tar == whole.tar[start_at:]
        assert [replace(row, digest=b"") for row in rest.rows] == [replace(row, digest=b"") for row in whole.rows]
        assert all(row.digest in {b"", other.digest} for row, other in zip(rest.rows, whole.rows, strict=True))


def test_content_before_the_offset_is_not_read(reader: Path, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "large").write_bytes(b"x" * 8 * MIB)
    end = len(read(reader, tmp_path / "tree").tar)

    script = '"$@" > /dev/null; while read -r name bytes; do echo "$name $bytes"; done < /proc/$$/io'
    with Heard("sh", "-c", script, "sh", built("plain"), "--start-at", str(end - 1), tmp_path / "tree") as heard:
        counted = heard.output.read(1000).decode()

    assert int(counted.split()[1]) < MIB  # rchar, of the shell's children too


def test_a_file_that_shrinks_is_padded_with_zeros_and_complained_about(reader: Path, tmp_path: Path) -> None:
    content = os.urandom(16 * MIB)
    (tmp_path / "large").write_bytes(content)

    stream = read_while(reader, tmp_path, lambda: os.truncate(tmp_path / "large", MIB))

    (entry,) = (entry for entry in walked(stream.tar) if entry.type == "file")
    stored = stream.tar[entry.data_offset : entry.data_offset + len(content)]
    beginning = len(stored.rstrip(b"\0"))
    assert MIB <= beginning < len(content)
    assert stored[:beginning] == content[:beginning]
    assert stream.complaints == ["large: it changed while it was read"]


def test_a_file_that_grows_is_complained_about(reader: Path, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(16 * MIB))

    def grow() -> None:
        with (tmp_path / "large").open("ab") as file:
            file.write(b"more")

    stream = read_while(reader, tmp_path, grow)

    assert stream.complaints == ["large: it changed while it was read"]
    assert [row.size_bytes for row in stream.rows if row.type == "file"] == [16 * MIB]


def test_what_is_written_into_a_file_after_it_was_checked_is_not_in_the_stream(reader: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"before" * (MIB // 8))  # the whole tar fits into a frame

    with Heard(reader, tmp_path) as heard:
        heard.process.wait()
        (tmp_path / "file").write_bytes(b"behind" * (MIB // 8))
        heard.begin()
        stream = heard.rest()

    assert b"before" in stream.tar
    assert b"behind" not in stream.tar
    assert stream.complaints == []


def test_what_cannot_be_read_is_named_and_the_rest_is_read(reader: Path, tmp_path: Path) -> None:
    for name in ("secret", "open"):
        (tmp_path / name).write_bytes(b"content")
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "below").touch()
    for name in ("secret", "closed"):
        (tmp_path / name).chmod(0)
    tmp_path.chmod(0o755)

    try:
        user: dict[str, Any] = {"user": 65534, "extra_groups": []} if AS_ROOT else {}
        stream = read(reader, ".", cwd=tmp_path, **user)
    finally:
        (tmp_path / "closed").chmod(0o755)

    assert sorted(stream.complaints) == ["closed: Permission denied", "secret: Permission denied"]
    assert [row.path for row in stream.rows] == [b".", b"open"]


def test_what_vanishes_after_its_folder_was_listed_is_complained_about(reader: Path, tmp_path: Path) -> None:
    """The reader is held up by its pipe before it comes to the last of so many names."""
    fill(tmp_path, 12_000)
    last = max((os.lstat(path).st_ino, path) for path in tmp_path.iterdir())[1]

    stream = read_while(reader, tmp_path, last.unlink)

    assert f"{last.name}: it vanished before it was read" in stream.complaints
    assert ".: it changed while it was read" in stream.complaints


def test_where_a_device_cannot_be_read_there_are_zeros_and_a_complaint(tmp_path: Path) -> None:
    content = os.urandom(3 * MIB)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "large").write_bytes(content)
    bad = MIB + (8 << 10)
    source, library = tmp_path / "bad.c", tmp_path / "bad.so"
    source.write_text(BAD_READS)
    subprocess.run(["cc", f"-DBAD={bad}", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)

    stream = read(built("plain"), tmp_path / "tree", env={"LD_PRELOAD": str(library)})

    (entry,) = (entry for entry in walked(stream.tar) if entry.type == "file")
    assert stream.tar[entry.data_offset : entry.data_offset + len(content)] == (
        content[:bad] + bytes(4096) + content[bad + 4096 :]
    )
    assert stream.complaints == ["large: Input/output error"]


@pytest.mark.root
def test_a_folder_with_a_hundred_thousand_names_is_read_in_the_order_of_inodes(tmp_path: Path) -> None:
    run("mount", "-t", "tmpfs", "none", tmp_path)  # where so many names cost a second
    try:
        fill(tmp_path, 100_000)
        with os.scandir(tmp_path) as entries:
            expected = sorted((entry.inode(), os.fsencode(entry.name)) for entry in entries)
        stream = read(built("plain"), tmp_path)
    finally:
        run("umount", tmp_path)

    assert [row.path for row in stream.rows[1:]] == [name for _, name in expected]


def test_paths_of_any_length_and_folders_of_any_depth_are_read(reader: Path, tmp_path: Path) -> None:
    depth = 900  # times 41 bytes: nine times as long as the system lets a path be
    (tmp_path / "tree").mkdir()
    here = os.open(tmp_path / "tree", os.O_RDONLY)
    names: list[bytes] = []
    try:
        for level in range(depth):
            for name in ("before", "zbehind"):
                os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=here))
            names.append(b"%040d" % level)
            os.mkdir(names[-1], dir_fd=here)
            below = os.open(names[-1], os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        stream = read(reader, tmp_path / "tree")
    finally:
        os.close(here)
        subprocess.run(["rm", "-rf", tmp_path / "tree"], check=True)

    assert {row.path for row in stream.rows if row.type == "directory"} == {
        b"/".join(names[:level]) or b"." for level in range(depth + 1)
    }
    assert sum(row.type == "file" for row in stream.rows) == 2 * depth
    assert_announced(stream)


def test_every_byte_that_a_name_may_have_is_kept(reader: Path, tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path)
    names = {bytes([byte]) + b"x" for byte in range(1, 256) if byte != ord("/")}
    for name in names:
        os.mkdir(raw + b"/" + name)

    stream = read(reader, tmp_path)

    assert {row.path for row in stream.rows} == names | {b"."}
    assert_agrees_with_gnu_tar(stream, tmp_path)


@pytest.mark.root
def test_another_file_system_is_left_out_where_that_is_wanted(reader: Path, tmp_path: Path) -> None:
    below = tmp_path / "mounted"
    below.mkdir()
    run("mount", "-t", "tmpfs", "-o", "mode=700", "none", below)
    try:
        (below / "file").touch()
        alone, all_of_it = read(reader, tmp_path, "--one-file-system"), read(reader, tmp_path)
    finally:
        run("umount", below)

    assert [row.path for row in alone.rows] == [b".", b"mounted"]
    assert alone.rows[1].mode == 0o700
    assert alone.remarks == [(1, "mounted is another file system and was left out")]
    assert [row.path for row in all_of_it.rows] == [b".", b"mounted", b"mounted/file"]
    assert all_of_it.remarks == []


@pytest.mark.root
def test_a_device_that_takes_its_time_is_read_by_many_threads_to_the_same_end(program: Path, tmp_path: Path) -> None:
    if not Path("/dev/fuse").exists():
        pytest.skip("there is no /dev/fuse")
    root, image = scattered(tmp_path / "tree", 13), tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(128 * MIB)
    run("mkfs.ext4", "-q", "-F", "-d", root, image)
    slow_tree = runpy.run_path(str(SLOW_DEVICE))["slow_tree"]

    with slow_tree(image, tmp_path, delay_milliseconds=1) as tree:
        stream = read(program, tree, "--threads", "48", "--read-ahead-mib", "4")
        assert_agrees_with_gnu_tar(stream, tree)


def test_attributes_larger_than_a_block_and_names_with_equals_signs_come_back(reader: Path, tmp_path: Path) -> None:
    root, to = tmp_path / "tree", tmp_path / "to"
    root.mkdir()
    to.mkdir()
    (root / "file").touch()
    os.setxattr(root / "file", "user.a=b%c", os.urandom(1000))
    os.setxattr(root / "file", "user.empty", b"")
    os.setxattr(root / "file", "user.lines", b"\n=\n" * 300)

    subprocess.run(extract_command(to), input=read(reader, root).tar, env=environment(), check=True)

    assert seen(to) == seen(root)


def test_attributes_that_no_reader_of_the_tar_would_take_are_complained_about(reader: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as root:  # elsewhere they have to fit into a block
        file = Path(root, "file")
        file.touch()
        try:
            for number in range(280):
                os.setxattr(file, f"user.{number}", bytes(60_000))
        except OSError:
            pytest.skip("this kernel keeps no such attributes in memory")

        assert read(reader, root).complaints == ["file: it has more attributes than readers of a tar take"]


def test_a_reader_whose_listener_goes_away_ends_quietly(reader: Path, torture: Path) -> None:
    with Heard(reader, torture, frames=1, frame_bytes=4096) as heard:
        heard.begin()
        heard.output.close()
        heard.lend(0)
        assert (heard.errors.read(), heard.process.wait()) == (b"", 1)


def test_a_reader_to_which_nothing_is_lent_any_more_ends_quietly(reader: Path, torture: Path) -> None:
    with Heard(reader, torture, frames=1, frame_bytes=4096) as heard:
        heard.input.close()
        assert (heard.errors.read(), heard.process.wait()) == (b"", 1)


def test_a_frame_that_there_is_not_is_refused(reader: Path, torture: Path) -> None:
    with Heard(reader, torture, frames=1, frame_bytes=4096) as heard:
        heard.lend(1)
        assert (heard.errors.read(), heard.process.wait()) == (b"there is no frame 1\n", 1)


def test_content_is_hashed_as_by_everybody_else(program: Path, tmp_path: Path) -> None:
    edges = (0, 64, 1024, 2048, 8 << 10, 9 << 10, 16 << 10, 17 << 10, 32 << 10, 48 << 10, 100_000, 256 << 10)
    for length in {max(0, edge + by) for edge in edges for by in (-1, 0, 1)}:
        (tmp_path / f"{length}").write_bytes(random.Random(length).randbytes(length))  # noqa: S311

    stream = read(program, tmp_path)

    assert_announced(stream)
    assert sum(bool(row.digest) for row in stream.rows) == len(stream.rows) - 2  # all but the folder and the largest


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["/nowhere"], 1, "/nowhere: No such file or directory"),
        (["/etc/passwd"], 1, "/etc/passwd: Not a directory"),
        (["--frame-bytes=5000", "/"], 1, "the frames: 4194304 bytes"),
        (["--frames=1000000", "/"], 1, "the frames: Bad file descriptor"),
        ([], 2, "one folder is to be named"),
        (["--threads", "0", "/"], 2, "a number is out of its range"),
        (["--start-at", "-1", "/"], 2, "a number is out of its range"),
        (["--what", "/"], 2, "unrecognized option"),
    ],
)
def test_what_makes_no_sense_is_refused(reader: Path, arguments: list[str], code: int, words: str) -> None:
    with Heard(reader, behind=arguments) as heard:
        assert words in heard.errors.read().decode()
        assert heard.process.wait() == code


def test_a_reader_without_frames_is_refused(reader: Path) -> None:
    done = subprocess.run([reader, "/"], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr.splitlines()[0]) == (2, "the frames are to be named")


def test_it_says_its_version(reader: Path) -> None:
    done = subprocess.run([reader, "--version"], capture_output=True, text=True, check=True)

    assert done.stdout == "backup-actions-tree-reader 2\n"


def fill(root: Path, names: int) -> None:
    """A large file, which fills all frames, and fifos."""
    root.mkdir(exist_ok=True)
    (root / "first").write_bytes(bytes(8 * MIB))
    folder = os.open(root, os.O_RDONLY)
    for number in range(names):
        os.mkfifo(f"{number:05}", dir_fd=folder)
    os.close(folder)


def read_while(program: Path, root: Path, happens: Callable[[], object]) -> Stream:
    """What the program makes of a tree to which something happens when the first entries are announced: the frames hold
    two megabytes and one is read ahead, so that the reader stands in the first large file."""
    with Heard(program, "--read-ahead-mib", "1", root, frames=2) as heard:
        heard.begin()
        heard.take_chunk()
        happens()
        return heard.rest()
