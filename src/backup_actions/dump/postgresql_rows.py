"""Rows of PostgreSQL, counted, with a checksum of their content.

The checksum of a table is the sum, over its rows, of the first 64 bits of the MD5 of the row's text, as a signed number:

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

from collections.abc import Callable, Iterator

from psycopg import sql

from backup_actions.dump.description import Table
from backup_actions.dump.postgresql_session import OF_THE_SERVER, Session

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

_TABLES = r"""
SELECT c.oid, n.nspname, c.relname, pg_table_size(c.oid),
    array(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attname::text COLLATE "C"),
    array(SELECT a.atttypid = 'bytea'::regtype FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attname::text COLLATE "C")
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND pg_get_userbyid(c.relowner) !~ %(own)s
AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_extension'::regclass
    AND d.deptype = 'e' AND c.oid <> ALL (coalesce(e.extconfig, '{}')))
ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C" """

_OBJECTS = f"""
WITH chunk AS MATERIALIZED (
    SELECT oid, lo_get(oid, %(start)s, {_CHUNK_BYTES}) AS data FROM pg_largeobject_metadata
    WHERE %(of)s::oid[] IS NULL OR oid = ANY (%(of)s::oid[]))
SELECT count(*), {{sum}}, coalesce(sum(length(data)), 0)::int8,
    coalesce(array_agg(oid::int8) FILTER (WHERE length(data) = {_CHUNK_BYTES}), '{{{{}}}}') FROM chunk"""


def tables(asking: Session, progress: Callable[[int], None]) -> Iterator[Table]:
    """Every table of the database, in the order of their names."""
    for name, value in SETTINGS.items():
        asking.execute("SELECT set_config(%s, %s, false)", (name, value))
    objects = _large_objects(asking)
    if objects.rows:
        progress(objects.size_bytes)
        yield objects
    for _, schema, name, size_bytes, columns, binary in asking.execute(_TABLES, {"own": OF_THE_SERVER}).fetchall():
        yield _table(asking, (schema, name), zip(columns, binary, strict=True), size_bytes)
        progress(size_bytes)


def _table(asking: Session, path: tuple[str, str], columns: Iterator[tuple[str, bool]], size_bytes: int) -> Table:
    values = [
        sql.SQL("md5({})" if binary else "{}").format(sql.Identifier(name))  # its text would be twice its size
        for name, binary in columns
    ]
    text = sql.SQL("ROW({})::text").format(sql.SQL(", ").join(values))
    query = sql.SQL("SELECT count(*), {} FROM ONLY {}").format(
        sql.SQL(_SUM).format(text=text), sql.Identifier(*path)
    )
    rows, checksum = _one(asking, query)
    return Table(schema=path[0], name=path[1], rows=int(rows), checksum=str(checksum), size_bytes=size_bytes)
