"""Restore tests by machines of actions are made, and permitted, where the settings want them and an action can."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from backup_actions.contract import Machine
from backup_actions.lifecycle import deployed_machines
from backup_actions.plugins import installed
from backup_actions.proving.elsewhere import TESTERS
from backup_actions.settings import from_mapping

DUMP_MACHINE = "arn:${Partition}:states:${Region}:${Account}:stateMachine:${Name}-rds-dump"


def proving(test: Mapping[str, Any], *names: str) -> Machine:
    """The machine of proving in a deployment of these actions."""
    actions = installed().actions
    chosen = {action.name: {"enabled": action.name in names} for action in actions}
    chosen["offsite-copy"] = {"enabled": False}
    settings = from_mapping(
        {
            "account": "111122223333",
            "region": "us-east-1",
            "zones": ["us-east-1a"],
            "vaults": ["backups"],
            "proving": {"restore_test": test},
            "actions": chosen,
        },
        actions,
    )
    return next(each.machine for each in deployed_machines(settings, actions) if each.machine.name == "proving")


@pytest.mark.parametrize(
    ("test", "names", "testers"),
    [
        ({"databases": True}, ("rds-dump", "ebs-archive"), {"rds-dump": DUMP_MACHINE}),
        ({}, ("rds-dump", "ebs-archive"), {}),
        ({"databases": True}, ("ebs-archive",), {}),
    ],
    ids=["wanted", "not-wanted", "no-dumps"],
)
def test_a_machine_is_asked_for_tests_where_they_are_wanted_and_it_can(
    test: Mapping[str, Any], names: tuple[str, ...], testers: Mapping[str, str]
) -> None:
    machine = proving(test, *names)
    started = {
        resource
        for statement in machine.permissions.workflow
        if "states:StartExecution" in statement.actions
        for resource in statement.resources
    }

    assert json.loads(machine.scheduled[0].environment[TESTERS]) == testers
    assert started == set(testers.values())
