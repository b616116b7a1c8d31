"""Rows of PostgreSQL, counted, with a checksum of their content.

The checksum of a table is the sum, over its rows, of the first 64 bits of the MD5 of the row's text, as signed numbers:

    SET search_path = pg_catalog; SET timezone = 'UTC'; …  -- the settings below
    SELECT count(*), sum(('x' || left(md5(ROW(a, b)::text), 16))::bit(64)::int8) FROM ONLY s.t

Columns stand in the order of their names in the C collation, because a restored table may have them in another; of a
column of type bytea it is the MD5 that stands there, which needs no text twice its size. Order of rows does not matter,
equal rows count as often as they are there, and neither settings, locale nor version change the text of a value. The
text is hashed in the character set of the database.

Each table that holds rows itself counts once: partitions, not what they are partitions of; a child without its parent's
rows. Materialized views have no rows of their own: loading a dump asks their query again, and one that was not
refreshed lately would differ. What an extension brings along is its own, except for what it wants to be dumped.

Large objects are the table ``pg_catalog.pg_largeobject``, where there are any: a row each, of its number, the number of
the chunk, and the MD5 of the chunk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from psycopg import sql

from backup_actions.dump.description import Table
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
_SUM = "coalesce(sum(('x' || left(md5({text}), 16))::bit(64)::int8), 0)::text"

_TABLES = """
SELECT n.nspname, c.relname, pg_table_size(c.oid),
    array(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attname::text COLLATE "C"),
    array(SELECT a.atttypid = 'bytea'::regtype FROM pg_attribute a
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
_OBJECT = "oid::text || ':' || %(start)s / %(chunk)s || ':' || md5(data)"


def tables(asking: Session, progress: Callable[[int], None]) -> tuple[Table, ...]:
    """Every table of the database, in the order of their names."""
    for name, value in SETTINGS.items():
        asking.execute("SELECT set_config(%s, %s, false)", (name, value))
    return tuple(sorted(_counted(asking, progress), key=lambda table: (table.schema, table.name)))


def outlined(asking: Session) -> tuple[Table, ...]:
    """The same tables by their sizes, not counted."""
    found = asking.execute(_TABLES, (OWNER_OF_THE_SERVERS,)).fetchall()
    keys = [(schema, name, size_bytes) for schema, name, size_bytes, _, _ in found]
    keys += [(*LARGE_OBJECTS, size_bytes) for (size_bytes,) in asking.execute(_OBJECTS_SIZE).fetchall()]
    return tuple(
        Table(schema=schema, name=name, rows=0, checksum="", size_bytes=size) for schema, name, size in sorted(keys)
    )


def _counted(asking: Session, progress: Callable[[int], None]) -> Iterator[Table]:
    found = asking.execute(_TABLES, (OWNER_OF_THE_SERVERS,)).fetchall()
    for schema, name, size_bytes, columns, binary in found:
        rows, checksum = _content(asking, sql.Identifier(schema, name), zip(columns, binary, strict=True))
        yield Table(schema=schema, name=name, rows=rows, checksum=checksum, size_bytes=size_bytes)
        progress(size_bytes)
    objects = _large_objects(asking)
    if objects.rows:
        yield objects
        progress(objects.size_bytes)


def _content(asking: Session, table: sql.Identifier, columns: Iterable[tuple[str, bool]]) -> tuple[int, str]:
    values = sql.SQL(", ").join(
        sql.SQL("md5({})" if binary else "{}").format(sql.Identifier(name)) for name, binary in columns
    )
    row = sql.SQL("ROW({})::text").format(values)
    query = sql.SQL("SELECT count(*), {} FROM ONLY {}").format(sql.SQL(_SUM).format(text=row), table)
    ((rows, checksum),) = asking.execute(query).fetchall()
    return rows, checksum


def _large_objects(asking: Session) -> Table:
    """Chunk by chunk: no value of PostgreSQL has room for the largest of them."""
    query = sql.SQL(_OBJECTS).format(sum=sql.SQL(_SUM).format(text=sql.SQL(_OBJECT)))
    rows, total, size_bytes, start = 0, 0, 0, 0
    unfinished: list[int] | None = None
    while unfinished is None or unfinished:
        values = {"start": start, "chunk": _CHUNK_BYTES, "of": unfinished}
        ((count, checksum, length, unfinished),) = asking.execute(query, values).fetchall()
        rows = rows or count
        total, size_bytes, start = total + int(checksum), size_bytes + length, start + _CHUNK_BYTES
    schema, name = LARGE_OBJECTS
    return Table(schema=schema, name=name, rows=rows, checksum=str(total), size_bytes=size_bytes)
