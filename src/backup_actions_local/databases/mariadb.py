"""MariaDB, from Debian's packages: for RDS's MariaDB and MySQL alike."""

from __future__ import annotations

import datetime
import secrets
import shutil
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pymysql

from backup_actions.errors import ToolMissing
from backup_actions_local.databases.engine import PASSWORD, USER, Certificate, Column, DatabaseServer, Table
from backup_actions_local.databases.processes import run

_TABLES = """
SELECT table_schema, table_name FROM information_schema.tables
WHERE table_type = 'BASE TABLE'
AND table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema')
ORDER BY 1, 2"""
_COLUMNS = """
SELECT column_name, column_type, data_type, numeric_precision, numeric_scale FROM information_schema.columns
WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position"""

_SIGNED = {
    "bigint": pyarrow.int64(), "int": pyarrow.int32(), "mediumint": pyarrow.int32(), "smallint": pyarrow.int16(),
    "tinyint": pyarrow.int8(), "year": pyarrow.int32(), "double": pyarrow.float64(), "float": pyarrow.float32(),
    "datetime": pyarrow.timestamp("us"), "timestamp": pyarrow.timestamp("us"),
}  # fmt: skip
# Parquet's integers are signed: each unsigned one is as wide as its greatest value needs.
_UNSIGNED = {
    "bigint": pyarrow.decimal128(20, 0), "int": pyarrow.int64(), "mediumint": pyarrow.int32(),
    "smallint": pyarrow.int32(), "tinyint": pyarrow.int16(),
}  # fmt: skip
_BYTES = frozenset(
    {"binary", "varbinary", "blob", "tinyblob", "mediumblob", "longblob", "bit", "geometry", "point", "polygon"}
)
_LARGEST_PRECISION = 38
_MASTER = f"'{USER}'@'%'"
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.MasterAccounts.html
_MASTERS_PRIVILEGES = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, "
    "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, SHOW VIEW, "
    "CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER"
)


