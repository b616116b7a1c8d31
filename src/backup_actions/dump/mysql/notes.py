"""What somebody should know who restores a dump of MySQL or MariaDB."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from backup_actions.dump.mysql.accounts import accounts, unknown_accounts
from backup_actions.dump.mysql.objects import definers, enabled_events, inventory
from backup_actions.dump.mysql.rows import shapes
from backup_actions.dump.mysql.session import Session

_MOST_NAMED = 20


def notes(session: Session, databases: Sequence[str]) -> tuple[str, ...]:
    """Sentences."""
    users = [account.label for account in accounts(session) if account.kind == "USER"]
    found = [*_of_accounts(users)]
    if unknown := [account.label for account in unknown_accounts(session)]:
        found.append(f"Accounts that the server lists and tells nothing of are not in the dump: {_listed(unknown)}.")
    for database in databases:
        found += _of_database(session, database)
    return tuple(found)


def _of_accounts(users: Sequence[str]) -> Iterator[str]:
    if users:
        yield (
            f"The dump holds no passwords, and accounts that it makes are locked until they are given one "
            f"(ALTER USER … IDENTIFIED BY … ACCOUNT UNLOCK): {_listed(users)}."
        )


def _of_database(session: Session, database: str) -> Iterator[str]:
    for view in inventory(session, database).broken_views:
        yield (
            f"The view {view.name!r} of {database!r} is not in the dump, because what it looks into is not there; "
            f"it was made by: {view.definition}."
        )
    if events := enabled_events(session, database):
        yield f"Events of {database!r} are on, and fire where they are loaded if its scheduler is: {_listed(events)}."
    if past := [shape.name for shape in shapes(session, database) if shape.is_versioned and not shape.history]:
        yield f"Of tables of {database!r} the dump has the rows of now, and none of the past: {_listed(past)}."
    if names := sorted(definers(session, database)):
        yield (
            f"Views, routines, triggers or events of {database!r} work in the name of {_listed(names)}; "
            "whoever loads them without the right to set definers takes the place of these."
        )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
