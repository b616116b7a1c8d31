"""What is allowed and perhaps not meant is said, and nothing else is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from backup_actions.plugins import installed
from backup_actions.settings import from_mapping
from backup_actions.settings.remarks import remarks

ACTIONS = installed().actions
ZONES = ["us-east-1a", "us-east-1b"]
SUBNETS = {"us-east-1a": "subnet-01234567", "us-east-1b": "subnet-01234568"}


def said(data: Mapping[str, Any]) -> list[str]:
    required = {"account": "111122223333", "region": "us-east-1", "zones": ZONES, "vaults": ["backups"]}
    return list(remarks(from_mapping({**required, **data}, ACTIONS), ACTIONS))


def lock(mode: str, **others: Any) -> dict[str, Any]:
    return {"archive_bucket": {"object_lock": {"mode": mode, "days": 30}, **others}}


@pytest.mark.parametrize("data", [{}, lock("governance"), {"network": {"kind": "nat"}}], ids=["public", "lock", "nat"])
def test_of_what_is_usual_nothing_is_said(data: dict[str, Any]) -> None:
    assert said(data) == []


def test_versions_that_the_lock_keeps_longer_than_they_are_wanted_are_told_of() -> None:
    (remark,) = said(lock("governance", noncurrent_days=7))

    assert remark == (
        "archive_bucket.noncurrent_days: after 7 days old versions are still locked; they go, and stop to cost, "
        "on day 30"
    )


def test_whoever_wants_compliance_is_told_to_try_governance_first() -> None:
    (remark,) = said(lock("compliance"))

    assert "not even root" in remark
    assert "try the deployment with governance" in remark


def test_where_nothing_is_done_with_backups_it_is_said() -> None:
    none = {action.name: {"enabled": False} for action in ACTIONS}

    assert said({"actions": none}) == ["actions: none is enabled; backups are kept, and nothing is made of them"]


def test_a_region_that_nobody_knows_is_told_and_may_be_a_new_one() -> None:
    places = {"region": "us-esat-1", "zones": ["us-esat-1a"]}

    assert said(places) == [
        "region: the botocore that is installed here knows no us-esat-1; like it are us-west-1, us-east-1, us-west-2"
    ]
    assert said({"region": "cn-north-1", "zones": ["cn-north-1a"]}) == []


def test_endpoints_in_one_zone_are_what_every_other_zone_depends_on() -> None:
    (remark,) = said({"network": {"kind": "isolated"}})

    assert remark.startswith("network.endpoint_zones: every zone reaches AWS through us-east-1a")
    assert said({"network": {"kind": "isolated", "endpoint_zones": "all"}}) == []
    assert said({"network": {"kind": "isolated"}, "zones": ["us-east-1a"]}) == []


def test_of_an_existing_network_it_is_said_where_it_has_to_lead() -> None:
    (remark,) = said({"network": {"kind": "existing", "vpc_id": "vpc-01234567", "subnet_ids": SUBNETS}})

    assert remark == (
        "network.subnet_ids: the subnets must lead, by HTTPS, to s3, ebs, ec2, ecr.api, ecr.dkr, ecs, ecs-agent, "
        "ecs-telemetry, logs, ssm; nothing is made or asked here"
    )
