"""Databases of MariaDB that are called in ways which nobody expects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.dump import torture_mysql as torture

from backup_actions.archive.folder_store import FolderStore
from backup_actions.dump import dump, restore, verify_dump
from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Section
from backup_actions.dump.mysql.engine import MySqlEngine
from backup_actions.dump.mysql.text import quoted
from backup_actions.errors import LoadFailed, TargetUnfit

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
