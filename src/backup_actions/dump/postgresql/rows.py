"""Rows of PostgreSQL, counted, with a checksum of their content: ``row_sums`` has what it is made of.

Order of rows does not matter, equal rows count as often as they are there, and neither settings, locale nor version
change it.

Each table that holds rows itself counts once: partitions, not what they are partitions of; a child without its parent's
rows. Materialized views have no rows of their own: loading a dump asks their query again, and one that was not
refreshed lately would differ. What an extension brings along is its own, except for what it wants to be dumped.

Large objects are the table ``pg_catalog.pg_largeobject``, where there are any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from psycopg import sql

from backup_actions.dump.description import RowChecksums, Table
from backup_actions.dump.postgresql.row_sums import Column, sum_of_pieces, sum_of_rows
from backup_actions.dump.postgresql.session import OWNER_OF_THE_SERVERS, Session

LARGE_OBJECTS = ("pg_catalog", "pg_largeobject")

SETTINGS = {
    "search_path": "pg_catalog",  # names within values, of types and tables, are told with their schemas
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "extra_float_digits": "3",
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "lc_monetary": "C",
    "quote_all_identifiers": "off",
    "row_security": "off",  # an error, not fewer rows, where policies would hide some
    "jit": "off",  # compiling takes longer than most tables
}

_CHUNK_BYTES = 16 << 20

_TABLES = """
SELECT n.nspname, c.relname, pg_table_size(c.oid),
    array(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attname::text COLLATE "C"),
    array(SELECT a.atttypid::int8 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attname::text COLLATE "C"),
    array(SELECT hashtextextended(a.attname::text COLLATE "C", 0) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname::text COLLATE "C")
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND pg_get_userbyid(c.relowner) <> %s
AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_extension'::regclass
    AND d.deptype = 'e' AND c.oid <> ALL (coalesce(e.extconfig, '{}')))"""

_OBJECTS = """
SELECT count(*), {sum}, coalesce(sum(length(data)), 0)::int8,
    coalesce(array_agg(oid::int8) FILTER (WHERE length(data) = %(chunk)s), '{{}}')
FROM (SELECT oid, lo_get(oid, %(start)s, %(chunk)s) AS data FROM pg_largeobject_metadata
    WHERE %(of)s::oid[] IS NULL OR oid = ANY (%(of)s::oid[]) OFFSET 0) AS chunks"""
_OBJECTS_SIZE = "SELECT pg_table_size('pg_largeobject') WHERE EXISTS (SELECT FROM pg_largeobject_metadata)"


def tables(asking: Session, row_checksums: RowChecksums, progress: Callable[[int], None]) -> tuple[Table, ...]:
    """Every table of the database, in the order of their names, its rows summed up in that way."""
    for name, value in SETTINGS.items():
        asking.execute("SELECT set_config(%s, %s, false)", (name, value))
    counted = _counted(asking, row_checksums, progress)
    return tuple(sorted(counted, key=lambda table: (table.schema, table.name)))


def outlined(asking: Session) -> tuple[Table, ...]:
    """The same tables by their sizes, not counted."""
    found = asking.execute(_TABLES, (OWNER_OF_THE_SERVERS,)).fetchall()
    keys = [(schema, name, size_bytes) for schema, name, size_bytes, *_ in found]
    keys += [(*LARGE_OBJECTS, size_bytes) for (size_bytes,) in asking.execute(_OBJECTS_SIZE).fetchall()]
    return tuple(
        Table(schema=schema, name=name, rows=0, checksum="", size_bytes=size) for schema, name, size in sorted(keys)
    )


def _counted(asking: Session, way: RowChecksums, progress: Callable[[int], None]) -> Iterator[Table]:
    found = asking.execute(_TABLES, (OWNER_OF_THE_SERVERS,)).fetchall()
    for schema, name, size_bytes, *of_columns in found:
        columns = [Column(*each) for each in zip(*of_columns, strict=True)]
        rows, checksum = _content(asking, way, sql.Identifier(schema, name), columns)
        yield Table(schema=schema, name=name, rows=rows, checksum=checksum, size_bytes=size_bytes)
        progress(size_bytes)
    objects = _large_objects(asking, way)
    if objects.rows:
        yield objects
        progress(objects.size_bytes)


def _content(asking: Session, way: RowChecksums, table: sql.Identifier, columns: Sequence[Column]) -> tuple[int, str]:
    query = sql.SQL("SELECT count(*), {} FROM ONLY {}").format(sum_of_rows(way, columns), table)
    ((rows, checksum),) = asking.execute(query).fetchall()
    return rows, checksum


def _large_objects(asking: Session, way: RowChecksums) -> Table:
    """Chunk by chunk: no value of PostgreSQL has room for the largest of them."""
    query = sql.SQL(_OBJECTS).format(sum=sum_of_pieces(way))
    rows, total, size_bytes, start = 0, 0, 0, 0
    unfinished: list[int] | None = None
    while unfinished is None or unfinished:
        values = {"start": start, "chunk": _CHUNK_BYTES, "of": unfinished}
        ((count, checksum, length, unfinished),) = asking.execute(query, values).fetchall()
        rows = rows or count
        total, size_bytes, start = total + int(checksum), size_bytes + length, start + _CHUNK_BYTES
    schema, name = LARGE_OBJECTS
    return Table(schema=schema, name=name, rows=rows, checksum=str(total), size_bytes=size_bytes)
