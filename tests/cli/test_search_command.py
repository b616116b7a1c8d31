"""``search``: finds, tells, and passes over what it cannot read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli


@pytest.fixture(name="archives")
def _archives(cli: Cli, tmp_path: Path) -> Path:
    """Three archives below a folder, one of them deeper."""
    for name in ("monday", "tuesday", "old/sunday"):
        source = tmp_path / "sources" / name
        (source / "etc").mkdir(parents=True)
        (source / "etc" / "hosts").write_text(name)
        (source / "a\nb").touch()
        assert cli("archive", source, tmp_path / "archives" / name).status == 0
    return tmp_path / "archives"


def test_each_hit_has_size_time_archive_and_path_on_a_line(cli: Cli, archives: Path) -> None:
    answer = cli("search", archives, "*/hosts")

    assert answer.status == 0
    found = [line.split() for line in answer.out.splitlines()]
    assert [(words[0], words[2], words[3]) for words in found] == [
        ("6", f"{archives}/monday", "etc/hosts"),
        ("10", f"{archives}/old/sunday", "etc/hosts"),
        ("7", f"{archives}/tuesday", "etc/hosts"),
    ]
    assert answer.err.splitlines()[-1].startswith("3 found in 3 archive(s), ")


def test_a_search_for_scripts_has_an_object_on_each_line(cli: Cli, archives: Path) -> None:
    records = [json.loads(line) for line in cli("search", archives / "monday", "a*", "--json").out.splitlines()]

    assert [(record["archive"], record["path"], record["path_hex"]) for record in records] == [
        (f"{archives}/monday", r"a\x0ab", "610a62")
    ]
    assert {"size_bytes", "mtime", "type"} < records[0].keys()


def test_no_more_than_the_limit_is_shown(cli: Cli, archives: Path) -> None:
    answer = cli("search", archives, "*", "--limit", "5")

    assert answer.status == 0
    assert len(answer.out.splitlines()) == 5


def test_nothing_found_is_an_answer(cli: Cli, archives: Path) -> None:
    answer = cli("search", archives, "nothing")

    assert (answer.status, answer.out) == (0, "")


def test_bad_archives_are_named_and_passed_over(cli: Cli, archives: Path) -> None:
    (archives / "monday" / "manifest.json").write_text("{}")
    (archives / "tuesday" / "index.parquet").write_text("x")

    answer = cli("search", archives, "*/hosts")

    assert answer.status == 4
    assert [line.split()[2] for line in answer.out.splitlines()] == [f"{archives}/old/sunday"]
    for name in ("monday", "tuesday"):
        assert f"{archives}/{name} is passed over:" in answer.err
    assert answer.err.splitlines()[-2] == f"BA0413: 2 of 3 archives at {archives} could not be searched"


def test_bad_archives_are_records_for_scripts(cli: Cli, archives: Path) -> None:
    (archives / "monday" / "manifest.json").write_text("{}")

    answer = cli("search", archives, "*/hosts", "--json")

    records = [json.loads(line) for line in answer.out.splitlines()]
    assert answer.status == 4
    assert [record["archive"] for record in records if "path" in record] == [
        f"{archives}/old/sunday",
        f"{archives}/tuesday",
    ]
    (bad,) = [record for record in records if "error" in record]
    assert (bad["archive"], bad["error"]["code"]) == (f"{archives}/monday", "BA0407")


def test_a_place_without_archives_is_told(cli: Cli, tmp_path: Path) -> None:
    answer = cli("search", tmp_path / "none", "*")

    assert answer.status == 3
    assert answer.err.startswith("BA0403: there is no complete archive at ")
