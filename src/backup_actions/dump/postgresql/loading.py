"""Sections that pg_dump wrote, given to pg_restore: listed first, and of all or some of it loaded.

What comes before and after rows is definitions: it lies in a private file for as long as that takes. Rows stream; where
only some tables are wanted, the first of a section is kept in memory until pg_restore has listed it: a few MiB.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, BinaryIO, cast

from psycopg import sql

from backup_actions.dump.connection import Connection
from backup_actions.dump.postgresql import contents
from backup_actions.dump.postgresql.definitions import Definitions, definitions, listed, listing, selection
from backup_actions.dump.postgresql.left_out import LeftOut, extensions_of, made_or_left_out
from backup_actions.dump.postgresql.lending import creation_lent, grant_as_others, lend_memberships, owners_of
from backup_actions.dump.postgresql.script import of_database, statements
from backup_actions.dump.postgresql.session import (
    MAINTENANCE_DATABASE,
    Failed,
    Session,
    conninfo,
    environment,
    major,
    program_failed,
    session,
    tool,
)
from backup_actions.dump.programs import input_of, output_of
from backup_actions.errors import LoadFailed

if TYPE_CHECKING:
    from typing_extensions import Buffer

_JOBS = 2  # indexes that are built at a time
_KNOWS_TRANSACTION_TIMEOUT = 17
_OWNED_SEQUENCES = """
SELECT n.nspname, s.relname FROM pg_depend d
JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace m ON m.oid = t.relnamespace
WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
AND (m.nspname, t.relname) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"""

Run = Callable[..., AbstractContextManager[BinaryIO]]
Only = Collection[contents.Path] | None


class Loading:
    """A database into which sections are loaded."""

    def __init__(self, to: Connection, database: str, failed: Failed, left_out: LeftOut | None = None) -> None:
        self._to, self._database, self._failed, self._left_out = to, database, failed, left_out
        self._program = tool("pg_restore")
        with session(to, database, failed) as asking:
            self._is_older = major(asking.info.parameter_status("server_version") or "") < _KNOWS_TRANSACTION_TIMEOUT

    @contextmanager
    def before_rows(self, only: Only) -> Iterator[BinaryIO]:
        """Where to write the definitions that come first. A whole database gets its owner and its grants too."""
        with self._definitions() as (found, writer):
            yield writer
            writer.close()
            chosen = contents.to_load(found.entries)
            chosen = chosen if only is None else contents.definitions_for(chosen, only)
            with self._session(self._database) as asking:
                lend_memberships(asking, owners_of(asking, chosen))
                parts = contents.by_schemas(chosen)
                self._define(found, parts.strangers, "--no-owner")
                self._define(found, parts.schemas)
                for extension in extensions_of(chosen, found.definition):
                    extension.make(self._to, self._database, self._failed, self._left_out)
                if self._left_out:
                    parts = contents.by_schemas(self._left_out.before_rows(asking, chosen, found.definition))
                by_others = contents.by_others((*parts.granted, *parts.others), found.definition)
                with creation_lent(asking, parts.others):
                    self._define(found, [each for each in parts.others if each not in by_others])
                self._define(found, [each for each in parts.granted if each not in by_others])
                for each in by_others:
                    grant_as_others(asking, tuple(statements(found.definition(each))))
            if only is None:
                self._tell_of_database(found, settings=False)

    @contextmanager
    def after_rows(self, only: Only) -> Iterator[BinaryIO]:
        """Where to write the definitions that come last. A whole database gets its settings too."""
        with self._definitions() as (found, writer):
            yield writer
            writer.close()
            chosen = contents.to_load(found.entries)
            chosen = chosen if only is None else contents.completion_for(chosen, only, found.definition)
            if self._left_out:
                with self._session(self._database) as asking:
                    chosen = self._left_out.after_rows(asking, chosen, found.definition)
            self._define(found, chosen, *([] if self._is_older else [f"--jobs={_JOBS}"]))  # each would complain anew
            if only is None:
                self._tell_of_database(found, settings=True)  # a limit of connections, for instance, comes last

    @contextmanager
    def rows(self, only: Only) -> Iterator[BinaryIO]:
        """Where to write rows, which are loaded while they arrive."""
        with ExitStack() as running:
            if only is None and not (self._left_out and self._left_out.extensions):
                yield running.enter_context(self._restoring(input_of))
                return
            folder = Path(running.enter_context(TemporaryDirectory(prefix="backup-actions-")))

            def begin() -> BinaryIO:
                chosen = self._chosen_rows(listed(folder / "list"), only)
                return running.enter_context(self._restoring(input_of, selection(folder, chosen)))

            with ListedFirst(listing(folder / "list", self._failed), begin) as writer:
                yield cast("BinaryIO", writer)

    def _session(self, database: str) -> AbstractContextManager[Session]:
        return session(self._to, database, self._failed)

    @contextmanager
    def _definitions(self) -> Iterator[tuple[Definitions, BinaryIO]]:
        """An archive, and where to write it before it is read."""
        with definitions(self._failed) as found, found.path.open("wb") as writer:
            yield found, writer

    def _define(self, found: Definitions, chosen: Sequence[contents.Entry], *how: str) -> None:
        if chosen:
            with self._restoring(output_of, *how, found.selection(chosen), str(found.path)):
                pass

    @contextmanager
    def _restoring(self, run: Run, *arguments: str) -> Iterator[BinaryIO]:
        """pg_restore, at work on this database."""
        into = f"--dbname={conninfo(self._to, self._database)}"
        stop = [] if self._is_older else ["--exit-on-error"]
        command = [self._program, "--no-password", into, *stop, *arguments]
        try:
            with (
                environment(self._to) as variables,
                run(command, program_failed(self._to, self._failed), environment=variables) as pipe,
            ):
                yield pipe
        except LoadFailed as failure:
            if not (self._is_older and _is_only_a_setting(str(failure.facts["reason"]))):
                raise

    def _chosen_rows(self, found: Sequence[contents.Entry], only: Only) -> tuple[contents.Entry, ...]:
        if only is not None:
            return contents.rows_for(found, only, self._sequences(only))
        with self._session(self._database) as asking:
            return self._left_out.rows(asking, found) if self._left_out else tuple(found)

    def _sequences(self, tables: Collection[contents.Path]) -> list[contents.Path]:
        """Those that belong to the tables."""
        with self._session(self._database) as asking:
            schemas, names = [path[0] for path in tables], [path[1] for path in tables]
            return [(schema, name) for schema, name in asking.execute(_OWNED_SEQUENCES, (schemas, names)).fetchall()]

    def _tell_of_database(self, found: Definitions, *, settings: bool) -> None:
        with self._session(MAINTENANCE_DATABASE) as asking:
            name = sql.Identifier(self._database).as_string(asking)
            told = found.of_the_database(settings=settings)
            made = [each for each in told if made_or_left_out(asking, of_database(each, name), self._left_out)]
            if settings and self._left_out:
                self._left_out.keep_settings(told, made)


class ListedFirst(io.RawIOBase):
    """Keeps what is written until it has been listed; then a program begins, and gets that and all the rest."""

    def __init__(self, listing_it: AbstractContextManager[BinaryIO], begin: Callable[[], BinaryIO]) -> None:
        self._listing = ExitStack()
        self._lister: BinaryIO | None = self._listing.enter_context(listing_it)
        self._begin = begin
        self._kept: list[bytes] = []
        self._reader: BinaryIO | None = None

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Buffer) -> int:
        """Taken, wherever it goes."""
        piece = bytes(data)
        if self._lister:
            self._kept.append(piece)
            try:
                self._lister.write(piece)
            except BrokenPipeError:  # the list was complete
                self._go_on()
        else:
            self._give(piece)
        return len(piece)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None and self._lister:
            self._go_on()
        self._listing.__exit__(kind, error, None)

    def _go_on(self) -> None:
        self._lister = None
        self._listing.close()
        self._reader = self._begin()
        for piece in self._kept:
            self._give(piece)
        self._kept.clear()

    def _give(self, piece: bytes) -> None:
        if self._reader:
            try:
                self._reader.write(piece)
            except BrokenPipeError:  # it needed no more, or it has failed, and then says so when it is left
                self._reader = None


def _is_only_a_setting(said: str) -> bool:
    """Programs from 17 on set a time-out that older servers do not know; there is nothing that it could end."""
    return "SET transaction_timeout = 0" in said and "errors ignored on restore: 1" in said
