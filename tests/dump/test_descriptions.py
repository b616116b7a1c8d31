"""``dump.json`` and the manifest of a dump may come from anywhere: what does not fit together is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.dump.fake_engine import FakeServer

from backup_actions.archive import FolderStore
from backup_actions.dump import StoredDump, dump
from backup_actions.dump.description import (
    Database,
    DatabaseObject,
    DumpDescription,
    Section,
    Server,
    Table,
)
from backup_actions.errors import BackupActionsError, ManifestUnreadable
from backup_actions.model.manifest import Manifest
from backup_actions.model.sealed_json import sealed

DESCRIPTION = DumpDescription(
    server=Server(family="mysql", product="mariadb", version="10.11.6"),
    accounts=("'o''neill'@'%'",),
    databases=(
        Database(
            name='a "b" `c` é',
            character_set="utf8mb4",
            collation="utf8mb4_bin",
            size_bytes=1 << 40,
            tables=(Table(schema="", name="--help", rows=3, checksum="-12"),),
            objects=(DatabaseObject(kind="view", name="v\n", sha256="0" * 64),),
        ),
    ),
    sections=(
        Section(member="accounts", part="accounts", database=""),
        Section(member="a-1", part="data", database='a "b" `c` é', tables=(("", "--help"),), expected_bytes=5),
    ),
    row_checksums=2,
    notes=("a note",),
)

Change = Callable[[dict[str, Any]], object]


def test_what_is_written_is_what_is_read() -> None:
    assert DumpDescription.from_bytes(DESCRIPTION.to_bytes()) == DESCRIPTION


def test_rows_of_dumps_that_do_not_say_how_are_summed_up_in_the_first_way() -> None:
    raw = json.loads(DESCRIPTION.to_bytes())
    del raw["sha256"], raw["row_checksums"]

    assert DumpDescription.from_bytes(sealed(raw)).row_checksums == 1


@pytest.mark.parametrize("at", range(0, len(DESCRIPTION.to_bytes()), 97))
def test_any_changed_byte_shows(at: int) -> None:
    data = bytearray(DESCRIPTION.to_bytes())
    data[at] ^= 1

    with pytest.raises(ManifestUnreadable):
        DumpDescription.from_bytes(bytes(data))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda raw: raw.update(format_version=2), id="another version"),
        pytest.param(lambda raw: raw.update(databases=raw["databases"] * 2), id="two databases of one name"),
        pytest.param(lambda raw: raw["databases"][0].update(name=""), id="a database without a name"),
        pytest.param(lambda raw: raw["databases"][0].update(name="a\0b"), id="a zero byte"),
        pytest.param(lambda raw: raw["databases"][0]["tables"][0].update(rows=-1), id="rows below zero"),
        pytest.param(lambda raw: raw["databases"][0]["tables"][0].update(rows="3"), id="rows as a text"),
        pytest.param(lambda raw: raw["databases"][0]["tables"][0].update(more=1), id="an unknown field"),
        pytest.param(lambda raw: raw["databases"][0].pop("objects"), id="a missing field"),
        pytest.param(lambda raw: raw["sections"][1].update(database="other"), id="a section of an unknown database"),
        pytest.param(lambda raw: raw["sections"][1].update(tables=[["", "other"]]), id="an unknown table"),
        pytest.param(lambda raw: raw["sections"][1].update(tables=["--"]), id="a table that is a text of two letters"),
        pytest.param(lambda raw: raw["sections"][1].update(tables=[[1, 2]]), id="a table that is two numbers"),
        pytest.param(lambda raw: raw["sections"][1].update(member="accounts"), id="two sections of one name"),
        pytest.param(lambda raw: raw["sections"][1].update(part="during"), id="an unknown part"),
        pytest.param(lambda raw: raw["sections"][1].update(database=""), id="rows of no database"),
        pytest.param(lambda raw: raw["server"].update(family="oracle"), id="an unknown family"),
        pytest.param(lambda raw: raw.update(accounts=[None]), id="an account that is no text"),
        pytest.param(lambda raw: raw.update(accounts=["\ud800"]), id="an account that is half a letter"),
        pytest.param(lambda raw: raw.update(sections=None), id="no sections"),
        pytest.param(lambda raw: raw.update(row_checksums=4), id="an unknown way to sum up rows"),
        pytest.param(
            lambda raw: (raw["server"].update(family="postgresql"), raw.update(row_checksums=3)),
            id="a way to sum up rows that this family has not",
        ),
    ],
)
def test_a_sealed_description_that_makes_no_sense_is_refused(change: Change) -> None:
    raw = json.loads(DESCRIPTION.to_bytes())
    del raw["sha256"]
    change(raw)

    with pytest.raises(ManifestUnreadable):
        DumpDescription.from_bytes(sealed(raw))


@pytest.mark.parametrize("text", [b"", b"null", b"[]", b'"x"', b"\xff", b"[" * 100_000])
def test_what_is_no_description_is_refused(text: bytes) -> None:
    with pytest.raises(ManifestUnreadable):
        DumpDescription.from_bytes(text)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda raw: raw.pop("description"), id="no description"),
        pytest.param(lambda raw: raw["description"].update(name="../outside"), id="a description elsewhere"),
        pytest.param(lambda raw: raw["description"].update(size_bytes=1), id="a description of another size"),
        pytest.param(lambda raw: raw["members"][1].update(kind="device"), id="a device among sections"),
        pytest.param(lambda raw: raw["members"][1].update(name="other"), id="a member that is no section"),
        pytest.param(lambda raw: raw["members"].pop(), id="a section that is no member"),
        *(
            pytest.param(lambda raw, name=name: raw["members"][1]["object"].update(name=name), id=f"at {name}")
            for name in (
                "sections/...zst",
                "sections/d0-before..zst",
                "sections/d0-before.a/b.zst",
                "sections/accounts.sql.zst",
                "../sections/d0-before.text.zst",
                "/sections/d0-before.text.zst",
                "elsewhere/d0-before.text.zst",
                "sections/d0-before.text",
            )
        ),
    ],
)
def test_a_sealed_manifest_that_makes_no_sense_is_refused(
    fake_server: FakeServer, tmp_path: Path, change: Change
) -> None:
    store = FolderStore(tmp_path / "dump")
    dump(fake_server.connection, store)
    raw = json.loads((store.path / "manifest.json").read_bytes())
    del raw["sha256"]
    change(raw)
    (store.path / "manifest.json").write_bytes(sealed(raw))

    with pytest.raises(BackupActionsError):
        read_all(store)


def read_all(store: FolderStore) -> None:
    """Every byte of every section is there, as the description names them."""
    source = StoredDump.open(store)
    for section in source.description.sections:
        for _ in source.content(section):
            pass


def test_readers_that_know_of_no_dumps_read_everything_else(fake_server: FakeServer, tmp_path: Path) -> None:
    manifest = dump(fake_server.connection, FolderStore(tmp_path / "dump"))
    member = manifest.members[0]

    assert b'"description"' in manifest.to_bytes()
    older = Manifest(tool_version="0", created="", source={}, layout=None, members=())
    assert b'"description"' not in older.to_bytes()
    assert member.dump_file == "accounts.sql"
