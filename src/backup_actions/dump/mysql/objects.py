"""What is in a database of MySQL or MariaDB besides rows: found, and hashed as the server defines it.

A hash is of a definition from ``SHOW CREATE …`` with the settings under which it was made. Left out of it are the
database's own name where the server has put it, and the definer: who may not make objects in the name of others
becomes their definer when loading them.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from backup_actions.dump.description import DatabaseObject
from backup_actions.dump.mysql.session import Session
from backup_actions.dump.mysql.stored import StoredProgram, stored_program
from backup_actions.dump.mysql.text import (
    as_bytes,
    as_text,
    awake,
    mentioned,
    moved,
    moved_trigger,
    quoted,
    without_definer,
)

_ROUTINES = {"PROCEDURE", "FUNCTION", "PACKAGE", "PACKAGE BODY"}


@dataclass(frozen=True, slots=True)
class BrokenView:
    """A view that no program can dump, because what it looks into is not there."""

    name: str
    definition: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """The names of everything that is in a database, each kind in order."""

    tables: tuple[str, ...]
    sequences: tuple[str, ...]
    views: tuple[str, ...]
    broken_views: tuple[BrokenView, ...]
    routines: tuple[tuple[str, str], ...]
    """Kind and name."""
    triggers: tuple[str, ...]
    """In an order in which each can be made to follow those before it."""
    events: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing."""
        return not any((self.tables, self.sequences, self.views, self.broken_views, self.routines, self.events))


def inventory(session: Session, database: str) -> Inventory:
    """What is in a database; nothing is in one that does not exist."""
    kinds = _of_schema(session, database, "SELECT table_schema, table_type, table_name FROM information_schema.tables")
    tables = tuple(name for kind, name in kinds if kind in {"BASE TABLE", "SYSTEM VERSIONED"})
    views = [name for kind, name in kinds if kind == "VIEW"]
    broken = {name for name in views if not session.can(f"SHOW FIELDS FROM {_path(database, name)}")}
    routines = _of_schema(
        session, database, "SELECT routine_schema, routine_type, routine_name FROM information_schema.routines"
    )
    events = _of_schema(session, database, "SELECT event_schema, '', event_name FROM information_schema.events")
    return Inventory(
        tables=tables,
        sequences=tuple(name for kind, name in kinds if kind == "SEQUENCE"),
        views=tuple(name for name in views if name not in broken),
        broken_views=tuple(BrokenView(name, _view(session, database, name)) for name in views if name in broken),
        routines=tuple((kind, name) for kind, name in routines if kind in _ROUTINES),
        triggers=tuple(name for _, name in sorted(_ordered_triggers(session, database))),
        events=tuple(name for _, name in events),
    )


def views_in_order(session: Session, database: str, views: Sequence[str]) -> tuple[str, ...]:
    """Each behind those that it looks into: a view with a check option is refused on what only stands for another."""
    needed = {name: mentioned(_view(session, database, name)) for name in views}
    order: dict[str, None] = {}

    def add(name: str, above: frozenset[str]) -> None:
        if name in order:
            return
        for other in sorted((needed[name] & needed.keys()) - above):
            add(other, above | {other})
        order[name] = None

    for name in views:
        add(name, frozenset((name,)))
    return tuple(order)


def objects(session: Session, database: str) -> tuple[DatabaseObject, ...]:
    """Everything but rows, hashed."""
    found = inventory(session, database)
    return tuple(sorted(_hashed(session, database, found), key=lambda each: (each.kind, each.name)))


def enabled_events(session: Session, database: str) -> tuple[str, ...]:
    """Those that fire where the event scheduler is on."""
    events = _of_schema(session, database, "SELECT event_schema, status, event_name FROM information_schema.events")
    return tuple(name for status, name in events if status == "ENABLED")


def running_events(session: Session) -> tuple[str, ...]:
    """Those of all databases that fire now, because the scheduler is on: MySQL's is, unless it is told not to be."""
    (scheduler,) = session.first("SELECT @@event_scheduler")
    events = session.rows("SELECT event_schema, event_name FROM information_schema.events WHERE status = 'ENABLED'")
    return tuple(sorted(f"{schema}.{name}" for schema, name in events)) if scheduler == "ON" else ()


def definers(session: Session, database: str) -> frozenset[str]:
    """In whose name views, routines, triggers and events of a database work."""
    sources = (
        "SELECT table_schema, definer, '' FROM information_schema.views",
        "SELECT routine_schema, definer, '' FROM information_schema.routines",
        "SELECT trigger_schema, definer, '' FROM information_schema.triggers",
        "SELECT event_schema, definer, '' FROM information_schema.events",
    )
    return frozenset(definer for sql in sources for definer, _ in _of_schema(session, database, sql))


def _of_schema(session: Session, database: str, sql: str) -> tuple[tuple[str, str], ...]:
    """The second and third column of what is in the database, which the first names: comparisons there know no case."""
    column = sql.split()[1].rstrip(",")
    found = session.rows(f"{sql} WHERE {column} = %s", database)
    return tuple(sorted((second, third) for first, second, third in found if first == database))


def _hashed(session: Session, database: str, found: Inventory) -> Iterator[DatabaseObject]:
    for name in found.tables:
        row = session.first(f"SHOW CREATE TABLE {_path(database, name)}")
        yield _made("table", name, moved(row[1], database, ""))
    for name in found.sequences:
        # The next value of a sequence that is not cached is the one at which a restarted server goes on.
        state = session.first(f"SELECT next_not_cached_value, cycle_count FROM {_path(database, name)}")  # noqa: S608 - names are quoted
        row = session.first(f"SHOW CREATE SEQUENCE {_path(database, name)}")
        yield _made("sequence", name, moved(row[1], database, ""), *state)
    for name in found.views:
        _, text, client, collation = session.first(f"SHOW CREATE VIEW {_path(database, name)}")
        yield _made("view", name, moved(without_definer(text), database, ""), client, collation)
    for kind, name in found.routines:
        yield _of_program(kind, name, stored_program(session, kind, database, name), str)
    for order, name in _ordered_triggers(session, database):
        trigger = stored_program(session, "TRIGGER", database, name)
        yield _of_program("TRIGGER", name, trigger, lambda text: moved_trigger(text, database, ""), order)
    for name in found.events:
        yield _of_program("EVENT", name, stored_program(session, "EVENT", database, name), awake)


def _of_program(
    kind: str, name: str, program: StoredProgram, normal: Callable[[str], str], *facts: object
) -> DatabaseObject:
    text = normal(without_definer(as_text(program.text)))
    return _made(kind.lower(), name, text, *dataclasses.astuple(program)[1:], *facts)


def _made(kind: str, name: str, *facts: object) -> DatabaseObject:
    text = "\n".join(str(fact) for fact in facts)
    return DatabaseObject(kind=kind, name=name, sha256=hashlib.sha256(as_bytes(text)).hexdigest())


def _ordered_triggers(session: Session, database: str) -> Iterator[tuple[int, str]]:
    """When it is the turn of each among those of the same table and moment."""
    for schema, name, order in session.rows(
        "SELECT trigger_schema, trigger_name, action_order FROM information_schema.triggers WHERE trigger_schema = %s",
        database,
    ):
        if schema == database:
            yield order, name


def _view(session: Session, database: str, name: str) -> str:
    return str(session.first(f"SHOW CREATE VIEW {_path(database, name)}")[1])


def _path(database: str, name: str) -> str:
    return f"{quoted(database)}.{quoted(name)}"
