"""What Lambda would not take is refused when the settings are read: too long names, and too much to know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
from tests.settings.test_loading import ACTION, REQUIRED

from backup_actions.contract import Action, Statement, Task
from backup_actions.contract.placeholders import fill_text
from backup_actions.errors import SettingsInvalid
from backup_actions.lifecycle import deployed_functions, deployed_machines
from backup_actions.plugins import installed
from backup_actions.settings import DeploymentSettings, from_mapping

LIMIT_BYTES = 4096
LONGEST: Mapping[str, Any] = {
    "region": "ap-northeast-1",
    "zones": ["ap-northeast-1a", "ap-northeast-1c"],
    "name": "x" * 24,
    "proving": {"verify_every_days": 90, "restore_test": {"every_days": 7, "choose": "largest"}},
}


def refused(data: Mapping[str, Any], actions: Iterable[Action]) -> list[str]:
    with pytest.raises(SettingsInvalid) as invalid:
        from_mapping({**REQUIRED, **data}, actions)
    return str(invalid.value.facts["mistakes"]).splitlines()


def with_task(name: str) -> Action:
    call = Statement(("ec2:DescribeVolumes",), on="*", because="it has no resources")
    return replace(
        ACTION,
        tasks={name: Task(code="their.tasks:task", doc="Does something.")},
        permissions=replace(ACTION.permissions, tasks={name: (call,)}),
    )


def vaults(count: int) -> list[str]:
    return [f"{number:v>50}" for number in range(count)]


def most_known_bytes(settings: DeploymentSettings, actions: tuple[Action, ...]) -> int:
    """The most that a function of the deployment has in its environment."""
    filled = {
        "Account": settings.account,
        "Region": settings.region,
        "Partition": "aws-us-gov",
        "Name": settings.name,
        "Bucket": "b" * 63,
        "LedgerTable": "l" * 100,
        "SettingsJson": "s" * 200,
        "MainMachineArn": f"arn:aws-us-gov:states:{settings.region}:{settings.account}:stateMachine:{settings.name}-"
        "recovery-point",
        "TopicArn": f"arn:aws-us-gov:sns:{settings.region}:{settings.account}:{settings.name}",
    }
    machines = (each.machine for each in deployed_machines(settings, actions) if each.machine.name == "proving")
    functions = chain(deployed_functions(settings, actions), *(machine.scheduled for machine in machines))
    return max(
        len("BACKUP_ACTIONS_CODE" + each.code)
        + sum(
            len(name) + len(fill_text(text, lambda key: filled.get(key, "u" * 150)))
            for name, text in each.environment.items()
        )
        for each in functions
    )


def test_a_function_whose_name_is_too_long_is_refused_with_what_to_shorten() -> None:
    task = "t" * (64 - len("backup-actions-disk-work-"))

    assert from_mapping({**REQUIRED}, [with_task(task)])
    (mistake,) = refused({}, [with_task(f"{task}t")])
    assert mistake.startswith("actions.disk-work: its function backup-actions-disk-work-ttt")
    assert "1 characters too many for Lambda: shorten `name`" in mistake


def test_vaults_whose_names_functions_cannot_hold_are_refused_with_what_to_do() -> None:
    (mistake,) = refused({"vaults": vaults(60)}, [ACTION])

    assert mistake.startswith("vaults: their names take 3240 bytes, and Lambda leaves")
    assert "by a deployment of its own" in mistake


def test_of_all_vaults_that_are_accepted_functions_know() -> None:
    actions = tuple(installed().actions)
    accepted = 0
    for count in range(1, 60):
        try:
            settings = from_mapping({**REQUIRED, **LONGEST, "vaults": vaults(count)}, actions)
        except SettingsInvalid:
            break
        accepted = count
        assert most_known_bytes(settings, actions) <= LIMIT_BYTES
    assert accepted >= 20
