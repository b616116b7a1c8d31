"""What a database is loaded and compared without, where its server cannot make an extension that it has.

pgaudit and others can only be made where the server preloads them, pg_cron only in one database: not in the database
into which a dump is loaded to prove it. Left out are these extensions, what depends on them, what is granted and told
of what they bring along, the rows of their tables, and settings of theirs. All else is loaded and compared as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

import psycopg

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Database, DatabaseObject, Table
from backup_actions.dump.postgresql.contents import Entry, extensions, of_no_table, shown, without
from backup_actions.dump.postgresql.objects import of_any_name, version_name, versions
from backup_actions.dump.postgresql.refusals import is_about_nothing, refusal, remedied, unknown_setting
from backup_actions.dump.postgresql.script import statements
from backup_actions.dump.postgresql.session import Failed, Session

_RELATIONS = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"""
_ROLES = "SELECT rolname FROM pg_roles"
_ROWS = ("TABLE DATA", "SEQUENCE SET")
_TOLD = ("ACL", "COMMENT", "SECURITY LABEL")
# What is made quickly, and names functions and schemas besides its table. The list shortens DEFAULT ACL, EVENT TRIGGER.
_TRIED = ("DEFAULT", "EVENT", "POLICY", "RULE", "STATISTICS", "TRIGGER")
_MOST_NAMED = 100

Definition = Callable[[Entry], str]


@dataclass
class LeftOut:
    """It gathers while sections are loaded; those of rows at the same time."""

    extensions: dict[str, str] = field(default_factory=dict)
    """By their names, why the server cannot make them."""
    settings: set[str] = field(default_factory=set)
    """Names that the server does not know without a library."""
    _lines: set[str] = field(default_factory=set)
    """Kind, schema and name of what was in a section and was not loaded, as ``pg_restore --list`` shows them."""
    _properties: dict[str, str] = field(default_factory=dict)
    """By the hash of a database's settings that of those which were made, or nothing if none was."""
    _unproven: list[str] = field(default_factory=list)

    def before_rows(self, asking: Session, found: Sequence[Entry], definition: Definition) -> tuple[Entry, ...]:
        """What is left of the definitions that come first."""
        if not self.extensions:
            return tuple(found)
        numbers = {each.number for each in found}
        removed = {each.number for name, each in extensions(found) if name in self.extensions}
        # What no entry makes was in the new database, or an extension brings it along.
        strange = [each for each in found if each.kind in _TOLD and not numbers.issuperset(each.needs)]
        return self._without(asking, found, removed | _about_nothing(asking, strange, definition))

    def rows(self, asking: Session, found: Sequence[Entry]) -> tuple[Entry, ...]:
        """What is left of the rows: those of tables that are there."""
        there = _relations(asking)
        return self._without(
            asking, found, {each.number for each in found if each.kind in _ROWS and not each.is_one_of(there)}
        )

    def after_rows(self, asking: Session, found: Sequence[Entry], definition: Definition) -> tuple[Entry, ...]:
        """What is left of the definitions that come last: those whose tables and functions are there."""
        if not self.extensions:
            return tuple(found)
        removed = of_no_table(found, _relations(asking), definition)
        tried = [each for each in found if each.kind in _TRIED and each.number not in removed]
        return self._without(asking, found, removed | _about_nothing(asking, tried, definition))

    def keep_settings(self, told: Sequence[str], made: Sequence[str]) -> None:
        """Of the statements that set what a database has, these were made."""
        self._properties[_hash(told)] = _hash(made) if made else ""

    def provable(self, expected: Database, found: Database) -> Database:
        """What was expected, without what was left out."""
        if not self.extensions and not self.settings:
            return expected
        objects = tuple(self._provable_objects(expected, found))
        defined = {line for each in expected.objects if each.kind == "table" for line in _lines_of(each)}
        tables = tuple(table for table in expected.tables if not self._lacks(table, defined))
        self._unproven += [f"{each.kind} {each.name}" for each in set(expected.objects) - set(objects)]
        return replace(expected, objects=objects, tables=tables)

    def sentences(self) -> Iterator[str]:
        """What was left out and why, for who reads what was proven."""
        for name, said in sorted(self.extensions.items()):
            yield f"the extension {name} was left out, which the server cannot make there: {said}"
        for name in sorted(self.settings):
            yield f"the setting {name} was left out, which the server does not know without its library"
        rows = [
            line.removeprefix("TABLE DATA ").replace(" ", ".", 1) for line in self._lines if line[:10] == "TABLE DATA"
        ]
        if unproven := sorted({*self._unproven, *(f"rows of {table}" for table in rows)}):
            more = f" and {len(unproven) - _MOST_NAMED} more" if len(unproven) > _MOST_NAMED else ""
            yield f"not proven for that reason: {', '.join(unproven[:_MOST_NAMED])}{more}"

    def _without(self, asking: Session, found: Sequence[Entry], removed: set[int]) -> tuple[Entry, ...]:
        left = without(found, removed)
        roles = {str(role) for (role,) in asking.execute(_ROLES).fetchall()}
        for each in set(found).difference(left):
            line = f"{each.kind} {each.rest}"
            self._lines.update(line[: -len(owner) - 1] for owner in each.endings() & {*roles, ""})
        return left

    def _lacks(self, table: Table, defined: Collection[str]) -> bool:
        """What is no extension's is defined in the dump: it is expected unless its definition was left out."""
        path = shown((table.schema, table.name))[:-1]
        return f"{'TABLE' if f'TABLE {path}' in defined else 'TABLE DATA'} {path}" in self._lines

    def _provable_objects(self, expected: Database, found: Database) -> Iterator[DatabaseObject]:
        homes = {schema for name, _, schema in versions(expected.objects) if name in self.extensions}
        gone = {version_name(*each) for each in versions(expected.objects) if each[0] in self.extensions}
        schemas = {each.name: each for each in found.objects if each.kind == "schema"}
        for each in expected.objects:
            if each.kind == "schema" and each.name in homes:
                yield schemas.get(each.name, each)  # its owner counts only where it is no extension's
            elif each.kind == "database properties":
                made = self._properties.get(each.sha256, each.sha256)
                if made:
                    yield replace(each, sha256=made)
            elif each.kind == "extension version":
                if each.name not in gone:
                    yield each
            elif self._lines.isdisjoint(_lines_of(each)):
                yield each


