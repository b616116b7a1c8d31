"""The checksum of a table of PostgreSQL: a sum over its rows of 64 bits each, as signed numbers. There are two ways.

**2**, with ``search_path`` pg_catalog and ``timezone`` UTC (see ``rows.SETTINGS``)::

    SELECT count(*), sum(hashtextextended('' COLLATE "C", a' # b' # …)) FROM ONLY s.t

where each of ``a'``, ``b'``, … stands for a column: ``CASE WHEN a IS NULL THEN s ELSE h END``. ``s`` is made of the
column's name, ``hashtextextended('a' COLLATE "C", 0)``, so that columns may stand in any order; ``h`` of its value:

================================  =========================================================
text, varchar                     ``hashtextextended(a COLLATE "C", s)``
boolean, smallint, integer        ``hashint4extended(a::int4, s)``
bigint                            ``hashtextextended('' COLLATE "C", a # s)``
timestamp, with time zone or not  ``timestamp_hash_extended(a::timestamp, s)``
uuid                              ``uuid_hash_extended(a, s)``
bytea                             ``hash_array_extended(ARRAY[a], s)``
everything else                   ``hashtextextended(concat(a) COLLATE "C", s)``: its text
================================  =========================================================

The functions are those that say in which partition of a hash-partitioned table a row belongs. pg_upgrade moves no rows,
so that they are the same in all versions from 11 on; on processors whose least byte comes last they are others. Of
numbers with a fraction it is the text, because their own hash knows neither sign nor scale; that of a timestamp takes
32 bits of it together with the other 32.

**1**, of dumps that do not say which way::

    SELECT count(*), sum(('x' || left(md5(ROW(a, b)::text), 16))::bit(64)::int8) FROM ONLY s.t

with the columns in the order of their names in the C collation, and ``md5(c)`` in the place of a bytea. It takes a
server four to five times as long.

Texts are hashed in the character set of the database. Large objects count in pieces of 16 MiB, numbered from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from backup_actions.dump.description import RowChecksums

_BYTEA = 17
_INTEGER = "hashint4extended({column}::int4, {seed})"
_TEXT = 'hashtextextended({column} COLLATE "C", {seed})'
_TIMESTAMP = "timestamp_hash_extended({column}::timestamp, {seed})"
_NUMERIC = 'hashtextextended({column}::text COLLATE "C", {seed})'  # the same text as of concat, in less time
# https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat : the numbers of types never change.
_HASHES = {
    16: _INTEGER,
    _BYTEA: "hash_array_extended(ARRAY[{column}], {seed})",
    20: "hashtextextended('' COLLATE \"C\", {column} # {seed})",
    21: _INTEGER,
    23: _INTEGER,
    25: _TEXT,
    1043: _TEXT,
    1114: _TIMESTAMP,
    1184: _TIMESTAMP,
    1700: _NUMERIC,
    2950: "uuid_hash_extended({column}, {seed})",
}
_HASH_OF_TEXT = 'hashtextextended(concat({column}) COLLATE "C", {seed})'

_SUMS = {
    1: "coalesce(sum(('x' || left(md5({row}), 16))::bit(64)::int8), 0)::text",
    2: "coalesce(sum({row}), 0)::text",
}
_PIECES: dict[int, LiteralString] = {
    1: "oid::text || ':' || %(start)s / %(chunk)s || ':' || md5(data)",
    2: (
        "hashtextextended((oid::text || ':' || %(start)s / %(chunk)s) COLLATE \"C\", "
        "hash_array_extended(ARRAY[data], 0))"
    ),
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column, the number of its type in ``pg_type``, and the hash of its name."""

    name: str
    type_number: int
    seed: int


def sum_of_rows(way: RowChecksums, columns: Sequence[Column]) -> sql.Composable:
    """The aggregate over the rows of a table with these columns, which stand in the order of their names."""
    return _sum(way, _text_of_row(columns) if way == 1 else _hash_of_row(columns))


def sum_of_pieces(way: RowChecksums) -> sql.Composable:
    """The aggregate over pieces of large objects: rows with ``oid`` and ``data``, ``start`` being a parameter."""
    return _sum(way, sql.SQL(_PIECES[way]))


def _sum(way: RowChecksums, row: sql.Composable) -> sql.Composable:
    return sql.SQL(_SUMS[way]).format(row=row)


def _text_of_row(columns: Sequence[Column]) -> sql.Composable:
    values = (
        sql.SQL("md5({})" if column.type_number == _BYTEA else "{}").format(sql.Identifier(column.name))
        for column in columns
    )
    return sql.SQL("ROW({})::text").format(sql.SQL(", ").join(values))


def _hash_of_row(columns: Sequence[Column]) -> sql.Composable:
    hashes = sql.SQL(" # ").join(map(_hash, columns)) if columns else sql.Literal(0)
    return sql.SQL("hashtextextended('' COLLATE \"C\", {})").format(hashes)


def _hash(column: Column) -> sql.Composable:
    name, seed = sql.Identifier(column.name), sql.SQL(f"({column.seed})")
    value = sql.SQL(_HASHES.get(column.type_number, _HASH_OF_TEXT)).format(column=name, seed=seed)
    if column.type_number in _HASHES and column.type_number != _BYTEA:
        return sql.SQL("coalesce({}, {})").format(value, seed)  # of NULL they are NULL, and servers look at it once
    return sql.SQL("CASE WHEN {} IS NULL THEN {} ELSE {} END").format(name, seed, value)
