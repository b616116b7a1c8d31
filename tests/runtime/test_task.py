"""What Lambda calls runs the code that its environment names, with clients that are made once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from backup_actions.aws import World
from backup_actions.runtime import task

WORLDS: list[World] = []


def step(world: World, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Stand in for a task of an action."""
    WORLDS.append(world)
    return {"said": event["say"], "vaults": world.environment["BACKUP_ACTIONS_VAULTS"]}


@pytest.fixture(name="environment")
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BACKUP_ACTIONS_CODE", f"{__name__}:step")
    monkeypatch.setenv("BACKUP_ACTIONS_VAULTS", "backups")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    task._cold_start.cache_clear()
    WORLDS.clear()
    yield
    task._cold_start.cache_clear()


@pytest.mark.usefixtures("environment")
def test_handler_runs_the_named_step_with_the_variables_of_its_function() -> None:
    assert task.handler({"say": "hello"}, None) == {"said": "hello", "vaults": "backups"}


@pytest.mark.usefixtures("environment")
def test_a_warm_environment_keeps_its_world() -> None:
    task.handler({"say": "one"}, None)
    task.handler({"say": "two"}, None)

    assert WORLDS[0] is WORLDS[1]
