"""What of a network fits together, and which actions it can serve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backup_actions.contract import Action, Job, Permissions, Statement
from backup_actions.errors import SettingsInvalid
from backup_actions.plugins import installed
from backup_actions.settings import DeploymentSettings, from_mapping
from backup_actions.settings.endpoints import (
    called_by_jobs,
    called_services,
    endpoint_count,
    gateway_count,
    interface_endpoints,
)

REQUIRED: Mapping[str, Any] = {
    "account": "111122223333",
    "region": "us-east-1",
    "zones": ["us-east-1a", "us-east-1b", "us-east-1c"],
    "vaults": ["backups"],
}
SUBNETS = {zone: f"subnet-0123456{number}" for number, zone in enumerate(REQUIRED["zones"])}
EXISTING = {"kind": "existing", "vpc_id": "vpc-01234567", "subnet_ids": SUBNETS}
ONE_ZONE: Mapping[str, Any] = {
    "zones": ["us-east-1a"],
    "network": {**EXISTING, "subnet_ids": {"us-east-1a": "subnet-01234567"}},
}
IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/worker:1"

ACTIONS = installed().actions
CALLING = Statement(("s3:GetObject", "bedrock:InvokeModel"), on="arn:thing", for_=("work",))
ACTION = Action(
    name="disk-work", title="Work", folder=Path(), permissions=Permissions(), handles=("EBS",), restorable=True
)
OF_ELSEWHERE = replace(ACTION, missing_in={"us-east-1": "its service is not there"})


def accepted(data: Mapping[str, Any]) -> DeploymentSettings:
    return from_mapping({**REQUIRED, **data}, ACTIONS)


def mistakes(data: Mapping[str, Any], *actions: Action) -> list[str]:
    with pytest.raises(SettingsInvalid) as refused:
        from_mapping({**REQUIRED, **data}, actions or ACTIONS)
    return str(refused.value.facts["mistakes"]).splitlines()


@pytest.mark.parametrize(
    ("network", "mistake"),
    [
        ({"kind": "private"}, "network.kind: it must be one of public, isolated, nat, existing"),
        ({"endpoint_zones": "all"}, "network.endpoint_zones: it has a meaning only with kind: isolated; the kind is"),
        ({"kind": "isolated", "nat_zones": "all"}, "network.nat_zones: it has a meaning only with kind: nat"),
        ({"kind": "nat", "vpc_id": "vpc-01234567"}, "network.vpc_id: it has a meaning only with kind: existing"),
        ({"kind": "existing"}, "network.vpc_id: it is required with kind: existing"),
        ({"kind": "existing", "vpc_id": "vpc-01234567"}, "network.subnet_ids: it is required with kind: existing"),
        ({**EXISTING, "vpc_id": "my-vpc"}, "network.vpc_id: it must be the id of a VPC, vpc-…"),
        (
            {**EXISTING, "subnet_ids": {"us-east-1a": "subnet-01234567"}},
            "network.subnet_ids: it must name one subnet for each of the zones: us-east-1a, us-east-1b, us-east-1c",
        ),
        ({**EXISTING, "security_group_id": "default"}, "network.security_group_id: it must be the id of a security"),
    ],
)
def test_what_does_not_belong_to_the_kind_of_network_is_refused(network: dict[str, Any], mistake: str) -> None:
    (reported,) = mistakes({"network": network})

    assert reported.startswith(mistake)


def test_databases_need_subnets_in_two_zones_as_long_as_an_action_restores_some() -> None:
    (reported,) = mistakes(ONE_ZONE)

    assert reported.startswith("network.database_subnet_ids: it must name subnets in two zones: rds-dump restores")
    accepted({**ONE_ZONE, "actions": {"rds-dump": {"enabled": False}}})
    databases = {"us-east-1a": "subnet-01234567", "us-east-1b": "subnet-01234568"}
    accepted({**ONE_ZONE, "network": {**ONE_ZONE["network"], "database_subnet_ids": databases}})


def test_isolated_hosts_fetch_images_from_the_registries_of_their_region_only() -> None:
    isolated = {"network": {"kind": "isolated"}}
    expected = "worker_image: isolated hosts reach no registry but ECR in us-east-1: copy the image there"

    assert mistakes({**isolated, "worker_image": "registry.example.com/worker:1"}) == [expected]
    assert mistakes({**isolated, "worker_image": IMAGE.replace("us-east-1", "us-east-2")}) == [expected]
    assert accepted({**isolated, "worker_image": IMAGE}).worker_image == IMAGE


def test_an_action_whose_jobs_call_what_has_no_endpoint_is_refused_in_an_isolated_network() -> None:
    work = Job(code="there:work", doc="Works.")
    calling = replace(ACTION, jobs={"work": work}, permissions=Permissions(jobs={"work": (CALLING,)}))

    assert mistakes({"network": {"kind": "isolated"}}, calling) == [
        "actions.disk-work: its jobs call bedrock, to which no endpoint is known: in network use another kind"
    ]


def test_an_action_is_refused_whose_job_is_larger_than_a_zone() -> None:
    work = Job(code="there:work", doc="Works.", vcpus=4)
    large = replace(ACTION, jobs={"work": work}, permissions=Permissions(jobs={"work": ()}))

    assert mistakes({"vcpus_per_zone": 3}, large) == [
        "vcpus_per_zone: a job of disk-work needs 4 vCPUs and would wait for ever"
    ]
    assert from_mapping({**REQUIRED, "vcpus_per_zone": 4}, [large]).vcpus_per_zone == 4


def test_an_action_is_refused_where_its_service_is_missing_unless_it_is_switched_off() -> None:
    (reported,) = mistakes({}, OF_ELSEWHERE)

    assert reported == (
        "actions.disk-work: it cannot be used in us-east-1: its service is not there; write enabled: false"
    )
    from_mapping({**REQUIRED, "actions": {"disk-work": {"enabled": False}}}, [OF_ELSEWHERE])


def test_rds_exports_are_refused_in_govcloud() -> None:
    (reported,) = mistakes({"region": "us-gov-west-1", "zones": ["us-gov-west-1a"]})

    assert reported.startswith("actions.rds-export: it cannot be used in us-gov-west-1: RDS exports no snapshots")


def test_a_key_is_one_of_the_regions_partition() -> None:
    key = "arn:aws:kms:cn-north-1:111122223333:key/12345678-1234-1234-1234-123456789012"
    (reported,) = mistakes({"region": "cn-north-1", "zones": ["cn-north-1a"], "archive_bucket": {"key_arn": key}})

    assert reported == "archive_bucket.key_arn: ARNs of cn-north-1 begin with arn:aws-cn:"


def test_keys_that_are_used_through_other_services_are_not_called() -> None:
    through = Statement(("kms:Decrypt",), on="${BucketKeyArn}", when={"StringEquals": {"kms:ViaService": "s3"}})
    direct = Statement(("kms:Encrypt",), on="${BucketKeyArn}")

    assert called_services([through]) == {}
    assert called_services([through, direct]) == {"kms": (direct,)}


def test_our_own_jobs_call_no_more_than_what_is_named_here() -> None:
    """A new service is one more endpoint to pay for in each zone."""
    assert sorted(called_by_jobs(ACTIONS)) == ["ebs", "ec2", "s3", "ssm"]
    assert interface_endpoints(["s3", "ecr", "logs"]) == ("ecr.api", "ecr.dkr", "logs")


@pytest.mark.parametrize(
    ("network", "endpoints", "gateways"),
    [
        ({}, 0, 0),
        ({"kind": "isolated"}, 9, 0),
        ({"kind": "isolated", "endpoint_zones": "all"}, 27, 0),
        ({"kind": "nat"}, 0, 1),
        ({"kind": "nat", "nat_zones": "all"}, 0, 3),
        (EXISTING, 0, 0),
    ],
)
def test_what_a_network_costs_depends_on_its_endpoints_and_gateways(
    network: dict[str, Any], endpoints: int, gateways: int
) -> None:
    settings = accepted({"network": network})

    assert (endpoint_count(settings, ACTIONS), gateway_count(settings)) == (endpoints, gateways)


def test_fewer_actions_need_fewer_endpoints() -> None:
    without = {name: {"enabled": False} for name in ("ebs-archive", "rds-dump")}

    assert endpoint_count(accepted({"network": {"kind": "isolated"}, "actions": without}), ACTIONS) == 6
