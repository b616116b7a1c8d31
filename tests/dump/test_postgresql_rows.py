"""What the checksum of PostgreSQL's rows tells apart, and what it does not depend on."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import md5

import pytest
from tests.dump import torture_postgresql as torture

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Table
from backup_actions.dump.postgresql import rows as postgresql_rows
from backup_actions.dump.postgresql.engine import PostgreSqlEngine

DATABASE = "values"
# Of each type two values that somebody could take for the same.
ALIKE = {
    "text": ("''", "NULL"),
    "varchar": ("'NULL'", "NULL"),
    "char(3)": ("'a'", "'b'"),
    "numeric": ("0.1", "0.10"),
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


def tables(server: Connection, *settings: str) -> dict[str, Table]:
    with torture.connected(server, DATABASE) as asking:
        for setting in settings:
            asking.execute(setting.encode())
        return {each.name: each for each in postgresql_rows.tables(asking, lambda _: None)}


def test_values_that_look_alike_are_told_apart(server: Connection, run: torture.Statement) -> None:
    for number, (kind, values) in enumerate(ALIKE.items()):
        for name, value in zip("ab", values, strict=True):
            run(f"CREATE TABLE {name}{number} AS SELECT {value}::{kind} AS v")

    found = tables(server)

    equal = [kind for n, kind in enumerate(ALIKE) if found[f"a{n}"].checksum == found[f"b{n}"].checksum]
    assert equal == []
    assert {each.rows for each in found.values()} == {1}


def test_a_checksum_does_not_depend_on_settings_or_on_the_order_of_rows_and_columns(
    server: Connection, run: torture.Statement
) -> None:
    columns = "d date, t timestamptz, i interval, f float8, b bytea, r regclass, n int"
    run(f"CREATE TABLE a ({columns})")
    row = "'2026-01-01', '2026-01-01'::timestamptz, '1 day', 0.1, '\\x00ff', 'a'"
    run(f"INSERT INTO a SELECT {row}, generate_series(1, 9)")
    run("CREATE TABLE b (n int, r regclass, b bytea, gone int, f float8, i interval, t timestamptz, d date)")
    run("ALTER TABLE b DROP gone; INSERT INTO b (d, t, i, f, b, r, n) SELECT * FROM a ORDER BY n DESC")

    plain, otherwise = tables(server), tables(server, *SETTINGS)

    assert plain == otherwise
    assert plain["a"].checksum == plain["b"].checksum


def test_values_that_change_places_are_noticed(server: Connection, run: torture.Statement) -> None:
    run("CREATE TABLE a (x text, y text); INSERT INTO a VALUES ('1', '2'), ('3', '4')")
    run("CREATE TABLE b (x text, y text); INSERT INTO b VALUES ('1', '4'), ('3', '2')")
    run("CREATE TABLE c (x text, y text); INSERT INTO c VALUES ('2', '1'), ('4', '3')")
    run("CREATE TABLE d (x text, y text); INSERT INTO d VALUES ('1,2', ''), ('3,4', '')")

    assert len({each.checksum for each in tables(server).values()}) == 4


def test_the_checksum_is_what_the_docstring_says(server: Connection, run: torture.Statement) -> None:
    run("CREATE TABLE a (b text, a int, c bytea); INSERT INTO a VALUES ('x y', 1, 'bytes'), (NULL, 2, NULL)")

    of_bytes = md5(b"bytes", usedforsecurity=False).hexdigest()
    digests = [md5(row, usedforsecurity=False).digest() for row in (f'(1,"x y",{of_bytes})'.encode(), b"(2,,)")]
    assert tables(server)["a"].checksum == str(sum(int.from_bytes(each[:8], signed=True) for each in digests))


def test_an_empty_table_has_the_checksum_nought(server: Connection, run: torture.Statement) -> None:
    run("CREATE TABLE a (a int)")

    assert (tables(server)["a"].rows, tables(server)["a"].checksum) == (0, "0")


def test_large_objects_are_read_in_pieces(
    server: Connection, run: torture.Statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("SELECT lo_from_bytea(1, 'abcdefghij'), lo_from_bytea(2, 'abcdefgh'), lo_from_bytea(3, '')")
    monkeypatch.setattr(postgresql_rows, "_CHUNK_BYTES", 4)
    before = tables(server)["pg_largeobject"]

    run("SELECT lo_put(1, 9, 'X')")

    after = tables(server)["pg_largeobject"]
    assert (before.rows, before.size_bytes) == (after.rows, after.size_bytes) == (3, 18)
    assert before.checksum != after.checksum


def test_rows_that_policies_would_hide_are_counted(server: Connection, run: torture.Statement) -> None:
    run("CREATE TABLE a (a int); INSERT INTO a VALUES (1); ALTER TABLE a ENABLE ROW LEVEL SECURITY")

    assert tables(server)["a"].rows == 1


def test_temporary_tables_and_those_of_extensions_are_nobodys(server: Connection, run: torture.Statement) -> None:
    run("CREATE TABLE a (a int); CREATE EXTENSION earthdistance CASCADE; ALTER EXTENSION cube ADD TABLE a")
    with torture.connected(server, DATABASE) as other:
        other.execute("CREATE TEMPORARY TABLE passing (a int)")

        assert tables(server) == {}
