"""Memory of a conversion does not grow with the table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
from tests.parquet.tables import Item, exported

from backup_actions.parquet.items import Slice
from backup_actions.parquet.row_groups import RowGroup

# Run alone, so that nothing but the work itself is measured.
PROGRAM = """
import resource, sys
from pathlib import Path
from backup_actions.archive import FolderStore
from backup_actions.parquet import ConversionOptions, ExportFile, convert

folder, md5, items = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
options = ConversionOptions(workers=1, row_group_mib=2)
file = ExportFile(name="0.json.gz", md5=md5, items=items)
convert([file], source=FolderStore(folder), to=FolderStore(folder / "table"), keys={}, options=options)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_longer_table_takes_no_more(tmp_path: Path) -> None:
    def grown_mib(count: int) -> float:
        items: list[Item] = [{"id": {"S": str(n)}, "text": {"S": f"{n}" * 100}, "n": {"N": "1"}} for n in range(count)]
        (file,) = exported(tmp_path / str(count), items)
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / str(count)), file.md5, str(count)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024

    assert grown_mib(40_000) < grown_mib(10_000) + 16


def test_a_row_group_of_many_columns_has_fewer_rows() -> None:
    group = RowGroup()
    wide = {(f"a{n}", "S"): pa.nulls(1000, pa.string()) for n in range(3000)}
    slices = 0
    while not group.is_full(1 << 40):
        group.add([Slice(pa.array(["{}"] * 1000, pa.string()), wide)])
        slices += 1

    assert slices == 3
