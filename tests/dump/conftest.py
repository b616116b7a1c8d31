"""What the tests of dumps share: a server that is a folder, and its engine in the place of PostgreSQL's."""

from __future__ import annotations

from pathlib import Path

import pytest

from backup_actions.dump import engines

from .fake_engine import ENGINE, FakeServer


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
