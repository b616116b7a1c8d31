"""A server of MariaDB to dump and to load into, with as much in it as MariaDB knows."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backup_actions.dump.connection import Connection
from backup_actions_local.databases import DatabaseImage, DatabaseServer, MariaDb, mariadb
from backup_actions_local.databases.certificates import Authority
from backup_actions_local.databases.engine import Engine
from backup_actions_local.databases.processes import running

DATABASE = "torture"
DATABASES = ("many", "other", DATABASE)
ACCOUNTS = ("admin@%", "app@%", "like_rds@%", "o'brien \"x`y@10.0.%", "readers")
MANY_TABLES, MANY_ROWS = 100, 1_000_000
MASTER_PASSWORD = 'like: the \\master\'s "one" # `;\t%s ü'

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html : RDS for MariaDB.
_OF_A_MASTER = """SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER,
    SHOW DATABASES, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW,
    CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER, REPLICATION SLAVE"""
_ESCAPED = MASTER_PASSWORD.replace("\\", "\\\\").replace("'", "''")
_SERVER = f"""
CREATE USER like_rds IDENTIFIED BY '{_ESCAPED}';
GRANT {_OF_A_MASTER} ON *.* TO like_rds WITH GRANT OPTION;
CREATE DATABASE many;
CREATE TABLE many.numbers (id int PRIMARY KEY, what varchar(20)) ENGINE=MyISAM;
INSERT INTO many.numbers SELECT seq, CONCAT('row ', seq) FROM seq_1_to_{MANY_ROWS};
"""  # noqa: S608 - our own words


def fill(engine: Engine, server: DatabaseServer) -> None:
    """The server holds all of it."""
    many = "".join(
        f"CREATE TABLE many_{number} (id int PRIMARY KEY, t varchar(20)) ENGINE=InnoDB;\n"
        f"INSERT INTO many_{number} VALUES (1, 'one'), (2, NULL);\n"
        for number in range(MANY_TABLES)
    )
    script = Path(__file__).with_name("torture_mysql.sql").read_bytes() + many.encode() + _SERVER.encode()
    carry_out(connection(server), "", script)


def image(directory: Path) -> DatabaseImage:
    """The server, stopped."""
    if not mariadb.is_installed():
        pytest.skip("needs Debian's mariadb-server")
    return DatabaseImage.made(MariaDb(), directory / "torture.tar", fill)


@contextmanager
def restored(stopped: DatabaseImage, folder: Path) -> Iterator[tuple[Connection, DatabaseServer]]:
    """A server over a copy of the image, which takes encrypted connections alone."""
    certificate = Authority(folder / "authority").certificate()
    with running(stopped.engine, stopped.unpack(folder), certificate=certificate) as server:
        yield connection(server), server


def connection(server: DatabaseServer) -> Connection:
    """How the server is reached by who may do everything."""
    return Connection(family="mysql", host=server.host, port=server.port, user=server.user, password=server.password)


def like_rds(master: Connection) -> Connection:
    """How it is reached by somebody like RDS's master user, who may not do things in the name of others."""
    return replace(master, user="like_rds", password=MASTER_PASSWORD)


def run(to: Connection, database: str, statement: str, *values: str) -> list[tuple[Any, ...]]:
    """What a statement answers with."""
    with asking(to, database) as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())


@contextmanager
def asking(to: Connection, database: str = "") -> Iterator[Any]:
    """A cursor for statements of which the server's settings change nothing."""
    server = DatabaseServer(port=to.port, directory=Path(), pid=0, user=to.user, password=to.password)
    with MariaDb().connect(server, database or None) as client, client.cursor() as cursor:
        cursor.execute("SET SESSION time_zone = '+00:00', sql_mode = '', foreign_key_checks = 0")
        yield cursor


def carry_out(to: Connection, database: str, script: bytes) -> None:
    """A script, by the program that everybody has."""
    command = ["mariadb", "--no-defaults", f"--host={to.host}", f"--port={to.port}", f"--user={to.user}"]
    done = subprocess.run(
        [*command, "--comments", "--binary-mode", f"--database={database}"],
        input=script,
        env={"PATH": "/usr/bin:/bin", "MYSQL_PWD": to.password},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
