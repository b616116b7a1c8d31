"""What goes wrong with servers and programs of PostgreSQL, and how it is told."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from tests.dump import torture_postgresql as torture
from tests.dump.processes import parent

from backup_actions.dump.connection import Connection
from backup_actions.dump.description import Section
from backup_actions.dump.postgresql import loading as postgresql_loading
from backup_actions.dump.postgresql.engine import PostgreSqlEngine
from backup_actions.errors import DatabaseUnreachable, DumpFailed, LoadFailed, ToolMissing
from backup_actions_local.databases import DatabaseImage, DatabaseServer, shop

ENGINE = PostgreSqlEngine()
LARGE = "CREATE TABLE large AS SELECT n AS id, repeat('x', 1000) AS filler FROM generate_series(1, 20000) n"
EMPTY = "CREATE TABLE large (id integer, filler text)"
_NOBODY = 65534


@pytest.fixture(name="programs", autouse=True)
def _programs() -> Iterator[None]:
    with torture.programs_first():
        yield


@pytest.fixture(name="doomed")
def _doomed(postgresql_shop: DatabaseImage) -> Iterator[DatabaseServer]:
    """A server of one's own, with a table larger than what lies in pipes and buffers."""
    with postgresql_shop.restored() as server:
        torture.run(torture.connection(server), shop.DATABASE, LARGE)
        yield server


def rows(to: Connection, database: str) -> Section:
    whole = ENGINE.describe(to, database, lambda _: None)
    (section,) = (each for each in ENGINE.sections(ENGINE.server(to), [whole], 1) if each.part == "data")
    return section


def dumped(to: Connection, section: Section) -> bytes:
    with ENGINE.dumped(to, section) as output:
        return output.read()


def told(path: Path, *lines: str) -> None:
    """A program that says and does this."""
    path.write_text("\n".join(("#!/bin/sh", *lines)), encoding="utf-8")
    path.chmod(0o755)


def test_a_server_that_dies_in_the_midst_of_a_dump_fails_it(doomed: DatabaseServer) -> None:
    to = torture.connection(doomed)
    section = rows(to, shop.DATABASE)

    def read(output: BinaryIO) -> None:
        output.read(1 << 16)
        _kill(doomed)
        output.read()

    with (
        pytest.raises(DumpFailed, match="connection"),
        ENGINE.dumped(to, section) as output,
    ):
        read(output)
    with pytest.raises(DatabaseUnreachable):
        ENGINE.describe(to, shop.DATABASE, lambda _: None)


def test_a_server_that_dies_in_the_midst_of_a_load_fails_it(doomed: DatabaseServer) -> None:
    to = torture.connection(doomed)
    section = rows(to, shop.DATABASE)
    content = dumped(to, section)
    torture.run(to, "postgres", "CREATE DATABASE target")
    torture.run(to, "target", EMPTY)

    def write(writer: BinaryIO) -> None:
        writer.write(content[: len(content) // 2])
        _kill(doomed)
        writer.write(content[len(content) // 2 :])

    with (
        pytest.raises(LoadFailed, match="connection"),
        ENGINE.loading(to, section, "target", [("public", "large")]) as writer,
    ):
        write(writer)


def test_a_session_that_ends_while_tables_are_counted_is_told_as_unreachable(doomed: DatabaseServer) -> None:
    to = torture.connection(doomed)

    with pytest.raises(DatabaseUnreachable):
        ENGINE.describe(to, shop.DATABASE, lambda _: _kill(doomed))


def test_rows_that_are_there_already_are_not_shown_when_a_load_fails(doomed: DatabaseServer) -> None:
    to = torture.connection(doomed)
    section = rows(to, shop.DATABASE)
    content = dumped(to, section)

    with pytest.raises(LoadFailed) as failure, ENGINE.loading(to, section, shop.DATABASE, None) as writer:
        writer.write(content)

    assert "customers" in str(failure.value)
    assert "(id)=" not in str(failure.value)


def test_a_failed_load_names_what_failed_and_leaves_no_files(
    doomed: DatabaseServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    to = torture.connection(doomed)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    whole = ENGINE.describe(to, shop.DATABASE, lambda _: None)
    section = next(each for each in ENGINE.sections(ENGINE.server(to), [whole], 1) if each.part == "before")
    content = dumped(to, section)

    with (
        pytest.raises(LoadFailed, match='"audit" already exists'),
        ENGINE.loading(to, section, shop.DATABASE, None) as writer,
    ):
        writer.write(content)

    assert list(tmp_path.iterdir()) == []


def test_a_program_that_is_older_than_the_server_is_refused(
    postgresql_torture: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pg_dump", "pg_dumpall"):
        told(tmp_path / name, f"echo '{name} (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    for part in ("accounts", "before", "after"):
        section = Section(member="x", part=part, database=torture.OTHER_DATABASE)
        with pytest.raises(ToolMissing, match=r"pg_dump(all)? 18 .*version 15") as refused:
            dumped(postgresql_torture, section)
        assert "postgresql-client-18" in refused.value.hint


@pytest.mark.parametrize("errors", [1, 2])
def test_a_setting_that_an_older_server_does_not_know_is_all_that_may_fail(
    errors: int, postgresql_torture: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told(
        tmp_path / "pg_restore",
        "cat > /dev/null",
        "echo 'pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter' >&2",
        "echo 'Command was: SET transaction_timeout = 0;' >&2",
        f"echo 'pg_restore: warning: errors ignored on restore: {errors}' >&2",
        "exit 1",
    )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(postgresql_loading, "_KNOWS_TRANSACTION_TIMEOUT", 99)
    section = Section(member="x", part="data", database="x")

    def load() -> None:
        with ENGINE.loading(postgresql_torture, section, torture.OTHER_DATABASE, None) as writer:
            writer.write(b"rows")

    if errors == 1:
        load()
    else:
        with pytest.raises(LoadFailed, match="errors ignored on restore: 2"):
            load()


@pytest.mark.root
def test_a_full_disk_of_the_target_is_told(doomed: DatabaseServer, tmp_path: Path) -> None:
    to = torture.connection(doomed)
    section = rows(to, shop.DATABASE)
    content = dumped(to, section)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size=16m,mode=700,uid={_NOBODY},gid={_NOBODY}", "tmpfs", str(tmp_path)],
        check=True,
    )
    try:
        torture.run(to, "postgres", f"CREATE TABLESPACE small LOCATION '{tmp_path}'")
        torture.run(to, "postgres", "CREATE DATABASE target TABLESPACE small")
        torture.run(to, "target", EMPTY)

        with (
            pytest.raises(LoadFailed, match="No space left on device"),
            ENGINE.loading(to, section, "target", [("public", "large")]) as writer,
        ):
            writer.write(content)

        subprocess.run(["mount", "-o", "remount,size=64m", str(tmp_path)], check=True)
        ENGINE.drop(to, "target")
        torture.run(to, "postgres", "DROP TABLESPACE small")
    finally:
        # The server's other processes close the files of what was dropped when they next have something to do.
        subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def _kill(server: DatabaseServer) -> None:
    """All of it: sessions are processes of their own, and would go on for a while."""
    children = [each for each in Path("/proc").glob("[0-9]*") if parent(each) == server.pid]
    for process in (server.pid, *(int(each.name) for each in children)):
        os.kill(process, signal.SIGKILL)