@dataclass(frozen=True, slots=True)
class Extension:
    """One that is wanted, and how it is made."""

    name: str
    statement: str

    def make(self, to: Connection, database: str, failed: Failed, left_out: LeftOut | None) -> None:
        """It is there, or left out where that may be. Raises what is made of a refusal, with its remedy."""
        said = refusal(to, database, self.statement, lambda said: failed(f"the extension {self.name}: {said}"))
        if said and left_out is None:
            raise failed(remedied(self.name, said))
        if said and left_out is not None:
            left_out.extensions[self.name] = said


def extensions_of(found: Sequence[Entry], definition: Definition) -> Iterator[Extension]:
    """Those of a section, in its order."""
    for name, each in extensions(found):
        for statement in statements(definition(each)):
            if statement.startswith("CREATE EXTENSION "):
                yield Extension(name, statement)


def made_or_left_out(asking: Session, statement: str, left_out: LeftOut | None) -> bool:
    """Whether a statement that may set something was carried out; else it is left out, where that may be."""
    try:
        asking.execute(statement.encode())
    except psycopg.Error:
        setting = unknown_setting(asking, statement) if left_out and not asking.closed else ""
        if not setting or left_out is None:
            raise
        left_out.settings.add(setting)
        return False
    return True


def _lines_of(described: DatabaseObject) -> set[str]:
    """What the list of a section may show of it, without its owner: any of its dots may end the schema."""
    kind = {"sequence value": "SEQUENCE"}.get(described.kind, described.kind.upper())
    name = shown(("", described.name))[1:-1]
    dots = [position for position, letter in enumerate(name) if letter == "."]
    return {f"{kind} - {name}", *(f"{kind} {name[:dot]} {name[dot + 1 :]}" for dot in dots)}


def _about_nothing(asking: Session, found: Sequence[Entry], definition: Definition) -> set[int]:
    return {each.number for each in found if is_about_nothing(asking, tuple(statements(definition(each))))}


def _relations(asking: Session) -> set[str]:
    return {shown((str(schema), str(name))) for schema, name in asking.execute(_RELATIONS).fetchall()}


def _hash(about: Sequence[str]) -> str:
    return sha256(of_any_name(about).encode()).hexdigest()
