"""The project's own workflows are such that the interpreter can run them as AWS would."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from backup_actions.contract.workflow import Workflow
from backup_actions_local.states.integrations import AwsIntegrations
from backup_actions_local.states.validation import mistakes_in

PACKAGE = Path(str(files("backup_actions")))
WORKFLOWS = sorted(PACKAGE.rglob("workflow.asl.yaml"))


def test_there_are_workflows() -> None:
    assert WORKFLOWS


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.parent.name)
def test_a_workflow_has_no_mistakes(path: Path) -> None:
    filled = Workflow(path).filled(lambda _: None, lambda name: "aws" if name == "Partition" else name)
    assert mistakes_in(filled, AwsIntegrations(lambda _: None, lambda _: True)) == []
