"""A dump is complete or is none; what is finished survives an interruption where that is wanted."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

import pytest
from tests.dump.fake_engine import FakeEngine, FakeServer

from backup_actions.archive import FolderStore, verify
from backup_actions.archive.journal import Journal
from backup_actions.dump import Connection, DumpOptions, StoredDump, dump
from backup_actions.dump.description import Database, RowChecksums, Section
from backup_actions.errors import (
    ArchiveExists,
    ArchiveInterrupted,
    DatabaseUnreachable,
    DumpFailed,
    SettingInvalid,
)
from backup_actions.model.manifest import Member

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from pathlib import Path
from tests.dump.fake_engine import ENGINE, FakeServer
from backup_actions.archive import FolderStore
from backup_actions.dump import dump, engines
engines._ENGINES["postgresql"] = ENGINE
dump(FakeServer(Path(sys.argv[1])).connection, FolderStore(Path(sys.argv[2])), resume=True)
"""
ONE_STREAM = DumpOptions(streams=1)
INTERRUPT = 'echo $$ > "$1.pid"; kill -INT $PPID; exec sleep 1000'
"""A program that has us interrupted, and hangs."""


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "dump")


def files(store: FolderStore) -> list[str]:
    """What lies in the store."""
    return sorted(str(path.relative_to(store.path)) for path in store.path.rglob("*") if path.is_file())


def is_running(pid_file: Path) -> bool:
    """Whether the process lives that has written its number there."""
    return Path(f"/proc/{pid_file.read_text().strip()}").exists() if pid_file.exists() else False


def test_each_section_is_what_its_program_wrote(fake_server: FakeServer, store: FolderStore) -> None:
    manifest = dump(fake_server.connection, store)

    assert verify(store).ok
    assert len(manifest.members) == 9
    for member in manifest.members:
        assert member.object.name == f"sections/{member.name}.{'sql' if member.name == 'accounts' else 'text'}.zst"
    read = subprocess.run(
        ["zstd", "-dc", store.path / "sections" / "d1-rows-0.text.zst"], check=True, capture_output=True
    )
    assert read.stdout == (fake_server.database("app") / "rows-0").read_bytes()


def test_it_says_what_was_there(fake_server: FakeServer, store: FolderStore) -> None:
    point = {"arn": "arn:aws:backup:eu-west-1:111122223333:recovery-point:x"}
    manifest = dump(fake_server.connection, store, name="shop", product="aurora-fake", recovery_point=point)

    assert manifest.source == {"kind": "database-server", "name": "shop", "recovery_point": point}
    description = StoredDump.open(store).description
    assert (description.server.product, description.accounts) == ("aurora-fake", ("alice", "bob"))
    assert [(each.name, [table.rows for table in each.tables]) for each in description.databases] == [
        ("../odd 'name\"", [3]),
        ("app", [500, 0]),
    ]
    assert description.notes == ("it is not real",)


def test_only_the_databases_that_are_asked_for_are_dumped(fake_server: FakeServer, store: FolderStore) -> None:
    dump(fake_server.connection, store, databases=["app"])

    assert [each.name for each in StoredDump.open(store).description.databases] == ["app"]


def test_a_database_that_is_not_there_is_refused(fake_server: FakeServer, store: FolderStore) -> None:
    with pytest.raises(SettingInvalid, match=r"databases is \['nope'\]"):
        dump(fake_server.connection, store, databases=["nope"])


def test_a_complete_dump_is_not_written_over(fake_server: FakeServer, store: FolderStore) -> None:
    dump(fake_server.connection, store)
    before = files(store)

    with pytest.raises(ArchiveExists):
        dump(fake_server.connection, store)
    with pytest.raises(ArchiveExists):
        dump(fake_server.connection, store, resume=True)
    assert files(store) == before


def test_a_server_that_does_not_answer_is_no_dump(fake_server: FakeServer, store: FolderStore) -> None:
    nowhere = FakeServer(fake_server.folder / "nowhere").connection

    with pytest.raises(DatabaseUnreachable):
        dump(nowhere, store)
    assert not store.path.exists()


