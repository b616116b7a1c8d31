"""Asks an export what the resource itself no longer knows, through the code of ``backup-actions query``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backup_actions.archive import S3Store
from backup_actions.cli.cells import cell
from backup_actions.parquet.exports import exports_below, tables_of
from backup_actions.parquet.querying import Queries

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from backup_actions_local.demo.tabular import Rows, Spoilt


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a query of the export says, and what the same question to the resource says now."""

    command: str
    """As a person types it, before the SQL in quotes."""
    sql: str
    mishap: str
    columns: tuple[str, ...]
    rows: Rows
    rows_before: Rows
    """What the resource itself answered before it was backed up."""
    rows_now: Rows

    @property
    def shows_the_backup(self) -> bool:
        """Whether the export says what was true at the backup, and is not any more."""
        return self.rows == self.rows_before != self.rows_now


def ask(spoilt: Spoilt, s3: S3Client, bucket: str) -> Answer:
    """Raises what ``backup-actions query`` raises."""
    (action,) = (name for name in spoilt.actions if name.endswith("-export"))
    store = S3Store(client=s3, bucket=bucket, prefix=action)
    with Queries(tables_of(exports_below(store)), store.location) as queries:
        columns, rows = queries.rows(spoilt.sql)
        found = tuple(tuple(map(cell, row)) for row in rows)
    return Answer(
        command=f"backup-actions query {store.location}",
        sql=spoilt.sql,
        mishap=spoilt.mishap,
        columns=tuple(columns),
        rows=found,
        rows_before=spoilt.before,
        rows_now=spoilt.after,
    )
