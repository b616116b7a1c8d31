"""What the workflows around the actions say about APIs is true of botocore's models."""

from __future__ import annotations

import pytest
from tests.proving.vaults import ESTATE

from backup_actions.contract import Machine
from backup_actions.lifecycle import LifecycleSettings, main_machine
from backup_actions.offsite import ImportSettings, import_machine
from backup_actions.proving import proving_machine
from backup_actions_testing.bounds import complaints_about_bounds
from backup_actions_testing.workflows import complaints_about_workflow, leads_somewhere, sdk_and_operation

each_machine = pytest.mark.parametrize(
    "machine",
    [main_machine(LifecycleSettings()), import_machine(ImportSettings()), proving_machine(ESTATE, {})],
    ids=lambda machine: machine.name,
)


@each_machine
def test_a_workflow_calls_what_exists_in_the_way_that_it_exists(machine: Machine) -> None:
    assert list(complaints_about_workflow(machine)) == []


@each_machine
def test_a_workflow_goes_round_in_no_loop_for_ever(machine: Machine) -> None:
    assert list(complaints_about_bounds(machine)) == []


def test_a_path_that_no_result_has_is_noticed() -> None:
    _, describe = sdk_and_operation("aws-sdk:ec2:describeVolumes")
    assert describe.output_shape is not None

    assert leads_somewhere(("Volumes", "State"), describe.output_shape)
    assert not leads_somewhere(("Volumes", "Status"), describe.output_shape)
    assert not leads_somewhere(("volumes",), describe.output_shape)
