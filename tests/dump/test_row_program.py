"""What the row reader writes is what MariaDB's own program writes, and what it sums up is what the server sums up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from tests.archive.tree_reader_builds import built
from tests.dump import torture_mysql as torture
from tests.dump.engine_contract import nothing

from backup_actions.archive.folder_store import FolderStore
from backup_actions.dump import DumpOptions, dump
from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Database, DumpDescription, RowChecksums, Section, Table
from backup_actions.dump.mysql import dumping as mysql_dumping
from backup_actions.dump.mysql import engine as mysql_engine
from backup_actions.dump.mysql.engine import MySqlEngine
from backup_actions.dump.mysql.row_program import RowScript, is_readable, row_program, row_script, rows_read
from backup_actions.dump.mysql.rows import TableShape, shapes
from backup_actions.dump.mysql.session import session
from backup_actions.dump.sums import Sums
from backup_actions.errors import ArchiveInterrupted, DatabaseUnreachable, DumpFailed
from backup_actions.model.progress import Silence

_NAME = rb"`(?:[^`]|``)+`"
_HEAD = re.compile(
    rb"^INSERT INTO " + _NAME + rb" (?:\(" + _NAME + rb"(?:, " + _NAME + rb")*\) )?VALUES\s", re.MULTILINE
)
_TABLE = "letters"


def failed(words: str) -> DumpFailed:
    """What is raised of what the program says."""
    return DumpFailed(what="rows", reason=words)


@pytest.fixture(name="program", scope="module")
def _program() -> Path:
    """The reader as it finds faults of memory."""
    if row_program() is None:
        pytest.skip("needs Debian's libmariadb-dev")
    return built("address", "row_reader")


@pytest.fixture(name="server")
def _server(mysql_torture: Connection, program: Path, monkeypatch: pytest.MonkeyPatch) -> Connection:
    """A server whose rows that program reads."""
    use(monkeypatch, program)
    return mysql_torture


def use(monkeypatch: pytest.MonkeyPatch, program: Path | None) -> None:
    """Rows are read by it, or by MariaDB's program."""
    for module in (mysql_dumping, mysql_engine):
        monkeypatch.setattr(module, "row_program", lambda: program)


@pytest.fixture(name="letters")
def _letters(server: Connection) -> Iterator[Connection]:
    """A server with a database of one small table."""
    torture.run(server, "", f"CREATE DATABASE {_TABLE}")
    try:
        torture.run(server, _TABLE, f"CREATE TABLE {_TABLE} (id int PRIMARY KEY, t longblob)")
        yield server
    finally:
        torture.run(server, "", f"DROP DATABASE {_TABLE}")


def readable(server: Connection, database: str) -> tuple[TableShape, ...]:
    """The tables that the program reads."""
    with session(server, failed, database) as asked:
        return tuple(shape for shape in shapes(asked, database) if is_readable(asked.server, shape))


def section_of(database: str, tables: tuple[TableShape, ...]) -> Section:
    """The rows of these tables."""
    return Section(member="rows", part="data", database=database, tables=tuple(("", each.name) for each in tables))


def read(server: Connection, section: Section) -> tuple[bytes, dict[str, Table]]:
    """A section, and the tables of which was told."""
    told: list[Table] = []
    with MySqlEngine().dumped_and_summed_up(server, section, told.append) as output:
        content = output.read()
    return content, {table.name: table for table in told}


def rows(content: bytes) -> list[bytes]:
    """Each row, as it is inserted; zeros in front of a number come and go with how it is asked for."""
    lines = _HEAD.sub(b"", content).split(b"\n")
    return sorted(re.sub(rb",0+(?=\d+,)", b",", line[:-1]) for line in lines if line.startswith(b"("))


