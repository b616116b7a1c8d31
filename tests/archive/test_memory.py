"""Memory does not grow with what is archived, and stays below the formula of ArchiveOptions."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from backup_actions.archive import Entry, FolderStore
from backup_actions.archive.index import IndexWriter
from backup_actions.archive.index_rows import RowBatch

MIB = 1 << 20

# Run alone, so that nothing but the work itself is measured. What a client has sent is thrown away.
PROGRAM = """
import resource, sys
from pathlib import Path
from backup_actions.archive import ArchiveOptions, FolderStore, S3Store, archive, verify

class Drain:
    def __getattr__(self, name):
        def call(**parameters):
            if name == "head_object":
                from backup_actions.errors import AwsCallFailed
                raise AwsCallFailed(operation=name, error_code="404", reason="")
            return {"UploadId": "1", "ETag": "x"}
        return call

source, folder, frame_size_mib = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = FolderStore(Path(folder)) if folder else S3Store(client=Drain(), bucket="b")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
options = ArchiveOptions(raw="always", threads=2, frame_size_mib=frame_size_mib)
archive(source, store, options=options)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, end=" ")
if folder:
    verify(store)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, end="")
"""


def grown_mib(source: Path, folder: str, frame_size_mib: int) -> list[float]:
    command = [sys.executable, "-c", PROGRAM, str(source), folder, str(frame_size_mib)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [int(number) / 1024 for number in done.stdout.split()]


@pytest.fixture(name="image", scope="module")
def _image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2 GiB, of which 256 MiB are noise."""
    path = tmp_path_factory.mktemp("memory") / "image"
    noise = os.urandom(8 * MIB)
    with path.open("wb") as file:
        for number in range(32):
            file.seek(number * 64 * MIB)
            file.write(noise)
        file.truncate(2048 * MIB)
    return path


READING_MIB, SLACK_MIB = 4, 16  # a piece of the source; what the allocator keeps


def test_two_gibibytes_go_through_the_frames_of_the_formula(image: Path, tmp_path: Path) -> None:
    written, verified = grown_mib(image, str(tmp_path / "store"), 4)

    assert written < 4 * (2 * 2 + 3) + READING_MIB + SLACK_MIB
    assert verified < written + 16 + 2 * 4 + SLACK_MIB


def test_an_upload_adds_its_parts_in_flight_and_no_more(image: Path) -> None:
    (written,) = grown_mib(image, "", 1)

    assert written < 1 * (2 * 2 + 3) + READING_MIB + 4 * 8 + SLACK_MIB


def test_an_index_takes_one_group_of_rows_however_long_it_is(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    digest = os.urandom(32).hex()

    def write(rows: int, name: str) -> int:
        tracemalloc.start()
        with store.create(name) as stored, IndexWriter(stored, MIB) as index:
            for start in range(0, rows, 1000):
                entries = [
                    Entry(
                        path=f"some/folder/with/a/name/file-{number}".encode(),
                        type="file",
                        size_bytes=number,
                        mode=0o644,
                        uid=1000,
                        gid=1000,
                        mtime_ns=1_700_000_000_123_456_789 + number,
                        tar_offset=number * 1024,
                        data_offset=number * 1024 + 512,
                        tar_end=number * 1024 + 1024,
                        blake3=digest,
                    )
                    for number in range(start, start + 1000)
                ]
                index.announce(RowBatch.of_entries(entries, MIB))
                index.settle()
            index.finish()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert write(40_000, "long") < write(17_000, "short") * 1.2 < 40 * MIB
