"""Permissions are complete and minimal: what workflows and code call is granted, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.called_apis import ApiCall, apis_called_by
from tests.contract.reference import complaints_about, kinds_of, required_kinds, sample

from backup_actions.catalogue import CATALOGUE
from backup_actions.contract import Call, Machine, Permissions, Statement
from backup_actions.ledger import WAKE
from backup_actions.lifecycle import INTAKE, LifecycleSettings, main_machine
from backup_actions.offsite import ImportSettings, import_machine
from backup_actions.plugins import installed
from backup_actions_local.front.authorization import iam_actions
from backup_actions_local.states.api_names import AWS_SDK, operation_model

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
MACHINES: dict[str, Machine] = {
    **{f"recovery-point, {policy}": main_machine(settings) for policy, settings in LIFECYCLE.items()},
    "offsite-import": import_machine(SEPARATED),
    **{action.name: action for action in installed().actions},
}

# https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html and the pages of each service below it
OPTIMIZED = {
    "lambda:invoke": (ApiCall("lambda", "Invoke"),),
    "lambda:invoke.waitForTaskToken": (ApiCall("lambda", "Invoke"),),
    "sns:publish": (ApiCall("sns", "Publish"),),
    "states:startExecution.sync:2": (
        ApiCall("stepfunctions", "StartExecution"),
        ApiCall("stepfunctions", "DescribeExecution"),
        ApiCall("stepfunctions", "StopExecution"),
        ApiCall("events", "PutRule"),
        ApiCall("events", "PutTargets"),
        ApiCall("events", "DescribeRule"),
    ),
}
"""What Step Functions itself calls for an optimized integration."""

NOT_USED = {
    "s3:GetObjectVersion": "no step names a version",
    "s3:DeleteObjectVersion": "no step names a version",
    "s3:PutObjectTagging": "no step tags an object",
}
"""Actions that an operation needs only in a form in which nothing here calls it."""

NOT_USED_BY = {
    (
        ApiCall("ssm", "PutParameter"),
        "kms:GenerateDataKey",
    ): "for parameters of the advanced tier, of which there are none",
}
"""The same for actions that other operations do need."""

NOT_CALLED = {
    (
        "rds-dump, job verify",
        "s3:AbortMultipartUpload",
    ): "an engine's create() makes a database; a store's is not called",
}
"""Actions of operations that the reading of the source finds by the name of a method, of another class's."""

NEVER_ASKED_FOR = {
    ("states:DescribeExecution", "express"): "none of our machines is an express one",
    ("dynamodb:TagResource", "stream"): "no stream is tagged",
    ("rds:DeleteDBCluster", "cluster-snapshot"): "no final snapshot is taken",
}
"""Types of resources that the reference calls required and that do not come up here."""

TO_TELL_MISSING_FROM_FORBIDDEN = "s3:ListBucket"
"""Without it S3 answers 403 for a key that is not there.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""


def actions_for(call: ApiCall) -> frozenset[str]:
    """The IAM actions that a call needs here."""
    # The rule by which Step Functions hears of child executions is never made by a role in the embedded AWS.
    known = (f"events:{call.operation}",) if call.service == "events" else iam_actions(call.service, call.operation)
    needed = {action for action in known if action not in NOT_USED and (call, action) not in NOT_USED_BY}
    if call in {ApiCall("s3", "GetObject"), ApiCall("s3", "HeadObject")}:
        needed.add(TO_TELL_MISSING_FROM_FORBIDDEN)
    return frozenset(needed)


def api_calls(call: Call) -> tuple[ApiCall, ...]:
    """A Task state's call by botocore's names."""
    if not call.resource.startswith("aws-sdk:"):
        return OPTIMIZED[call.resource]
    _, service, action = call.resource.split(":")
    model = operation_model(AWS_SDK[service], action)
    assert model is not None, f"{call.state} calls {call.resource}, which does not exist"
    return (ApiCall(AWS_SDK[service].botocore, model.name),)


def needed_by_states(machine: Machine) -> dict[str, frozenset[str]]:
    """Task state → IAM actions."""
    return {
        call.state: frozenset[str]().union(*(actions_for(api) for api in api_calls(call)))
        for call in machine.workflow.calls()
    }


def statements_with_role(permissions: Permissions) -> Iterator[tuple[str, Statement]]:
    for role, statements in permissions.roles().items():
        yield from ((role, statement) for statement in statements)


def code_roles() -> Iterator[tuple[str, str, tuple[Statement, ...]]]:
    """What runs Python, its code, its statements; the main machine's steps are the same under every policy."""
    for function in (INTAKE, CATALOGUE, WAKE):
        yield function.name, function.code, function.permissions.tasks["function"]
    for name, machine in MACHINES.items():
        for task, described in machine.tasks.items():
            yield f"{name}, task {task}", described.code, machine.permissions.tasks[task]
        for job, described_job in machine.jobs.items():
            yield f"{name}, job {job}", described_job.code, machine.permissions.jobs[job]
        for function in machine.functions:
            yield f"{name}, {function.name}", function.code, function.permissions.tasks["function"]


