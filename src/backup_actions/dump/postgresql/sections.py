"""How the dump of PostgreSQL's databases is divided among runs of pg_dump."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

from backup_actions.dump.description import Database, Section, Table
from backup_actions.dump.postgresql.rows import LARGE_OBJECTS

_WORTH_A_RUN_BYTES = 16 << 20  # below, reading the catalogue once more takes longer than the rows
_ONE_ATTEMPT_BYTES = 8 << 30  # what an interrupted dump does again at most, where tables are not larger themselves
_MOST_SECTIONS = 64
_MOST_TABLES_APART = 1000  # each is an argument of pg_dump, twice
_REST = "rest"


def sections(databases: Sequence[Database], streams: int) -> tuple[Section, ...]:
    """The accounts; of each database what comes before its rows, the rows in sections of like size, what comes after.

    One section of rows, the rest, has whatever no other section names: small tables, large objects, the values of
    sequences, what extensions want to be dumped. So nothing can be in none.
    """
    parts = [Section(member="accounts", part="accounts", database="")]
    for number, database in enumerate(databases, 1):
        name = _member(number, database.name)
        parts.append(Section(member=f"{name}-before", part="before", database=database.name))
        parts.extend(_data(name, database, streams))
        parts.append(Section(member=f"{name}-after", part="after", database=database.name))
    return tuple(sorted(parts, key=lambda section: ("accounts", "before", "data", "after").index(section.part)))


def is_rest(section: Section) -> bool:
    """Whether whatever other sections do not name is in it."""
    return section.member.endswith(f"-{_REST}")


def _member(number: int, database: str) -> str:
    """A name that nothing else has, whatever the database is called; the number tells those apart that read alike."""
    readable = re.sub(r"[^a-z0-9]+", "-", database.lower()[:40]).strip("-")
    return "-".join(filter(None, ("database", str(number), readable)))


def _data(name: str, database: Database, streams: int) -> Iterator[Section]:
    # pg_dump takes names of tables in the character set of the database, and is only given those that all know.
    rest, *others = _shares(database.tables, streams if database.character_set == "UTF8" else 0)
    yield _of(f"{name}-data-{_REST}", database, rest)
    for number, share in enumerate(others, 1):
        yield _of(f"{name}-data-{number}", database, share)


def _of(member: str, database: Database, share: list[Table]) -> Section:
    return Section(
        member=member,
        part="data",
        database=database.name,
        tables=tuple(sorted((table.schema, table.name) for table in share)),
        expected_bytes=sum(table.size_bytes for table in share),
    )


def _shares(tables: Sequence[Table], streams: int) -> list[list[Table]]:
    """The tables in shares of like size: the largest first, each to the share that has least."""
    if not streams:
        return [list(tables)]
    total = sum(table.size_bytes for table in tables)
    count = min(max(min(streams, total // _WORTH_A_RUN_BYTES), total // _ONE_ATTEMPT_BYTES, 1), _MOST_SECTIONS)
    movable = [table for table in tables if (table.schema, table.name) != LARGE_OBJECTS and table.size_bytes]
    apart = sorted(movable, key=lambda table: (-table.size_bytes, table.schema, table.name))[:_MOST_TABLES_APART]
    chosen = {(table.schema, table.name) for table in apart}
    staying = [table for table in tables if (table.schema, table.name) not in chosen]
    shares: list[list[Table]] = [staying, *([] for _ in range(count - 1))]
    heap = [(sum(table.size_bytes for table in share), number) for number, share in enumerate(shares)]
    heapify(heap)
    for table in apart:
        size_bytes, number = heappop(heap)
        shares[number].append(table)
        heappush(heap, (size_bytes + table.size_bytes, number))
    return [shares[0], *(share for share in shares[1:] if share)]
