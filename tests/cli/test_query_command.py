"""``query``: answers as a table, as CSV and as JSON, lists tables, prints DDL."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from tests.parquet.exports import export, orders

from backup_actions.archive import FolderStore

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

VALUES = pa.table(
    {
        "id": [1, 2],
        "total": pa.array([Decimal("12.50"), None], pa.decimal128(38, 2)),
        "text": ['a "b", c', "two\nlines"],
        "raw": [b"\x00\xff", None],
        "list": [[1.5], []],
    }
)


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Path:
    """An export of two tables."""
    export(FolderStore(tmp_path / "exports"), "2026-11-01", {("shop", "public", "orders"): orders(3), ("v",): VALUES})
    return tmp_path / "exports"


def test_a_table_has_columns_below_each_other(cli: Cli, place: Path) -> None:
    answer = cli("query", place, "SELECT id, total, text FROM v ORDER BY id")

    assert answer.status == 0
    assert answer.out.splitlines() == [
        "id  total  text",
        "--  -----  ----------",
        '1   12.50  a "b", c',
        r"2   NULL   two\nlines",
    ]


def test_csv_is_read_back_by_readers_of_csv(cli: Cli, place: Path) -> None:
    answer = cli("query", place, "SELECT id, total, text, raw, list FROM v ORDER BY id", "--format", "csv")

    assert list(csv.reader(io.StringIO(answer.out))) == [
        ["id", "total", "text", "raw", "list"],
        ["1", "12.50", 'a "b", c', "AP8=", "[1.5]"],
        ["2", "", "two\nlines", "", "[]"],
    ]


@pytest.mark.parametrize("options", [("--json",), ("--format", "json")])
def test_json_is_an_object_on_each_line(cli: Cli, place: Path, options: tuple[str, ...]) -> None:
    answer = cli("query", place, "SELECT id, total, raw, list, date, as_of, 'nan'::DOUBLE AS nan FROM v", *options)

    assert json.loads(answer.out.splitlines()[0]) == {
        "id": 1,
        "total": "12.50",
        "raw": "AP8=",
        "list": [1.5],
        "date": "2026-11-01",
        "as_of": "2026-11-01T03:00:00+00:00",
        "nan": "nan",
    }


def test_no_row_is_an_answer(cli: Cli, place: Path) -> None:
    answer = cli("query", place, "SELECT id FROM orders WHERE id > 100")

    assert (answer.status, answer.out) == (0, "id\n--\n")


def test_tables_are_listed(cli: Cli, place: Path) -> None:
    answer = cli("query", place, "--tables")

    assert answer.out.splitlines()[0].startswith("shop.public.orders: 3 rows, ")
    assert answer.out.splitlines()[1] == "  id bigint, customer string"
    records = [json.loads(line) for line in cli("query", place, "--tables", "--json").out.splitlines()]
    assert [(record["table"], record["rows"], record["dates"]) for record in records] == [
        ("shop.public.orders", 3, ["2026-11-01"]),
        ("v", 2, ["2026-11-01"]),
    ]


def test_a_folder_has_no_ddl(cli: Cli, place: Path) -> None:
    answer = cli("query", place, "--ddl")

    assert (answer.status, answer.out) == (0, "")
    assert "shop.public.orders is left out" in answer.err


@pytest.mark.parametrize("arguments", [(), ("SELECT 1", "--tables"), ("--tables", "--ddl")])
def test_one_thing_is_asked_at_a_time(cli: Cli, place: Path, arguments: tuple[str, ...]) -> None:
    answer = cli("query", place, *arguments)

    assert answer.status == 2
    assert "Give one of SQL, --tables and --ddl." in answer.err


def test_an_unknown_table_is_told(cli: Cli, place: Path) -> None:
    answer = cli("query", place, "SELECT * FROM order_s")

    assert answer.status == 3
    assert answer.err.startswith("BA0515: there is no table 'order_s' in the exports at ")


def test_errors_are_json_for_scripts(cli: Cli, place: Path) -> None:
    answer = cli("query", place, "SELEC", "--json")

    assert (answer.status, answer.json["error"]["code"]) == (2, "BA0514")


def test_a_place_without_exports_is_told(cli: Cli, tmp_path: Path) -> None:
    assert cli("query", tmp_path, "SELECT 1").status == 3
