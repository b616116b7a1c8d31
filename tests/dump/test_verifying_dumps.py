"""What is wrong with a dump is found and reported, and the scratch database is gone in any case."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.dump.fake_engine import FakeEngine, FakeServer

from backup_actions.archive import FolderStore, archive
from backup_actions.dump import StoredDump, dump, verify_dump
from backup_actions.errors import ArchiveMissing, DatabaseUnreachable, NotADump, SettingInvalid


@pytest.fixture(name="store")
def _store(fake_server: FakeServer, tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "dump")
    dump(fake_server.connection, store)
    return store


def test_a_good_dump_restores(fake_server: FakeServer, store: FolderStore) -> None:
    report = verify_dump(store, fake_server.connection)

    assert (report.ok, report.depth, report.sections_inspected) == (True, "restore", 1)
    assert [(each.name, each.tables, each.rows, each.objects) for each in report.databases] == [
        ("../odd 'name\"", 1, 3, 1),
        ("app", 2, 500, 2),
    ]
    assert FakeEngine().databases(fake_server.connection) == ("../odd 'name\"", "app")
    assert json.loads(json.dumps(report.to_json()))["archive"]["complete"] is True


def test_rows_are_summed_up_in_the_way_in_which_they_were_dumped(
    fake_server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderStore(tmp_path / "dump")
    with monkeypatch.context() as earlier:
        earlier.setattr(FakeEngine, "row_checksums", lambda _self, _server: 1)
        dump(fake_server.connection, store)

    assert StoredDump.open(store).description.row_checksums == 1
    assert verify_dump(store, fake_server.connection).ok


def test_a_good_dump_lists_without_a_server(store: FolderStore) -> None:
    report = verify_dump(store, None, depth="list")

    assert (report.ok, report.sections_inspected, report.databases) == (True, 9, ())


def test_its_bytes_are_compared_without_its_programs(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    report = verify_dump(store, None, depth="bytes")

    assert (report.ok, report.sections_inspected) == (True, 0)


def test_what_a_left_over_scratch_database_held_does_not_matter(fake_server: FakeServer, store: FolderStore) -> None:
    fake_server.fill("backup_actions_scratch", {("a", "b"): ["1"]})

    assert verify_dump(store, fake_server.connection).ok
    assert "backup_actions_scratch" not in FakeEngine().databases(fake_server.connection)


@pytest.mark.parametrize(
    ("section", "script", "told"),
    [
        ("d1-rows-0", 'sed 1d >> "$2"', "app: table public.orders: it has 499 rows, not 500"),
        ("d1-rows-1", 'sed s/7/8/ >> "$2"', "app: table public.orders: its rows have another checksum"),
        ("d1-before", 'sed /none/d >> "$2"', "app: table public.none: it is not there"),
        ("d1-before", 'cat >> "$2"; echo "a\tb" >> "$2"', "app: table a.b: it was not there"),
        ("d1-after", 'cat > "$2"; echo more >> "$2"', "app: index more: it was not there"),
        ("d1-after", "echo 'no room' >&2; exit 1", "app: database: BA0533: d1-after could not be loaded: no room"),
    ],
)
def test_what_does_not_come_back_is_told_and_the_scratch_database_is_gone(
    fake_server: FakeServer, store: FolderStore, section: str, script: str, told: str
) -> None:
    fake_server.fault(f"load-{section}", script)

    report = verify_dump(store, fake_server.connection)

    assert [str(each) for each in report.differences] == [told]
    assert not report.ok
    assert "backup_actions_scratch" not in FakeEngine().databases(fake_server.connection)


def test_an_account_that_the_server_lacks_is_told(fake_server: FakeServer, store: FolderStore) -> None:
    (fake_server.folder / "accounts").write_text("alice\n")

    report = verify_dump(store, fake_server.connection)

    assert [str(each) for each in report.differences] == ["account bob: the server does not have it"]


def test_accounts_that_their_program_cannot_read_are_told_though_the_server_has_them(
    fake_server: FakeServer, tmp_path: Path
) -> None:
    (fake_server.folder / "accounts").write_text("broken\n")
    store = FolderStore(tmp_path / "dump")
    dump(fake_server.connection, store)

    report = verify_dump(store, fake_server.connection)

    assert [str(each) for each in report.differences] == [
        "section accounts: BA0533: accounts could not be loaded: broken"
    ]


def test_an_interruption_drops_the_scratch_database(fake_server: FakeServer, store: FolderStore) -> None:
    fake_server.fault("load-d1-rows-0", "kill -INT $PPID; exec sleep 1000")

    with pytest.raises(KeyboardInterrupt):
        verify_dump(store, fake_server.connection)
    assert "backup_actions_scratch" not in FakeEngine().databases(fake_server.connection)


def test_damage_is_told_and_nothing_damaged_is_loaded(fake_server: FakeServer, store: FolderStore) -> None:
    section = store.path / "sections" / "d1-rows-0.text.zst"
    section.write_bytes(section.read_bytes()[:-1])

    report = verify_dump(store, fake_server.connection)

    assert {problem.object for problem in report.archive.problems} == {"sections/d1-rows-0.text.zst"}
    assert (report.ok, report.databases) == (False, ())


def test_more_differences_than_anybody_reads_are_counted(fake_server: FakeServer, tmp_path: Path) -> None:
    fake_server.fill("many", {("s", f"t{n:03}"): ["1"] for n in range(150)})
    store = FolderStore(tmp_path / "dump")
    dump(fake_server.connection, store, databases=["many"])
    fake_server.fault("load-d0-rows-0", "cat > /dev/null")
    fake_server.fault("load-d0-rows-1", "cat > /dev/null")

    report = verify_dump(store, fake_server.connection)

    assert (len(report.differences), report.more_differences) == (100, 50)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", None])
def test_another_description_is_a_problem(store: FolderStore, content: bytes | None) -> None:
    if content is None:
        (store.path / "dump.json").unlink()
    else:
        (store.path / "dump.json").write_bytes(content)

    report = verify_dump(store, None, depth="list")
    assert [problem.object for problem in report.archive.problems] == ["dump.json"]
    assert not report.ok


def test_a_section_that_its_program_cannot_read_is_told(fake_server: FakeServer, tmp_path: Path) -> None:
    (fake_server.database("app") / "indexes").write_text("broken\n")
    store = FolderStore(tmp_path / "dump")
    dump(fake_server.connection, store, databases=["app"])

    report = verify_dump(store, None, depth="list")

    assert [str(each) for each in report.differences] == [
        "app: section d0-after: BA0533: d0-after could not be loaded: broken"
    ]


def test_rows_that_are_in_no_section_are_told(
    fake_server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sections = FakeEngine.sections
    monkeypatch.setattr(FakeEngine, "sections", lambda *given: tuple(s for s in sections(*given) if s.part != "data"))
    store = FolderStore(tmp_path / "dump")
    dump(fake_server.connection, store, databases=["app"])

    report = verify_dump(store, None, depth="list")

    assert [str(each) for each in report.differences] == ["app: table public.orders: its rows are in no section"]


def test_what_cannot_be_verified_is_an_error(store: FolderStore, fake_server: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    archive(tmp_path / "files", FolderStore(tmp_path / "archive"))

    with pytest.raises(NotADump):
        verify_dump(FolderStore(tmp_path / "archive"), None, depth="list")
    with pytest.raises(ArchiveMissing):
        verify_dump(FolderStore(tmp_path / "nothing"), None, depth="list")
    with pytest.raises(SettingInvalid, match="a server is needed"):
        verify_dump(store, None)
    with pytest.raises(DatabaseUnreachable):
        verify_dump(store, FakeServer(tmp_path / "nowhere").connection)
