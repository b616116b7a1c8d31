"""Routines, triggers and events of MySQL and MariaDB, as their server defines them and as SQL that makes them again.

The dump programs are not asked for these: two semicolons in a routine make SQL of it that cannot be loaded, and in an
event they make MariaDB's program run for ever (``create_delimiter`` in client/mysqldump.c, 10.11).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from backup_actions.dump.mysql.session import Session
from backup_actions.dump.mysql.text import quoted
from backup_actions.errors import DumpFailed

BEGINS, ENDS = b"DELIMITER ", b"DELIMITER ;\n"
"""Lines between which the text of somebody stands as it was written."""


@dataclass(frozen=True, slots=True)
class StoredProgram:
    """One of them, and the settings of whoever made it, which belong to it."""

    text: bytes
    """In the character set of that client."""
    sql_mode: str
    client: str
    """Its character set."""
    collation: str
    """Of the connection."""
    database_collation: str
    time_zone: str = ""
    """Of events."""


def stored_program(session: Session, kind: str, database: str, name: str) -> StoredProgram:
    """A PROCEDURE, FUNCTION, PACKAGE, PACKAGE BODY, TRIGGER or EVENT. Raises DumpFailed where we may not see it."""
    row = session.unconverted(f"SHOW CREATE {kind} {quoted(database)}.{quoted(name)}")
    texts = [row[column] for column in row if column.startswith("Create ") or column == "SQL Original Statement"]
    text = texts[0] if texts else None
    if text is None:
        raise DumpFailed(what=f"{kind.lower()} {name!r} of {database!r}", reason="the user may not see its definition")

    def setting(column: str) -> str:
        return (row.get(column) or b"").decode()

    return StoredProgram(
        text=text,
        sql_mode=setting("sql_mode"),
        client=setting("character_set_client"),
        collation=setting("collation_connection"),
        database_collation=setting("Database Collation"),
        time_zone=setting("time_zone"),
    )


def script(programs: Iterable[StoredProgram], collation: str) -> bytes:
    """SQL that makes them, in a database of that collation."""
    return b"".join(_creation(program, collation) for program in programs)


def _creation(program: StoredProgram, collation: str) -> bytes:
    settings = (
        f"SET sql_mode = '{program.sql_mode}', character_set_client = {program.client}, "
        f"collation_connection = {program.collation}"
    )
    if program.time_zone:
        settings += f", time_zone = '{program.time_zone}'"
    sign = _delimiter(program.text)
    made = f"{settings};\n".encode() + BEGINS + sign + b"\n" + program.text + b"\n" + sign + b"\n" + ENDS
    if program.database_collation == collation:
        return made
    # It was made when the database had another one, which it keeps.
    then, now = (f"ALTER DATABASE COLLATE {each};\n".encode() for each in (program.database_collation, collation))
    return then + made + now


def _delimiter(text: bytes) -> bytes:
    """What may end a statement because it is not in it."""
    return next(sign for number in count(2) if (sign := b";" * number) not in text)