class MariaDb:
    """The engine ``mariadb``."""

    name = "mariadb"
    stops_on = signal.SIGTERM
    speaks_tls = True

    def __init__(self, *, buffer_pool_mib: int = 16, parameters: Mapping[str, str] | None = None) -> None:
        self._parameters = {"innodb_buffer_pool_size": f"{buffer_pool_mib}M", **(parameters or {})}

    def initialize(self, directory: Path) -> None:
        """The directory holds an empty server, to which the one user is added at every start."""
        run(
            [
                _program("mariadb-install-db"), "--no-defaults", f"--datadir={directory}", "--skip-test-db",
                "--skip-name-resolve", "--auth-root-authentication-method=normal", "--innodb-log-file-size=4M",
                f"--tmpdir={directory}",  # a server that starts removes what others keep in a folder that they share
            ],
            server="MariaDB",
        )  # fmt: skip
        (directory / "user.sql").write_text(
            f"CREATE USER IF NOT EXISTS {_MASTER} IDENTIFIED BY '{PASSWORD}';\n"
            f"GRANT ALL ON *.* TO {_MASTER} WITH GRANT OPTION;\n"
            "DROP USER IF EXISTS 'root'@'localhost', 'root'@'127.0.0.1', 'root'@'::1';\n",
            encoding="utf-8",
        )

    def command(self, directory: Path, port: int, certificate: Certificate | None) -> list[str]:
        """What starts a server; nothing of it needs to survive a crash of this machine."""
        return [
            _program("mariadbd"), "--no-defaults", f"--datadir={directory}", f"--port={port}",
            "--bind-address=127.0.0.1", "--socket=server.sock", f"--init-file={directory / 'user.sql'}",
            f"--tmpdir={directory}",
            "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0",
            *(f"--{name.replace('_', '-')}={value}" for name, value in self._parameters.items()),
            "--innodb-log-file-size=4M", "--default-time-zone=+00:00", "--character-set-server=utf8mb4",
            *_tls(certificate),
        ]  # fmt: skip

    def connect(self, server: DatabaseServer, database: str | None = None) -> pymysql.Connection[Any]:
        """A connection that commits every statement."""
        return pymysql.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            database=database,
            charset="utf8mb4",
            autocommit=True,
            ssl_ca=str(server.authority) if server.authority else None,
            ssl_verify_cert=server.authority is not None,
            ssl_verify_identity=server.authority is not None,
        )

    def answers(self, server: DatabaseServer) -> bool:
        """Whether a connection can be had."""
        try:
            self.connect(server).close()
        except pymysql.err.OperationalError:
            return False
        return True

    def tables(self, server: DatabaseServer) -> Iterator[Table]:
        """Every table of every database."""
        with self.connect(server) as connection, connection.cursor() as cursor:
            cursor.execute(_TABLES)
            for database, name in cursor.fetchall():
                yield _table(cursor, (database, name))

    def hand_over(self, server: DatabaseServer, administrator: str, secret: str) -> None:
        """RDS's own user has the secret; ours is a master user as RDS makes one."""
        (server.directory / "user.sql").write_text("", encoding="utf-8")
        with self.connect(server) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE USER '{administrator}'@'127.0.0.1' IDENTIFIED BY %s", (secret,))
            cursor.execute(f"GRANT ALL ON *.* TO '{administrator}'@'127.0.0.1' WITH GRANT OPTION")
        with (
            self.connect(replace(server, user=administrator, password=secret)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT host FROM mysql.user WHERE user = 'root'")
            for (host,) in cursor.fetchall():
                cursor.execute("DROP USER 'root'@%s", (host,))
            cursor.execute(f"REVOKE ALL PRIVILEGES, GRANT OPTION FROM {_MASTER}")
            cursor.execute(f"GRANT {_MASTERS_PRIVILEGES} ON *.* TO {_MASTER} WITH GRANT OPTION")
        self.set_password(replace(server, user=administrator, password=secret), USER, secrets.token_urlsafe(24))

    def set_password(self, server: DatabaseServer, user: str, password: str) -> None:
        """The user has this password from now on."""
        with self.connect(server) as connection, connection.cursor() as cursor:
            cursor.execute(f"ALTER USER '{user}'@'%%' IDENTIFIED BY %s", (password,))


def is_installed() -> bool:
    """Whether this machine has the programs."""
    return all(shutil.which(name, path=_PATH) for name in ("mariadbd", "mariadb-install-db"))


def _table(cursor: Any, path: tuple[str, str]) -> Table:
    cursor.execute(_COLUMNS, path)
    columns = cursor.fetchall()
    kinds = [_arrow(kind, source_type, precision, scale) for _, source_type, kind, precision, scale in columns]
    chosen = [
        f"CAST({_quoted(column[0])} AS CHAR)" if kind == pyarrow.string() else _quoted(column[0])
        for column, kind in zip(columns, kinds, strict=True)
    ]
    cursor.execute(f"SELECT {', '.join(chosen)} FROM {'.'.join(map(_quoted, path))}")  # noqa: S608 - names are quoted
    rows = cursor.fetchall()
    arrays = [pyarrow.array([_value(row[number], kind) for row in rows], kind) for number, kind in enumerate(kinds)]
    return Table(
        path,
        tuple(Column(name, source_type) for name, source_type, *_ in columns),
        pyarrow.Table.from_arrays(arrays, names=[column[0] for column in columns]),
    )


def _arrow(kind: str, source_type: str, precision: int | None, scale: int | None) -> pyarrow.DataType:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.data-types.html ."""
    if kind == "decimal" and precision is not None and precision <= _LARGEST_PRECISION:
        return pyarrow.decimal128(precision, scale or 0)
    if kind in _BYTES:
        return pyarrow.binary()
    known = _UNSIGNED if source_type.endswith("unsigned") and kind in _UNSIGNED else _SIGNED
    return known.get(kind, pyarrow.string())


def _value(value: Any, kind: pyarrow.DataType) -> Any:
    """A value as Arrow takes it; a moment of the day zero, which the driver hands over as text, is none."""
    if pyarrow.types.is_timestamp(kind) and not isinstance(value, datetime.datetime):
        return None
    if pyarrow.types.is_decimal(kind) and value is not None:
        return Decimal(value)
    return value


def _tls(certificate: Certificate | None) -> list[str]:
    if certificate is None:
        return []
    return [
        f"--ssl-cert={certificate.certificate}",
        f"--ssl-key={certificate.key}",
        f"--ssl-ca={certificate.authority}",
        "--require-secure-transport=ON",
    ]


def _quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise ToolMissing(program=name, purpose="run a database", package="mariadb-server")
    return found
