"""Proves that a dump restores: its bytes, what its sections are, and what they become in a database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from backup_actions.archive import Store, VerificationReport, verify
from backup_actions.dump.comparison import compared, table_in_words
from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Database, Section
from backup_actions.dump.engine import Engine
from backup_actions.dump.engines import engine_for
from backup_actions.dump.loading import Loader, pour
from backup_actions.dump.report import DatabaseReport, Depth, Difference, DumpReport
from backup_actions.dump.stored import StoredDump
from backup_actions.dump.together import all_together
from backup_actions.errors import (
    ArchiveDamaged,
    ArchiveMissing,
    LoadFailed,
    ManifestUnreadable,
    SettingInvalid,
    UnsafePath,
)
from backup_actions.model.progress import Progress, Silence

SCRATCH = "backup_actions_scratch"
"""The database into which each one is loaded, and which is gone afterwards."""
_MOST_DIFFERENCES = 100


def verify_dump(
    store: Store,
    server: Connection | None,
    *,
    depth: Depth = "restore",
    streams: int = 2,
    sample: float | None = None,
    progress: Progress | None = None,
) -> DumpReport:
    """What is wrong is reported, never raised: as deep as asked for, as far as what comes before is right.

    ``bytes`` reads everything (or ``sample``) back and compares description and manifest. ``list`` has each section
    read by its own program. ``restore`` loads each database into a scratch database of ``server``, which has the
    accounts of the dump, and compares tables, rows, checksums and objects. Raises ArchiveMissing, NotADump,
    DatabaseUnreachable, ToolMissing, and what AWS refuses.
    """
    if depth == "restore" and server is None:
        raise SettingInvalid(name="depth", value=depth, reason="a server is needed to restore to")
    if depth == "restore" and server is not None:
        engine_for(server.family).server(server)  # whoever cannot be reached is known before hours of reading
    progress = progress or Silence()
    archive = verify(store, sample=sample, progress=progress)
    try:
        source = StoredDump.open(store)
    except (ArchiveMissing, ManifestUnreadable, UnsafePath) as wrong:
        unreadable = Difference(database="", what="description", reason=str(wrong))
        return _report(store, depth, archive, [unreadable])
    if depth == "bytes" or not archive.ok:
        return _report(store, depth, archive, [])
    checks = _Checks(source, engine_for(source.description.server.family), progress)
    if depth == "restore" and server is not None:
        checks.restore(replace(server, database=""), streams)
    else:
        checks.inspect(streams)
    return _report(store, depth, archive, checks.differences, checks)


@dataclass
class _Checks:
    """Differences gather while sections are read and databases loaded."""

    source: StoredDump
    engine: Engine
    progress: Progress
    differences: list[Difference] = field(default_factory=list)
    inspected: int = 0
    databases: list[DatabaseReport] = field(default_factory=list)

    def inspect(self, streams: int) -> None:
        """Every section has been read by its own program."""
        description = self.source.description
        self.progress.start("list", sum(member.stream_bytes for member in self.source.manifest.members))
        found = all_together(self._inspected, description.sections, at_a_time=streams)
        for section, wrong in zip(description.sections, found, strict=True):
            if wrong:
                self._differ(section.database, f"section {section.member}", wrong)
        self.inspected = len(found)
        for each in description.databases:
            dumped = {table for part in self.source.sections(each.name, "data") for table in part.tables}
            for table in (one for one in each.tables if one.rows):
                if (table.schema, table.name) not in dumped:
                    self._differ(
                        each.name, f"table {table_in_words((table.schema, table.name))}", "its rows are in no section"
                    )

    def _inspected(self, section: Section) -> str:
        """What is wrong with a section, if anything is."""
        try:
            pour(self.source, section, self.engine.inspecting(section), self.progress)
        except (LoadFailed, ArchiveDamaged) as failure:
            return str(failure)
        return ""

    def restore(self, server: Connection, streams: int) -> None:
        """Every database has been loaded, compared, and dropped again; the accounts are those of the dump.

        Accounts are not loaded, because they are all there: their section is read by its own program.
        """
        for section in self.source.sections("", "accounts"):
            if wrong := self._inspected(section):
                self._differ("", f"section {section.member}", wrong)
            self.inspected += 1
        found = set(self.engine.accounts(server))
        for account in self.source.description.accounts:
            if account not in found:
                self._differ("", f"account {account}", "the server does not have it")
        for each in self.source.description.databases:
            self.engine.drop(server, SCRATCH)
            try:
                loader = Loader(self.source, self.engine, server, streams, self.progress).for_proof()
                for difference in self._restored(loader, each):
                    self.differences.append(difference)
            except (LoadFailed, ArchiveDamaged) as failure:
                self._differ(each.name, "database", str(failure))
            finally:
                self.engine.drop(server, SCRATCH)

    def _restored(self, loader: Loader, expected: Database) -> Iterator[Difference]:
        loader.engine.create(loader.to, replace(expected, name=SCRATCH))
        loader.database(expected.name, SCRATCH)
        found = loader.describe(SCRATCH, expected)
        provable = loader.provable(expected, found)
        self.databases.append(
            DatabaseReport(
                name=expected.name,
                into=SCRATCH,
                tables=len(found.tables),
                rows=sum(table.rows for table in found.tables),
                objects=len(found.objects),
                not_proven=loader.not_proven(),
            )
        )
        yield from compared(provable, found)

    def _differ(self, database: str, what: str, reason: str) -> None:
        self.differences.append(Difference(database=database, what=what, reason=reason))


def _report(
    store: Store,
    depth: Depth,
    archive: VerificationReport,
    differences: list[Difference],
    checks: _Checks | None = None,
) -> DumpReport:
    return DumpReport(
        location=store.location,
        depth=depth,
        archive=archive,
        sections_inspected=checks.inspected if checks else 0,
        databases=tuple(checks.databases) if checks else (),
        differences=tuple(differences[:_MOST_DIFFERENCES]),
        more_differences=max(0, len(differences) - _MOST_DIFFERENCES),
    )
