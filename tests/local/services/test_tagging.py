"""The embedded tagging API and CloudFormation: what there is with a tag, what a stack tells."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError

from backup_actions_local.clock import SimulatedClock
from backup_actions_local.front import Audit, Faults, Front, Roles
from backup_actions_local.services.place import Place
from backup_actions_local.services.stacks import Stacks
from backup_actions_local.services.tagging import Tagging

THERE = [(f"arn:aws:ec2:us-east-1:111122223333:volume/vol-{number}", {"run": str(number)}) for number in range(120)]
OTHER = ("arn:aws:rds:us-east-1:111122223333:db:shop", {"team": "shop"})


@pytest.fixture(name="administrator", scope="module")
def _administrator() -> Iterator[boto3.Session]:
    clock = SimulatedClock()
    stacks = Stacks(clock=clock, place=Place())
    stacks.stand("shop", {"Estate": "{}"})
    services = (stacks, Tagging(lambda: [*THERE, OTHER]))
    with Front(clock=clock, roles=Roles(clock), faults=Faults(), audit=Audit(), services=services) as front:
        yield front.administrator


def resources(administrator: boto3.Session, **asked: object) -> list[str]:
    client = administrator.client("resourcegroupstaggingapi")
    pages = list(client.get_paginator("get_resources").paginate(**asked))
    assert all(len(page["ResourceTagMappingList"]) <= 100 for page in pages)
    return [found["ResourceARN"] for page in pages for found in page["ResourceTagMappingList"]]


def test_resources_are_found_by_a_key_page_by_page(administrator: boto3.Session) -> None:
    assert resources(administrator, TagFilters=[{"Key": "run"}]) == [arn for arn, _ in THERE]


def test_resources_are_found_by_a_value(administrator: boto3.Session) -> None:
    assert resources(administrator, TagFilters=[{"Key": "run", "Values": ["7", "9"]}]) == [THERE[7][0], THERE[9][0]]


def test_a_stack_tells_its_outputs(administrator: boto3.Session) -> None:
    (stack,) = administrator.client("cloudformation").describe_stacks(StackName="shop")["Stacks"]

    assert [(output["OutputKey"], output["OutputValue"]) for output in stack["Outputs"]] == [("Estate", "{}")]


def test_a_stack_that_is_not_there_is_refused_as_cloudformation_does(administrator: boto3.Session) -> None:
    with pytest.raises(ClientError, match=r"\(ValidationError\).*Stack with id nobody does not exist"):
        administrator.client("cloudformation").describe_stacks(StackName="nobody")
