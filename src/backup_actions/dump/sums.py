"""Sums of tables that come while their rows are read, and how they get into the description."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from backup_actions.dump.description import Database, Table
from backup_actions.errors import DumpFailed


@dataclass(frozen=True, slots=True)
class Sums:
    """What has been told by now, from several threads, of the tables from which it is expected."""

    expected: frozenset[tuple[str, str]]
    """Databases and tables."""
    _told: dict[tuple[str, str], Table] = field(default_factory=dict)

    def of(self, database: str) -> frozenset[str]:
        """Its tables whose sums are expected."""
        return frozenset(name for each, name in self.expected if each == database)

    def told(self, database: str, table: Table) -> None:
        """Its rows have been read to the end."""
        self._told[database, table.name] = table

    def completed(self, database: Database) -> Database:
        """With the checksums that were missing. Raises DumpFailed where the server counts other rows than were read."""
        return replace(database, tables=tuple(self._completed(database.name, table) for table in database.tables))

    def _completed(self, database: str, counted: Table) -> Table:
        if (database, counted.name) not in self.expected:
            return counted
        read = self._told.get((database, counted.name))
        if read is None or read.rows != counted.rows:
            were_read = read.rows if read else "none"
            raise DumpFailed(
                what=f"the table {counted.name!r} of {database!r}",
                reason=f"the server counts {counted.rows} rows, and {were_read} were read: somebody writes to it",
            )
        return replace(counted, checksum=read.checksum)
