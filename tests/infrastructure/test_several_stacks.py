"""A settings file with several deployments becomes as many stacks."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from backup_actions.settings import DeploymentSettings
from backup_actions_infrastructure import app


def test_each_deployment_of_the_file_becomes_a_stack_of_its_account_and_region(
    monkeypatch: pytest.MonkeyPatch, repository: Path
) -> None:
    made: list[tuple[str, str, str]] = []
    synthesized: list[bool] = []
    several = repository / "examples" / "several-deployments.yaml"
    node = SimpleNamespace(try_get_context=lambda name: several if name == "settings" else None)
    application = SimpleNamespace(node=node, synth=lambda: synthesized.append(True))

    def note(_app: Any, settings: DeploymentSettings, _found: Any) -> None:
        made.append((settings.name, settings.account, settings.region))

    monkeypatch.setattr(app, "empty_application", lambda: application)
    monkeypatch.setattr(app, "add_stack", note)
    app.main()

    assert made == [
        ("shop-europe", "111122223333", "eu-west-1"),
        ("shop-america", "111122223333", "us-east-1"),
        ("tests-europe", "444455556666", "eu-west-1"),
    ]
    assert synthesized == [True]
