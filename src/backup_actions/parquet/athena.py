"""The DDL by which Athena reads the same files."""

from __future__ import annotations

from collections.abc import Iterable

from backup_actions.archive.s3_store import S3Store
from backup_actions.catalogue import GlueTable, PlacedExport, glue_tables
from backup_actions.parquet.exports import Table


def athena_tables(tables: Iterable[Table]) -> list[GlueTable]:
    """The tables as Athena has them; exports in folders and tables without a row are left out."""
    exports = {
        edition.export.store.location: PlacedExport(edition.export.store.location, edition.export.manifest)
        for table in tables
        for edition in table.editions
        if isinstance(edition.export.store, S3Store)
    }
    return glue_tables(exports.values())
