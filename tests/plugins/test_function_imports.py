"""What a function imports and would not find where it runs is told, with the module that imports it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from backup_actions.contract import Action, Machine, Permissions, Task
from backup_actions.lifecycle import LifecycleSettings, main_machine
from backup_actions.offsite import ImportSettings, import_machine
from backup_actions.plugins.function_imports import complaints_about_imports

BROKEN: Mapping[str, tuple[Mapping[str, str], str]] = {
    "at once": ({"tasks": "import requests"}, "theirs.tasks imports requests"),
    "later": ({"tasks": "def work():\n    from lxml import etree"}, "theirs.tasks imports lxml"),
    "in a module of its own": (
        {"tasks": "from theirs.http import get", "http": "import requests.sessions"},
        "theirs.http imports requests.sessions",
    ),
    "in a module beside it": ({"tasks": "from . import http", "http": "import httpx"}, "theirs.http imports httpx"),
    "in the package around it": ({"tasks": "", "__init__": "import numpy"}, "theirs imports numpy"),
    "through our package": (
        {"tasks": "import backup_actions.archive.stream_hash"},
        "backup_actions.archive.stream_hash imports blake3",
    ),
    "of our package what people use": (
        {"tasks": "from backup_actions.settings import load"},
        "theirs.tasks imports backup_actions.settings",
    ),
    "where there is no type checker": (
        {"tasks": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import lxml\nelse:\n    import httpx"},
        "theirs.tasks imports httpx",
    ),
}
FINE = {
    "the standard library and boto3": "import json.decoder\nfrom xml.etree import ElementTree\nimport botocore",
    "its own package and the one beside it": "from theirs import tasks\nimport beside.words",
    "types alone": "import typing\nif typing.TYPE_CHECKING:\n    import lxml",
    "what it does without": "try:\n    import orjson\nexcept ImportError:\n    import json",
}


@pytest.fixture(name="complaints")
def _complaints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[str]:
    """About an action with these modules."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    for name, source in {"__init__": "", **request.param}.items():
        (folder / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    action = Action(
        name="their-action",
        title="",
        folder=folder,
        permissions=Permissions(tasks={"work": ()}),
        handles=("EBS",),
        restorable=False,
        tasks={"work": Task(code="theirs.tasks:work", doc="")},
    )
    return list(complaints_about_imports(action, ["beside"]))


@pytest.mark.parametrize(("complaints", "expected"), BROKEN.values(), ids=BROKEN, indirect=["complaints"])
def test_an_import_that_fails_where_functions_run_is_told(complaints: list[str], expected: str) -> None:
    assert complaints == [f"task work: {expected}, which is not in the code of functions"]


@pytest.mark.parametrize("complaints", [{"tasks": source} for source in FINE.values()], ids=FINE, indirect=True)
def test_what_a_function_finds_is_nothing_to_tell(complaints: list[str]) -> None:
    assert complaints == []


@pytest.mark.parametrize(
    "machine",
    [main_machine(LifecycleSettings()), import_machine(ImportSettings())],
    ids=lambda machine: machine.name,
)
def test_functions_around_the_actions_find_what_they_import(machine: Machine) -> None:
    assert list(complaints_about_imports(machine)) == []