@pytest.mark.parametrize("section", ["accounts", "d1-before", "d0-rows-1", "d1-after"])
def test_a_program_that_fails_is_told_and_leaves_nothing(
    fake_server: FakeServer, store: FolderStore, section: str
) -> None:
    fake_server.fault(section, 'head -c 100 "$1"; echo "no more" >&2; exit 3')

    with pytest.raises(DumpFailed, match=f"{section} could not be dumped: no more"):
        dump(fake_server.connection, store)
    assert files(store) == []


def test_a_program_that_says_nothing_is_named_with_its_code(fake_server: FakeServer, store: FolderStore) -> None:
    fake_server.fault("d0-before", "exit 3")

    with pytest.raises(DumpFailed, match="sh ended with code 3"):
        dump(fake_server.connection, store)


def test_an_interruption_ends_programs_that_hang_and_leaves_nothing(
    fake_server: FakeServer, store: FolderStore
) -> None:
    fake_server.fault("d0-rows-0", INTERRUPT)
    fake_server.fault("d0-rows-1", 'echo $$ > "$1.pid"; exec sleep 1000')

    with pytest.raises(KeyboardInterrupt):
        dump(fake_server.connection, store)

    assert files(store) == []
    place = fake_server.database("../odd 'name\"")
    assert not any(is_running(place / f"rows-{number}.pid") for number in (0, 1))


