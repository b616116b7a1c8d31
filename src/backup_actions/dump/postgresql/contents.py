"""What is in a section that pg_dump wrote, as ``pg_restore --list`` tells it, and what of it should be loaded."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from backup_actions.dump.postgresql.rows import LARGE_OBJECTS
from backup_actions.dump.postgresql.session import OWNER_OF_THE_SERVERS

Path = tuple[str, str]
"""Schema and name."""

AS_SOMEBODY = "SET SESSION AUTHORIZATION "
"""How pg_dump begins what somebody else has granted. Only a superuser may say it."""

_LINE = re.compile(r"(?P<number>\d+); \d+ \d+ (?P<rest>.*)")
_NEEDS = re.compile(r";\s+depends on: (?P<numbers>[\d ]+)")
_RELATIONS = ("TABLE", "VIEW", "MATERIALIZED VIEW", "SEQUENCE", "FOREIGN TABLE")
_BELONGS_TO_TABLES = ("DEFAULT", "SEQUENCE", "SEQUENCE OWNED BY")
_TOLD_WITH_THEIR_TABLE = ("CONSTRAINT", "CHECK CONSTRAINT", "TRIGGER", "RULE", "POLICY", "ROW SECURITY")
_WORDS = re.compile(
    r"(MATERIALIZED VIEW DATA|MATERIALIZED VIEW|SEQUENCE OWNED BY|SEQUENCE SET|TABLE DATA|TABLE ATTACH|FOREIGN TABLE"
    r"|FK CONSTRAINT|CHECK CONSTRAINT|ROW SECURITY|DATABASE PROPERTIES|INDEX ATTACH|BLOB METADATA|SECURITY LABEL|\S+) "
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the list."""

    number: int
    kind: str
    rest: str
    """Schema (or ``-``), name and owner, with spaces between them and perhaps in them."""
    needs: tuple[int, ...]

    def names(self, path: Path) -> bool:
        """Whether it is of this schema and name, or of something that is told with its table."""
        return self.rest.startswith(shown(path))

    def beginnings(self) -> set[str]:
        """What is in front of its spaces: one is its schema, one its schema and name, if it has them."""
        return {self.rest[: space.start()] for space in re.finditer(" ", self.rest)}

    def endings(self) -> set[str]:
        """What is behind its spaces: one is its owner."""
        return {self.rest[space.end() :] for space in re.finditer(" ", self.rest)}

    def is_one_of(self, shown: Collection[str]) -> bool:
        """Whether it is, or is told with, one of these, which are given as ``shown`` gives them."""
        return any(f"{beginning} " in shown for beginning in self.beginnings())

    def is_owned_by(self, role: str) -> bool:
        """Whether that role owns it."""
        return self.rest.endswith(f" {role}")


def entries(listed: str) -> tuple[Entry, ...]:
    """What ``pg_restore --list --verbose`` said."""
    found: list[tuple[int, str, str, list[int]]] = []
    for line in listed.splitlines():
        if entry := _LINE.fullmatch(line):
            kind = _kind(entry["rest"])
            found.append((int(entry["number"]), kind, entry["rest"][len(kind) + 1 :], []))
        elif found and (needs := _NEEDS.match(line)):
            found[-1][3].extend(map(int, needs["numbers"].split()))
    return tuple(Entry(number, kind, rest, tuple(needs)) for number, kind, rest, needs in found)


def of_the_database(found: Sequence[Entry], *, settings: bool) -> tuple[Entry, ...]:
    """What is told of the database itself: its settings; or its owner, grants and comment."""
    return tuple(e for e in found if _is_of_the_database(e) and (e.kind == "DATABASE PROPERTIES") == settings)


def to_load(found: Sequence[Entry]) -> tuple[Entry, ...]:
    """What is a customer's. A comment on an extension comes with it, and only its owner could change it.

    Schemas of the server's owner are among it, and what is granted on them: on RDS some extensions are in such.
    """
    return tuple(
        each
        for each in found
        if not _is_of_the_database(each)
        and (each.kind == "SCHEMA" or _is_of_schemas(each) or not each.is_owned_by(OWNER_OF_THE_SERVERS))
        and not (each.kind == "COMMENT" and each.rest.startswith("- EXTENSION "))
    )


def by_others(found: Sequence[Entry], definition: Callable[[Entry], str]) -> list[Entry]:
    """Grants of which some were made by somebody else than the owner, who was granted that."""
    return [each for each in found if each.kind == "ACL" and AS_SOMEBODY in definition(each)]


def extensions(found: Sequence[Entry]) -> Iterator[tuple[str, Entry]]:
    """The names of the extensions, which have no schema and no owner there."""
    return ((each.rest.removeprefix("- ").removesuffix(" "), each) for each in found if each.kind == "EXTENSION")


@dataclass(frozen=True, slots=True)
class BySchemas:
    """What comes before rows, in the order in which it is loaded."""

    strangers: list[Entry]
    """Schemas that belong to the server's owner, to whom nothing can be given."""
    schemas: list[Entry]
    others: list[Entry]
    granted: list[Entry]
    """On schemas."""


