"""What the checksum of PostgreSQL's rows tells apart, and what it does not depend on."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import md5

import pytest
from tests.dump import torture_postgresql as torture

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import RowChecksums, Table
from backup_actions.dump.postgresql import rows as postgresql_rows
from backup_actions.dump.postgresql.engine import PostgreSqlEngine

DATABASE = "values"
# Of each type two values that somebody could take for the same.
ALIKE = {
    "text": ("''", "NULL"),
    "varchar": ("'NULL'", "NULL"),
    "char(3)": ("'a'", "'b'"),
    "numeric": ("0.1", "0.10"),
    "numeric(3, 1)": ("1.5", "-1.5"),
    "bigint": ("-1", "4294967295"),
    "int": ("0", "NULL"),
    "smallint": ("-1", "1"),
    "uuid": ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "NULL"),
    "date": ("'0044-03-15 BC'", "'0044-03-15'"),
    "timestamp": ("'2026-01-01 00:00:00.000001'", "'2026-01-01'"),
    "float8": ("0.3", "0.30000000000000004"),
    "float4": ("1.1", "1.1000001"),
    "bytea": ("'\\x'", "NULL"),
    "json": ("'{\"a\":1}'", "'{\"a\": 1}'"),
    "text[]": ("'{}'", "'{NULL}'"),
    "int[]": ("'{1}'", "'[0:0]={1}'"),
    "timestamptz": ("'2026-01-01 00:00+00'", "'2026-01-01 00:00+01'"),
    "timetz": ("'12:00+00'", "'13:00+01'"),
    "interval": ("'1 day'", "'24 hours'"),
    "bit(2)": ("B'10'", "B'01'"),
    "inet": ("'10.0.0.1'", "'10.0.0.1/24'"),
    "money": ("1.00", "1.01"),
    "boolean": ("false", "NULL"),
}
OF_EVERY_KIND = {
    "boolean": "true",
    "bytea": "'\\x00ff'",
    "name": "'n'",
    "smallint": "1",
    "int": "'-2'",
    "bigint": "'1099511627776'",
    "text": "'größe'",
    "varchar": "'v'",
    "char(3)": "'c'",
    "timestamp": "'2026-01-01 12:00:00.5'",
    "timestamptz": "'infinity'",
    "uuid": "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
    "numeric": "'-1.50'",
    "date": "'0044-03-15 BC'",
    "float8": "'0.1'",
    "jsonb": "'{\"a\": [1, null]}'",
    "text[]": "'{a,NULL}'",
    "interval": "NULL",
}
SETTINGS = (
    "SET DateStyle = 'German, DMY'",
    "SET timezone = 'Asia/Kathmandu'",
    "SET IntervalStyle = iso_8601",
    "SET extra_float_digits = 0",
    "SET bytea_output = escape",
    "SET search_path = public",
)


@pytest.fixture(name="server", scope="module")
def _server(postgresql_torture: Connection) -> Iterator[Connection]:
    torture.run(postgresql_torture, "postgres", f'CREATE DATABASE "{DATABASE}"')
    yield postgresql_torture
    PostgreSqlEngine().drop(postgresql_torture, DATABASE)


@pytest.fixture(name="run")
def _run(server: Connection) -> Iterator[torture.Statement]:
    def run(statement: str) -> None:
        torture.run(server, DATABASE, statement)

    yield run
    run("DROP OWNED BY admin CASCADE; CREATE SCHEMA IF NOT EXISTS public")


@pytest.fixture(name="way", params=[1, 2])
def _way(request: pytest.FixtureRequest) -> RowChecksums:
    way: RowChecksums = request.param
    return way


def tables(server: Connection, way: RowChecksums, *settings: str) -> dict[str, Table]:
    with torture.connected(server, DATABASE) as asking:
        for setting in settings:
            asking.execute(setting.encode())
        return {each.name: each for each in postgresql_rows.tables(asking, way, lambda _: None)}


def test_values_that_look_alike_are_told_apart(server: Connection, run: torture.Statement, way: RowChecksums) -> None:
    for number, (kind, values) in enumerate(ALIKE.items()):
        for name, value in zip("ab", values, strict=True):
            run(f"CREATE TABLE {name}{number} AS SELECT {value}::{kind} AS v")

    found = tables(server, way)

    equal = [kind for n, kind in enumerate(ALIKE) if found[f"a{n}"].checksum == found[f"b{n}"].checksum]
    assert equal == []
    assert {each.rows for each in found.values()} == {1}


def test_a_checksum_does_not_depend_on_settings_or_on_the_order_of_rows_and_columns(
    server: Connection, run: torture.Statement, way: RowChecksums
) -> None:
    columns = "d date, t timestamptz, i interval, f float8, b bytea, r regclass, n int"
    run(f"CREATE TABLE a ({columns})")
    row = "'2026-01-01', '2026-01-01'::timestamptz, '1 day', 0.1, '\\x00ff', 'a'"
    run(f"INSERT INTO a SELECT {row}, generate_series(1, 9)")
    run("CREATE TABLE b (n int, r regclass, b bytea, gone int, f float8, i interval, t timestamptz, d date)")
    run("ALTER TABLE b DROP gone; INSERT INTO b (d, t, i, f, b, r, n) SELECT * FROM a ORDER BY n DESC")

    plain, otherwise = tables(server, way), tables(server, way, *SETTINGS)

    assert plain == otherwise
    assert plain["a"].checksum == plain["b"].checksum


def test_values_that_change_places_are_noticed(server: Connection, run: torture.Statement, way: RowChecksums) -> None:
    run("CREATE TABLE a (x text, y text); INSERT INTO a VALUES ('1', '2'), ('3', '4')")
    run("CREATE TABLE b (x text, y text); INSERT INTO b VALUES ('1', '4'), ('3', '2')")
    run("CREATE TABLE c (x text, y text); INSERT INTO c VALUES ('2', '1'), ('4', '3')")
    run("CREATE TABLE d (x text, y text); INSERT INTO d VALUES ('1,2', ''), ('3,4', '')")

    assert len({each.checksum for each in tables(server, way).values()}) == 4


@pytest.mark.parametrize("kind", ["int", "bigint", "timestamp"])
def test_numbers_that_change_places_are_noticed(server: Connection, run: torture.Statement, kind: str) -> None:
    for name, rows in (("a", "(1, 2), (3, 4)"), ("b", "(1, 4), (3, 2)"), ("c", "(2, 1), (4, 3)")):
        x, y = ("to_timestamp(x)::timestamp", "to_timestamp(y)::timestamp") if kind == "timestamp" else ("x", "y")
        run(f"CREATE TABLE {name} (x {kind}, y {kind})")
        run(f"INSERT INTO {name} SELECT {x}, {y} FROM (VALUES {rows}) AS given (x, y)")  # noqa: S608 - our own words

    assert len({each.checksum for each in tables(server, 2).values()}) == 3


def test_the_first_checksum_is_what_the_docstring_says(server: Connection, run: torture.Statement) -> None:
    run("CREATE TABLE a (b text, a int, c bytea); INSERT INTO a VALUES ('x y', 1, 'bytes'), (NULL, 2, NULL)")

    of_bytes = md5(b"bytes", usedforsecurity=False).hexdigest()
    digests = [md5(row, usedforsecurity=False).digest() for row in (f'(1,"x y",{of_bytes})'.encode(), b"(2,,)")]
    assert tables(server, 1)["a"].checksum == str(sum(int.from_bytes(each[:8], signed=True) for each in digests))


def test_the_second_checksum_is_what_the_docstring_says(server: Connection, run: torture.Statement) -> None:
    run("CREATE TABLE a (b text, n numeric); INSERT INTO a VALUES ('x', 1.50), (NULL, 2)")
    b, n = (f"hashtextextended('{name}' COLLATE \"C\", 0)" for name in "bn")
    first = f"hashtextextended('x', {b}) # hashtextextended('1.50', {n})"
    second = f"{b} # hashtextextended('2', {n})"

    ((total,),) = torture.run(
        server, DATABASE, f"SELECT hashtextextended('', {first})::numeric + hashtextextended('', {second})"
    )

    assert tables(server, 2)["a"].checksum == str(total)


def test_what_is_null_counts_by_its_column_whatever_its_type(server: Connection, run: torture.Statement) -> None:
    columns = {f"c{number}": kind for number, kind in enumerate(OF_EVERY_KIND)}
    run(f"CREATE TABLE a ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
    run("INSERT INTO a DEFAULT VALUES")
    seeds = " # ".join(f"hashtextextended('{name}' COLLATE \"C\", 0)" for name in columns)

    ((total,),) = torture.run(server, DATABASE, f"SELECT hashtextextended('', {seeds})")

    assert tables(server, 2)["a"].checksum == str(total)


def test_the_second_checksum_is_that_of_every_version(server: Connection, run: torture.Statement) -> None:
    values = ", ".join(f"{value}::{kind} AS c{number}" for number, (kind, value) in enumerate(OF_EVERY_KIND.items()))
    run(f"CREATE TABLE a AS SELECT {values}")

    # As servers of 15, 16, 17 and 18 have told it.
    assert tables(server, 2)["a"].checksum == "4828371268872551873"


def test_an_empty_table_has_the_checksum_nought(server: Connection, run: torture.Statement, way: RowChecksums) -> None:
    run("CREATE TABLE a (a int)")

    assert (tables(server, way)["a"].rows, tables(server, way)["a"].checksum) == (0, "0")


def test_large_objects_are_read_in_pieces(
    server: Connection, run: torture.Statement, way: RowChecksums, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("SELECT lo_from_bytea(1, 'abcdefghij'), lo_from_bytea(2, 'abcdefgh'), lo_from_bytea(3, '')")
    monkeypatch.setattr(postgresql_rows, "_CHUNK_BYTES", 4)
    before = tables(server, way)["pg_largeobject"]

    run("SELECT lo_put(1, 9, 'X')")

    after = tables(server, way)["pg_largeobject"]
    assert (before.rows, before.size_bytes) == (after.rows, after.size_bytes) == (3, 18)
    assert before.checksum != after.checksum


def test_rows_that_policies_would_hide_are_counted(server: Connection, run: torture.Statement) -> None:
    run("CREATE TABLE a (a int); INSERT INTO a VALUES (1); ALTER TABLE a ENABLE ROW LEVEL SECURITY")

    assert tables(server, 2)["a"].rows == 1


def test_temporary_tables_and_those_of_extensions_are_nobodys(server: Connection, run: torture.Statement) -> None:
    run("CREATE TABLE a (a int); CREATE EXTENSION earthdistance CASCADE; ALTER EXTENSION cube ADD TABLE a")
    with torture.connected(server, DATABASE) as other:
        other.execute("CREATE TEMPORARY TABLE passing (a int)")

        assert tables(server, 2) == {}
