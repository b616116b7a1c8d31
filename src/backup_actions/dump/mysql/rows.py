"""Tables of MySQL and MariaDB that have rows of their own, and their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backup_actions.dump.description import Server
from backup_actions.dump.mysql.session import Session, version_number
from backup_actions.dump.mysql.text import quoted

# Their rows are somewhere else, and no dump program takes them along (client/mysqldump.c, check_if_ignore_table).
_ELSEWHERE = frozenset({"MRG_MYISAM", "MRG_ISAM", "CONNECT", "OQGRAPH", "SPIDER", "VP", "FEDERATED"})
_READ_AS_TEXT = frozenset({"inet4", "inet6", "uuid"})
_ROW_TIMES = ("ROW START", "ROW END")
_WHOLE_NUMBERS = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})


@dataclass(frozen=True, slots=True)
class Column:
    """A column as far as its content goes."""

    name: str
    kind: str
    is_virtual: bool
    is_generated: bool
    is_row_time: bool
    """Since when, or until when, a row of a system-versioned table holds."""


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table whose rows are in it."""

    name: str
    size_bytes: int
    columns: tuple[Column, ...]
    is_versioned: bool
    history: bool
    """Whether rows of the past can be dumped and loaded."""
    divided_by: str
    """The column by whose ranges its rows can be read apart: a whole number, in whose order they lie; or none."""

    @property
    def has_floats(self) -> bool:
        """Whether it has numbers of which a server shows six digits only, unless it is asked for more."""
        return any(column.kind == "float" for column in self.columns)

    @property
    def is_binary_safe(self) -> bool:
        """Whether bytes without a character set become every value again: some types take them for another form."""
        return not any(column.kind in _READ_AS_TEXT for column in self.columns)

    @property
    def row_times(self) -> tuple[str, ...]:
        """The two columns that a versioned table has even if it does not name them."""
        named = any(column.is_row_time for column in self.columns)
        return ("row_start", "row_end") if self.is_versioned and not named else ()


def shapes(session: Session, database: str) -> tuple[TableShape, ...]:
    """The tables with rows of their own, in the order of their names."""
    columns: dict[str, list[Column]] = {}
    # generation_expression holds ROW START and ROW END in MariaDB; MySQL knows no such columns.
    for schema, table, name, kind, extra, expression in session.rows(
        "SELECT table_schema, table_name, column_name, LOWER(data_type), UPPER(extra), generation_expression "
        "FROM information_schema.columns WHERE table_schema = %s ORDER BY table_name, ordinal_position",
        database,
    ):
        if schema == database:
            is_virtual, is_row_time = "VIRTUAL GENERATED" in extra, expression in _ROW_TIMES
            is_generated = is_virtual or "STORED GENERATED" in extra or "PERSISTENT" in extra
            columns.setdefault(table, []).append(Column(name, kind, is_virtual, is_generated, is_row_time))
    keys = _dividing_columns(session, database, columns)
    found = (
        _shape(
            session,
            name,
            kind,
            int(size or 0),
            tuple(columns.get(name, ())),
            keys.get(name, "") if engine == "InnoDB" else "",  # elsewhere each row of a range is looked for
        )
        for schema, name, kind, engine, size in session.rows(
            "SELECT table_schema, table_name, table_type, engine, data_length + index_length "
            "FROM information_schema.tables WHERE table_schema = %s",
            database,
        )
        if schema == database and kind in {"BASE TABLE", "SYSTEM VERSIONED"} and str(engine).upper() not in _ELSEWHERE
    )
    return tuple(sorted(found, key=lambda shape: shape.name))


def as_double(server: Server, column: str) -> str:
    """A number with all its digits, in SQL. MySQL casts to DOUBLE from 8.0.17 on; the product is the same number.

    https://dev.mysql.com/doc/refman/8.0/en/cast-functions.html
    """
    casts = server.product == "mariadb" or version_number(server.version) >= (8, 0, 17)
    return f"CAST({quoted(column)} AS DOUBLE)" if casts else f"{quoted(column)} * 1e0"


def keeps_history(session: Session) -> bool:
    """Whether the server takes rows of the past: https://mariadb.com/kb/en/system-versioned-tables/ , 10.11."""
    return session.is_mariadb and version_number(session.server.version) >= (10, 11)


def _dividing_columns(session: Session, database: str, columns: Mapping[str, Sequence[Column]]) -> dict[str, str]:
    """The first column of each table's primary key, where that is a whole number."""
    return {
        table: name
        for schema, table, name in session.rows(
            "SELECT table_schema, table_name, column_name FROM information_schema.statistics "
            "WHERE table_schema = %s AND index_name = 'PRIMARY' AND seq_in_index = 1",
            database,
        )
        if schema == database
        and any(column.name == name and column.kind in _WHOLE_NUMBERS for column in columns.get(table, ()))
    }


def _shape(
    session: Session, name: str, kind: str, size_bytes: int, columns: tuple[Column, ...], divided_by: str
) -> TableShape:
    versioned = kind == "SYSTEM VERSIONED"
    by_transaction = any(column.is_row_time and column.kind == "bigint" for column in columns)
    history = versioned and not by_transaction and keeps_history(session)
    return TableShape(name, size_bytes, columns, is_versioned=versioned, history=history, divided_by=divided_by)
