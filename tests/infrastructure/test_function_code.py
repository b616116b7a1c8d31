"""What is uploaded as the code of functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from backup_actions_infrastructure import node


@pytest.fixture(name="third_party")
def _third_party(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's package and somebody's module, installed."""
    package = tmp_path / "installed" / "their_actions"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "tasks.py").touch()
    (package / "settings").mkdir()
    (package / "settings" / "__init__.py").touch()
    (tmp_path / "installed" / "their_single_action.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "installed")


@pytest.mark.usefixtures("third_party")
def test_the_code_of_third_parties_lies_beside_ours() -> None:
    node.ensure()
    from backup_actions_infrastructure.code import function_code

    with function_code(["their_actions.tasks:run", "their_single_action:run", "backup_actions.x:y"]) as code:
        folder = Path(str(code.path))
        files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}
        assert (folder / "backup_actions" / "costs" / "price_lists" / "us-east-1.toml").is_file()
        assert {path.name for path in folder.iterdir()} == {"backup_actions", "their_actions", "their_single_action.py"}

    assert {"their_actions/tasks.py", "their_actions/settings/__init__.py"} <= files, "only our own is cut down"
    assert "backup_actions/runtime/task.py" in files
    assert not folder.exists()
