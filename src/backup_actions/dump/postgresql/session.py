"""How PostgreSQL is spoken to: by the driver for questions, by its own programs for everything that is large."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from backup_actions.dump.connection import Connection
from backup_actions.dump.programs import private_file, program
from backup_actions.errors import BackupActionsError, DatabaseUnreachable, ToolMissing

MAINTENANCE_DATABASE = "postgres"
"""Every server has it, RDS's too; whoever asks about the whole server is connected to it."""

OF_THE_SERVER = r"^(pg_|rds_|(rdsadmin|rdsrepladmin|rdstopmgr|rdsproxyadmin|rdswriteforwarduser)$)"
"""Roles that PostgreSQL or RDS has made for itself, as a regular expression for Python and the server alike."""

OWNER_OF_THE_SERVERS = "rdsadmin"
"""What belongs to it, on RDS, is no customer's."""

# Settings of pg_restore's own session stay: an older server may not know one.
_STATEMENT = re.compile(r"(?:; )?Command was: (?!SET ).*?(?=; pg_restore: |\Z)", re.DOTALL)
_CONNECT_WITHIN_SECONDS = 30
# After two minutes of silence, where the system would wait for two hours.
_NOTICES_A_LOST_PEER = {"keepalives_idle": "60", "keepalives_interval": "10", "keepalives_count": "6"}
# A database or a role may have any of these set otherwise, and no dump or load would end well.
_OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "default_transaction_read_only": "off",
        "statement_timeout": 0,
        "lock_timeout": 0,
        "idle_in_transaction_session_timeout": 0,
    }.items()
)

Session = psycopg.Connection[tuple[Any, ...]]
Failed = Callable[[str], BackupActionsError]
"""Makes the error to raise of what the server said."""


@contextmanager
def session(to: Connection, database: str, failed: Failed) -> Iterator[Session]:
    """A connection that commits every statement. Raises DatabaseUnreachable, and what ``failed`` makes of the rest."""
    try:
        opened = psycopg.connect(
            conninfo(to, database),
            password=to.password,
            options=_OPTIONS,
            client_encoding="UTF8",
            autocommit=True,
        )
    except psycopg.Error as refused:
        raise DatabaseUnreachable(where=to.address, reason=_said(refused)) from refused
    with opened:
        try:
            yield opened
        except psycopg.Error as error:
            if opened.broken:
                raise DatabaseUnreachable(where=to.address, reason=_said(error)) from error
            raise failed(_said(error)) from error


def conninfo(to: Connection, database: str) -> str:
    """Where to connect, for the driver and for programs. Without the password: anybody may see a command line."""
    tls = {"sslmode": "verify-full", "sslrootcert": str(to.ca_file)} if to.ca_file else {}
    return make_conninfo(
        host=to.host,
        hostaddr="",  # or libpq takes it from the environment
        port=to.port,
        user=to.user,
        dbname=database,
        connect_timeout=_CONNECT_WITHIN_SECONDS,
        application_name="backup-actions",
        **_NOTICES_A_LOST_PEER,
        **tls,
    )


@contextmanager
def environment(to: Connection) -> Iterator[dict[str, str]]:
    """What a program of PostgreSQL has to find, as long as the block lasts: the password lies in a private file."""
    escaped = re.sub(r"([:\\])", r"\\\1", to.password)
    with private_file(f"*:*:*:*:{escaped}\n") as file:
        yield {"PGPASSFILE": str(file), "PGOPTIONS": _OPTIONS}


def tool(name: str, at_least: int = 0) -> str:
    """The path of a program of PostgreSQL. Raises ToolMissing, also where it is older than a server of that version.

    A program works with servers that are older than itself: https://www.postgresql.org/docs/current/app-pgdump.html .
    """
    purpose, package = "dump and load PostgreSQL", "postgresql-client"
    path = program(name, purpose=purpose, package=package)
    found = tool_version(path) if at_least else 0
    if found < at_least:
        raise ToolMissing(
            program=f"{name} {at_least}",
            purpose=f"{purpose} {at_least} (there is version {found})",
            package=f"{package}-{at_least}",
        )
    return path


def tool_version(path: str) -> int:
    """The first number of a program's version."""
    said = subprocess.run([path, "--version"], capture_output=True, check=False, stdin=subprocess.DEVNULL).stdout
    found = re.search(rb"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else 0


def major(version: str) -> int:
    """The first number of a server's version."""
    found = re.match(r"\d+", version)
    return int(found[0]) if found else 0


def program_failed(to: Connection, failed: Failed) -> Failed:
    """The error of a program: nobody let it in, or what ``failed`` makes.

    Rows that it shows are left out, and statements: a user mapping or a subscription may have a password in it.
    """

    def made(said: str) -> BackupActionsError:
        said = _STATEMENT.sub("", said)
        said = "; ".join(part for part in said.split("; ") if not part.startswith(("CONTEXT:", "DETAIL:")))
        if re.search(r"connection to server .* failed", said):
            return DatabaseUnreachable(where=to.address, reason=said)
        return failed(said)

    return made


def remedied(said: str) -> str:
    """The same with what to do, where policies hide rows even from the owner of their table."""
    if "row-level security" not in said:
        return said
    return f"{said}; ALTER TABLE ... NO FORCE ROW LEVEL SECURITY lets its owner read all of them: back up after it"


def _said(error: psycopg.Error) -> str:
    """The server's sentence, or the client's: no details, which may show rows."""
    return error.diag.message_primary or " ".join(str(error).split())
