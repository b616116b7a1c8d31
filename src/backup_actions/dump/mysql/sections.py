"""How a dump of MySQL or MariaDB is divided into sections."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from backup_actions.dump.description import Database, Section, Table

_SECTIONS_OF_A_STREAM = 4
"""Of rows, at least: one that takes longest does not make the others wait for it, and less is lost with one."""
_MOST_TABLES = 500
_LEAST_BYTES, _MOST_BYTES = 8 << 20, 8 << 30
_LONGEST_SLUG = 40


def sections(databases: Sequence[Database], streams: int) -> tuple[Section, ...]:
    """Accounts, then what is before the rows of each database, the rows, and what is after them."""
    numbered = list(enumerate(databases, 1))
    return (
        Section(member="accounts", part="accounts", database=""),
        *(
            Section(member=f"{_slug(number, each.name)}-before", part="before", database=each.name)
            for number, each in numbered
        ),
        *(section for number, each in numbered for section in _rows(_slug(number, each.name), each, streams)),
        *(
            Section(member=f"{_slug(number, each.name)}-after", part="after", database=each.name)
            for number, each in numbered
        ),
    )


def _rows(slug: str, database: Database, streams: int) -> Iterator[Section]:
    for number, tables in enumerate(_groups(database.tables, streams), 1):
        yield Section(
            member=f"{slug}-data-{number}",
            part="data",
            database=database.name,
            tables=tuple(sorted((table.schema, table.name) for table in tables)),
            expected_bytes=sum(table.size_bytes for table in tables),
        )


def _groups(tables: Sequence[Table], streams: int) -> list[list[Table]]:
    """The largest tables by themselves, smaller ones together, as long as they are small and few."""
    total = sum(table.size_bytes for table in tables)
    most_bytes = min(_MOST_BYTES, max(_LEAST_BYTES, total // (streams * _SECTIONS_OF_A_STREAM)))
    groups: list[list[Table]] = []
    size_bytes = 0
    for table in sorted(tables, key=lambda each: (-each.size_bytes, each.name)):
        if not groups or size_bytes + table.size_bytes > most_bytes or len(groups[-1]) == _MOST_TABLES:
            groups.append([])
            size_bytes = 0
        groups[-1].append(table)
        size_bytes += table.size_bytes
    return groups


def _slug(number: int, name: str) -> str:
    """What tells databases apart in names of members: the number; and a hint of the name, for people."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    hint = "-".join(re.findall("[a-z0-9]+", plain))[:_LONGEST_SLUG].strip("-")
    return f"{number}-{hint}" if hint else str(number)
