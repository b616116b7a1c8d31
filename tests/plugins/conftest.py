"""Actions as a third party would write them, in packages that exist for one test."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from backup_actions.plugins import GROUP

WORKFLOW = """\
StartAt: Work
States:
  Work:
    Type: Task
    Resource: arn:${Partition}:states:::lambda:invoke
    Arguments: {FunctionName: "${Function_work}", Payload: "${Settings}"}
    End: true
"""
DESCRIPTION = """\
from pathlib import Path
from backup_actions.contract import Action, Permissions, Statement, Task

ACTION = Action(
    name="{name}",
    title="Work on a disk",
    handles=("EBS",),
    restorable=False,
    folder=Path(__file__).parent,
    permissions=Permissions(
        workflow=(Statement(("lambda:InvokeFunction",), on="${{Function_work}}", for_=("Work",)),),
        tasks={{"work": ()}},
    ),
    tasks={{"work": Task(code="{package}.tasks:work", doc="Works.")}},
)
"""

MakePackage = Callable[..., EntryPoint]


@pytest.fixture
def make_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakePackage]:
    """Make an importable package with one action; a file given as None is left out."""
    monkeypatch.syspath_prepend(tmp_path)
    made: list[str] = []

    def make(package: str, name: str = "", **files: str | None) -> EntryPoint:
        name = name or package.replace("_", "-")
        folder = tmp_path / package
        folder.mkdir()
        made.append(package)
        contents = {
            "description": DESCRIPTION.format(name=name, package=package),
            "tasks": "def work(world, event):\n    return {}\n",
            "workflow": WORKFLOW,
            **files,
        }
        names = {"description": "__init__.py", "tasks": "tasks.py", "workflow": "workflow.asl.yaml"}
        for kind, text in contents.items():
            if text is not None:
                (folder / names[kind]).write_text(textwrap.dedent(text))
        return EntryPoint(name, f"{package}:ACTION", GROUP)

    yield make
    for module in [module for module in sys.modules if module.partition(".")[0] in made]:
        del sys.modules[module]
