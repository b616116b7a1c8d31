"""SQL over exports: tables by their names, dates side by side, and nothing else within reach."""

from __future__ import annotations

import _thread
import datetime
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha512
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.parquet.exports import export, orders

from backup_actions.archive import FolderStore
from backup_actions.errors import ExportMissing, ManifestUnreadable, ParquetUnreadable, QueryFailed, TableUnknown
from backup_actions.parquet.exports import Table, exports_below, spellings, tables_of
from backup_actions.parquet.querying import Queries

ORDERS = ("shop", "public", "orders")


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> FolderStore:
    """Two dates of a database, and a DynamoDB table."""
    base = tmp_path / "exports"
    export(FolderStore(base / "a"), "2026-11-01", {ORDERS: orders(4), ("shop", "audit", "log"): orders(1)})
    export(
        FolderStore(base / "b"),
        "2026-11-02",
        {ORDERS: orders(6, note=["x"] * 6), ("shop", "public", "empty"): orders(0), ("shop", "old", "log"): orders(2)},
    )
    table = pa.table({"date": ["yesterday"], "we ird": [1]})
    export(FolderStore(base / "c"), "2026-11-02", {("my.Table",): table}, kind="dynamodb", resource="my.Table")
    return FolderStore(base)


def ask(place: FolderStore, sql: str) -> list[tuple[Any, ...]]:
    with Queries(tables_of(exports_below(place)), place.location, memory_mib=128) as queries:
        return list(queries.rows(sql)[1])