def test_what_is_finished_is_kept_and_neither_dumped_nor_counted_again(
    fake_server: FakeServer, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = f"grep -q '\"checksum\": \"[0-9a-f]' '{store.path}/dump.json'"
    fake_server.fault("d1-rows-0", f"until {counted}; do sleep 0.01; done; {INTERRUPT}")
    with pytest.raises(ArchiveInterrupted, match="kept are 7 finished members"):
        dump(fake_server.connection, store, options=ONE_STREAM, resume=True)
    fake_server.heal()
    monkeypatch.delattr(FakeEngine, "describe")
    dumped = spied(monkeypatch)

    dump(fake_server.connection, store, options=ONE_STREAM, resume=True)

    assert dumped == ["d1-rows-0", "d1-rows-1"]
    assert verify(store).ok
    assert not [name for name in files(store) if name.startswith("resume/")]


def test_what_was_not_yet_counted_is_counted_by_the_next_attempt(
    fake_server: FakeServer, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, finished = FakeEngine.describe, threading.Event()
    will_finish = Journal.will_finish

    def tell(self: Journal, member: Member) -> None:
        will_finish(self, member)
        finished.set()

    def interrupted(
        self: FakeEngine, to: Connection, name: str, progress: Callable[[int], None], way: RowChecksums
    ) -> Database:
        assert finished.wait(60)
        raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "will_finish", tell)
    with monkeypatch.context() as patch:
        patch.setattr(FakeEngine, "describe", interrupted)
        with pytest.raises(ArchiveInterrupted):
            dump(fake_server.connection, store, resume=True)
    assert finished.is_set()
    assert FakeEngine.describe is original

    dump(fake_server.connection, store, resume=True)

    assert [table.rows for each in StoredDump.open(store).description.databases for table in each.tables] == [3, 500, 0]


def test_a_section_that_fails_does_not_wait_until_everything_is_counted(
    fake_server: FakeServer, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def counting(
        self: FakeEngine, to: Connection, name: str, progress: Callable[[int], None], way: RowChecksums
    ) -> Database:
        while True:
            progress(1)

    monkeypatch.setattr(FakeEngine, "describe", counting)
    fake_server.fault("d0-rows-0", "exit 3")

    with pytest.raises(DumpFailed, match="d0-rows-0"):
        dump(fake_server.connection, store)


@pytest.mark.parametrize("section", ["accounts", "d0-after", "d1-rows-1"])
def test_after_a_sudden_death_the_next_attempt_completes_the_dump(
    fake_server: FakeServer, store: FolderStore, section: str
) -> None:
    fake_server.fault(section, 'head -c 1000 "$1"; kill -KILL $PPID')
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(fake_server.folder), str(store.path)], cwd=ROOT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert not (store.path / "manifest.json").exists()
    fake_server.heal()

    manifest = dump(fake_server.connection, store, resume=True)

    assert verify(store).ok
    assert files(store) == sorted(["dump.json", "manifest.json", *(member.object.name for member in manifest.members)])


def test_a_program_that_fails_keeps_what_is_finished_for_the_next_attempt(
    fake_server: FakeServer, store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_server.fault("d1-rows-1", "exit 3")
    with pytest.raises(DumpFailed):
        dump(fake_server.connection, store, options=ONE_STREAM, resume=True)
    fake_server.heal()
    dumped = spied(monkeypatch)

    dump(fake_server.connection, store, options=ONE_STREAM, resume=True)

    assert dumped == ["d1-rows-1"]
    assert verify(store).ok


@pytest.mark.parametrize("change", ["options", "server", "description", "section"])
def test_what_does_not_fit_any_more_is_dumped_again(
    fake_server: FakeServer, store: FolderStore, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    fake_server.fault("d1-rows-1", "exit 3")
    with pytest.raises(DumpFailed):
        dump(fake_server.connection, store, options=ONE_STREAM, resume=True)
    fake_server.heal()
    options = ONE_STREAM
    match change:
        case "options":
            options = DumpOptions(streams=1, level=3)
        case "server":
            (fake_server.folder / "version").write_text("2")
        case "description":
            (store.path / "dump.json").write_bytes(b"{}")
        case "section":
            (store.path / "sections" / "d0-after.text.zst").write_bytes(b"something else")
    dumped = spied(monkeypatch)

    dump(fake_server.connection, store, options=options, resume=True)

    assert len(dumped) == (2 if change == "section" else 9)
    assert verify(store).ok


def test_the_objects_of_a_run_lie_in_a_folder_of_its_own(fake_server: FakeServer, store: FolderStore) -> None:
    fake_server.fault("d1-rows-1", "exit 3")
    with pytest.raises(DumpFailed):
        dump(fake_server.connection, store, options=ONE_STREAM, run="one", resume=True)
    begun = files(store)
    fake_server.heal()

    manifest = dump(fake_server.connection, store, run="two")

    assert verify(store).ok
    assert StoredDump.open(store).description.accounts == ("alice", "bob")
    assert {name.split("/")[0] for name in files(store)} == {"manifest.json", "one", "two"}
    assert [name for name in files(store) if name.startswith("one/")] == begun
    assert manifest.members[0].object.name == "two/sections/accounts.sql.zst"
    with pytest.raises(ArchiveExists):
        dump(fake_server.connection, store, options=ONE_STREAM, run="one", resume=True)


def test_a_run_that_comes_too_late_removes_what_it_has_made(
    fake_server: FakeServer, store: FolderStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faster = FakeEngine.dumped

    def slower(self: FakeEngine, source: Connection, section: Section) -> AbstractContextManager[BinaryIO]:
        if section.member == "accounts":
            monkeypatch.setattr(FakeEngine, "dumped", faster)
            dump(fake_server.connection, store, run="faster")
        return faster(self, source, section)

    monkeypatch.setattr(FakeEngine, "dumped", slower)
    with pytest.raises(ArchiveExists):
        dump(fake_server.connection, store, run="slower")

    assert not [name for name in files(store) if name.startswith("slower/")]
    assert verify(store).ok


def test_streams_share_the_memory() -> None:
    four = DumpOptions(streams=4, memory_mib=640)

    assert four.of_a_stream.memory_mib - 128 == (640 - 128) // 4
    with pytest.raises(SettingInvalid, match="5 streams need at least 288"):
        DumpOptions(streams=5)
    with pytest.raises(SettingInvalid, match="streams"):
        DumpOptions(streams=0)


def spied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sections that are dumped from now on."""
    seen: list[str] = []
    original = FakeEngine.dumped

    def dumped(self: FakeEngine, source: Connection, section: Section) -> AbstractContextManager[BinaryIO]:
        seen.append(section.member)
        return original(self, source, section)

    monkeypatch.setattr(FakeEngine, "dumped", dumped)
    return seen