@pytest.mark.parametrize("database", torture.DATABASES)
def test_rows_are_those_that_the_program_of_mariadb_writes(
    server: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That program gives a value to what the target computes.
    alike = tuple(
        shape for shape in readable(server, database) if not any(column.is_generated for column in shape.columns)
    )
    section = section_of(database, alike)
    ours, _ = read(server, section)
    use(monkeypatch, None)

    theirs, told = read(server, section)

    assert told == {}
    assert len(rows(theirs)) > 1
    is_same = rows(ours) == rows(theirs)  # rows are too long to be shown
    assert is_same


@pytest.mark.parametrize("database", torture.DATABASES)
def test_sums_are_those_of_the_server(server: Connection, database: str) -> None:
    engine = MySqlEngine()
    tables = readable(server, database)
    described = {table.name: table for table in engine.describe(server, database, nothing).tables}

    _, told = read(server, section_of(database, tables))

    assert told.keys() == {shape.name for shape in tables} == engine.summed_up_when_dumped(server, database, 3)
    assert not any(engine.summed_up_when_dumped(server, database, way) for way in get_args(RowChecksums) if way != 3)
    for name, table in told.items():
        assert (table.rows, table.checksum) == (described[name].rows, described[name].checksum), name


def test_most_tables_are_read_by_it_and_of_each_kind_some(server: Connection) -> None:
    with session(server, failed, torture.DATABASE) as asked:
        all_of_them = shapes(asked, torture.DATABASE)
    read_by_it = readable(server, torture.DATABASE)

    assert len(read_by_it) > len(all_of_them) * 0.9
    kinds = {column.kind for shape in read_by_it for column in shape.columns}
    assert kinds >= {"bit", "float", "double", "decimal", "time", "timestamp", "year", "longblob", "enum", "set"}
    assert any(column.is_virtual for shape in read_by_it for column in shape.columns)
    assert any(column.is_generated and not column.is_virtual for shape in read_by_it for column in shape.columns)


@pytest.mark.parametrize(
    "lengths", [(0, 1, 15, 16, 17, 40), (1 << 20, 3, 1 << 20), (600_000, 300_000, 140_000, 9), (5 << 20,)]
)
def test_a_statement_has_a_mebibyte_or_one_row(letters: Connection, lengths: tuple[int, ...]) -> None:
    for number, length in enumerate(lengths):
        torture.run(letters, _TABLE, f"INSERT INTO {_TABLE} VALUES ({number}, REPEAT('\\'', {length // 2}))")  # noqa: S608

    content, told = read(letters, section_of(_TABLE, readable(letters, _TABLE)))

    statements = re.findall(rb"^INSERT INTO .*?;$", content, re.MULTILINE | re.DOTALL)
    for statement in statements:
        assert len(statement) <= (1 << 20) + 100 or len(rows(statement)) == 1
    assert sum(len(rows(statement)) for statement in statements) == told[_TABLE].rows == len(lengths)
    torture.run(letters, _TABLE, f"DELETE FROM {_TABLE}")  # noqa: S608
    torture.carry_out(letters, _TABLE, content)
    ((found,),) = torture.run(letters, _TABLE, f"SELECT GROUP_CONCAT(LENGTH(t) ORDER BY id) FROM {_TABLE}")  # noqa: S608
    assert found == ",".join(str(length // 2) for length in lengths)


def test_places_and_documents_are_those_that_the_program_of_mariadb_writes(
    letters: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = (
        "spot point NOT NULL, area polygon, said json, `a ``b, ``` varchar(9), bits bit(9), since timestamp(6) NULL"
    )
    torture.run(letters, _TABLE, f"CREATE TABLE places ({columns})")
    area = "ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0))')"
    torture.run(letters, _TABLE, f"INSERT INTO places VALUES (POINT(1.5, -2), {area}, '[1, \"N\"]', 'N', b'1', 0)")  # noqa: S608
    torture.run(letters, _TABLE, "INSERT INTO places (spot) VALUES (POINT(0, 0))")
    section = section_of(_TABLE, readable(letters, _TABLE))
    ours, told = read(letters, section)
    use(monkeypatch, None)

    theirs, _ = read(letters, section)

    assert told["places"].rows == 2
    assert rows(ours) == rows(theirs)


def test_every_byte_comes_back(letters: Connection) -> None:
    torture.run(letters, _TABLE, f"INSERT INTO {_TABLE} VALUES (0, NULL), (1, '')")  # noqa: S608
    for start in range(0, 256, 16):  # beginning at each place of what is looked at together
        for shift in (0, 1, 7):
            value = bytes((number + shift) % 256 for number in range(start, start + 300)).hex()
            number = 2 + start * 3 + shift
            torture.run(letters, _TABLE, f"INSERT INTO {_TABLE} VALUES ({number}, X'{value}')")  # noqa: S608
    before = MySqlEngine().describe(letters, _TABLE, nothing)
    content, _ = read(letters, section_of(_TABLE, readable(letters, _TABLE)))

    torture.run(letters, _TABLE, f"DELETE FROM {_TABLE}")  # noqa: S608
    torture.carry_out(letters, _TABLE, content)

    assert before.tables[0].rows == 50
    assert MySqlEngine().describe(letters, _TABLE, nothing).tables == before.tables


def test_a_wrong_password_is_no_dump(server: Connection) -> None:
    tables = readable(server, "other")
    with session(server, failed, "other") as asked:
        script = row_script(replace(server, password="other"), asked, "other", tables)

    with pytest.raises(DatabaseUnreachable, match=r"1045.*denied"):
        run(script, server)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("nt\0", "n\0", "different columns"),
        ("nt\0", "tt\0", "different columns"),
        ("nt\0", "bt\0", "different columns"),
        ("nt\0", "ntn\0", "another form"),
        ("nt\0", "1t\0", ""),
        ("nt\0", "nb\0", "another form"),
        ("`t` FROM", "NULL FROM", "contradicts itself"),
        ("`t` FROM", "`missing` FROM", "1054"),
        ("CRC32(@r) * CRC32C(@r)", "NULL", "without its sum"),
        ("START TRANSACTION", "START NOTHING", "1064"),
    ],
)
def test_rows_of_another_form_end_it(letters: Connection, before: str, after: str, said: str) -> None:
    torture.run(letters, _TABLE, f"INSERT INTO {_TABLE} VALUES (1, 'one'), (2, 'two')")  # noqa: S608
    tables = readable(letters, _TABLE)
    with session(letters, failed, _TABLE) as asked:
        script = row_script(letters, asked, _TABLE, tables)
    assert script.text.count(before) == 1
    changed = replace(script, text=script.text.replace(before, after))

    if said:
        with pytest.raises(DumpFailed, match=said):
            run(changed, letters)
    else:
        assert rows(run(changed, letters)) == [b"('one')", b"('two')"]


@pytest.mark.parametrize("length", [0, 1, 10, -1, -5])
def test_a_script_that_was_cut_ends_it(letters: Connection, length: int) -> None:
    with session(letters, failed, _TABLE) as asked:
        script = row_script(letters, asked, _TABLE, readable(letters, _TABLE))

    with pytest.raises(DumpFailed, match=r"too early|no end"):
        run(replace(script, text=script.text[:length]), letters)


def run(script: RowScript, server: Connection) -> bytes:
    """What the program writes."""
    program = built("address", "row_reader")
    assert program is not None
    with rows_read(program, script, server, lambda _name, _sum: None, failed) as output:
        return output.read()


class StopsBehind(Silence):
    """Somebody presses Ctrl-C when something is read after this file is there."""

    def __init__(self, folder: Path, pattern: str) -> None:
        self._folder, self._pattern = folder, pattern

    def add(self, amount: int) -> None:
        """So many more."""
        if any(self._folder.glob(self._pattern)):
            raise KeyboardInterrupt


def test_tables_of_finished_sections_are_summed_up_by_the_server_when_a_dump_goes_on(
    server: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, one = FolderStore(tmp_path / "dump"), DumpOptions(streams=1)
    interrupted = StopsBehind(tmp_path / "dump" / "sections", "1-many-data-1.*")
    with pytest.raises(ArchiveInterrupted):
        dump(server, store, databases=["many", "other"], options=one, progress=interrupted, resume=True)
    asked_for: list[frozenset[str]] = []
    others = MySqlEngine.describe_others

    def noted(self: MySqlEngine, to: Connection, database: str, *rest: object) -> object:
        asked_for.append(rest[-1])  # type: ignore[arg-type]
        return others(self, to, database, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(MySqlEngine, "describe_others", noted)

    dump(server, store, databases=["many", "other"], options=one, resume=True)

    described = DumpDescription.from_bytes(store.read("dump.json"))
    monkeypatch.undo()
    assert [each.tables for each in described.databases] == [
        MySqlEngine().describe(server, name, nothing).tables for name in ("many", "other")
    ]
    assert asked_for[0] == frozenset(), "the largest comes first, and is finished"
    assert asked_for[1]


@pytest.mark.parametrize("read_rows", [None, 6])
def test_rows_that_were_read_are_as_many_as_the_server_counts(read_rows: int | None) -> None:
    table = Table(schema="", name="t", rows=7, checksum="", size_bytes=9)
    database = Database(name="d", character_set="", collation="", size_bytes=9, tables=(table,), objects=())
    sums = Sums(frozenset({("d", "t")}))
    if read_rows is not None:
        sums.told("d", replace(table, rows=read_rows, checksum="12"))

    with pytest.raises(DumpFailed, match=r"'t' of 'd'.*counts 7 rows, and (6|none) were read"):
        sums.completed(database)

    sums.told("d", replace(table, checksum="12", size_bytes=0))
    assert sums.completed(database).tables == (replace(table, checksum="12"),)
