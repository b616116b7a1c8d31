"""Databases of PostgreSQL: found, made like others, emptied of sessions and dropped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from urllib.parse import parse_qsl, quote, unquote, urlencode

from psycopg import errors, sql

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Database
from backup_actions.dump.postgresql.left_out import Extension, LeftOut
from backup_actions.dump.postgresql.objects import versions
from backup_actions.dump.postgresql.session import (
    MAINTENANCE_DATABASE,
    OWNER_OF_THE_SERVERS,
    Failed,
    Session,
    session,
)
from backup_actions.errors import LoadFailed, TargetNotEmpty

_CUSTOMERS = """
SELECT datname FROM pg_database
WHERE datconnlimit <> -2 AND datname NOT IN ('template0', 'template1', %s)"""
_LOCALE = "SELECT pg_encoding_to_char(d.encoding), to_jsonb(d) FROM pg_database d WHERE d.datname = %s"
# Objects that a new database has are numbered lower; what an extension made comes with it.
_MADE = """EXISTS (SELECT FROM {0} WHERE oid >= 16384 AND {1} AND NOT EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = '{0}'::regclass AND d.objid = {0}.oid AND d.deptype = 'e'))"""
_CONTENT = " OR ".join(
    _MADE.format(catalogue, condition)
    for catalogue, condition in (
        ("pg_namespace", "nspname !~ '^pg_(toast_)?temp_'"),
        ("pg_class", "relpersistence <> 't' AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')"),
        ("pg_proc", "true"),
        ("pg_type", "typtype IN ('d', 'e', 'r')"),
        ("pg_largeobject_metadata", "true"),
    )
)
_EXTENSIONS = "EXISTS (SELECT FROM pg_extension WHERE oid >= 16384)"
_OTHER_VERSIONS = """
SELECT true FROM pg_available_extension_versions v JOIN pg_available_extensions e USING (name)
WHERE v.name = %s AND v.version = %s AND e.default_version <> v.version"""
_FORCES_FROM = 130000
_END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
_NEVER_DROPPED = frozenset({MAINTENANCE_DATABASE, "template0", "template1", OWNER_OF_THE_SERVERS})


def customers(to: Connection, failed: Failed) -> tuple[str, ...]:
    """Every database that is not the server's own; that for maintenance where somebody has put something into it.

    One that lets nobody in is among them: whoever asks for it is told so, and it is not left out in silence.
    """
    with session(to, MAINTENANCE_DATABASE, failed) as asking:
        names = {str(name) for (name,) in asking.execute(_CUSTOMERS, (OWNER_OF_THE_SERVERS,)).fetchall()}
        if not _holds(asking, f"{_CONTENT} OR {_EXTENSIONS}"):
            names.discard(MAINTENANCE_DATABASE)
    return tuple(sorted(names))


def is_empty(to: Connection, database: str, failed: Failed) -> bool:
    """Whether there is nothing but what a new database or an extension has; True of one that does not exist."""
    with session(to, MAINTENANCE_DATABASE, failed) as asking:
        if locale(asking, database) is None:
            return True
    with session(to, database, failed) as asking:
        return not _holds(asking, _CONTENT)


def locale(asking: Session, database: str) -> tuple[str, str] | None:
    """Character set and collation of a database, if it exists.

    The collation is the operating system's, by its name, as most are: ``en_US.UTF-8``. What is otherwise follows in
    the manner of a URL: ``C?ctype=en_US.UTF-8``, ``en_US.UTF-8?provider=icu&locale=de-AT``.
    """
    found = asking.execute(_LOCALE, (database,)).fetchone()
    if found is None:
        return None
    character_set, row = found
    collate, character_type = row["datcollate"], row["datctype"]
    more = {"ctype": character_type} if character_type != collate else {}
    if provider := {"i": "icu", "b": "builtin"}.get(row.get("datlocprovider", "c")):
        more |= {"provider": provider, "locale": row.get("datlocale") or row.get("daticulocale") or ""}
        more |= {"rules": row["daticurules"]} if row.get("daticurules") else {}
    return character_set, quote(collate, safe="@") + (f"?{urlencode(more)}" if more else "")


def create(to: Connection, like: Database, left_out: LeftOut | None = None) -> None:
    """An empty database like that one stands there. Raises TargetNotEmpty, LoadFailed."""
    failed = partial(_not_made, like.name)
    if not is_empty(to, like.name, failed):
        raise TargetNotEmpty(database=like.name, where=to.address)
    with session(to, MAINTENANCE_DATABASE, failed) as asking:
        there = locale(asking, like.name)
        if there not in {None, (like.character_set, like.collation)} and not is_kept(like.name):
            drop(to, like.name)
            there = None
        if there is None:
            asking.execute(_creation(like))
    for extension in _extensions_of_their_versions(to, like, failed):
        extension.make(to, like.name, failed, left_out)


def is_kept(database: str) -> bool:
    """Whether nobody may drop it: the server, or whoever connects to it, needs it."""
    return database in _NEVER_DROPPED


def drop(to: Connection, database: str) -> None:
    """The database is gone, and with it the sessions in it. Raises LoadFailed, also where the server needs it."""
    failed = partial(_not_dropped, database)
    if is_kept(database):
        raise failed("it is the server's own")
    name = sql.Identifier(database)
    with session(to, MAINTENANCE_DATABASE, failed) as asking:
        if locale(asking, database) is None:
            return
        asking.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false ALLOW_CONNECTIONS true").format(name))
        _leave_publishers(to, database, failed)
        if asking.info.server_version >= _FORCES_FROM:
            asking.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
        else:
            asking.execute(_END_SESSIONS, (database,))
            asking.execute(sql.SQL("DROP DATABASE {}").format(name))  # it waits for them, some seconds


def _holds(asking: Session, condition: str) -> bool:
    ((holds,),) = asking.execute(f"SELECT {condition}").fetchall()
    return bool(holds)


def _creation(like: Database) -> sql.Composed:
    collate, _, query = like.collation.partition("?")
    more = dict(parse_qsl(query))
    options: dict[str, str] = {"ENCODING": like.character_set, "LC_COLLATE": unquote(collate)}
    options["LC_CTYPE"] = more.get("ctype", options["LC_COLLATE"])
    if "provider" in more:
        options |= _provided(more)
    return sql.SQL("CREATE DATABASE {} TEMPLATE template0 {}").format(
        sql.Identifier(like.name),
        sql.SQL(" ").join(sql.SQL(option + " {}").format(sql.Literal(value)) for option, value in options.items()),
    )


def _provided(more: Mapping[str, str]) -> dict[str, str]:
    """https://www.postgresql.org/docs/current/sql-createdatabase.html ."""
    if more["provider"] == "builtin":
        return {"LOCALE_PROVIDER": "builtin", "BUILTIN_LOCALE": more.get("locale", "")}
    rules = {"ICU_RULES": more["rules"]} if "rules" in more else {}
    return {"LOCALE_PROVIDER": "icu", "ICU_LOCALE": more.get("locale", ""), **rules}


