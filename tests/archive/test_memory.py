"""Memory does not grow with what is archived, and stays below memory_mib."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backup_actions.archive import ArchiveOptions, Entry, FolderStore
from backup_actions.archive.codecs import compressor_bytes
from backup_actions.archive.index import IndexWriter
from backup_actions.archive.index_rows import RowBatch
from backup_actions.archive.memory_plan import MemoryPlan

MIB = 1 << 20
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")

# Run alone, so that nothing but the work itself is measured. What a client has sent is thrown away. VmHWM begins anew
# with a program; getrusage would also count what its parent had.
PROGRAM = """
import json, sys
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

def peak_kib():
    return Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]

source, folder, options = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
store = FolderStore(Path(folder)) if folder else S3Store(client=Drain(), bucket="b")
archive(source, store, options=ArchiveOptions(raw="always", **options))
print(peak_kib(), end=" ")
if folder:
    verify(store)
    print(peak_kib(), end="")
"""


def peak_mib(source: Path, folder: str, **options: Any) -> list[float]:
    """Of archiving, and of verifying too where it goes to a folder."""
    command = [sys.executable, "-c", PROGRAM, str(source), folder, json.dumps(options)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [int(number) / 1024 for number in done.stdout.split()]


@pytest.fixture(name="image", scope="module")
def _image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1 GiB, of which 128 MiB are noise."""
    path = tmp_path_factory.mktemp("memory") / "image"
    noise = os.urandom(8 * MIB)
    with path.open("wb") as file:
        for number in range(16):
            file.seek(number * 64 * MIB)
            file.write(noise)
        file.truncate(1024 * MIB)
    return path


@ON_LINUX
@pytest.mark.parametrize(
    "options",
    [
        {"memory_mib": 160, "threads": 64},
        {"memory_mib": 256, "threads": 16, "codec": "gzip"},
        {"memory_mib": 256, "level": "auto"},
    ],
)
def test_a_gibibyte_goes_through_memory_mib(image: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    archived, verified = peak_mib(image, str(tmp_path / "store"), **options)

    assert archived < options["memory_mib"]
    assert verified < 256


@ON_LINUX
def test_an_upload_of_a_tebibyte_whose_parts_have_108_mib_takes_no_more(tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(os.urandom(160 * MIB))
    os.truncate(image, 1 << 40)

    (archived,) = peak_mib(image, "", memory_mib=160)

    assert archived < 160


@given(
    codec=st.sampled_from(["zstd", "gzip"]),
    level=st.one_of(st.just("auto"), st.integers(1, 9)),
    threads=st.integers(1, 64),
    frame_size_mib=st.integers(1, 64),
    memory_mib=st.integers(160, 2000),
)
def test_frames_and_compressors_stay_within_their_share(memory_mib: int, frame_size_mib: int, **choices: Any) -> None:
    assume(memory_mib - 128 >= 6.4 * frame_size_mib)
    options = ArchiveOptions(memory_mib=memory_mib, frame_size_mib=frame_size_mib, **choices)

    plan = MemoryPlan.of(options)

    states = plan.compressors * compressor_bytes(options.codec, options.level, options.frame_bytes)
    needed = states + (plan.buffers + plan.waiting) * options.frame_bytes
    assert needed <= options.frame_memory_mib * MIB or plan.compressors == 1
    assert plan.compressors < plan.buffers + (plan.compressors == 1)
    assert min(plan.compressors, plan.waiting) >= 1
    assert sum((options.frame_memory_mib, options.part_memory_mib, options.read_ahead_mib)) <= memory_mib - 128


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
                        size_bytes=1 + number % 512,
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
                index.announce(RowBatch.of_entries(entries))
                index.settle()
            index.finish()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert write(40_000, "long") < write(17_000, "short") * 1.2 < 40 * MIB
