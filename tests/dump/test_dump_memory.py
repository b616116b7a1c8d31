"""Memory of a dump, and of loading one, does not grow with the databases."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.dump.fake_engine import FakeServer

MIB = 1 << 20
ROOT = Path(__file__).parents[2]

# Run alone, so that nothing but the work itself is measured. Counting is the server's work, and here it is left out.
PROGRAM = """
import sys
from pathlib import Path
from tests.dump.fake_engine import ENGINE, FakeEngine, FakeServer
from backup_actions.archive import FolderStore
from backup_actions.dump import DumpOptions, dump, engines, restore
from backup_actions.dump.description import Database

def nothing(self, to, database, *_):
    return Database(name=database, character_set="", collation="", size_bytes=0, tables=(), objects=())

def peak_mib():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) >> 10

FakeEngine.describe = FakeEngine.outline = nothing
engines._ENGINES["postgresql"] = ENGINE
source, target, store = (Path(path) for path in sys.argv[1:4])
dump(FakeServer(source).connection, FolderStore(store), options=DumpOptions(streams=2, memory_mib=192))
print(peak_mib(), end=" ", flush=True)
restore(FolderStore(store), FakeServer(target).connection)
print(peak_mib())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_memory_stays_below_what_was_allowed(tmp_path: Path) -> None:
    source, target = FakeServer(tmp_path / "source"), FakeServer(tmp_path / "target")
    source.fill("app", {("s", "t"): []})
    (target.folder / "databases").mkdir(parents=True)
    line = os.urandom(MIB).replace(b"\n", b"") + b"\n"
    for number in (0, 1):
        with (source.database("app") / f"rows-{number}").open("wb") as file:
            file.writelines([line] * 200)

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(source.folder), str(target.folder), str(tmp_path / "dump")],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )

    dumping, loading = map(int, done.stdout.split())
    assert dumping < 192
    assert loading < 64 + 2 * 100
    assert (target.database("app") / "rows-1").stat().st_size == (source.database("app") / "rows-1").stat().st_size