def by_schemas(found: Sequence[Entry]) -> BySchemas:
    """The schemas, what is granted on them, and everything else."""
    sorted_out = BySchemas([], [], [], [])
    for each in found:
        if each.kind == "SCHEMA":
            (sorted_out.strangers if each.is_owned_by(OWNER_OF_THE_SERVERS) else sorted_out.schemas).append(each)
        elif _is_of_schemas(each):
            sorted_out.granted.append(each)
        else:
            sorted_out.others.append(each)
    return sorted_out


def definitions_for(found: Sequence[Entry], only: Collection[Path]) -> tuple[Entry, ...]:
    """Of what comes before rows: these tables, what they need, and whatever needs no other table, view or sequence."""
    by_number = {each.number: each for each in found}
    wanted = {each.number for each in found if each.kind == "TABLE" and any(map(each.names, only))}
    wanted |= {each.number for each in found if each.kind in _BELONGS_TO_TABLES and wanted & set(each.needs)}
    needed: set[int] = set()
    while wanted:
        needed |= wanted
        wanted = {need for number in wanted for need in by_number[number].needs if need in by_number} - needed
    return without(found, {each.number for each in found if each.kind in _RELATIONS and each.number not in needed})


def rows_for(found: Sequence[Entry], only: Collection[Path], sequences: Collection[Path]) -> tuple[Entry, ...]:
    """Of rows: those of these tables, and the values of these sequences."""
    return tuple(
        each
        for each in found
        if (each.kind == "TABLE DATA" and any(map(each.names, only)))
        or (each.kind == "SEQUENCE SET" and any(map(each.names, sequences)))
        or (each.kind.startswith("BLOB") and LARGE_OBJECTS in only)
    )


def completion_for(
    found: Sequence[Entry], only: Collection[Path], definition: Callable[[Entry], str]
) -> tuple[Entry, ...]:
    """Of what comes after rows: indexes, constraints, triggers and policies of these tables.

    A foreign key is among it if the table that it points to is one of them.
    """
    return without(found, {each.number for each in found if not _completes(each, only, definition)})


def of_no_table(found: Sequence[Entry], there: Collection[str], definition: Callable[[Entry], str]) -> set[int]:
    """The numbers of what comes after rows and belongs to a table that is not ``there`` (as ``shown`` gives them)."""
    return {each.number for each in found if _lacks_its_table(each, there, definition)}


def lacking(found: Sequence[Entry], tables: Collection[Path]) -> tuple[Path, ...]:
    """Those of the tables whose rows are not there."""
    named = {f"{beginning} " for each in found if each.kind == "TABLE DATA" for beginning in each.beginnings()}
    return tuple(path for path in tables if path != LARGE_OBJECTS and shown(path) not in named)


def shown(path: Path) -> str:
    """As the list shows a schema and a name, in which it has no new lines."""
    return re.sub(r"[\r\n]", " ", f"{path[0]} {path[1]} ")


def without(found: Sequence[Entry], removed: set[int]) -> tuple[Entry, ...]:
    """The rest, without what needs something that is removed."""
    more = removed
    while more:
        more = {each.number for each in found if each.number not in removed and removed & set(each.needs)}
        removed = removed | more
    return tuple(each for each in found if each.number not in removed)


def _kind(rest: str) -> str:
    found = _WORDS.match(rest)
    return found[1] if found else rest


def _is_of_the_database(entry: Entry) -> bool:
    told = entry.kind in {"ACL", "COMMENT", "SECURITY LABEL"} and entry.rest.startswith("- DATABASE ")
    return told or entry.kind in {"DATABASE", "DATABASE PROPERTIES"}


def _is_of_schemas(entry: Entry) -> bool:
    return entry.kind == "ACL" and entry.rest.startswith("- SCHEMA ")


def _completes(entry: Entry, only: Collection[Path], definition: Callable[[Entry], str]) -> bool:
    if entry.kind in _TOLD_WITH_THEIR_TABLE:
        return any(map(entry.names, only))
    if entry.kind == "INDEX":
        return _named_after(r" ON (?:ONLY )?", definition(entry)) in only
    if entry.kind == "FK CONSTRAINT":
        return any(map(entry.names, only)) and _named_after(" REFERENCES ", definition(entry)) in only
    return entry.kind == "COMMENT"


def _lacks_its_table(entry: Entry, there: Collection[str], definition: Callable[[Entry], str]) -> bool:
    told_with_it = entry.kind in {*_TOLD_WITH_THEIR_TABLE, "FK CONSTRAINT", "MATERIALIZED VIEW DATA"}
    if told_with_it and not entry.is_one_of(there):
        return True
    words = {"INDEX": r" ON (?:ONLY )?", "FK CONSTRAINT": " REFERENCES "}.get(entry.kind)
    named = _named_after(words, definition(entry)) if words else None
    return named is not None and shown(named) not in there


def _named_after(words: str, definition: str) -> Path | None:
    """The schema and the name that stand behind these words, outside quotes."""
    name = r'("(?:[^"]|"")*"|\w+)'
    for found in re.finditer(rf"'(?:[^']|'')*'|{words}{name}\.{name}|\"(?:[^\"]|\"\")*\"", definition):
        if found[1]:
            return _unquoted(found[1]), _unquoted(found[2])
    return None


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
