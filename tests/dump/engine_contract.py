"""What every engine of native dumps has to hold, on a real server. An engine's own tests inherit ``EngineContract``.

They give it a fixture ``subject``, of the scope of the module: a server that is filled with a database which holds as
much of what the product knows as possible, and which no test changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from tests.dump.processes import children, shown

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Database, Section, Table
from backup_actions.dump.engine import Engine
from backup_actions.errors import DatabaseUnreachable, DumpFailed, LoadFailed, TargetNotEmpty, ToolMissing

STREAMS = 2
SCRATCH = 'backup actions "scratch" `x`'
"""Not a name that anybody would choose."""

Statement = Callable[[Connection, str, str], Sequence[tuple[Any, ...]]]


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A statement after which a database is not the same any more, and what of its description has to tell."""

    statement: str
    told_by: tuple[str, str]
    """Kind and name of an object, or schema and name of a table, whose hash or checksum changes, or which is gone."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An engine, a server to try it on, and what is in there."""

    engine: Engine
    source: Connection
    database: str
    """The one that holds everything."""
    databases: tuple[str, ...]
    """All of the customer's."""
    accounts: tuple[str, ...]
    """Those that have to be among the accounts."""
    run: Statement
    """Executes a statement in a database as somebody who may, and gives the rows that it answers with."""
    rows: tuple[tuple[str, str], int]
    """Schema and name of a table without keys, and how many rows it has: some."""
    insert_equal_rows: str
    """A statement that adds two equal rows to that table, which are like no other."""
    empty_table: tuple[str, str]
    losses: tuple[Loss, ...]
    """Each can be carried out after all of those before it, and each is told by something else."""
    older: str
    """A version of the product that is older than the server's by more than a patch."""


def nothing(_: int) -> None:
    """Whoever is told the progress does not care."""


def described(subject: Subject, database: str) -> Database:
    """The database as it is now."""
    return subject.engine.describe(subject.source, database, nothing)


def sections(subject: Subject, database: Database, streams: int = STREAMS) -> tuple[Section, ...]:
    """How the dump of this database is divided."""
    return subject.engine.sections(subject.engine.server(subject.source), [database], streams)


def dumped(subject: Subject, section: Section) -> bytes:
    """Everything of a section."""
    with subject.engine.dumped(subject.source, section) as output:
        return output.read()


def load(
    subject: Subject, section: Section, content: bytes, to: str, only: Sequence[tuple[str, str]] | None = None
) -> None:
    """The content is in that database, having arrived in pieces."""
    with subject.engine.loading(subject.source, section, to, only) as loader:
        _write(loader, content)


def loaded(subject: Subject, contents: Sequence[tuple[Section, bytes]], like: Database, to: str) -> Database:
    """A new database of that name with all of it, described. Accounts are left out: they are there."""
    subject.engine.create(subject.source, replace(like, name=to))
    for section, content in contents:
        if section.part != "accounts":
            load(subject, section, content, to)
    return described(subject, to)


def counted(database: Database) -> dict[tuple[str, str], tuple[int, str]]:
    """Rows and checksum of each table."""
    return {(each.schema, each.name): (each.rows, each.checksum) for each in database.tables}


def hashed(database: Database) -> dict[tuple[str, str], str]:
    """The hash of each object."""
    return {(each.kind, each.name): each.sha256 for each in database.objects}


def table(database: Database, path: tuple[str, str]) -> Table:
    """The table of that name."""
    (found,) = (each for each in database.tables if (each.schema, each.name) == path)
    return found


