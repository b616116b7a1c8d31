"""Permissions of what is no action are complete and minimal too: of the machines around them, and of functions."""

from __future__ import annotations

import pytest

from backup_actions.contract import Function, Machine, Statement
from backup_actions.lifecycle import LifecycleSettings, deployed_estate, deployed_functions, machine_arn, main_machine
from backup_actions.offsite import ImportSettings, import_machine
from backup_actions.plugins import installed
from backup_actions.proving import proving_machine
from backup_actions.settings import from_mapping
from backup_actions_testing.called_apis import ApiCall, apis_called_by
from backup_actions_testing.calls import OPTIMIZED, needed_by_states
from backup_actions_testing.grants import (
    complaints_about_code,
    complaints_about_code_grants,
    complaints_about_statements,
    complaints_about_superfluous_grants,
    complaints_about_workflow_grants,
    granted_to,
)
from backup_actions_testing.reference import complaints_about

LIFECYCLE = {
    "keep": LifecycleSettings(policy="keep"),
    "shorten": LifecycleSettings(policy="shorten", shorten_to_days=7),
    "delete": LifecycleSettings(policy="delete", backup_tag_key="archive", backup_tag_value="yes"),
}
SEPARATED = ImportSettings(
    accounts=("111122223333",),
    topics=("arn:aws:sns:us-east-1:111122223333:announcements",),
    acknowledgement_queues=("https://sqs.us-east-1.amazonaws.com/111122223333/acknowledgements",),
)
SETTINGS = from_mapping(
    {
        "account": "111122223333",
        "region": "us-east-1",
        "zones": ["us-east-1a"],
        "vaults": ["backups"],
        "athena": {"enabled": True},
    },
    installed().actions,
)
"""Everything that has a function of its own is switched on."""
PROVING = proving_machine(
    deployed_estate(SETTINGS, installed().actions),
    {action.name: machine_arn(action) for action in installed().actions if action.restore_test},
)
MAIN: dict[str, Machine] = {policy: main_machine(settings) for policy, settings in LIFECYCLE.items()}
IMPORTS = import_machine(SEPARATED)
MACHINES: dict[str, Machine] = {
    **{f"recovery-point, {policy}": machine for policy, machine in MAIN.items()},
    "offsite-import": IMPORTS,
    "proving": PROVING,
}
NOT_CALLED = {
    # A dump is restored by an engine that creates its scratch database, which the reading takes for a store's `create`.
    ("job prove", "s3:AbortMultipartUpload"),
}
FUNCTIONS: dict[str, Function] = {
    function.name: function
    for function in (*deployed_functions(SETTINGS, installed().actions), *IMPORTS.functions, *PROVING.functions)
}


@pytest.mark.parametrize("name", MACHINES)
def test_every_grant_to_a_workflow_is_needed_by_each_state_it_names(name: str) -> None:
    assert list(complaints_about_superfluous_grants(MACHINES[name])) == []


@pytest.mark.parametrize("machine", [IMPORTS, PROVING], ids=lambda machine: machine.name)
def test_every_call_of_a_machine_is_granted_to_its_state(machine: Machine) -> None:
    assert list(complaints_about_workflow_grants(machine)) == []


def test_every_call_of_the_main_machine_is_granted_under_the_policy_that_makes_it() -> None:
    everything = [statement for machine in MAIN.values() for statement in machine.permissions.workflow]

    for state, needed in needed_by_states(MAIN["delete"]).items():
        assert needed <= granted_to(state, everything), state


@pytest.mark.parametrize(
    ("policy", "refused"),
    [
        ("keep", {"DeleteRecoveryPoint", "StillThere?", "ShortenLifecycle"}),
        ("shorten", {"DeleteRecoveryPoint", "StillThere?"}),
        ("delete", {"ShortenLifecycle"}),
    ],
)
def test_under_a_policy_just_the_states_of_the_others_are_refused(policy: str, refused: set[str]) -> None:
    machine = MAIN[policy]

    found = {
        state
        for state, needed in needed_by_states(machine).items()
        if not needed <= granted_to(state, machine.permissions.workflow)
    }

    assert found == refused


@pytest.mark.parametrize("name", MACHINES)
def test_code_is_granted_what_it_calls_and_nothing_else(name: str) -> None:
    assert list(complaints_about_code_grants(MACHINES[name], NOT_CALLED)) == []


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_is_granted_what_it_calls_and_nothing_else(function: Function) -> None:
    assert list(complaints_about_code(function.code, function.permissions.tasks["function"])) == []


@pytest.mark.parametrize("name", [*MACHINES, *FUNCTIONS])
def test_statements_agree_with_the_service_authorization_reference(name: str) -> None:
    described = MACHINES.get(name) or FUNCTIONS[name]

    assert list(complaints_about_statements(described.permissions)) == []


def test_every_integration_that_step_functions_runs_itself_is_in_use() -> None:
    machines = (*MACHINES.values(), *installed().actions)
    used = {call.resource for machine in machines for call in machine.workflow.calls()}

    assert used >= OPTIMIZED.keys()


def test_a_call_that_nothing_grants_is_found_in_code() -> None:
    calls = apis_called_by("backup_actions.actions.ebs_archive.tasks:discard")

    assert ApiCall("s3", "DeleteObjects") in calls
    assert ApiCall("s3", "ListMultipartUploads") in calls, "named to a paginator"


def test_a_call_behind_a_method_counts_only_where_the_method_is_used() -> None:
    reads = apis_called_by("backup_actions.actions.ebs_archive.job:verify_archive")
    writes = apis_called_by("backup_actions.actions.ebs_archive.job:archive_volume")

    assert ApiCall("s3", "UploadPart") in writes
    assert ApiCall("s3", "UploadPart") not in reads


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        (Statement(("ec2:DeleteVolumes",), on="*", because="-"), "does not exist"),
        (Statement(("ec2:DeleteVolume",), on="*", because="-"), "can be narrowed to volume"),
        (Statement(("ec2:DescribeVolumes",), on="${TopicArn}"), "knows no resources"),
        (Statement(("ec2:DeleteVolume",), on="${TopicArn}"), "knows no resource like"),
        (
            Statement(("sns:Publish",), on="${TopicArn}", when={"StringEquals": {"ec2:CreateAction": "x"}}),
            "knows no condition key",
        ),
    ],
)
def test_the_reference_objects(statement: Statement, complaint: str) -> None:
    assert [complaint in each for each in complaints_about(statement)] == [True]
