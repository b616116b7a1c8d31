"""Turns the databases of a server into a dump."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version

from backup_actions.archive import Store
from backup_actions.archive.checksums import Crc64Nvme
from backup_actions.archive.interrupts import uninterrupted
from backup_actions.archive.journal import Journal
from backup_actions.archive.members import MemberWriter, Place
from backup_actions.archive.resuming import journal_kept
from backup_actions.dump.connection import Connection
from backup_actions.dump.description import DESCRIPTION_NAME, Database, DumpDescription, Section, Server
from backup_actions.dump.engine import Engine, ReadsOnce
from backup_actions.dump.engines import engine_for
from backup_actions.dump.options import DumpOptions
from backup_actions.dump.sums import Sums
from backup_actions.dump.together import together
from backup_actions.errors import ArchiveExists, ArchiveMissing, ManifestUnreadable, SettingInvalid
from backup_actions.model.clock import Clock, SystemClock
from backup_actions.model.json_types import JsonObject
from backup_actions.model.manifest import MANIFEST_NAME, RESUME_FOLDER, Manifest, Member, StoredObject
from backup_actions.model.progress import Progress, Silence

_SECTIONS_FOLDER = "sections"
_CHECKPOINT_SECONDS = 30.0  # only what is finished is noted, and that at once


def dump(
    source: Connection,
    to: Store,
    *,
    databases: Sequence[str] | None = None,
    options: DumpOptions | None = None,
    name: str = "",
    run: str = "",
    recovery_point: JsonObject | None = None,
    product: str = "",
    progress: Progress | None = None,
    clock: Clock | None = None,
    resume: bool = False,
) -> Manifest:
    """The dump of these databases, or of all, stands complete in the store, its manifest written last.

    Nobody may write to the server meanwhile: sections are consistent with each other because nothing changes.
    ``name`` is what the server is called in the manifest, ``product`` what RDS calls its engine. The objects of a
    ``run`` lie in a folder of that name; the manifest above it names them. With ``resume`` finished sections survive an
    interruption, and the next call for the same server and run goes on behind them; without it nothing is left.
    Raises ArchiveExists before anything is read, SettingInvalid where there is no such database, DatabaseUnreachable,
    DumpFailed, ToolMissing, UploadFailed, ArchiveInterrupted. Memory: see DumpOptions.
    """
    options, progress, clock = options or DumpOptions(), progress or Silence(), clock or SystemClock()
    place = to.folder(run) if run else to
    if to.describe(MANIFEST_NAME) is not None:
        if resume:
            place.remove_folder(RESUME_FOLDER)  # whoever completed it may have had no time left to
        raise ArchiveExists(where=to.location)
    engine = engine_for(source.family)
    server = engine.server(source)
    server = replace(server, product=product or server.product)
    described: JsonObject = {"kind": "database-server", "name": name or source.address}
    if recovery_point is not None:
        described = {**described, "recovery_point": recovery_point}
    work = _Dump(
        engine=engine,
        source=source,
        to=to,
        run=run,
        place=place,
        options=options,
        described=described,
        server=server,
        databases=_chosen(engine, source, databases),
        progress=progress,
        clock=clock,
    )
    return work.resumable() if resume else work.at_once()


@dataclass(slots=True, kw_only=True)
class _Dump:
    """A dump being made."""

    engine: Engine
    source: Connection
    to: Store
    run: str
    place: Store
    """The folder of the run, or where the manifest will stand."""
    options: DumpOptions
    described: JsonObject
    server: Server
    databases: tuple[str, ...]
    progress: Progress
    clock: Clock
    document: bytes = b""
    """The description, once it is there."""
    is_complete: bool = False

    def at_once(self) -> Manifest:
        """Complete, or nothing is left of it."""
        try:
            members = self._sections(self._outline(), None)
            self.place.put(DESCRIPTION_NAME, self.document)
            return self._complete(members)
        except BaseException:
            if not self.is_complete and (self.run or self.to.describe(MANIFEST_NAME) is None):
                self.place.remove_folder(_SECTIONS_FOLDER)
            raise

    def resumable(self) -> Manifest:
        """Complete, or what is finished of it is kept. Raises ArchiveInterrupted where something is."""
        begun = self._begun()
        with journal_kept(
            self.place,
            self.options.of_a_stream,
            self._identity(),
            self._manifest,
            self.progress,
            every_seconds=_CHECKPOINT_SECONDS,
            manifest_in=self.to,
        ) as journal:
            if begun is None or not journal.kept:
                begun = self._outline()
                self.place.put(DESCRIPTION_NAME, self.document)
            complete = self._complete(self._sections(begun, journal))
            journal.remove()
            return complete

    def _begun(self) -> DumpDescription | None:
        """What an earlier process has outlined or described; where that is of no use, nothing that it left is."""
        try:
            self.document = self.place.read(DESCRIPTION_NAME)
            return DumpDescription.from_bytes(self.document)
        except (ArchiveMissing, ManifestUnreadable):
            self.place.remove_folder(RESUME_FOLDER)
            return None

    def _identity(self) -> JsonObject:
        return {
            "program": _version(),
            "source": self.described,
            "server": dataclasses.asdict(self.server),
            "databases": list(self.databases),
            "streams": self.options.streams,
        }

    def _outline(self) -> DumpDescription:
        """What there is to dump, and how that is divided; nothing is counted yet."""
        databases = tuple(self.engine.outline(self.source, name) for name in self.databases)
        return self._written_down(
            DumpDescription(
                server=self.server,
                accounts=self.engine.accounts(self.source),
                databases=databases,
                sections=self.engine.sections(self.server, databases, self.options.streams),
                row_checksums=self.engine.row_checksums(self.server),
            )
        )

    def _sections(self, outline: DumpDescription, journal: Journal | None) -> tuple[Member, ...]:
        """Every section as a member; meanwhile everything is counted and hashed, and stored as soon as it is.

        All streams but one begin with the largest, so that they end together; one with what is soon done, so that a
        checkpoint stands.
        """
        writer = MemberWriter(self.place, self.options.of_a_stream, self.progress, journal, manifest_in=self.to)
        by_size = sorted(outline.sections, key=lambda each: (each.part == "data", -each.expected_bytes))
        small = sum(each.part != "data" for each in by_size)
        largest = slice(small, small + self.options.streams - 1)
        in_turn = [*by_size[largest], *by_size[:small], *by_size[largest.stop :]]
        sums = self._sums(outline, writer)
        self.progress.start("dump", sum(section.expected_bytes for section in in_turn) or None)
        with together(partial(self._section, writer, sums), in_turn, at_a_time=self.options.streams) as running:
            described = None if _is_counted(outline) else self._described(outline, sums, running.look)
            if described and not sums.expected:
                self._keep(described, journal)  # an interruption from now on does not make them count again
            members = {member.name: member for member in running.results()}
        if described and sums.expected:
            self._keep(replace(described, databases=tuple(map(sums.completed, described.databases))), journal)
        return tuple(members[section.member] for section in outline.sections)

    def _sums(self, outline: DumpDescription, writer: MemberWriter) -> Sums:
        """Of the tables that will be summed up while they are read; those of finished sections are not read again."""
        if not isinstance(self.engine, ReadsOnce) or _is_counted(outline):
            return Sums(frozenset())
        known = {
            each.name: self.engine.summed_up_when_dumped(self.source, each.name, outline.row_checksums)
            for each in outline.databases
        }
        return Sums(
            frozenset(
                (section.database, name)
                for section in outline.sections
                if section.part == "data" and not writer.finished(section.member)
                for _, name in section.tables
                if name in known[section.database]
            )
        )

    def _described(self, outline: DumpDescription, sums: Sums, look: Callable[[], None]) -> DumpDescription:
        """Everything, counted and hashed by the server, but sums that are still to come. Raises what ``look`` raises.

        In this thread, which interruptions reach: no program of ours is at work that could be ended.
        """

        def described(name: str) -> Database:
            way = outline.row_checksums
            if isinstance(self.engine, ReadsOnce):
                return self.engine.describe_others(self.source, name, lambda _: look(), way, sums.of(name))
            return self.engine.describe(self.source, name, lambda _: look(), way)

        databases = tuple(described(each.name) for each in outline.databases)
        return replace(outline, databases=databases, notes=self.engine.notes(self.source, databases))

    def _keep(self, description: DumpDescription, journal: Journal | None) -> None:
        self._written_down(description)
        if journal:
            self.place.put(DESCRIPTION_NAME, self.document)

    def _written_down(self, description: DumpDescription) -> DumpDescription:
        """The description, which readers will take: what they would not is refused before hours of work."""
        self.document = description.to_bytes()
        return DumpDescription.from_bytes(self.document)

    def _section(self, writer: MemberWriter, sums: Sums, section: Section) -> Member:
        suffix = "sql" if section.part == "accounts" else self.engine.file_suffix
        opened = partial(self.engine.dumped, self.source, section)
        if isinstance(self.engine, ReadsOnce):
            told = partial(sums.told, section.database)
            opened = partial(self.engine.dumped_and_summed_up, self.source, section, told)
        return writer.stream(
            Place(name=section.member),
            f"{section.member}.{suffix}",
            opened,
            section.expected_bytes or None,
        )

    def _manifest(self, members: tuple[Member, ...]) -> Manifest:
        checksum = Crc64Nvme()
        checksum.update(self.document)
        return Manifest(
            tool_version=_version(),
            created=self.clock.now().isoformat(timespec="seconds"),
            source=self.described,
            layout=None,
            members=members,
            description=StoredObject(name=DESCRIPTION_NAME, size_bytes=len(self.document), crc64nvme=checksum.base64()),
        )

    def _complete(self, members: tuple[Member, ...]) -> Manifest:
        manifest = self._manifest(members)
        if self.run:
            manifest = manifest.above(self.run)
        with uninterrupted():  # whoever is interrupted has to know whether the dump is complete
            self.to.put_if_absent(MANIFEST_NAME, manifest.to_bytes())
            self.is_complete = True
        return manifest


def _chosen(engine: Engine, source: Connection, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The databases to dump. Raises SettingInvalid where one is not there, or there is none at all."""
    known = engine.databases(source)
    missing = sorted(set(wanted or ()) - set(known))
    if missing or not known:
        raise SettingInvalid(name="databases", value=missing, reason=f"the server has {', '.join(known) or 'none'}")
    return tuple(name for name in known if wanted is None or name in wanted)


def _is_counted(description: DumpDescription) -> bool:
    """Whether it is more than an outline; of a database with nothing in it nobody can tell, and it takes no time."""
    return all(
        (each.objects or each.tables) and all(table.checksum for table in each.tables) for each in description.databases
    )


def _version() -> str:
    return version("aws-backup-actions")
