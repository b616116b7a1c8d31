"""What a server refuses to make although it may hold it: extensions that it has to preload, and their settings."""

from __future__ import annotations

import re
from collections.abc import Sequence

import psycopg
from psycopg import errors

from backup_actions.dump.connection import Connection
from backup_actions.dump.postgresql.session import Failed, Session, session

# In the words of pg_cron, pgaudit, pglogical, pg_tle and TimescaleDB. The last is PostgreSQL's own, of a library whose
# settings take effect at the start alone.
_REFUSED = re.compile(
    r"shared_preload_libraries|must be preloaded|can only create extension in database"
    r'|unrecognized configuration parameter "[^"]+\.[^"]+"|cannot create PGC_POSTMASTER variables after startup'
)
_AS_PG_RESTORE_HAS_THEM = (
    "SELECT set_config('search_path', '', false), set_config('check_function_bodies', 'off', false)"
)
_SETTING = re.compile(r'ALTER (?:DATABASE|ROLE) .*? SET "?(?P<name>\w+\.[\w.]+)"? (?:TO|=) .*', re.DOTALL)
_MISSING = (errors.InvalidSchemaName, errors.UndefinedTable, errors.UndefinedFunction, errors.UndefinedObject)


def refusal(to: Connection, database: str, statement: str, failed: Failed) -> str:
    """Why the server as it is set up cannot make an extension there, in its words; empty where it is there now.

    Raises what is made of anything else that it says.
    """
    with session(to, database, failed) as asking:
        try:
            asking.execute(_AS_PG_RESTORE_HAS_THEM)
            asking.execute(statement.encode())
        except psycopg.Error as refused:
            said = refused.diag.message_primary or ""
            if _REFUSED.search(said):
                return said
            raise
    return ""


def remedied(extension: str, said: str) -> str:
    """The same with what somebody may do about it who wants the extension."""
    return (
        f"the server cannot make the extension {extension} here: {said}. Its parameter shared_preload_libraries has to"
        f" name {extension} (on RDS in a parameter group of the instance's own, followed by a restart); where it names"
        " a database, that is the one to load into"
    )


def unknown_setting(asking: Session, statement: str) -> str:
    """The name of what it sets, if only a library would make it known: without that, only superusers may set it."""
    setting = _SETTING.fullmatch(statement)
    if not setting:
        return ""
    # Not by current_setting: a statement that fails leaves an empty one in the session.
    known = asking.execute("SELECT FROM pg_settings WHERE lower(name) = lower(%s)", (setting["name"],)).fetchall()
    return "" if known else setting["name"]


def is_about_nothing(asking: Session, statements: Sequence[str]) -> bool:
    """Whether the server has not what these name, other than roles. They are tried, and do not stay."""
    try:
        with asking.transaction(force_rollback=True):
            for statement in statements:
                asking.execute(statement.encode())
    except _MISSING as missing:
        return not (missing.diag.message_primary or "").startswith("role ")
    except psycopg.Error:
        if asking.closed:
            raise
    return False
