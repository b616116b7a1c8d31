"""The checksum of a table of MySQL or MariaDB: a sum over its rows of 64 bits each. There are three ways.

In all of them ``time_zone`` is ``'+00:00'`` and ``sql_mode`` the default. **3**, of MariaDB from 10.8 on, is made of
two sums that have nothing in common, and that processors compute by themselves, of one text of each row::

    SELECT COUNT(*), SUM(CRC32(@r := CONCAT_WS(',', '', a, b, …)) * CRC32C(@r)) FROM t

**2**, of dumps that say so, makes that text twice. **1** is of all others, and of dumps that do not say which way::

    SELECT COUNT(*), SUM(CRC32(CONCAT_WS(',', '', a, b, …)) * CRC32C(CONCAT_WS(',', '', a, b, …))) FROM t
    SELECT COUNT(*), SUM(CAST(CONV(LEFT(SHA1(CONCAT_WS(',', '', a, b, …)), 16), 16, 10) AS UNSIGNED)) FROM t

Each of ``a``, ``b``, … stands for a column, in the table's order:

=============================================  ====================================================
numbers, dates and times                       ``IFNULL(c, 'N')``
``float``                                      ``IFNULL(CAST(c AS DOUBLE), 'N')``, or ``c * 1e0``
``bit``                                        ``IFNULL(c + 0, 'N')``
everything else, in 3                          ``IFNULL(CRC32(c), 'N'), IFNULL(CRC32C(c), 'N')``
everything else, in 2                          ``IFNULL(CRC32(c), 'N')``; ``CRC32C`` in the other sum
``json`` of MySQL                              ``IFNULL(SHA1(CONVERT(c USING utf8mb4)), 'N')``
geometries, vectors, in 1                      ``IFNULL(SHA1(c), 'N')``
texts and blobs of 1024 bytes or more, in 1    ``SHA1(c)``
everything else, in 1                          ``IFNULL(CONCAT(LENGTH(c), ':', CAST(c AS BINARY)), 'N')``
=============================================  ====================================================

SHA1, because servers compute it in half the time that MD5 takes them; a product, because CRCs of rows that have
exchanged a value could add up to the same. A sum tells two equal rows from none, and does not depend on the order.
Virtual columns are left out: they are computed. Of a system-versioned table the history counts, with the times of its
rows, if it is dumped (``history``).

MariaDB calls it undefined when a variable is set and read in one statement. If it came to read first, its sums would
not be those of other statements: a dump would not be found good.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from backup_actions.dump.description import RowChecksums, Server
from backup_actions.dump.mysql.rows import Column, TableShape, as_double
from backup_actions.dump.mysql.session import Session, version_number
from backup_actions.dump.mysql.text import quoted

_SUM_OF_A_TEXT = "CRC32(@r) * CRC32C(@r)"
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


def best_way(server: Server) -> RowChecksums:
    """CRC32C is there from MariaDB 10.8 on: https://mariadb.com/kb/en/crc32c/ ."""
    return 3 if server.product == "mariadb" and version_number(server.version) >= (10, 8) else 1


class Sum(NamedTuple):
    """How many rows there are, and their checksum. Sums of a table's parts add up to that of the table."""

    rows: int
    total: int


def summed_up(session: Session, shape: TableShape, way: RowChecksums | None, condition: str = "") -> Sum:
    """The table's rows, or those of which a condition on its key holds; without a way they are counted only."""
    past = " FOR SYSTEM_TIME ALL" if shape.history else ""
    # Whatever the server believes of its tables, a part must not be looked for in all of them.
    part = f" FORCE INDEX (PRIMARY) WHERE {condition}" if condition else ""
    rows, total = session.first(
        f"SELECT COUNT(*), {f'SUM({_of_row(session, shape, way)})' if way else 0} FROM {quoted(shape.name)}{past}{part}"  # noqa: S608 - names are quoted
    )
    return Sum(int(rows), int(total or 0))


def text_and_sum(session: Session, shape: TableShape) -> tuple[str, str]:
    """What the third way sums up of a row, no part of which has a comma, and its sum, as SQL in that order."""
    return f"@r := {_joined(_encoded(session, shape, ('CRC32', 'CRC32C')))}", _SUM_OF_A_TEXT


def is_summed_up_as_text(column: Column) -> bool:
    """Whether that text has all of a column, and not its checksums or its bits as a number."""
    return column.kind in _PLAIN or column.kind == "float"


def _of_row(session: Session, shape: TableShape, way: RowChecksums) -> str:
    match way:
        case 1:
            return f"CAST(CONV(LEFT(SHA1({_joined(_encoded(session, shape, ('SHA1',)))}), 16), 16, 10) AS UNSIGNED)"
        case 2:
            first, second = (_joined(_encoded(session, shape, (function,))) for function in ("CRC32", "CRC32C"))
            return f"CRC32({first}) * CRC32C({second})"
        case 3:
            text, total = text_and_sum(session, shape)
            return total.replace("@r", text, 1)


def _joined(parts: Iterable[str]) -> str:
    return f"CONCAT_WS(',', {', '.join(parts)})"


def _encoded(session: Session, shape: TableShape, functions: Sequence[str]) -> Iterable[str]:
    yield "''"  # so that a table of virtual columns alone has something to join
    for column in shape.columns:
        if not column.is_virtual and (shape.history or not column.is_row_time):
            for text in dict.fromkeys(_as_text(session, column, function) for function in functions):
                yield f"IFNULL({text}, 'N')"
    if shape.history:
        yield from shape.row_times


def _as_text(session: Session, column: Column, function: str) -> str:
    name = quoted(column.name)
    if column.kind in _PLAIN:
        return name
    if column.kind == "float":
        return as_double(session.server, column.name)
    if column.kind == "bit":
        return f"{name} + 0"
    if column.kind == "json" and not session.is_mariadb:
        return f"{function}(CONVERT({name} USING utf8mb4))"
    if column.kind in _OPAQUE or function != "SHA1":
        return f"{function}({name})"
    itself = f"CONCAT(LENGTH({name}), ':', CAST({name} AS BINARY))"
    # A hash of each would cost more than all the rest; joined as they are, long ones would not fit into a packet.
    return f"IF(LENGTH({name}) >= 1024, SHA1({name}), {itself})" if column.kind in _LONG else itself