def _extensions_of_their_versions(to: Connection, like: Database, failed: Failed) -> list[Extension]:
    """Those of which a dump would make a newer version, and how to make them in theirs, where it is still to be had.

    Only in schemas that a new database has: a dump makes the others itself.
    """
    with session(to, like.name, failed) as asking:
        return [
            Extension(
                name,
                sql.SQL("CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA {} VERSION {}")
                .format(sql.Identifier(name), sql.Identifier(schema), sql.Literal(version))
                .as_string(asking),
            )
            for name, version, schema in versions(like.objects)
            if schema in {"public", "pg_catalog"} and asking.execute(_OTHER_VERSIONS, (name, version)).fetchone()
        ]


def _leave_publishers(to: Connection, database: str, failed: Failed) -> None:
    """Subscriptions that are off, as loaded ones are, do not keep a database from being dropped any more."""
    with session(to, database, failed) as asking:
        try:
            off = asking.execute(
                "SELECT subname FROM pg_subscription WHERE NOT subenabled"
                " AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
            ).fetchall()
        except errors.InsufficientPrivilege:
            return  # whoever may not see them cannot have made one
        for (name,) in off:
            asking.execute(sql.SQL("ALTER SUBSCRIPTION {} SET (slot_name = NONE)").format(sql.Identifier(name)))
            asking.execute(sql.SQL("DROP SUBSCRIPTION {}").format(sql.Identifier(name)))


def _not_made(database: str, said: str) -> LoadFailed:
    return LoadFailed(what=f"the database {database!r}", reason=said)


def _not_dropped(database: str, said: str) -> LoadFailed:
    return LoadFailed(what=f"the database {database!r} that should be dropped", reason=said)
