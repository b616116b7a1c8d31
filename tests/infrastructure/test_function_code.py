"""What is uploaded as the code of functions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.infrastructure.conftest import Rendered

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


_AS_IN_LAMBDA = """
import json, sys
from importlib.machinery import PathFinder

IN_LAMBDA = {*sys.stdlib_module_names, "boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"}

class Lambda(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        top = name.partition(".")[0]
        if top == "backup_actions":
            path = path or [sys.argv[1]]
        elif top not in IN_LAMBDA:
            raise ModuleNotFoundError(f"{name} is not in Lambda", name=name)
        return super().find_spec(name, path, target)

sys.meta_path[:] = [each for each in sys.meta_path if each.__module__ == "_frozen_importlib"] + [Lambda]
from backup_actions.runtime import task
from backup_actions.runtime.code import load_step

assert task.__file__.startswith(sys.argv[1]), task.__file__
for code in json.load(sys.stdin):
    load_step(code)
"""


def test_every_function_starts_with_what_is_uploaded_and_the_runtimes_own_packages(either: Rendered) -> None:
    template = either.template
    functions = template.of_type("AWS::Lambda::Function").values()
    codes = {each["Environment"]["Variables"]["BACKUP_ACTIONS_CODE"] for each in functions}
    (key,) = {each["Code"]["S3Key"] for each in functions}
    uploaded = template.path.parent / f"asset.{key.removesuffix('.zip')}"

    done = subprocess.run(
        [sys.executable, "-c", _AS_IN_LAMBDA, str(uploaded)],
        input=json.dumps(sorted(codes)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
