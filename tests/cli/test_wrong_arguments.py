"""What cannot be meant is told in one place, with what to write instead, and never by a trace."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

COST = ("cost", "estimate", "--action", "ebs-archive", "--gib")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("nothing",), "No such command 'nothing'"),
        (("archive", "{folder}"), "Missing argument 'DESTINATION'"),
        (("archive", "{folder}", "{folder}/inside"), "the archive would lie inside of what it archives"),
        (("archive", "{folder}", "s3://"), "the bucket is missing"),
        (("archive", "{folder}", ""), "cannot use '' as a place: it is empty"),
        (("archive", "{folder}", "https://x/y"), "https is not a place that this program knows"),
        (("archive", "{folder}", "{out}", "--level", "99"), "zstd knows auto and 1 to 19"),
        (("archive", "{folder}", "{out}", "--checkpoint-seconds", "nan"), "'nan' is no amount"),
        (("archive", "snap-0123456789abcdef0", "{out}"), "write ebs:snap-0123456789abcdef0 to read the snapshot"),
        (("archive", "/dev/null", "{out}"), "it is neither a directory nor an image nor a block device"),
        (("list", "{folder}"), "manifest.json is not there"),
        (("extract", "{archive}", "--to", "{file}"), "cannot extract to {file}: File exists"),
        (("extract", "{archive}", "--to", "{file}/below"), "cannot extract to {file}/below: Not a directory"),
        (("extract", "{archive}", "--to", "{archive}/data"), "lies in the archive itself"),
        (("extract", "{archive}", "--disk", "--to", "{folder}"), "HINT: "),
        (("verify", "{archive}", "--sample", "nan"), "'nan' is no amount"),
        (("query", "{archive}", "select 1"), "there is no complete export"),
        (("restore", "{archive}", "--to", "postgresql://x@127.0.0.1:1/x"), "is no dump of a database"),
        ((*COST, "nan"), "'nan' is no amount"),
        ((*COST, "inf"), "inf is not in the range 0<x<=16777216"),
        ((*COST, "1e30"), "1e+30 is not in the range"),
        ((*COST, "-1"), "-1.0 is not in the range"),
        ((*COST, "1", "--years", "1e9"), "is not in the range 0<x<=100"),
        ((*COST, "1", "--settings", "{file}"), "it must consist of settings"),
        ((*COST, "1", "--prices", "{file}"), "cannot read the prices in"),
        (("demo", "--port", "70000"), "70000 is not in the range"),
        (("demo", "--keep", "{file}"), "is a file"),
        (("demo", "--keep", "{file}/below"), "cannot keep anything in {file}/below: Not a directory"),
        (("actions", "--format", "svg"), "--format goes with --graph"),
        (("actions", "--page", "ebs-archive", "--to", "{out}/page.md"), "cannot write {out}/page.md: No such file"),
        (("backup", "web-1"), "'web-1' is not an ARN"),
        (("prove",), "Give either POINT or --oldest"),
        (("imports", "nix"), "No such command 'nix'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_it_is_told_what_is_wrong(cli: Cli, tmp_path: Path, arguments: tuple[str, ...], told: str) -> None:
    folder, archive, file = tmp_path / "data", tmp_path / "archive", tmp_path / "note.txt"
    folder.mkdir()
    (folder / "a").write_text("a")
    file.write_text("hello\n")
    if "{archive}" in arguments:
        assert cli("archive", folder, archive).status == 0
    places = {"folder": folder, "archive": archive, "file": file, "out": tmp_path / "out"}

    answer = cli(*(each.format(**places) for each in arguments))

    assert answer.status in {1, 2, 3, 5}
    assert told.format(**places) in answer.err
    assert "Traceback" not in answer.err
