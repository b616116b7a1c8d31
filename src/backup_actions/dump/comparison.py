"""A database as it was described and as it is now, table by table and object by object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from backup_actions.dump.description import Database, Table
from backup_actions.dump.report import Difference

TableKey = tuple[str, str]
"""Schema and name."""


def compared(
    expected: Database,
    found: Database,
    only: Collection[TableKey] | None = None,
    *,
    same_release: bool = True,
) -> Iterator[Difference]:
    """Where they differ, whatever the second one is called; with ``only``, in the rows of these tables alone.

    Another release may word definitions otherwise: then nothing but whether an object is there counts of them.
    """
    then = {(table.schema, table.name): table for table in expected.tables}
    now = {(table.schema, table.name): table for table in found.tables}
    for key in sorted(then.keys() | now.keys()):
        if only is None or key in only:
            for reason in _of_a_table(then.get(key), now.get(key)):
                yield Difference(database=expected.name, what=f"table {table_in_words(key)}", reason=reason)
    if only is None and not same_release:
        for kind, name in sorted(_definitions(expected).keys() - _definitions(found).keys()):
            yield Difference(database=expected.name, what=f"{kind} {name}", reason="it is not there")
    elif only is None:
        yield from _of_objects(expected, found)
        for what in ("character_set", "collation"):
            if getattr(expected, what) != getattr(found, what):
                reason = f"it is {getattr(found, what)!r}, not {getattr(expected, what)!r}"
                yield Difference(database=expected.name, what=what.replace("_", " "), reason=reason)


def table_in_words(key: TableKey) -> str:
    """``schema.table``, or the table alone where there are no schemas."""
    schema, name = key
    return f"{schema}.{name}" if schema else name


def _of_a_table(then: Table | None, now: Table | None) -> Iterator[str]:
    if then is None or now is None:
        yield "it is not there" if now is None else "it was not there"
    elif then.rows != now.rows:
        yield f"it has {now.rows} rows, not {then.rows}"
    elif then.checksum != now.checksum:
        yield "its rows have another checksum"


def _of_objects(expected: Database, found: Database) -> Iterator[Difference]:
    then, now = _definitions(expected), _definitions(found)
    for kind, name in sorted(then.keys() | now.keys()):
        before, after = then[kind, name], now[kind, name]
        if before == after:
            continue
        reason = "it is not there" if not after else "it was not there" if not before else "it has another definition"
        yield Difference(database=expected.name, what=f"{kind} {name}", reason=reason)


def _definitions(database: Database) -> defaultdict[tuple[str, str], list[str]]:
    """The hashes of each object's definition; of what is called alike, all of them."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for each in sorted(database.objects, key=lambda one: one.sha256):
        found[each.kind, each.name].append(each.sha256)
    return found
