"""Databases of PostgreSQL that could be left out or dropped by mistake, and what must not be told of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.dump import torture_postgresql as torture

from backup_actions.archive.folder_store import FolderStore
from backup_actions.dump import dump, restore, verify_dump
from backup_actions.dump.connection import Connection
from backup_actions.dump.postgresql.engine import PostgreSqlEngine
from backup_actions.errors import DatabaseUnreachable, LoadFailed, TargetUnfit

ENGINE = PostgreSqlEngine()


@pytest.fixture(name="server", scope="module")
def _server(postgresql_torture: Connection) -> Iterator[Connection]:
    with torture.programs_first():
        yield postgresql_torture


@pytest.fixture(name="closed")
def _closed(server: Connection) -> Iterator[str]:
    torture.run(server, "postgres", "CREATE DATABASE closed")
    yield "closed"
    ENGINE.drop(server, "closed")


def test_a_database_that_lets_nobody_in_is_not_left_out_in_silence(
    server: Connection, closed: str, tmp_path: Path
) -> None:
    torture.run(server, "postgres", f"ALTER DATABASE {closed} ALLOW_CONNECTIONS false")

    with pytest.raises(DatabaseUnreachable, match='"closed" is not currently accepting connections'):
        dump(server, FolderStore(tmp_path))


@pytest.mark.parametrize("name", ["postgres", "template0", "template1", "rdsadmin"])
def test_databases_that_the_server_needs_are_never_dropped(server: Connection, name: str) -> None:
    with pytest.raises(LoadFailed, match="the server's own"):
        ENGINE.drop(server, name)


def test_the_database_for_maintenance_is_not_replaced_while_something_is_in_it(
    server: Connection, closed: str, tmp_path: Path
) -> None:
    store = FolderStore(tmp_path)
    dump(server, store, databases=[closed])
    torture.run(server, "postgres", "CREATE TABLE put_here (a integer)")
    try:
        with pytest.raises(TargetUnfit, match="'postgres', which would be replaced"):
            restore(store, replace(server, database="postgres"), replace_existing=True)
        assert torture.run(server, "postgres", "SELECT count(*) FROM put_here") == [(0,)]
    finally:
        torture.run(server, "postgres", "DROP TABLE put_here")


def test_a_statement_that_fails_is_not_told_because_passwords_may_be_in_it(
    server: Connection, closed: str, tmp_path: Path
) -> None:
    store = FolderStore(tmp_path)
    torture.run(server, "postgres", "CREATE ROLE mapped")
    torture.run(server, closed, "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing")
    more = ", ".join(f"more{number} 'x'" for number in range(9))  # a line each, of which not all are told
    options = f"\"user\" 'u', password 's3cr3t', {more}, secret 's3cr3t'"
    torture.run(server, closed, f"CREATE USER MAPPING FOR mapped SERVER far OPTIONS ({options})")
    dump(server, store, databases=[closed])
    torture.run(server, closed, "DROP USER MAPPING FOR mapped SERVER far; DROP ROLE mapped")

    report = verify_dump(store, server)

    assert 'role "mapped" does not exist' in str(report.to_json())
    assert "s3cr3t" not in str(report.to_json())
