"""Databases of MariaDB that are called in ways which nobody expects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from tests.dump import torture_mysql as torture

from backup_actions.archive.folder_store import FolderStore
from backup_actions.dump import dump, restore, verify_dump
from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Section, Server
from backup_actions.dump.mysql import dumping
from backup_actions.dump.mysql.engine import MySqlEngine
from backup_actions.dump.mysql.rows import as_double
from backup_actions.dump.mysql.session import session
from backup_actions.dump.mysql.text import quoted
from backup_actions.errors import DumpFailed, LoadFailed, TargetUnfit

ENGINE = MySqlEngine()


@contextmanager
def a_database(server: Connection, name: str) -> Iterator[None]:
    """It has a table with an odd name, and two rows."""
    torture.run(server, "", f"CREATE DATABASE {quoted(name)}")
    try:
        torture.run(server, name, "CREATE TABLE `it's\n-- odd` (a int PRIMARY KEY, b varchar(5))")
        torture.run(server, name, "INSERT INTO `it's\n-- odd` VALUES (1, NULL), (2, 'NULL')")
        yield
    finally:
        torture.run(server, "", f"DROP DATABASE {quoted(name)}")


@pytest.mark.parametrize("name", ["tmp", "innodb", "Sys", "MYSQL"])
def test_a_database_that_is_called_almost_like_the_servers_own_is_a_customers(
    mysql_torture: Connection, name: str
) -> None:
    with a_database(mysql_torture, name):
        assert name in ENGINE.databases(mysql_torture)


def test_an_account_of_which_the_server_tells_nothing_is_noted(mysql_torture: Connection) -> None:
    torture.run(mysql_torture, "", "INSERT INTO mysql.global_priv VALUES ('desk', 'clerk', '{}')")
    try:
        assert not [account for account in ENGINE.accounts(mysql_torture) if "clerk" in account]
        (note,) = [note for note in ENGINE.notes(mysql_torture, []) if "clerk" in note]
        assert note.startswith("Accounts that the server lists and tells nothing of are not in the dump: ")
    finally:
        torture.run(mysql_torture, "", "DELETE FROM mysql.global_priv WHERE user = 'clerk'")


def test_no_dump_is_made_while_events_of_any_database_run(mysql_torture: Connection, tmp_path: Path) -> None:
    with a_database(mysql_torture, "left"), a_database(mysql_torture, "right"):
        torture.run(mysql_torture, "right", "CREATE EVENT nightly ON SCHEDULE EVERY 1 YEAR DO DELETE FROM `left`.t")
        torture.run(mysql_torture, "", "SET GLOBAL event_scheduler = ON")
        try:
            with pytest.raises(DumpFailed, match=r"runs events while the dump is made .*right\.nightly"):
                dump(mysql_torture, FolderStore(tmp_path / "dump"), databases=["left"])
        finally:
            torture.run(mysql_torture, "", "SET GLOBAL event_scheduler = OFF")
        dump(mysql_torture, FolderStore(tmp_path / "dump"), databases=["left"])


def test_a_table_with_generated_columns_is_not_dumped_of_mysql_by_the_program_of_mariadb(
    mysql_torture: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dumping, "dumps_as_mariadb", lambda _server: True)
    section = Section(member="rows", part="data", database="left", tables=(("", "made"),))
    with a_database(mysql_torture, "left"), session(mysql_torture, partial(dumping._failed, "rows"), "left") as asked:
        torture.run(mysql_torture, "left", "CREATE TABLE made (a int PRIMARY KEY, b int AS (a + 1) STORED)")
        of_mysql = replace(asked, server=Server(family="mysql", product="mysql", version="8.4.5"))
        with pytest.raises(DumpFailed, match="made has generated columns: only mysqldump"):
            dumping._Runs(mysql_torture, of_mysql, section, lambda _: None, partial(dumping._failed, "rows")).all()


@pytest.mark.parametrize(
    ("product", "version", "way"),
    [
        ("mysql", "5.7.44", "`f` * 1e0"),
        ("mysql", "8.0.39", "CAST(`f` AS DOUBLE)"),
        ("mariadb", "10.4.1", "CAST(`f` AS DOUBLE)"),
    ],
)
def test_floats_are_asked_for_whole_of_servers_that_cast_and_of_those_that_do_not(
    product: str, version: str, way: str
) -> None:
    assert as_double(Server(family="mysql", product=product, version=version), "f") == way


def test_both_ways_show_the_same_floats(mysql_torture: Connection) -> None:
    with a_database(mysql_torture, "left"):
        torture.run(mysql_torture, "left", "CREATE TABLE floats (f float, g float(7, 2), h float unsigned)")
        rows = "(-0.0, 1.1, 3.4028234e38), (0.1, 12345.67, 1e-38), (-1.5e-40, -0.01, 16777217), (NULL, NULL, NULL)"
        torture.run(mysql_torture, "left", f"INSERT INTO floats VALUES {rows}")  # noqa: S608 - our own
        for column in "fgh":
            ways = f"SELECT CONCAT(CAST({column} AS DOUBLE)), CONCAT({column} * 1e0) FROM floats"  # noqa: S608 - our own
            shown = torture.run(mysql_torture, "left", ways)
            assert [cast for cast, _ in shown] == [times for _, times in shown]


def test_a_folder_that_rds_keeps_files_in_is_no_database(mysql_torture: Connection) -> None:
    torture.run(mysql_torture, "", "CREATE DATABASE tmp")
    try:
        assert "tmp" not in ENGINE.databases(mysql_torture)
    finally:
        torture.run(mysql_torture, "", "DROP DATABASE tmp")


@pytest.mark.parametrize("name", ["o'brien", "a`b;drop database x", '--help "', "new\nline"])
def test_a_database_comes_back_whatever_it_is_called(mysql_torture: Connection, tmp_path: Path, name: str) -> None:
    store = FolderStore(tmp_path)
    with a_database(mysql_torture, name):
        dump(mysql_torture, store, databases=[name])

        report = verify_dump(store, mysql_torture)

    assert report.ok, report.differences
    assert [(each.tables, each.rows) for each in report.databases] == [(1, 2)]


@pytest.mark.parametrize("name", ["mysql", "MySQL", "sys", "performance_schema", "information_schema"])
def test_the_servers_own_databases_are_never_dropped(mysql_torture: Connection, tmp_path: Path, name: str) -> None:
    store = FolderStore(tmp_path)
    with a_database(mysql_torture, "small"):
        dump(mysql_torture, store, databases=["small"])

    with pytest.raises(LoadFailed, match="the server's own"):
        ENGINE.drop(mysql_torture, name)
    if name == "mysql":
        with pytest.raises(TargetUnfit, match="its database 'mysql'"):
            restore(store, _named(mysql_torture, name), replace_existing=True)
    assert torture.run(mysql_torture, "", "SELECT count(*) > 0 FROM mysql.user") == [(1,)]


def test_a_statement_that_fails_is_not_told_because_rows_are_in_it(mysql_torture: Connection) -> None:
    section = Section(member="x", part="data", database="fails")
    torture.run(mysql_torture, "", "CREATE DATABASE fails")
    try:
        with (
            pytest.raises(LoadFailed, match=r"fails\.nowhere' doesn't exist") as told,
            ENGINE.loading(mysql_torture, section, "fails", None) as pipe,
        ):
            pipe.write(b"INSERT INTO nowhere VALUES ('s3cr3t');\n-- End of x\n")
    finally:
        torture.run(mysql_torture, "", "DROP DATABASE fails")

    assert "s3cr3t" not in str(told.value)


def _named(server: Connection, database: str) -> Connection:
    return Connection(
        family="mysql",
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        database=database,
    )