CODE_ROLES = {name: (code, statements) for name, code, statements in code_roles()}
ALL_STATEMENTS = [
    pytest.param(statement, id=f"{name}, {role}: {', '.join(statement.actions)} on {statement.resources[0]}")
    for name, permissions in {
        "intake": INTAKE.permissions,
        "catalogue": CATALOGUE.permissions,
        "wake": WAKE.permissions,
        **{name: machine.permissions for name, machine in MACHINES.items()},
        **{function.name: function.permissions for machine in MACHINES.values() for function in machine.functions},
    }.items()
    for role, statement in statements_with_role(permissions)
]


@pytest.mark.parametrize("name", MACHINES)
def test_every_grant_to_a_workflow_is_needed_by_each_state_it_names(name: str) -> None:
    machine = MACHINES[name]
    needed = needed_by_states(machine)

    for statement in machine.permissions.workflow:
        assert statement.for_, f"{statement.actions}: name the states that need it"
        assert set(statement.for_) <= needed.keys(), "a statement names Task states only"
        wanted = frozenset[str]().union(*(needed[state] for state in statement.for_))
        assert set(statement.actions) <= wanted, f"not needed: {set(statement.actions) - wanted}"
        for state in statement.for_:
            assert needed[state] & set(statement.actions), f"{state} needs none of {statement.actions}"


@pytest.mark.parametrize("name", [name for name in MACHINES if not name.startswith("recovery-point")])
def test_every_call_of_an_action_is_granted_to_its_state(name: str) -> None:
    machine = MACHINES[name]

    for state, needed in needed_by_states(machine).items():
        assert needed <= granted_to(state, machine.permissions.workflow), state


def test_every_call_of_the_main_machine_is_granted_under_the_policy_that_makes_it() -> None:
    everything = [
        statement
        for name, machine in MACHINES.items()
        if name.startswith("recovery-point")
        for statement in machine.permissions.workflow
    ]

    for state, needed in needed_by_states(MACHINES["recovery-point, delete"]).items():
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
    machine = MACHINES[f"recovery-point, {policy}"]

    found = {
        state
        for state, needed in needed_by_states(machine).items()
        if not needed <= granted_to(state, machine.permissions.workflow)
    }

    assert found == refused


def granted_to(state: str, statements: tuple[Statement, ...] | list[Statement]) -> frozenset[str]:
    return frozenset(action for statement in statements if state in statement.for_ for action in statement.actions)


@pytest.mark.parametrize("name", CODE_ROLES)
def test_code_is_granted_what_it_calls_and_nothing_else(name: str) -> None:
    code, statements = CODE_ROLES[name]
    calls = apis_called_by(code)
    needed = {a for call in calls for a in actions_for(call) if (name, a) not in NOT_CALLED}
    granted = {action for statement in statements if statement.effect == "Allow" for action in statement.actions}

    assert calls
    assert granted == needed


@pytest.mark.parametrize("statement", ALL_STATEMENTS)
def test_a_statement_agrees_with_the_service_authorization_reference(statement: Statement) -> None:
    assert list(complaints_about(statement)) == []


@pytest.mark.parametrize("name", ["intake", *MACHINES])
def test_an_action_is_granted_on_every_type_of_resource_that_it_is_asked_for(name: str) -> None:
    permissions = INTAKE.permissions if name == "intake" else MACHINES[name].permissions
    for role, statements in permissions.roles().items():
        for action in {action for statement in statements for action in statement.actions}:
            resources = tuple(
                resource
                for statement in statements
                if action in statement.actions
                for resource in statement.filled(sample).resources
            )
            if resources != ("*",):
                asked_for = {kind for kind in required_kinds(action) if (action, kind) not in NEVER_ASKED_FOR}
                assert asked_for <= kinds_of(action, resources), f"{role}: {action}"


def test_every_integration_that_step_functions_runs_itself_is_in_use() -> None:
    used = {call.resource for machine in MACHINES.values() for call in machine.workflow.calls()}

    assert used >= OPTIMIZED.keys()


@pytest.mark.parametrize("name", [name for name in MACHINES if not name.startswith("recovery-point")])
def test_without_any_one_action_some_state_lacks_it(name: str) -> None:
    needed = needed_by_states(MACHINES[name])
    statements = MACHINES[name].permissions.workflow

    for action in {action for statement in statements for action in statement.actions}:
        left = [statement for statement in statements if action not in statement.actions]
        assert any(action in wanted - granted_to(state, left) for state, wanted in needed.items()), action


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