def named(place: FolderStore, sql: str) -> list[dict[str, Any]]:
    with Queries(tables_of(exports_below(place)), place.location) as queries:
        names, rows = queries.rows(sql)
        return [dict(zip(names, row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    "name",
    ["shop.public.orders", "public.orders", "orders", "ORDERS", '"shop"."public"."orders"', "Shop.Public.Orders"],
)
def test_a_table_is_written_by_its_whole_name_or_the_end_of_it(place: FolderStore, name: str) -> None:
    assert ask(place, f"SELECT count(*) FROM {name}") == [(10,)]  # noqa: S608 - a name of this test


def test_dates_stand_side_by_side_and_columns_that_came_later_are_null_before(place: FolderStore) -> None:
    day = datetime.date

    assert ask(place, "SELECT date, count(*), count(note) FROM orders GROUP BY date ORDER BY date") == [
        (day(2026, 11, 1), 4, 0),
        (day(2026, 11, 2), 6, 6),
    ]
    assert ask(place, "SELECT max(id) FROM orders WHERE date = '2026-11-01'") == [(3,)]


def test_a_row_says_when_and_of_what_it_is(place: FolderStore) -> None:
    (row,) = named(place, "SELECT * FROM orders WHERE date = '2026-11-02' AND id = 5")

    assert row == {
        "id": 5,
        "customer": "c2",
        "note": "x",
        "date": datetime.date(2026, 11, 2),
        "as_of": datetime.datetime(2026, 11, 2, 3, tzinfo=datetime.UTC),
        "resource": "shop-db",
    }


def test_a_table_with_a_date_of_its_own_keeps_it(place: FolderStore) -> None:
    (row,) = named(place, 'SELECT * EXCLUDE (as_of) FROM "my.Table"')

    assert row == {
        "date": "yesterday",
        "we ird": 1,
        "backup_date": datetime.date(2026, 11, 2),
        "resource": "my.Table",
    }


def test_an_empty_table_can_be_asked(place: FolderStore) -> None:
    assert ask(place, "SELECT count(*), sum(id) FROM empty") == [(0, None)]


def test_tables_can_be_joined(place: FolderStore) -> None:
    sql = "SELECT count(*) FROM orders JOIN shop.old.log USING (id) WHERE orders.date = '2026-11-02'"

    assert ask(place, sql) == [(2,)]


def test_the_end_of_a_name_that_two_tables_share_is_no_name(place: FolderStore) -> None:
    with pytest.raises(TableUnknown) as unknown:
        ask(place, "SELECT * FROM log")

    assert unknown.value.hint == "Known are shop.audit.log, shop.old.log."
    assert ask(place, "SELECT count(*) FROM old.log") == [(2,)]


def test_an_unknown_table_is_told_with_those_near_it(place: FolderStore) -> None:
    with pytest.raises(TableUnknown) as unknown:
        ask(place, "SELECT * FROM shop.public.order")

    assert unknown.value.hint.startswith("Known are shop.public.orders")


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT nothing FROM orders", "nothing"),
        ("SELECT error('stop') FROM orders", "stop"),
        ("SELECT customer::INT FROM orders", "Could not convert"),
    ],
)
def test_what_duckdb_refuses_is_told_on_one_line(place: FolderStore, sql: str, told: str) -> None:
    with pytest.raises(QueryFailed) as failed:
        ask(place, sql)

    assert told in str(failed.value)
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_parquet('s3://elsewhere/x.parquet')",
        "COPY (SELECT 1) TO 'written-by-a-query'",
        "ATTACH 'written-by-a-query.db'",
        "EXPORT DATABASE 'written-by-a-query'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
    ],
)
def test_a_query_reaches_nothing_but_the_tables(place: FolderStore, sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (elsewhere := place.path.parent / "elsewhere").mkdir()
    monkeypatch.chdir(elsewhere)

    with pytest.raises(QueryFailed, match=r"disabled|locked|Cannot"):
        ask(place, sql)

    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("sql", ["SELECT * FROM '/etc/passwd'", "SELECT * FROM place", "SELECT * FROM pa"])
def test_no_file_and_no_variable_is_a_table(place: FolderStore, sql: str) -> None:
    with pytest.raises(TableUnknown):
        ask(place, sql)


def test_ctrl_c_ends_a_query_that_would_go_on_for_years(place: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    submit = ThreadPoolExecutor.submit

    def submit_and_interrupt(pool: ThreadPoolExecutor, work: Any, *given: Any) -> Any:
        def interrupted_work() -> Any:
            _thread.interrupt_main()
            return work(*given)

        return submit(pool, interrupted_work)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", submit_and_interrupt)
    endless = f"SELECT count(*) FROM {', '.join(f'range(1000000) AS r{number}' for number in range(9))}"  # noqa: S608 - numbers

    with pytest.raises(KeyboardInterrupt):
        ask(place, endless)


def test_memory_has_a_limit(place: FolderStore) -> None:
    with pytest.raises(QueryFailed, match=r"(?i)memory"):
        ask(place, "SELECT list(a.range || b.range) FROM range(3000) a, range(3000) b")


def test_values_of_every_type_come_as_python_has_them(tmp_path: Path) -> None:
    instant = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    table = pa.table(
        {
            "big": pa.array([10**30], pa.decimal128(38, 0)),
            "moment": pa.array([instant], pa.timestamp("us", "UTC")),
            "fine": pa.array([1_000_000_007], pa.timestamp("ns")),
            "list": pa.array([[1, 2]], pa.list_(pa.int32())),
        }
    )
    export(FolderStore(tmp_path), "2026-11-01", {("t",): table})

    (row,) = ask(FolderStore(tmp_path), "SELECT big, moment, fine, list FROM t")

    assert row == (10**30, instant, "1970-01-01 00:00:01.000000007", [1, 2])


class Watching:
    """A store that counts the bytes that are read."""

    def __init__(self, store: FolderStore) -> None:
        self._store = store
        self.location = store.location
        self.bytes_read = 0

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        data = self._store.read(name, start, end)
        self.bytes_read += len(data)
        return data


def test_only_the_columns_of_the_query_are_fetched(tmp_path: Path) -> None:
    wide = orders(20_000, text=[sha512(b"%d" % number).hexdigest() for number in range(20_000)])
    export(FolderStore(tmp_path), "2026-11-01", {ORDERS: wide})
    (found,) = exports_below(FolderStore(tmp_path))
    watching = Watching(FolderStore(tmp_path))
    object.__setattr__(found, "store", watching)

    with Queries(tables_of([found]), "x") as queries:
        assert list(queries.rows("SELECT sum(id) FROM orders")[1]) == [(199_990_000,)]

    assert watching.bytes_read < sum(table.stored_bytes for table in found.manifest.tables) / 3


def test_a_place_that_is_an_export_is_not_searched(place: FolderStore) -> None:
    found = exports_below(FolderStore(place.path / "a"))

    assert [export.manifest.date for export in found] == ["2026-11-01"]


def test_a_place_without_exports_is_told(tmp_path: Path) -> None:
    with pytest.raises(ExportMissing):
        exports_below(FolderStore(tmp_path))


def test_an_altered_manifest_is_told(place: FolderStore) -> None:
    manifest = place.path / "a" / "export.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"orders", b"order_"))

    with pytest.raises(ManifestUnreadable):
        exports_below(place)


def test_a_file_that_is_no_parquet_is_told(place: FolderStore) -> None:
    for path in (place.path / "a").rglob("*.parquet"):
        path.write_bytes(b"x" * path.stat().st_size)

    with pytest.raises(ParquetUnreadable, match="part-00000"):
        ask(place, "SELECT * FROM orders")


def test_a_whole_name_goes_before_the_end_of_another() -> None:
    found = spellings([Table(("orders",), ()), Table(("shop", "orders"), ())])

    assert found["orders",].path == ("orders",)
    assert found["shop", "orders"].path == ("shop", "orders")
