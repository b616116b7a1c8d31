"""Dumps as a person reads them: which tables are in it, with how many rows, in which section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backup_actions.cli.entries import readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backup_actions.cli.output import Output
    from backup_actions.dump import StoredDump
    from backup_actions.model.json_types import JsonObject


def list_dump(output: Output, dump: StoredDump, pattern: str | None, *, long: bool) -> int:
    """Each table whose ``database/schema.table`` matches, on a line; in JSON and at length, each section too.

    Says how many lines there are.
    """
    records = [record for record in (*_sections(dump), *_tables(dump)) if _matches(str(record["path"]), pattern)]
    if output.as_json:
        for record in records:
            output.record(record)
        return len(records)
    shown = [record for record in records if long or record["type"] == "table"]
    if shown:
        output.table(_row(record, long=long) for record in shown)
    return len(shown)


def _row(record: JsonObject, *, long: bool) -> tuple[str, ...]:
    rows = f"{record['rows']:>14} rows" if "rows" in record else ""
    if not long:
        return rows, str(record["path"])
    about = str(record["checksum"] if "checksum" in record else record["part"])
    return str(record["type"]), f"{record['size_bytes']:>14}", rows, str(record["path"]), about


def _sections(dump: StoredDump) -> Iterator[JsonObject]:
    members = {member.name: member for member in dump.manifest.members}
    for section in dump.description.sections:
        member = members[section.member]
        yield {
            "type": "section",
            "path": member.dump_file,
            "size_bytes": member.stream_bytes,
            "part": section.part,
            "database": section.database,
        }


def _tables(dump: StoredDump) -> Iterator[JsonObject]:
    from backup_actions.dump.comparison import table_in_words

    for database in dump.description.databases:
        for table in database.tables:
            key = (table.schema, table.name)
            yield {
                "type": "table",
                "path": readable(f"{database.name}/{table_in_words(key)}".encode()),
                "size_bytes": table.size_bytes,
                "database": database.name,
                "schema": table.schema,
                "table": table.name,
                "rows": table.rows,
                "checksum": table.checksum,
            }


def _matches(path: str, pattern: str | None) -> bool:
    from backup_actions.archive.index import matcher

    return pattern is None or matcher(pattern).match(path.encode()) is not None
