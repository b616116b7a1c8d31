"""Roles of PostgreSQL, as ``pg_dumpall --globals-only`` tells them: loaded where they do not exist yet.

Statement by statement, by the driver: psql would obey commands in a script that somebody has altered.
"""

from __future__ import annotations

import re

from psycopg import errors

from backup_actions.dump.postgresql.left_out import LeftOut, made_or_left_out
from backup_actions.dump.postgresql.script import statements
from backup_actions.dump.postgresql.session import OF_THE_SERVER, Failed, Session

_COMPLETE = b"-- PostgreSQL database cluster dump complete"
_NAME = r'("(?:[^"]|"")*"|\w+)'
_OF_ROLE = re.compile(rf"(?:CREATE|ALTER|COMMENT ON) ROLE {_NAME}")
_MEMBERSHIP = re.compile(rf"(?P<grant>GRANT {_NAME} TO {_NAME})(?P<how>.*?)(?: GRANTED BY {_NAME})?", re.DOTALL)
_ATTRIBUTES = re.compile(rf"(?P<role>ALTER ROLE {_NAME}) WITH(?P<attributes>(?: [A-Z]+)+)(?P<rest>.*)", re.DOTALL)
# A new role has none of them, and who is no superuser may not even say so.
_REFUSED = frozenset({"NOSUPERUSER", "NOREPLICATION", "NOBYPASSRLS"})
_ROLES = "SELECT rolname FROM pg_roles"


def names(asking: Session) -> tuple[str, ...]:
    """Every role that is not the server's own."""
    found = asking.execute(f"{_ROLES} WHERE rolname !~ %s", (OF_THE_SERVER,)).fetchall()
    return tuple(sorted(str(name) for (name,) in found))


def require_complete(script: bytes, failed: Failed) -> None:
    """Raise unless pg_dumpall wrote this to its end."""
    if _COMPLETE not in script[-200:]:
        raise failed("it ends before its end")


def load(asking: Session, script: str, left_out: LeftOut | None = None) -> None:
    """Every role of the script exists; those that existed are as they were. Raises ValueError for no such script.

    Who granted a membership is not kept: it is the one who loads it.
    """
    there = {str(name) for (name,) in asking.execute(_ROLES).fetchall()}
    kept = set(there)
    for statement in statements(script):
        if membership := _MEMBERSHIP.fullmatch(statement):
            granted, member = _unquoted(membership[2]), _unquoted(membership[3])
            if granted in there and not _stays(member, kept):
                asking.execute((membership["grant"] + membership["how"]).encode())
        elif role := _OF_ROLE.match(statement):
            if not _stays(_unquoted(role[1]), kept):
                made_or_left_out(asking, _permitted(statement), left_out)
                there.add(_unquoted(role[1]))
        elif not statement.startswith(("SET ", "SELECT ")):
            _once(asking, statement)


def _stays(role: str, kept: set[str]) -> bool:
    return role in kept or re.match(OF_THE_SERVER, role) is not None


def _permitted(statement: str) -> str:
    altered = _ATTRIBUTES.fullmatch(statement)
    if not altered:
        return statement
    attributes = [word for word in altered["attributes"].split() if word not in _REFUSED]
    return " ".join([altered["role"], "WITH", *attributes]) + altered["rest"]


def _once(asking: Session, statement: str) -> None:
    """What belongs to no role: tablespaces, and who may use them."""
    try:
        asking.execute(statement.encode())
    except errors.DuplicateObject:
        return


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