class EngineContract:
    """Inherited by the tests of an engine; ``subject`` is its fixture, the rest follows."""

    @pytest.fixture(name="whole", scope="class")
    @classmethod
    def _whole(cls, subject: Subject) -> Database:
        return described(subject, subject.database)

    @pytest.fixture(name="contents", scope="class")
    @classmethod
    def _contents(cls, subject: Subject, whole: Database) -> tuple[tuple[Section, bytes], ...]:
        return tuple((section, dumped(subject, section)) for section in sections(subject, whole))

    @pytest.fixture(name="copy", scope="class")
    @classmethod
    def _copy(
        cls, subject: Subject, whole: Database, contents: tuple[tuple[Section, bytes], ...]
    ) -> Iterator[Database]:
        try:
            yield loaded(subject, contents, whole, SCRATCH)
        finally:
            subject.engine.drop(subject.source, SCRATCH)

    @pytest.fixture(name="spare")
    def _spare(self, subject: Subject) -> Iterator[str]:
        yield "spare"
        subject.engine.drop(subject.source, "spare")

    # ------------------------------------------------------------------------------------------- what is there

    def test_the_server_says_what_it_is(self, subject: Subject) -> None:
        server = subject.engine.server(subject.source)

        assert server.family == subject.engine.family == subject.source.family
        assert server.product in {"postgres", "mysql", "mariadb"}
        assert server.version[0].isdigit()

    def test_the_databases_are_the_customers_in_order(self, subject: Subject) -> None:
        assert subject.engine.databases(subject.source) == tuple(sorted(subject.databases))

    def test_the_accounts_are_the_customers_in_order(self, subject: Subject) -> None:
        accounts = subject.engine.accounts(subject.source)

        assert list(accounts) == sorted(set(accounts))
        assert set(subject.accounts) <= set(accounts)

    def test_rows_are_counted(self, subject: Subject, whole: Database) -> None:
        path, rows = subject.rows

        assert table(whole, path).rows == rows > 0
        assert table(whole, subject.empty_table).rows == 0

    def test_tables_and_objects_are_named_once_and_in_order(self, whole: Database) -> None:
        assert list(counted(whole)) == sorted(counted(whole))
        assert len(whole.tables) == len(counted(whole))
        assert list(hashed(whole)) == sorted(hashed(whole))
        assert len(whole.objects) == len(hashed(whole)) > 0

    def test_a_database_that_nobody_changes_is_described_the_same_again(
        self, subject: Subject, whole: Database
    ) -> None:
        again = described(subject, subject.database)

        assert (counted(again), hashed(again)) == (counted(whole), hashed(whole))

    def test_progress_adds_up_to_the_sizes_of_the_tables(self, subject: Subject) -> None:
        told: list[int] = []

        database = subject.engine.describe(subject.source, subject.database, told.append)

        assert sum(told) == sum(each.size_bytes for each in database.tables) > 0

    def test_an_outline_has_the_same_tables_and_counts_nothing(self, subject: Subject, whole: Database) -> None:
        outline = subject.engine.outline(subject.source, subject.database)

        assert [(each.schema, each.name) for each in outline.tables] == list(counted(whole))
        assert {(each.rows, each.checksum) for each in outline.tables} == {(0, "")}
        assert outline.objects == ()
        assert (outline.name, outline.character_set, outline.collation) == (
            whole.name,
            whole.character_set,
            whole.collation,
        )

    def test_notes_are_sentences(self, subject: Subject, whole: Database) -> None:
        notes = subject.engine.notes(subject.source, [whole])

        assert all(note.endswith(".") and note[0].isupper() for note in notes)

    # ------------------------------------------------------------------------------------------- the division

    @pytest.mark.parametrize("streams", [1, 2, 7])
    def test_each_table_is_in_one_section(self, subject: Subject, whole: Database, streams: int) -> None:
        divided = sections(subject, whole, streams)
        tables = [path for section in divided for path in section.tables]

        assert sorted(tables) == sorted(counted(whole))
        assert all(section.part == "data" for section in divided if section.tables)
        assert divided == sections(subject, whole, streams)

    def test_sections_stand_in_the_order_in_which_they_are_loaded(self, subject: Subject, whole: Database) -> None:
        parts = [section.part for section in sections(subject, whole)]

        assert parts == sorted(parts, key=["accounts", "before", "data", "after"].index)
        assert set(parts) == {"accounts", "before", "data", "after"}

    def test_names_of_members_are_no_paths(self, subject: Subject, whole: Database) -> None:
        odd = [replace(whole, name=name) for name in ("../etc", "Größe", "größe", "--option", "dbname=x", "A", "a")]
        divided = subject.engine.sections(subject.engine.server(subject.source), odd, STREAMS)
        names = [section.member for section in divided]

        assert len(names) == len(set(names))
        assert all(part.isascii() and part.isalnum() and part == part.lower() for n in names for part in n.split("-"))
        assert {section.database for section in divided} == {"", *(database.name for database in odd)}

    # ---------------------------------------------------------------------------------------- dumps and copies

    def test_a_copy_has_every_row(self, whole: Database, copy: Database) -> None:
        assert counted(copy) == counted(whole)

    def test_a_copy_has_every_object(self, whole: Database, copy: Database) -> None:
        assert hashed(copy) == hashed(whole)

    def test_a_copy_has_the_same_character_set_and_collation(self, whole: Database, copy: Database) -> None:
        assert (copy.name, copy.character_set, copy.collation) == (SCRATCH, whole.character_set, whole.collation)

    def test_a_section_is_whole_as_its_own_program_reads_it(
        self, subject: Subject, contents: tuple[tuple[Section, bytes], ...]
    ) -> None:
        for section, content in contents:
            with subject.engine.inspecting(section) as reader:
                _write(reader, content)

    def test_a_section_that_lacks_its_end_is_not_whole(
        self, subject: Subject, contents: tuple[tuple[Section, bytes], ...]
    ) -> None:
        for section, content in contents:
            with pytest.raises(LoadFailed), subject.engine.inspecting(section) as reader:
                _write(reader, content[: -max(1, len(content) // 3)])

    def test_a_section_that_lacks_a_table_is_not_whole(
        self, subject: Subject, contents: tuple[tuple[Section, bytes], ...]
    ) -> None:
        section, content = next(each for each in contents if each[0].tables)
        claimed = replace(section, tables=(*section.tables, ("nowhere", "to be found")))

        with pytest.raises(LoadFailed, match="to be found"), subject.engine.inspecting(claimed) as reader:
            _write(reader, content)

    def test_one_table_alone_can_be_loaded(
        self, subject: Subject, whole: Database, contents: tuple[tuple[Section, bytes], ...], spare: str
    ) -> None:
        path, rows = subject.rows
        subject.engine.create(subject.source, replace(whole, name=spare))

        for section, content in contents:
            if section.part in {"before", "after"} or path in section.tables:
                load(subject, section, content, spare, only=[path])

        filled = [each for each in described(subject, spare).tables if each.rows]
        assert [(each.schema, each.name, each.rows) for each in filled] == [(*path, rows)]
        assert filled[0].checksum == table(whole, path).checksum

    def test_accounts_that_exist_stay(self, subject: Subject, contents: tuple[tuple[Section, bytes], ...]) -> None:
        before = subject.engine.accounts(subject.source)

        for section, content in contents:
            if section.part == "accounts":
                load(subject, section, content, "")

        assert subject.engine.accounts(subject.source) == before

    def test_a_section_that_lacks_its_end_cannot_be_loaded(
        self, subject: Subject, whole: Database, contents: tuple[tuple[Section, bytes], ...], spare: str
    ) -> None:
        section, content = next(each for each in contents if each[0].part == "before")
        subject.engine.create(subject.source, replace(whole, name=spare))

        with pytest.raises(LoadFailed):
            load(subject, section, content[: len(content) // 2], spare)

    def test_a_dump_that_is_left_early_ends_its_program(self, subject: Subject, whole: Database) -> None:
        section = next(each for each in sections(subject, whole) if each.part == "data")

        before = children()

        with pytest.raises(KeyboardInterrupt), subject.engine.dumped(subject.source, section) as output:
            _interrupted(output)

        assert children() <= before

    # ---------------------------------------------------------------------------- what a description must notice

    @pytest.fixture(name="changed", scope="class")
    @classmethod
    def _changed(
        cls, subject: Subject, whole: Database, contents: tuple[tuple[Section, bytes], ...]
    ) -> Iterator[Database]:
        try:
            loaded(subject, contents, whole, "changed")
            for statement in (*(loss.statement for loss in subject.losses), subject.insert_equal_rows):
                subject.run(subject.source, "changed", statement)
            yield described(subject, "changed")
        finally:
            subject.engine.drop(subject.source, "changed")

    def test_every_loss_is_noticed(self, subject: Subject, whole: Database, changed: Database) -> None:
        before: dict[tuple[str, str], object] = {**counted(whole), **hashed(whole)}
        after: dict[tuple[str, str], object] = {**counted(changed), **hashed(changed)}
        told = {loss: (before.get(loss.told_by), after.get(loss.told_by)) for loss in subject.losses}

        assert [loss for loss, (was, now) in told.items() if was is None or was == now] == []

    def test_two_equal_rows_more_do_not_cancel_each_other_out(
        self, subject: Subject, whole: Database, changed: Database
    ) -> None:
        path, rows = subject.rows

        assert table(changed, path).rows == rows + 2
        assert table(changed, path).checksum != table(whole, path).checksum

    # -------------------------------------------------------------------------------- making and removing databases

    def test_a_database_that_does_not_exist_is_empty_and_one_with_tables_is_not(self, subject: Subject) -> None:
        assert subject.engine.is_empty(subject.source, "no such database")
        assert not subject.engine.is_empty(subject.source, subject.database)

    def test_a_new_database_is_empty_and_may_be_made_again(self, subject: Subject, whole: Database, spare: str) -> None:
        subject.engine.create(subject.source, replace(whole, name=spare))
        subject.engine.create(subject.source, replace(whole, name=spare))

        assert subject.engine.is_empty(subject.source, spare)

    def test_a_database_with_content_is_not_made_again(self, subject: Subject, whole: Database) -> None:
        with pytest.raises(TargetNotEmpty):
            subject.engine.create(subject.source, whole)

        assert not subject.engine.is_empty(subject.source, subject.database)

    def test_dropping_a_database_that_is_not_there_is_no_failure(self, subject: Subject) -> None:
        subject.engine.drop(subject.source, "no such database")

    # ---------------------------------------------------------------------------------------------- what goes wrong

    def test_a_wrong_password_is_told_without_it(self, subject: Subject, whole: Database) -> None:
        wrong = replace(subject.source, password="not-the-password")
        divided = sections(subject, whole)

        with pytest.raises(DatabaseUnreachable) as told:
            subject.engine.server(wrong)
        with pytest.raises(DatabaseUnreachable), subject.engine.dumped(wrong, divided[0]) as output:
            output.read()
        with pytest.raises(DatabaseUnreachable):
            subject.engine.describe(wrong, subject.database, nothing)

        assert "not-the-password" not in str(told.value) + str(told.value.hint) + repr(wrong)

    def test_where_nobody_listens_that_is_said(self, subject: Subject) -> None:
        with pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1:1\b"):
            subject.engine.server(replace(subject.source, port=1))

    def test_a_password_is_in_no_command_line_and_no_environment(self, subject: Subject, whole: Database) -> None:
        before = children()
        seen: list[bytes] = []
        for section in sections(subject, whole):
            with subject.engine.dumped(subject.source, section) as output:
                seen += [shown(child) for child in children() - before]
                output.read()

        assert seen
        assert not any(subject.source.password.encode() in each for each in seen)

    def test_a_program_that_is_not_installed_is_named(
        self, subject: Subject, whole: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        divided = sections(subject, whole)
        monkeypatch.setenv("PATH", str(tmp_path))

        for section in divided:
            with pytest.raises(ToolMissing, match="dump"), subject.engine.dumped(subject.source, section) as output:
                output.read()

    def test_a_table_that_is_gone_fails_the_dump(self, subject: Subject, whole: Database) -> None:
        section = next(each for each in sections(subject, whole) if each.tables)
        gone = replace(section, database="no such database")

        with pytest.raises((DumpFailed, DatabaseUnreachable)), subject.engine.dumped(subject.source, gone) as output:
            output.read()

    def test_an_older_server_should_not_be_given_a_dump(self, subject: Subject) -> None:
        server = subject.engine.server(subject.source)

        assert subject.engine.objection(server, server) == ""
        assert subject.engine.objection(replace(server, version=subject.older), server) == ""
        assert subject.older in subject.engine.objection(server, replace(server, version=subject.older))


def _write(pipe: BinaryIO, content: bytes) -> None:
    pipe.writelines(content[start : start + (1 << 16)] for start in range(0, len(content), 1 << 16))


def _interrupted(output: BinaryIO) -> None:
    output.read(1)
    raise KeyboardInterrupt
