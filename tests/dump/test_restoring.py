"""What is loaded is what was dumped; nothing is changed before it is known that it may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.dump.fake_engine import FakeEngine, FakeServer

from backup_actions.archive import FolderStore, archive
from backup_actions.dump import Connection, dump, engines, restore, verify_dump
from backup_actions.dump.description import Database, RowChecksums
from backup_actions.errors import (
    ArchiveDamaged,
    ArchiveMissing,
    DatabaseUnknown,
    DumpFailed,
    LoadFailed,
    NotADump,
    RestoredDiffers,
    SettingInvalid,
    TargetNotEmpty,
    TargetUnfit,
    ToolMissing,
)

ODD = "../odd 'name\""


@pytest.fixture(name="store")
def _store(fake_server: FakeServer, tmp_path: Path) -> FolderStore:
    store = FolderStore(tmp_path / "dump")
    dump(fake_server.connection, store)
    return store


@pytest.fixture(name="target")
def _target(fake_engine: None, tmp_path: Path) -> FakeServer:
    """An empty server."""
    (tmp_path / "target" / "databases").mkdir(parents=True)
    return FakeServer(tmp_path / "target")


def rows(server: FakeServer, database: str) -> list[str]:
    """Everything in a database."""
    return [line for n in (0, 1) for line in (server.database(database) / f"rows-{n}").read_text().splitlines()]


def databases(server: FakeServer) -> tuple[str, ...]:
    """Those of the server."""
    return FakeEngine().databases(server.connection)


def test_everything_comes_back(fake_server: FakeServer, store: FolderStore, target: FakeServer) -> None:
    report = restore(store, target.connection)

    assert databases(target) == databases(fake_server) == (ODD, "app")
    assert [rows(target, name) for name in (ODD, "app")] == [rows(fake_server, name) for name in (ODD, "app")]
    assert (target.folder / "accounts").read_text() == "alice\nbob\n"
    assert [(each.name, each.into, each.tables, each.rows, each.objects) for each in report.databases] == [
        (ODD, ODD, 1, 3, 1),
        ("app", "app", 2, 500, 2),
    ]
    assert report.to_json()["notes"] == ("it is not real",)


def test_accounts_can_be_left_out(store: FolderStore, target: FakeServer) -> None:
    restore(store, target.connection, databases=["app"], accounts=False)

    assert not (target.folder / "accounts").exists()
    assert databases(target) == ("app",)


def test_a_single_database_gets_the_name_that_the_target_has(store: FolderStore, target: FakeServer) -> None:
    (report,) = restore(store, replace(target.connection, database="other"), databases=["app"]).databases

    assert (databases(target), report.name, report.into) == (("other",), "app", "other")


def test_several_databases_do_not_go_into_one(store: FolderStore, target: FakeServer) -> None:
    with pytest.raises(TargetUnfit, match="it names one database"):
        restore(store, replace(target.connection, database="other"))
    assert databases(target) == ()


def test_a_table_comes_alone(store: FolderStore, target: FakeServer) -> None:
    (report,) = restore(store, target.connection, tables=["s.t"]).databases

    assert (report.name, report.tables, report.rows) == (ODD, 1, 3)
    assert databases(target) == (ODD,)
    assert not (target.folder / "accounts").exists()


def test_a_database_with_something_in_it_is_refused_before_anything_is_changed(
    store: FolderStore, target: FakeServer
) -> None:
    target.fill("app", {("mine", "own"): ["1"]})

    with pytest.raises(TargetNotEmpty, match="the database 'app'"):
        restore(store, target.connection)
    assert databases(target) == ("app",)
    assert not (target.folder / "accounts").exists()


def test_a_database_is_replaced_where_that_is_wanted(store: FolderStore, target: FakeServer) -> None:
    target.fill("app", {("mine", "own"): ["1"]})

    restore(store, target.connection, replace_existing=True)

    assert len(rows(target, "app")) == 500


def test_no_database_is_dropped_for_some_of_its_tables(store: FolderStore, target: FakeServer) -> None:
    target.fill("app", {("mine", "own"): ["1"]})

    with pytest.raises(SettingInvalid, match="a whole database would be dropped"):
        restore(store, target.connection, tables=["public.orders"], replace_existing=True)
    assert rows(target, "app") == ["mine\town\t1"]


def test_nothing_is_dropped_where_the_program_that_would_load_is_missing(
    store: FolderStore, target: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise ToolMissing(program="loader", purpose="load", package="loaders")

    target.fill("app", {("mine", "own"): ["1"]})
    monkeypatch.setattr(FakeEngine, "require_programs", missing)

    with pytest.raises(ToolMissing):
        restore(store, target.connection, replace_existing=True)
    assert rows(target, "app") == ["mine\town\t1"]


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"databases": ["nope"]}, "there is no database 'nope' in the dump"),
        ({"tables": ["s.nope"]}, r"there is no table 's\.nope' in the dump"),
        ({"databases": ["app"], "tables": ["s.t"]}, r"there is no table 's\.t' in the dump"),
    ],
)
def test_what_the_dump_does_not_hold_is_named_with_what_it_holds(
    store: FolderStore, target: FakeServer, asked: dict[str, list[str]], what: str
) -> None:
    with pytest.raises(DatabaseUnknown, match=what) as unknown:
        restore(store, target.connection, **asked)  # type: ignore[arg-type]
    assert "It holds " in unknown.value.hint
    assert databases(target) == ()


def test_an_older_server_is_refused(store: FolderStore, target: FakeServer) -> None:
    (target.folder / "version").write_text("0")

    with pytest.raises(TargetUnfit, match="it is older"):
        restore(store, target.connection)
    assert databases(target) == ()


def test_a_newer_server_may_word_definitions_otherwise(
    store: FolderStore, target: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (target.folder / "version").write_text("2")
    described = FakeEngine.describe

    def otherwise(
        self: FakeEngine, to: Connection, name: str, progress: Callable[[int], None], way: RowChecksums
    ) -> Database:
        found = described(self, to, name, progress, way)
        return replace(found, collation="new", objects=tuple(replace(each, sha256="1" * 64) for each in found.objects))

    monkeypatch.setattr(FakeEngine, "describe", otherwise)
    notes = restore(store, target.connection).notes

    assert notes[-1].startswith("The server is of another release, 2, ")
    target.fault("load-d1-after", 'sed 1d >> "$2"')
    with pytest.raises(RestoredDiffers, match="app: index index of public\torders: it is not there"):
        restore(store, target.connection, replace_existing=True)


def test_what_cannot_be_described_has_not_been_loaded_well(
    store: FolderStore, target: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(
        self: FakeEngine, to: Connection, name: str, progress: Callable[[int], None], way: RowChecksums
    ) -> Database:
        raise DumpFailed(what=name, reason="corrupt")

    monkeypatch.setattr(FakeEngine, "describe", refused)

    with pytest.raises(LoadFailed, match="app could not be loaded: what is there now cannot be told: corrupt"):
        restore(store, target.connection, databases=["app"])
    assert not verify_dump(store, target.connection).ok


def test_a_server_of_another_family_is_refused(
    store: FolderStore, target: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(FakeEngine):
        def server(self, to: object) -> object:  # type: ignore[override]
            return replace(super().server(target.connection), family="mysql", product="other")

    monkeypatch.setattr(f"{__name__}.Other", Other, raising=False)
    monkeypatch.setitem(engines._ENGINES, "mysql", f"{__name__}:Other")

    with pytest.raises(TargetUnfit, match="it is of fake, and this is other"):
        restore(store, replace(target.connection, family="mysql"))


def test_rows_that_get_lost_on_the_way_are_told(store: FolderStore, target: FakeServer) -> None:
    target.fault("load-d1-rows-1", 'sed 1d >> "$2"')

    with pytest.raises(RestoredDiffers, match=r"app: table public\.orders: it has 499 rows, not 500"):
        restore(store, target.connection)


def test_rows_that_come_back_otherwise_are_told(store: FolderStore, target: FakeServer) -> None:
    target.fault("load-d1-rows-1", 'sed "s/order 1$/Order 1/" >> "$2"')

    with pytest.raises(RestoredDiffers, match=r"table public\.orders: its rows have another checksum"):
        restore(store, target.connection)


def test_a_lost_object_is_told(store: FolderStore, target: FakeServer) -> None:
    target.fault("load-d1-after", 'sed 1d >> "$2"')

    with pytest.raises(RestoredDiffers, match="app: index index of public\torders: it is not there"):
        restore(store, target.connection)


@pytest.mark.parametrize("section", ["accounts", "d0-before", "d1-rows-0", "d1-after"])
def test_a_program_that_cannot_load_is_told(store: FolderStore, target: FakeServer, section: str) -> None:
    target.fault(f"load-{section}", "head -c 1 > /dev/null; echo 'no room' >&2; exit 2")

    with pytest.raises(LoadFailed, match=f"{section} could not be loaded: no room"):
        restore(store, target.connection)


def test_an_interruption_ends_programs_that_hang(store: FolderStore, target: FakeServer) -> None:
    hang = 'cat > /dev/null; echo $$ > "$2.pid"; kill -INT $PPID; exec sleep 1000'
    target.fault("load-d1-rows-0", hang)

    with pytest.raises(KeyboardInterrupt):
        restore(store, target.connection)

    pid = (target.database("app") / "rows-0.pid").read_text().strip()
    assert not Path(f"/proc/{pid}").exists()


def test_damaged_content_is_not_taken_for_loaded(store: FolderStore, target: FakeServer) -> None:
    section = store.path / "sections" / "d1-rows-0.text.zst"
    content = bytearray(section.read_bytes())
    content[len(content) // 2] ^= 1
    section.write_bytes(content)

    with pytest.raises(ArchiveDamaged):
        restore(store, target.connection)


def test_an_archive_of_files_is_no_dump(target: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    archive(tmp_path / "files", FolderStore(tmp_path / "archive"))

    with pytest.raises(NotADump, match="it is of the kind directory"):
        restore(FolderStore(tmp_path / "archive"), target.connection)
    with pytest.raises(ArchiveMissing):
        restore(FolderStore(tmp_path / "nothing"), target.connection)
