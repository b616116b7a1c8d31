"""What the tests of dumps share: a server that is a folder, and its engine in the place of PostgreSQL's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backup_actions.dump import engines

from .fake_engine import ENGINE, FakeServer

if TYPE_CHECKING:
    from backup_actions.dump.connection import Connection
    from backup_actions_local.databases import DatabaseImage

pytest.register_assert_rewrite("tests.dump.engine_contract")  # so that a failure shows what was compared


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What speaks to PostgreSQL speaks to folders."""
    monkeypatch.setitem(engines._ENGINES, "postgresql", ENGINE)


@pytest.fixture
def fake_server(fake_engine: None, tmp_path: Path) -> FakeServer:
    """Two databases, one of which has an odd name."""
    server = FakeServer(tmp_path / "server")
    server.fill("app", {("public", "orders"): [f"order {n}" for n in range(500)], ("public", "none"): []})
    server.fill("../odd 'name\"", {("s", "t"): ["one", "two", "two"]})
    (server.folder / "accounts").write_text("alice\nbob\n")
    return server


@pytest.fixture(scope="session")
def postgresql_torture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """A server with as much in it as PostgreSQL knows. Nobody changes what is there; new databases may come and go."""
    from .torture_postgresql import image, restored

    with restored(image(tmp_path_factory.mktemp("postgresql"))) as server:
        yield server


@pytest.fixture(scope="session")
def mysql_image(tmp_path_factory: pytest.TempPathFactory) -> DatabaseImage:
    """A stopped server with as much in it as MariaDB knows."""
    from .torture_mysql import image

    return image(tmp_path_factory.mktemp("mysql"))


@pytest.fixture(scope="session")
def mysql_torture(mysql_image: DatabaseImage) -> Iterator[Connection]:
    """It, running. Nobody changes what is there; new databases may come and go."""
    from .torture_mysql import restored

    with restored(mysql_image, mysql_image.path.with_name("running")) as (connection, _):
        yield connection
