"""The DDL by which Athena reads the same files: a table of Glue whose partitions are computed, not registered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile

from backup_actions.archive.s3_store import S3Store
from backup_actions.parquet.exports import Edition, Table

_DATE = re.compile(r"/date=\d{4}-\d{2}-\d{2}(?=/|$)")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9_]+")


def ddl(table: Table) -> str:
    """CREATE EXTERNAL TABLE statements for a table, one for each place that its backups share.

    ``date`` is a projected partition, so that backups to come are found without another statement where they lie under
    a known ``backup``; ``backup`` is the path between the date and the files. Exports in folders have no DDL.
    https://docs.aws.amazon.com/athena/latest/ug/partition-projection.html
    """
    places: dict[str, list[tuple[Edition, str]]] = {}
    for edition in table.editions:
        if edition.table.files and isinstance(edition.export.store, S3Store):
            before, below = _place(edition)
            places.setdefault(before, []).append((edition, below))
    return "\n\n".join(
        _create(table, before, found, number if len(places) > 1 else 0)
        for number, (before, found) in enumerate(sorted(places.items()), 1)
    )


def _place(edition: Edition) -> tuple[str, str]:
    """The location above the date, and the path from below the date to the folder that holds all files."""
    folders = [file.name.split("/")[:-1] for file in edition.table.files]
    shared = [steps[0] for steps in takewhile(lambda steps: len(set(steps)) == 1, zip(*folders, strict=False))]
    if edition.export.manifest.kind == "rds" and shared and shared[-1].isdigit():
        shared.pop()  # the only batch of this export: another export has more of them
    whole = "/".join((edition.export.store.location, *shared))
    if (date := _DATE.search(whole)) is None:
        return whole, ""
    return whole[: date.start()], whole[date.end() :].strip("/")


def _create(table: Table, before: str, found: Sequence[tuple[Edition, str]], number: int) -> str:
    newest, below = found[-1]
    name = _NOT_IN_A_NAME.sub("_", table.name.casefold()).strip("_") + (f"_{number}" if number else "")
    taken = {column.name.casefold() for column in newest.table.columns}
    columns = ",\n".join(f"  {_ticked(column.name)} {column.type}" for column in newest.table.columns)
    date, backup = ("backup_date" if "date" in taken else "date"), ("backup_path" if "backup" in taken else "backup")
    head = f"CREATE EXTERNAL TABLE IF NOT EXISTS {_ticked(name)} (\n{columns}\n)"
    if not below:
        return f"{head}\nSTORED AS PARQUET\nLOCATION {_text(before + '/')};"
    first = min(edition.export.manifest.date for edition, _ in found)
    return (
        f"{head}\nPARTITIONED BY ({_ticked(date)} string, {_ticked(backup)} string)\nSTORED AS PARQUET\n"
        f"LOCATION {_text(before + '/')}\nTBLPROPERTIES (\n{_projection(date, backup, before, first, found)}\n);"
    )


def _projection(date: str, backup: str, before: str, first: str, found: Sequence[tuple[Edition, str]]) -> str:
    properties: Mapping[str, str] = {
        "projection.enabled": "true",
        f"projection.{date}.type": "date",
        f"projection.{date}.format": "yyyy-MM-dd",
        f"projection.{date}.range": f"{first},NOW",
        f"projection.{backup}.type": "enum",
        f"projection.{backup}.values": ",".join(sorted({below for _, below in found})),
        "storage.location.template": f"{before}/date=${{{date}}}/${{{backup}}}/",
    }
    return ",\n".join(f"  {_text(name)} = {_text(value)}" for name, value in properties.items())


def _ticked(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _text(value: str) -> str:
    return "'" + value.replace("'", "\\'") + "'"
