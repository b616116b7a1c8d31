"""A command knows its deployment from the stack."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError

from backup_actions.cli.deployments import estate_of
from backup_actions.errors import AwsCallFailed, StackUnknown, StackUnlike
from backup_actions.estate import Estate
from backup_actions.estate.description import OUTPUT

if TYPE_CHECKING:
    from backup_actions.aws import Clients

ESTATE = Estate(
    name="shop",
    account="111122223333",
    region="us-east-1",
    bucket="archives",
    ledger="ledger",
    topic_arn="arn:aws:sns:us-east-1:111122223333:shop",
    main_machine_arn="arn:aws:states:us-east-1:111122223333:stateMachine:shop-recovery-point",
    machines={"ebs-archive": "arn:aws:states:us-east-1:111122223333:stateMachine:shop-ebs-archive"},
    vaults=("backups", "more"),
    attempt_hours=24,
    sweep_hours=24,
    adopt_older=False,
    unacknowledged_hours=48,
    expires_after_days=None,
)


def clients(outputs: dict[str, str] | None = None, refusal: str = "") -> Clients:
    def describe_stacks(*, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        assert StackName == "shop"
        if refusal:
            raise ClientError({"Error": {"Code": refusal, "Message": "no"}}, "DescribeStacks")
        told = [{"OutputKey": key, "OutputValue": value} for key, value in (outputs or {}).items()]
        return {"Stacks": [{"StackName": "shop", **({"Outputs": told} if told else {})}]}

    return cast("Clients", SimpleNamespace(cloudformation=SimpleNamespace(describe_stacks=describe_stacks)))


def test_the_stack_tells_what_its_deployment_consists_of() -> None:
    assert estate_of("shop", clients({"Other": "x", OUTPUT: ESTATE.to_text()})) == ESTATE


def test_a_stack_that_is_not_there_is_named() -> None:
    with pytest.raises(StackUnknown, match="no stack shop"):
        estate_of("shop", clients(refusal="ValidationError"))


def test_another_refusal_is_not_taken_for_a_missing_stack() -> None:
    with pytest.raises(AwsCallFailed):
        estate_of("shop", clients(refusal="AccessDenied"))


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ({}, "no output Estate"),
        ({OUTPUT: "no JSON"}, "another version"),
        ({OUTPUT: json.dumps({"name": "shop"})}, "another version"),
        ({OUTPUT: "[]"}, "another version"),
    ],
)
def test_a_stack_of_something_else_is_not_taken_for_ours(outputs: dict[str, str], reason: str) -> None:
    with pytest.raises(StackUnlike, match=reason):
        estate_of("shop", clients(outputs))
