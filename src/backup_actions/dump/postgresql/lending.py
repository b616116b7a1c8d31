"""What somebody who is no superuser lacks to dump and to load: RDS's master user may neither read nor give away all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from psycopg import errors, sql

from backup_actions.dump.postgresql.contents import AS_SOMEBODY, Entry
from backup_actions.dump.postgresql.session import OF_THE_SERVER, Session

_OWNERS = """
SELECT DISTINCT pg_get_userbyid(owner) FROM (
    SELECT nspowner AS owner FROM pg_namespace UNION SELECT relowner FROM pg_class
    UNION SELECT lomowner FROM pg_largeobject_metadata) AS owners
WHERE NOT pg_has_role(owner, 'USAGE') AND pg_get_userbyid(owner) !~ %s"""
_SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
_GRANTOR = re.compile(rf'{AS_SOMEBODY}("(?:[^"]|"")*"|\w+)')
_OPTIONS_FROM = 160000  # before, a membership was always both


def owners_of(asking: Session, entries: Sequence[Entry]) -> set[str]:
    """The customers' roles that are to own something of it."""
    roles = _customers_roles(asking)
    return {role for each in entries for role in each.endings() & roles}


def may_read(asking: Session) -> None:
    """The asker is a member of those who own something in the database, where that may be."""
    owners = {str(name) for (name,) in asking.execute(_OWNERS, (OF_THE_SERVER,)).fetchall()}
    lend_memberships(asking, owners)


def lend_memberships(asking: Session, owners: set[str]) -> None:
    """The asker, unless a superuser, is a member of these roles, where that may be: it can give them what is theirs."""
    if _is_superuser(asking):
        return
    how = sql.SQL("WITH INHERIT TRUE, SET TRUE" if asking.info.server_version >= _OPTIONS_FROM else "")
    for owner in sorted(owners):
        try:
            asking.execute(sql.SQL("GRANT {} TO CURRENT_USER {}").format(sql.Identifier(owner), how))
        except (errors.InsufficientPrivilege, errors.InvalidGrantOperation):
            continue  # what that role was to own cannot be loaded, and will be named


def grant_as_others(asking: Session, grants: Sequence[str]) -> None:
    """What pg_dump says of grants, in the order in which it does, was granted by whom it says.

    Who is no superuser may not have the session of somebody else, but act as a role of which it is a member.
    """
    grantors = {found[1] for each in grants if (found := _GRANTOR.fullmatch(each))}
    names = {name[1:-1].replace('""', '"') if name.startswith('"') else name for name in grantors}
    lend_memberships(asking, names & _customers_roles(asking))
    try:
        for each in grants:
            grantor = _GRANTOR.fullmatch(each)
            if grantor:
                asking.execute(f"SET ROLE {grantor[1]}".encode())
            elif each == "RESET SESSION AUTHORIZATION":
                asking.execute("RESET ROLE")
            elif each.startswith(("GRANT ", "REVOKE ")):
                asking.execute(each.encode())
    finally:
        if not asking.closed:
            asking.execute("RESET ROLE")


@contextmanager
def creation_lent(asking: Session, entries: Sequence[Entry]) -> Iterator[None]:
    """Who is to own something in a schema may create something there, as long as the block lasts.

    Superusers need no such thing. Others cannot give a table to somebody who may not create one in its schema, and
    pg_restore says who may only when it has given everything away.
    """
    lent = [] if _is_superuser(asking) else list(_lacking(asking, entries))
    for schema, role in lent:
        asking.execute(sql.SQL("GRANT CREATE ON SCHEMA {} TO {}").format(sql.Identifier(schema), sql.Identifier(role)))
    try:
        yield
    finally:
        for schema, role in lent:
            names = sql.Identifier(schema), sql.Identifier(role)
            asking.execute(sql.SQL("REVOKE CREATE ON SCHEMA {} FROM {}").format(*names))


def _lacking(asking: Session, entries: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    """Each schema, and a role that is to own something in it and may not create it."""
    roles = _customers_roles(asking)
    schemas = {str(schema) for (schema,) in asking.execute(_SCHEMAS).fetchall()}
    found = {
        (schema, role) for each in entries for schema in each.beginnings() & schemas for role in each.endings() & roles
    }
    for schema, role in sorted(found):
        ((may,),) = asking.execute("SELECT has_schema_privilege(%s, %s, 'CREATE')", (role, schema)).fetchall()
        if not may:
            yield schema, role


def _customers_roles(asking: Session) -> set[str]:
    roles = asking.execute("SELECT rolname FROM pg_roles WHERE rolname !~ %s", (OF_THE_SERVER,)).fetchall()
    return {str(role) for (role,) in roles}


def _is_superuser(asking: Session) -> bool:
    ((superuser,),) = asking.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchall()
    return bool(superuser)
