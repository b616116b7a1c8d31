"""MariaDB holds what every engine has to, and what only MySQL and MariaDB are asked."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
from tests.dump import torture_mysql as torture
from tests.dump.engine_contract import (
    SCRATCH,
    EngineContract,
    Loss,
    Subject,
    counted,
    described,
    dumped,
    hashed,
    load,
    loaded,
    sections,
)

from backup_actions.archive.folder_store import FolderStore
from backup_actions.dump import dump, restore, verify_dump
from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Database, RowChecksums, Section, Server
from backup_actions.dump.mysql import counting, row_sums
from backup_actions.dump.mysql.engine import MySqlEngine
from backup_actions.dump.mysql.programs import dump_program
from backup_actions.dump.mysql.rows import shapes
from backup_actions.dump.mysql.session import Row, Session, session
from backup_actions.dump.mysql.text import quoted
from backup_actions.errors import DatabaseUnreachable, DumpFailed, LoadFailed
from backup_actions_local.databases.certificates import Authority

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseImage

Contents = tuple[tuple[Section, bytes], ...]

LOSSES = tuple(
    Loss(statement=statement, told_by=(kind, name))
    for statement, kind, name in (
        ("DROP TABLE many_7", "table", "many_7"),
        ("ALTER TABLE many_8 DROP PRIMARY KEY", "table", "many_8"),
        ("ALTER TABLE numbers AUTO_INCREMENT = 2000", "table", "numbers"),
        ("ALTER TABLE chicken DROP CONSTRAINT laid", "table", "chicken"),
        ("ALTER TABLE computed DROP CONSTRAINT positive", "table", "computed"),
        ("ALTER TABLE moments ALTER must SET DEFAULT '2026-01-01'", "table", "moments"),
        ("ALTER TABLE defaults COMMENT 'other'", "table", "defaults"),
        ("ALTER TABLE happened DROP PARTITION since", "table", "happened"),
        ("ALTER TABLE aria ENGINE = InnoDB", "table", "aria"),
        ("DO NEXTVAL(counter)", "sequence", "counter"),
        ("DROP VIEW across", "view", "across"),
        ("ALTER SQL SECURITY INVOKER VIEW plain AS SELECT id, plus_one(id) AS more, 'torture' AS `where` FROM numbers",
         "view", "plain"),
        ("DROP FUNCTION `odd ``name`", "function", "odd `name"),
        ("ALTER PROCEDURE fill SQL SECURITY INVOKER", "procedure", "fill"),
        ("DROP TRIGGER `first```", "trigger", "second"),
        ("DROP TRIGGER kept", "trigger", "kept"),
        ("ALTER EVENT fires DISABLE", "event", "fires"),
        ("DROP EVENT once", "event", "once"),
        ("DELETE FROM many_50 WHERE id = 1", "", "many_50"),
        ("UPDATE many_51 SET t = 'other' WHERE id = 1", "", "many_51"),
        ("UPDATE many_52 SET t = NULL", "", "many_52"),
        ("UPDATE many_53 SET t = IF(id = 1, NULL, 'one')", "", "many_53"),
        ("UPDATE many_54 SET t = 'ONE' WHERE id = 1", "", "many_54"),
        ("UPDATE numbers SET half = 1.2345679 WHERE id = 1", "", "numbers"),
        ("UPDATE texts SET everything = CONCAT(everything, ' ') WHERE id = 2", "", "texts"),
        ("UPDATE bytes SET large = CONCAT(large, X'00') WHERE id = 1", "", "bytes"),
        ("UPDATE places SET spot = ST_GeomFromText('POINT(1.5 -2.5)', 0) WHERE id = 1", "", "places"),
        ("UPDATE history SET what = 'less'", "", "history"),
    )
)  # fmt: skip


@pytest.fixture(name="server", scope="module")
def _server(mysql_torture: Connection) -> Connection:
    return mysql_torture


@pytest.fixture(name="subject", scope="module")
def _subject(server: Connection) -> Subject:
    return Subject(
        engine=MySqlEngine(),
        source=server,
        database=torture.DATABASE,
        databases=torture.DATABASES,
        accounts=torture.ACCOUNTS,
        run=torture.run,
        rows=(("", "no_key"), 6),
        insert_equal_rows="INSERT INTO no_key VALUES (77, 'twice'), (77, 'twice')",
        empty_table=("", "empty_for_now"),
        losses=LOSSES,
        older="10.5.29",
    )


class TestMariaDb(EngineContract):
    """The contract, and what its copy shows besides."""

    def test_a_copy_has_the_same_rows_as_the_server_tells_them(
        self, subject: Subject, whole: Database, copy: Database
    ) -> None:
        with torture.asking(subject.source) as cursor:
            for table in whole.tables:
                there, here = (_rows(cursor, database, table.name) for database in (torture.DATABASE, SCRATCH))
                is_same = there == here  # rows are too long to be shown
                assert is_same, table.name
                assert len(there) == table.rows

    @pytest.mark.parametrize(
        ("way", "checksum"),
        [
            (1, "CAST(CONV(LEFT(SHA1({long}), 16), 16, 10) AS UNSIGNED)"),
            (2, "CRC32(CONCAT_WS(',', '', {a}, IFNULL(CRC32(b), 'N'))) * CRC32C(CONCAT_WS(',', '', {a}, {short}))"),
            (3, "CRC32({both}) * CRC32C({both})"),
        ],
    )
    def test_a_checksum_is_what_it_is_said_to_be(self, subject: Subject, way: RowChecksums, checksum: str) -> None:
        long = "CONCAT_WS(',', '', IFNULL(a, 'N'), IFNULL(CONCAT(LENGTH(b), ':', CAST(b AS BINARY)), 'N'))"
        short = "IFNULL(CRC32C(b), 'N')"
        both = f"CONCAT_WS(',', '', IFNULL(a, 'N'), IFNULL(CRC32(b), 'N'), {short})"
        total = checksum.format(a="IFNULL(a, 'N')", short=short, both=both, long=long)

        ((computed,),) = torture.run(subject.source, torture.DATABASE, f"SELECT SUM({total}) FROM no_key")  # noqa: S608

        assert _summed_up(subject, torture.DATABASE, way)["no_key"] == (6, str(computed))

    def test_an_older_server_sums_up_its_rows_in_the_first_way(self, subject: Subject) -> None:
        servers = [
            Server(family="mysql", product=product, version=version)
            for product, version in (("mysql", "8.4.3"), ("aurora-mysql", "8.0.39"), ("mariadb", "10.6.20"))
        ]

        assert {subject.engine.row_checksums(server) for server in servers} == {1}
        assert subject.engine.row_checksums(subject.engine.server(subject.source)) == 3

    def test_tables_are_summed_up_in_pieces_as_they_are_as_a_whole(
        self, subject: Subject, whole: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(counting, "_PIECE_BYTES", 1)
        asked_for: list[str] = []
        first = Session.first

        def noted(self: Session, sql: str, *values: str) -> Row:
            asked_for.append(sql)
            return first(self, sql, *values)

        monkeypatch.setattr(Session, "first", noted)

        assert counted(described(subject, torture.DATABASE)) == counted(whole)
        assert sum("FROM `numbers` FORCE INDEX (PRIMARY) WHERE" in sql for sql in asked_for) > 2
        assert sum("FROM `no_key`" in sql for sql in asked_for) == 1

    @pytest.mark.usefixtures("copy")
    def test_the_first_way_finds_the_same_rows_in_a_copy(self, subject: Subject) -> None:
        assert _summed_up(subject, SCRATCH, 1) == _summed_up(subject, torture.DATABASE, 1)

    def test_a_copy_has_the_same_definers_and_bodies_as_the_server_tells_them(
        self, subject: Subject, copy: Database
    ) -> None:
        for kind in ("views", "routines", "triggers", "events"):
            there = _definers(subject, torture.DATABASE, kind)
            assert {each for each in there if "broken" not in each[0]} == _definers(subject, SCRATCH, kind)

        assert ("of_somebody_gone", "gone@localhost") in _definers(subject, SCRATCH, "views")

    def test_events_do_not_fire_in_a_copy_of_another_name(self, subject: Subject, copy: Database) -> None:
        status = "SELECT event_name, status FROM information_schema.events WHERE event_schema = %s ORDER BY 1"

        assert ("fires", "ENABLED") in torture.run(subject.source, "", status, torture.DATABASE)
        assert torture.run(subject.source, "", status, SCRATCH) == [
            ("fires", "SLAVESIDE_DISABLED"),
            ("once", "SLAVESIDE_DISABLED"),
            ("sleeps `", "DISABLED"),
        ]

    def test_a_copy_has_the_history_of_its_rows(self, subject: Subject, copy: Database) -> None:
        past = (
            "SELECT id, what, CAST(half AS DOUBLE), row_start, row_end FROM history FOR SYSTEM_TIME ALL ORDER BY 1, 4"
        )

        assert subject.run(subject.source, SCRATCH, past) == subject.run(subject.source, torture.DATABASE, past)

    def test_what_is_loaded_under_another_name_changes_nothing_where_it_comes_from(
        self, subject: Subject, whole: Database, copy: Database
    ) -> None:
        again = described(subject, torture.DATABASE)

        assert (counted(again), hashed(again)) == (counted(whole), hashed(whole))

    def test_the_master_user_of_rds_describes_the_same(self, subject: Subject, whole: Database) -> None:
        seen = described(replace(subject, source=torture.like_rds(subject.source)), torture.DATABASE)

        assert (counted(seen), hashed(seen)) == (counted(whole), hashed(whole))

    def test_the_master_user_of_rds_dumps_and_loads_everything_but_the_names_of_definers(
        self, subject: Subject, whole: Database, spare: str
    ) -> None:
        master = replace(subject, source=torture.like_rds(subject.source))
        contents = tuple((section, dumped(master, section)) for section in sections(master, whole))

        copy = loaded(master, contents, whole, spare)

        assert (counted(copy), hashed(copy)) == (counted(whole), hashed(whole))
        assert {definer for _, definer in _definers(subject, spare, "triggers")} == {"like_rds@%"}

    def test_no_hash_of_a_password_is_in_a_dump(self, subject: Subject, contents: Contents) -> None:
        hashed_ones = [row[0] for row in subject.run(subject.source, "mysql", "SELECT authentication_string FROM user")]
        secrets = [secret.encode() for secret in hashed_ones if secret]

        assert len(secrets) >= 3
        assert not any(secret in content for _, content in contents for secret in secrets)
        assert not any(b"IDENTIFIED" in content for section, content in contents if section.part == "accounts")

    def test_new_accounts_are_locked_and_have_what_they_may_do(self, subject: Subject, contents: Contents) -> None:
        app = "app@'%'"
        before = [row[0] for row in subject.run(subject.source, "", f"SHOW GRANTS FOR {app}")]
        subject.run(subject.source, "", f"DROP USER {app}")
        (accounts, all_accounts), *_, (after, rest) = contents
        grants = b"".join(re.findall(rb"-- Account .*\nGRANT .*;\n", rest)) + rest.splitlines(keepends=True)[-1]
        load(subject, accounts, all_accounts, "")
        load(subject, after, grants, torture.DATABASE)
        now = [row[0] for row in subject.run(subject.source, "", f"SHOW GRANTS FOR {app}")]
        ((created,),) = subject.run(subject.source, "", f"SHOW CREATE USER {app}")

        assert sorted(now) == sorted(re.sub(" IDENTIFIED BY PASSWORD '[^']*'", "", grant) for grant in before)
        assert created == "CREATE USER `app`@`%` REQUIRE SSL WITH MAX_USER_CONNECTIONS 5 ACCOUNT LOCK"

    def test_notes_tell_what_is_not_in_the_dump_and_what_will_happen(self, subject: Subject, whole: Database) -> None:
        notes = " ".join(subject.engine.notes(subject.source, [whole]))

        for told in ("passwords", 'broken "view"', "fires, once.", "precise_history.", "gone@localhost"):
            assert told in notes

    def test_stock_programs_load_sections_of_which_we_know_nothing(self, subject: Subject, spare: str) -> None:
        other = described(subject, "other")
        subject.engine.create(subject.source, replace(other, name=spare))

        for section in sections(subject, other):
            if section.part != "accounts":
                torture.carry_out(subject.source, spare, dumped(subject, section))

        copy = described(subject, spare)
        assert (counted(copy), hashed(copy)) == (counted(other), hashed(other))

    def test_a_million_rows_come_back(self, subject: Subject, spare: str) -> None:
        many = described(subject, "many")
        subject.engine.create(subject.source, replace(many, name=spare))

        for section in sections(subject, many):
            if section.part in {"before", "data"}:
                with (
                    subject.engine.dumped(subject.source, section) as output,
                    subject.engine.loading(subject.source, section, spare, None) as pipe,
                ):
                    while piece := output.read(1 << 18):
                        pipe.write(piece)

        assert [table.rows for table in many.tables] == [torture.MANY_ROWS]
        assert counted(described(subject, spare)) == counted(many)


def test_databases_that_look_into_each_other_are_dumped_verified_and_restored(
    server: Connection, tmp_path: Path
) -> None:
    engine, store = MySqlEngine(), FolderStore(tmp_path)
    for name in ("ann", "bob"):
        engine.create(server, _empty(name))
        torture.run(server, name, "CREATE TABLE t (id int)")
    for name, other in (("ann", "bob"), ("bob", "ann")):
        torture.run(server, name, f"CREATE VIEW v AS SELECT t.id FROM t JOIN {other}.t AS u USING (id)")  # noqa: S608
    try:
        dump(torture.like_rds(server), store, databases=["ann", "bob"])
        report = verify_dump(store, torture.like_rds(server))
        for name in ("ann", "bob"):
            engine.drop(server, name)
        restored = restore(store, server, accounts=False)
    finally:
        for name in ("ann", "bob"):
            engine.drop(server, name)

    assert (report.ok, report.differences) == (True, ())
    assert [(each.name, each.objects) for each in restored.databases] == [("ann", 2), ("bob", 2)]


def test_certificates_are_checked_where_there_are_any(
    server: Connection, mysql_image: DatabaseImage, tmp_path: Path
) -> None:
    engine = MySqlEngine()
    trusting = replace(server, ca_file=mysql_image.path.with_name("running") / "authority" / "authority.pem")
    assert engine.server(trusting).product == "mariadb"
    assert b"somewhere else" in _read_by_the_program(trusting)

    wary = replace(server, ca_file=Authority(tmp_path).certificate().authority)
    with pytest.raises(DatabaseUnreachable, match=r"(?i)certificate"):
        engine.server(wary)
    with pytest.raises(DatabaseUnreachable, match=r"(?i)certificate|self-signed|TLS"):
        _read_by_the_program(wary)


def test_a_password_with_every_sign_reaches_programs_and_driver(server: Connection) -> None:
    master = torture.like_rds(server)

    assert MySqlEngine().server(master).product == "mariadb"
    assert b"somewhere else" in _read_by_the_program(master)


def test_a_connection_that_is_lost_fails_the_load(server: Connection) -> None:
    engine = MySqlEngine()
    section = Section(member="lost", part="data", database="many")
    engine.create(server, _empty("lost"))
    try:
        with pytest.raises(LoadFailed, match=r"section lost could not be loaded: .*(?i:lost|gone|killed)"):
            _load_and_lose(engine, server, section)
    finally:
        engine.drop(server, "lost")


def test_a_server_that_is_killed_fails_the_dump(mysql_image: DatabaseImage, tmp_path: Path) -> None:
    engine = MySqlEngine()
    with torture.restored(mysql_image, tmp_path) as (source, server):
        section = Section(member="many", part="data", database="many", tables=(("", "numbers"),))

        with (
            pytest.raises(DumpFailed, match=r"(?i)lost connection|unexpected eof"),
            engine.dumped(source, section) as output,
        ):
            _read_and_kill(output, server.pid)
        with pytest.raises(DatabaseUnreachable):
            engine.server(source)


def test_no_session_is_ended_by_the_server_because_it_waits_for_others(server: Connection) -> None:
    with session(server, _not_dumped) as asked:
        assert asked.first("SELECT @@session.wait_timeout >= 86400 * 30") == (1,)


def test_who_counts_is_told_before_it_is_done_that_a_dump_has_failed(
    server: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "_LOOK_SECONDS", 0.001)
    told: list[int] = []

    def fails(told_bytes: int) -> None:
        told.append(told_bytes)
        raise DumpFailed(what="a section", reason="something else went wrong")

    with pytest.raises(DumpFailed, match="something else went wrong"):
        MySqlEngine().describe(server, "many", fails)

    assert told == [0]


def test_a_target_without_room_says_so(server: Connection) -> None:
    engine = MySqlEngine()
    content = (
        b"CREATE TABLE t (id int) ENGINE=MEMORY;\nINSERT INTO t SELECT seq FROM seq_1_to_100000;\n-- End of full\n"
    )
    engine.create(server, _empty("full"))
    torture.run(server, "", "SET GLOBAL max_heap_table_size = 16384")
    try:
        with pytest.raises(LoadFailed, match="The table 't' is full"):
            _load(engine, server, Section(member="full", part="before", database="full"), content)
    finally:
        torture.run(server, "", "SET GLOBAL max_heap_table_size = DEFAULT")
        engine.drop(server, "full")


@pytest.mark.root
def test_a_full_disk_of_the_target_is_told(server: Connection, tmp_path: Path) -> None:
    engine = MySqlEngine()
    table = f"CREATE TABLE t (id int, what char(200)) ENGINE=InnoDB DATA DIRECTORY='{tmp_path}';\n"
    rows = "INSERT INTO t SELECT seq, 'row' FROM seq_1_to_100000;\n-- End of full\n"
    engine.create(server, _empty("full"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=777", "tmpfs", str(tmp_path)], check=True)
    try:
        with pytest.raises(LoadFailed, match="The table 't' is full"):
            _load(engine, server, Section(member="full", part="before", database="full"), (table + rows).encode())
    finally:
        engine.drop(server, "full")
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def _rows(cursor: Any, database: str, table: str) -> list[str]:
    """Rows as hexadecimal digits of what lies in the columns, in an order of their own."""
    cursor.execute(f"SHOW COLUMNS FROM {quoted(table)} FROM {quoted(database)}")
    names = [quoted(row[0]) for row in cursor.fetchall() if row[0] not in {"since", "until"}]
    past = " FOR SYSTEM_TIME ALL" if table in {"history", "own_history"} else ""
    # Nothing becomes a number where it is no number: geometries and addresses refuse.
    shown = "HEX({0}), CONCAT({0}, '')" if table == "places" else "HEX(CONCAT({0}, '')), {0} + 0e0"
    chosen = ", ".join(shown.format(name) for name in names)
    cursor.execute(f"SELECT {chosen} FROM {quoted(database)}.{quoted(table)}{past}")  # noqa: S608
    return sorted(map(repr, cursor.fetchall()))


def _summed_up(subject: Subject, database: str, way: RowChecksums) -> dict[str, tuple[int, str]]:
    with session(subject.source, _not_dumped, database) as asked:
        sums = {shape.name: row_sums.summed_up(asked, shape, way) for shape in shapes(asked, database)}
    return {name: (found.rows, str(found.total)) for name, found in sums.items()}


def _definers(subject: Subject, database: str, kind: str) -> set[tuple[str, str]]:
    name = {"views": "table", "routines": "routine", "triggers": "trigger", "events": "event"}[kind]
    sql = f"SELECT {name}_name, definer FROM information_schema.{kind} WHERE {name}_schema = %s"  # noqa: S608
    return set(torture.run(subject.source, "", sql, database))


def _empty(name: str) -> Database:
    return Database(
        name=name, character_set="utf8mb4", collation="utf8mb4_general_ci", size_bytes=0, tables=(), objects=()
    )


def _load(engine: MySqlEngine, to: Connection, section: Section, content: bytes) -> None:
    with engine.loading(to, section, section.database, None) as pipe:
        pipe.write(content)


def _load_and_lose(engine: MySqlEngine, to: Connection, section: Section) -> None:
    with engine.loading(to, section, "lost", None) as pipe:
        pipe.write(b"CREATE TABLE t (id int);\nKILL CONNECTION_ID();\n")
        pipe.write(b"INSERT INTO t VALUES (1);\n-- End of lost\n")


def _read_and_kill(output: BinaryIO, server_pid: int) -> None:
    output.read(1 << 16)
    os.kill(server_pid, signal.SIGKILL)
    while output.read(1 << 20):
        pass


def _read_by_the_program(source: Connection) -> bytes:
    """What the dump program writes, asked without the driver."""
    server = Server(family="mysql", product="mariadb", version="10.11")
    with dump_program(source, server, ["--no-data", "--", "other"], _not_dumped) as output:
        return output.read()


def _not_dumped(words: str) -> DumpFailed:
    return DumpFailed(what="other", reason=words)
