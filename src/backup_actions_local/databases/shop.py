"""A small shop: data of many types, names that need quoting, partitions; and what no export takes along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from backup_actions_local.databases.mariadb import MariaDb
from backup_actions_local.databases.postgresql import PostgreSql

if TYPE_CHECKING:
    from backup_actions_local.databases.engine import DatabaseServer, Engine

DATABASE, ORDERS = "shop", 1000
"""The database's name, and the rows of its largest table."""


def fill(engine: Engine, server: DatabaseServer) -> None:
    """The server holds the shop's database, all of which can be exported."""
    if isinstance(engine, PostgreSql):
        with engine.connect(server) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        with engine.connect(server, DATABASE) as connection:
            connection.execute(_script("shop_postgresql.sql").encode())
    elif isinstance(engine, MariaDb):
        with engine.connect(server) as client, client.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {DATABASE}")
            client.select_db(DATABASE)
            for statement in filter(str.strip, _script("shop_mariadb.sql").split(";\n")):
                cursor.execute(statement)


def add_what_is_skipped(engine: Engine, server: DatabaseServer) -> None:
    """The shop has, in addition, a table that RDS leaves out of every export."""
    with engine.connect(server, DATABASE) as connection, connection.cursor() as cursor:
        quoted = '"unit price"' if isinstance(engine, PostgreSql) else "`unit price`"
        cursor.execute(f"CREATE TABLE price_list (id integer, {quoted} integer)")
        cursor.execute("INSERT INTO price_list VALUES (1, 100)")
        if isinstance(engine, PostgreSql):
            cursor.execute("CREATE UNLOGGED TABLE sessions (id integer)")


def _script(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
