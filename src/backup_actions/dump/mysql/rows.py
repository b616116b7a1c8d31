"""Tables of MySQL and MariaDB: their columns, and a checksum of their rows.

The checksum of a table is, in SQL, with ``time_zone = '+00:00'`` and the default ``sql_mode``::

    SELECT COUNT(*), SUM(CAST(CONV(LEFT(SHA1(CONCAT_WS(',', '', a, b, …)), 16), 16, 10) AS UNSIGNED)) FROM t

where each of ``a``, ``b``, … stands for a column, in the table's order:

=============================================  ====================================================
numbers, dates and times                       ``IFNULL(c, 'N')``
``float``                                      ``IFNULL(CAST(c AS DOUBLE), 'N')``
``bit``                                        ``IFNULL(c + 0, 'N')``
``json`` of MySQL                              ``IFNULL(SHA1(CONVERT(c USING utf8mb4)), 'N')``
geometries, vectors                            ``IFNULL(SHA1(c), 'N')``
texts and blobs of 1024 bytes or more          ``SHA1(c)``
everything else                                ``IFNULL(CONCAT(LENGTH(c), ':', CAST(c AS BINARY)), 'N')``
=============================================  ====================================================

SHA1, because servers compute it in half the time that MD5 takes them. A sum tells two equal rows from none, and does
not depend on the order. Virtual columns are left out: they are computed. Of a system-versioned table the history
counts, with the times of its rows, if it is dumped (``history``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backup_actions.dump.description import Table
from backup_actions.dump.mysql.session import Session, version_number
from backup_actions.dump.mysql.text import quoted

_PLAIN = frozenset({
    "tinyint", "smallint", "mediumint", "int", "integer", "bigint", "decimal", "numeric", "double", "year",
    "date", "datetime", "timestamp", "time",
})  # fmt: skip
_LONG = frozenset({
    "tinytext", "text", "mediumtext", "longtext", "tinyblob", "blob", "mediumblob", "longblob",
})  # fmt: skip
_OPAQUE = frozenset({
    "vector", "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
    "geometrycollection", "geomcollection",
})  # fmt: skip
# Their rows are somewhere else, and no dump program takes them along (client/mysqldump.c, check_if_ignore_table).
_ELSEWHERE = frozenset({"MRG_MYISAM", "MRG_ISAM", "CONNECT", "OQGRAPH", "SPIDER", "VP", "FEDERATED"})
_READ_AS_TEXT = frozenset({"inet4", "inet6", "uuid"})
_ROW_TIMES = ("ROW START", "ROW END")


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
    found = (
        _shape(session, name, kind, int(size or 0), tuple(columns.get(name, ())))
        for schema, name, kind, engine, size in session.rows(
            "SELECT table_schema, table_name, table_type, engine, data_length + index_length "
            "FROM information_schema.tables WHERE table_schema = %s",
            database,
        )
        if schema == database and kind in {"BASE TABLE", "SYSTEM VERSIONED"} and str(engine).upper() not in _ELSEWHERE
    )
    return tuple(sorted(found, key=lambda shape: shape.name))


def counted(session: Session, shape: TableShape) -> Table:
    """The table's rows, counted and summed up."""
    past = " FOR SYSTEM_TIME ALL" if shape.history else ""
    text = f"CONCAT_WS(',', {', '.join(_encoded(session, shape))})"
    rows, total = session.first(
        f"SELECT COUNT(*), SUM(CAST(CONV(LEFT(SHA1({text}), 16), 16, 10) AS UNSIGNED)) "  # noqa: S608 - names are quoted
        f"FROM {quoted(shape.name)}{past}"
    )
    return Table(schema="", name=shape.name, rows=rows, checksum=str(total or 0), size_bytes=shape.size_bytes)


def keeps_history(session: Session) -> bool:
    """Whether the server takes rows of the past: https://mariadb.com/kb/en/system-versioned-tables/ , 10.11."""
    return session.is_mariadb and version_number(session.server.version) >= (10, 11)


def _shape(session: Session, name: str, kind: str, size_bytes: int, columns: tuple[Column, ...]) -> TableShape:
    versioned = kind == "SYSTEM VERSIONED"
    by_transaction = any(column.is_row_time and column.kind == "bigint" for column in columns)
    history = versioned and not by_transaction and keeps_history(session)
    return TableShape(name, size_bytes, columns, is_versioned=versioned, history=history)


def _encoded(session: Session, shape: TableShape) -> Iterable[str]:
    yield "''"  # so that a table of virtual columns alone has something to join
    for column in shape.columns:
        if not column.is_virtual and (shape.history or not column.is_row_time):
            yield f"IFNULL({_as_text(session, column)}, 'N')"
    if shape.history:
        yield from shape.row_times


def _as_text(session: Session, column: Column) -> str:
    name = quoted(column.name)
    if column.kind in _PLAIN:
        return name
    if column.kind == "float":
        return f"CAST({name} AS DOUBLE)"
    if column.kind == "bit":
        return f"{name} + 0"
    if column.kind == "json" and not session.is_mariadb:
        return f"SHA1(CONVERT({name} USING utf8mb4))"
    if column.kind in _OPAQUE:
        return f"SHA1({name})"
    itself = f"CONCAT(LENGTH({name}), ':', CAST({name} AS BINARY))"
    # A hash of each would cost more than all the rest; joined as they are, long ones would not fit into a packet.
    return f"IF(LENGTH({name}) >= 1024, SHA1({name}), {itself})" if column.kind in _LONG else itself
