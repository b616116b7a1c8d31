"""What a database of PostgreSQL holds besides rows: every object's definition, hashed.

Definitions are those of ``pg_dump --schema-only --create``, which knows all that can be restored: what it says of an
original and of a copy is the same text. Each object of its output is one here: its kind, its name, and the SHA-256 of
its text without empty lines. The database's own name does not count, nor does the order of grants and, in a child of
another table, of columns: a restored child has its parent's columns first.
What the output does not tell is asked: versions of extensions, the values of sequences, whose large objects are, and
which materialized views have asked their query.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import chain

from psycopg import sql

from backup_actions.dump.description import DatabaseObject
from backup_actions.dump.postgresql.script import about_database, of_database, parts
from backup_actions.dump.postgresql.session import OWNER_OF_THE_SERVERS, Session

_STATE = re.compile(r"^SET default_(tablespace|table_access_method) = .*;$", re.MULTILINE)

_VERSIONS = """
SELECT e.extname, e.extversion, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.oid >= 16384 ORDER BY 1"""  # what is below is in every new database
_SEQUENCES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND pg_get_userbyid(c.relowner) <> %s
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2"""

_LARGE_OBJECTS = """
SELECT count(*), sum(('x' || left(md5(ROW(m.oid, pg_get_userbyid(m.lomowner),
    array(SELECT a::text FROM unnest(m.lomacl) a ORDER BY 1), obj_description(m.oid, 'pg_largeobject'))::text), 16)
)::bit(64)::int8)::text FROM pg_largeobject_metadata m"""

_POPULATED = "SELECT schemaname, matviewname FROM pg_matviews WHERE ispopulated AND matviewowner <> %s ORDER BY 1, 2"


def objects(asking: Session, definitions: str) -> tuple[DatabaseObject, ...]:
    """Everything but rows, in the order of kinds and names. ``definitions`` is what pg_dump wrote."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    extensions = asking.execute(_VERSIONS).fetchall()
    asked = (_versions(extensions), _values(asking), _populated(asking), _large_objects(asking))
    for kind, name, text in chain(_defined(definitions, {schema for *_, schema in extensions}), *asked):
        found[kind, name].append(sha256(text.encode()).hexdigest())
    return tuple(
        DatabaseObject(kind=kind, name=name, sha256=_together(hashes)) for (kind, name), hashes in sorted(found.items())
    )


def version_name(extension: str, version: str, schema: str) -> str:
    """The name under which an extension's version is an object."""
    return f"{extension} {version} in {schema}"


def versions(described: tuple[DatabaseObject, ...]) -> Iterator[tuple[str, str, str]]:
    """Name, version and schema of each extension."""
    for each in described:
        found = re.fullmatch(r"(.*) (\S+) in (.*)", each.name, re.DOTALL)
        if each.kind == "extension version" and found:
            yield found[1], found[2], found[3]


def of_any_name(about: Iterable[str]) -> str:
    """Statements about a database, as they are compared: what it is made with is compared by itself."""
    return "\n".join(sorted(of_database(each, "it") for each in about))


def _together(hashes: list[str]) -> str:
    """Two objects of one name, of functions that differ in their arguments' schemas alone for instance, are one."""
    return hashes[0] if len(hashes) == 1 else sha256("".join(sorted(hashes)).encode()).hexdigest()


def _defined(definitions: str, homes: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Each object of the text.

    Of schemas that are the ``homes`` of extensions, owners are not compared: on RDS some belong to the server's owner,
    and in a copy to whoever loads it.
    """
    for part in parts(definitions):
        kind, name, owner = part.kind.lower(), part.name, part.owner
        body = _STATE.sub("", part.body)
        is_told = kind in {"acl", "comment", "security label"} and name.startswith("DATABASE ")
        if is_told or kind in {"database", "database properties"}:
            yield kind, "database", of_any_name(about_database(body))
        elif kind == "schema" and name in homes:
            yield kind, name, ""
        elif kind == "acl" and name.startswith("SCHEMA "):
            yield kind, name, _normal(kind, body)
        elif owner != OWNER_OF_THE_SERVERS and not (kind == "comment" and name.startswith("EXTENSION ")):
            # What an extension says of itself it says anew; whoever may make one may not always change that.
            schema = "" if part.schema == "-" else f"{part.schema}."
            yield kind, f"{schema}{name}", f"{owner}\n{_normal(kind, body)}"


def _normal(kind: str, body: str) -> str:
    lines = [line for line in body.splitlines() if line]
    if kind.endswith("acl") or (kind == "table" and "\nINHERITS (" in body):
        lines = sorted(line.rstrip(",") for line in lines)
    return "\n".join(lines)


def _versions(extensions: Sequence[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    for extension in extensions:
        name = version_name(*extension)
        yield "extension version", name, name


def _values(asking: Session) -> Iterator[tuple[str, str, str]]:
    for schema, name in asking.execute(_SEQUENCES, (OWNER_OF_THE_SERVERS,)).fetchall():
        query = sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(schema, name))
        yield "sequence value", f"{schema}.{name}", repr(asking.execute(query).fetchall())


def _populated(asking: Session) -> Iterator[tuple[str, str, str]]:
    for schema, name in asking.execute(_POPULATED, (OWNER_OF_THE_SERVERS,)).fetchall():
        yield "materialized view data", f"{schema}.{name}", ""


def _large_objects(asking: Session) -> Iterator[tuple[str, str, str]]:
    """Owners, grants and comments of all of them, as one: there may be millions."""
    ((count, told),) = asking.execute(_LARGE_OBJECTS).fetchall()
    if count:
        yield "large objects", "owners", told
