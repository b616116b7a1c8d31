"""Memory of a conversion does not grow with the table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.parquet.tables import Item, exported

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


@pytest.mark.parametrize(("attributes", "count"), [(3, 8_000), (1500, 1_500)])
def test_a_longer_table_takes_no_more(tmp_path: Path, attributes: int, count: int) -> None:
    def grown_mib(count: int) -> float:
        items: list[Item] = [
            {"id": {"S": str(n)}, "text": {"S": f"{n}" * 100}, f"a{n % attributes}": {"N": "1"}} for n in range(count)
        ]
        (file,) = exported(tmp_path / str(count), items)
        command = [sys.executable, "-c", PROGRAM, str(tmp_path / str(count)), file.md5, str(count)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024

    assert grown_mib(4 * count) < 1.3 * grown_mib(count) + 16
