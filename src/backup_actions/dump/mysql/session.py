"""A connection to MySQL or MariaDB on which nothing depends on how the server or its users are set up."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.cursors import DictCursor

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Server
from backup_actions.errors import BackupActionsError, DatabaseUnreachable

Failed = Callable[[str], BackupActionsError]
Row = tuple[Any, ...]

UNREACHABLE = frozenset({1040, 1045, 1129, 1130, 1203, 1226, 1698, 1862, 2002, 2003, 2005, 2006, 2013, 2026})
"""Too many connections, access denied, host blocked, password expired, nobody there, connection lost, no TLS.

https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html and client-error-reference.html
"""
_CONNECT_SECONDS = 15
EVERYWHERE = (
    "time_zone = '+00:00', sql_mode = '', "
    "wait_timeout = 31536000"  # one session waits while others sum up rows, for hours perhaps
)
"""Settings of every session that sums up rows: sums under others would be others."""


@dataclass(frozen=True, slots=True)
class Session:
    """An open connection and what has answered on it."""

    server: Server
    _connection: pymysql.Connection[Any]

    @property
    def is_mariadb(self) -> bool:
        """Whether it is MariaDB and not MySQL."""
        return self.server.product == "mariadb"

    def rows(self, sql: str, *values: str) -> list[Row]:
        """What a statement answers with."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, values or None)
            return list(cursor.fetchall())

    def first(self, sql: str, *values: str) -> Row:
        """The first row of it."""
        return self.rows(sql, *values)[0]

    def unconverted(self, sql: str) -> dict[str, bytes | None]:
        """The first row of it by the names of its columns, every text in the character set in which it is stored."""
        self.rows("SET SESSION character_set_results = NULL")
        self._connection.use_unicode = False
        try:
            with self._connection.cursor(DictCursor) as cursor:
                cursor.execute(sql)
                return cursor.fetchone() or {}
        finally:
            self._connection.use_unicode = True
            self.rows("SET SESSION character_set_results = utf8mb4")

    def cut(self) -> None:
        """Whoever waits for an answer on it, in whichever thread, hears that the connection is lost."""
        with suppress(OSError):  # it is lost already
            # Closing it would wake up nobody, and the driver has nothing else to offer.
            self._connection._sock.shutdown(socket.SHUT_RDWR)  # type: ignore[attr-defined] # noqa: SLF001

    def can(self, sql: str) -> bool:
        """Whether the server carries a statement out. Raises what pymysql raises where the connection is lost."""
        try:
            self.rows(sql)
        except pymysql.MySQLError as error:
            if _code(error) in UNREACHABLE:
                raise
            return False
        return True


@contextmanager
def session(to: Connection, failed: Failed, database: str = "") -> Iterator[Session]:
    """A connection, with that database chosen. Raises DatabaseUnreachable, and what ``failed`` makes of the rest."""
    try:
        connection = _connected(to)
    except (pymysql.MySQLError, OSError, ValueError) as error:
        raise _unreachable(to, error) from error
    try:
        yield _prepared(connection, database)
    except pymysql.MySQLError as error:
        raise (_unreachable(to, error) if _code(error) in UNREACHABLE else failed(_words(error))) from error
    finally:
        # Where the connection is lost there is nobody left to take leave of.
        connection.close() if connection.open else None


def version_number(version: str) -> tuple[int, ...]:
    """A version to be compared with others."""
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _connected(to: Connection) -> pymysql.Connection[Any]:
    return pymysql.connect(
        host=to.host,
        port=to.port,
        user=to.user,
        password=to.password.encode(),  # the driver would take a text for Latin-1
        charset="utf8mb4",
        autocommit=True,
        connect_timeout=_CONNECT_SECONDS,
        # Without certificates to trust TLS is used where the server has it, and not checked.
        ssl_ca=str(to.ca_file) if to.ca_file else None,
        ssl_verify_cert=True if to.ca_file else None,
        ssl_verify_identity=True if to.ca_file else None,
    )


def _prepared(connection: pymysql.Connection[Any], database: str) -> Session:
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION {EVERYWHERE}, sql_quote_show_create = 1, lock_wait_timeout = 300")
        cursor.execute("SELECT VERSION()")
        (version,) = cursor.fetchone() or ("",)
        made = Session(_server(str(version)), connection)
        if made.is_mariadb:
            cursor.execute("SET SESSION max_statement_time = 0")
        else:
            cursor.execute("SET SESSION max_execution_time = 0")
            if version_number(made.server.version) >= (8,):
                cursor.execute("SET SESSION information_schema_stats_expiry = 0")
    if database:
        connection.select_db(database)
    return made


def _server(version: str) -> Server:
    product = "mariadb" if "MariaDB" in version else "mysql"
    # MariaDB used to put 5.5.5 in front of its version, for replicas that knew no greater one.
    return Server(family="mysql", product=product, version=version.removeprefix("5.5.5-").partition("-")[0])


def _code(error: pymysql.MySQLError) -> int:
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def _words(error: Exception) -> str:
    return str(error.args[1]) if len(error.args) > 1 else str(error)


def _unreachable(to: Connection, error: Exception) -> DatabaseUnreachable:
    return DatabaseUnreachable(where=to.address, reason=_words(error))
