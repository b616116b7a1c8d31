"""``query``: SQL over the tables of exports."""

from __future__ import annotations

import csv
import io
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click

from backup_actions.cli.cells import cell, json_of, text_of
from backup_actions.cli.command import command
from backup_actions.cli.locations import PLACE_ERRORS, store_at
from backup_actions.errors import ExportMissing, ManifestUnreadable, ParquetUnreadable, QueryFailed, TableUnknown
from backup_actions.model.quantities import bytes_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from backup_actions.cli.output import Output
    from backup_actions.parquet.exports import Table

_WIDTHS_FROM_ROWS = 1000
_DATES_TOLD = 3


@command(
    "query",
    examples=(
        "backup-actions query s3://backups/rds-export --tables",
        "backup-actions query s3://backups/rds-export 'SELECT date, count(*) FROM shop.public.orders GROUP BY ALL'",
        "backup-actions query exports/Orders \"SELECT * FROM Orders WHERE date = '2026-11-01'\" --format csv",
        "backup-actions query exports/Orders \"SELECT address->>'$.city' AS city FROM Orders\" --json | jq -r .city",
        "backup-actions query s3://backups/dynamodb-export --ddl > tables.sql",
    ),
    fails_with=(*PLACE_ERRORS, ExportMissing, ManifestUnreadable, ParquetUnreadable, QueryFailed, TableUnknown),
)
@click.argument("target")
@click.argument("sql", required=False)
@click.option("--tables", is_flag=True, help="List tables, columns, dates and rows instead.")
@click.option("--ddl", is_flag=True, help="Print the statements that make the tables known to Athena instead.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="How to print rows; json is an object on each line.",
)
@click.option(
    "--memory-mib",
    type=click.IntRange(min=64),
    default=1024,
    show_default=True,
    help="What sorting and joining may take; nothing is put on the disk.",
)
def query(output: Output, target: str, sql: str | None, *, tables: bool, ddl: bool, form: str, memory_mib: int) -> None:
    """Ask exports with SQL.

    TARGET is the folder or prefix of an export, or one below which some lie: the same table at several dates is one
    table. SQL is DuckDB's. Tables are named as in the source, by the whole name (shop.public.orders) or its end
    (orders), and have the columns date (of the backup), as_of and resource besides their own. Only the columns and
    row groups that the query needs are fetched. The query can read no file, reach no network and change nothing.
    --json is --format json.
    """
    from backup_actions.parquet.exports import exports_below, tables_of

    if [sql is not None, tables, ddl].count(True) != 1:
        raise click.UsageError("Give one of SQL, --tables and --ddl.")
    found = tables_of(exports_below(store_at(target)))
    if tables:
        _list(output, found)
    elif ddl:
        _print_ddl(output, found)
    else:
        _answer(output, found, target, sql or "", "json" if output.as_json else form, memory_mib)


def _list(output: Output, tables: Sequence[Table]) -> None:
    for table in tables:
        newest = table.editions[-1].table
        if output.as_json:
            output.record(
                {
                    "table": table.name,
                    "path": list(table.path),
                    "dates": table.dates,
                    "rows": newest.rows,
                    "bytes": newest.stored_bytes,
                    "columns": [{"name": column.name, "type": column.type} for column in newest.columns],
                    "exports": [edition.export.store.location for edition in table.editions],
                }
            )
            continue
        dates = ", ".join(table.dates[-_DATES_TOLD:])
        more = len(table.dates) - _DATES_TOLD
        output.data(f"{table.name}: {newest.rows} rows, {bytes_in_words(newest.stored_bytes)}, of {dates}")
        output.data("  " + ", ".join(f"{column.name} {column.type}" for column in newest.columns))
        if more > 0:
            output.data(f"  and {more} earlier date(s), from {table.dates[0]}")


def _print_ddl(output: Output, tables: Sequence[Table]) -> None:
    from backup_actions.parquet.athena import athena_tables

    known = athena_tables(tables)
    for table in tables:
        statements = [each.ddl() for each in known if each.path == table.path]
        if not statements:
            output.talk(f"{table.name} is left out: Athena reads S3 only, no empty table and no folder with a comma")
        elif output.as_json:
            output.record({"table": table.name, "ddl": "\n\n".join(statements)})
        else:
            output.data("\n\n".join(statements) + "\n")


def _answer(output: Output, tables: Sequence[Table], target: str, sql: str, form: str, memory_mib: int) -> None:
    from backup_actions.parquet.querying import Queries

    with Queries(tables, target, memory_mib=memory_mib) as queries:
        names, rows = queries.rows(sql)
        match form:
            case "json":
                for row in rows:
                    output.record({name: json_of(value) for name, value in zip(names, row, strict=True)})
            case "csv":
                for row in chain([tuple(names)], rows):
                    output.data(_csv(row))
            case _:
                _table(output, names, rows)


def _table(output: Output, names: Sequence[str], rows: Iterator[tuple[Any, ...]]) -> None:
    """Columns as wide as the first rows need: what follows is printed as it comes, however much it is."""
    if not names:
        return
    first = [[cell(value) for value in row] for row in islice(rows, _WIDTHS_FROM_ROWS)]
    widths = [max(map(len, column)) for column in zip(names, *first, strict=True)]
    shown: Iterable[Sequence[str]] = chain(
        (list(names), ["-" * width for width in widths]), first, ([cell(value) for value in row] for row in rows)
    )
    for row in shown:
        output.data("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def _csv(row: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(["" if value is None else text_of(value) for value in row])
    return line.getvalue()[:-1]
