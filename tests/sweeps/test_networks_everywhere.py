"""Every kind of network in every partition, which takes minutes: all render, and are what the one of each promises."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.infrastructure.template import ACCOUNT, Template
from tests.infrastructure.test_validators import found_by_validate
from tests.infrastructure.test_variants import assert_fits_every_partition

from backup_actions.plugins import Installed, installed
from backup_actions.settings import DeploymentSettings, from_mapping
from backup_actions.settings.endpoints import endpoint_count, gateway_count
from backup_actions_infrastructure.app import add_stack, empty_application

REGIONS = {"cn-north-1": "aws-cn", "us-east-1": "aws", "us-gov-west-1": "aws-us-gov"}


def networks(zones: list[str]) -> list[Mapping[str, Any]]:
    subnets = {zone: f"subnet-0123456{number}" for number, zone in enumerate(zones)}
    return [
        {"kind": "public"},
        {"kind": "isolated", "endpoint_zones": "all"},
        {"kind": "nat", "nat_zones": "all"},
        {"kind": "existing", "vpc_id": "vpc-01234567", "subnet_ids": subnets},
    ]


def rendered(settings: DeploymentSettings, found: Installed, folder: Path) -> Template:
    app = empty_application(folder)
    add_stack(app, settings, found)
    app.synth()
    return Template.read(folder / f"{settings.name}.template.json")


@pytest.mark.timeout(1800)
def test_every_network_fits_every_partition(
    pytestconfig: pytest.Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not pytestconfig.getoption("sweep"):
        pytest.skip("needs --sweep: one of each kind and one of each partition is enough otherwise")
    monkeypatch.setitem(os.environ, "CDK_VALIDATION", "false")
    found, repository = installed(), Path(__file__).parents[2]
    for region, partition in REGIONS.items():
        zones = [f"{region}a", f"{region}b"]
        without = {"rds-export": {"enabled": False}} if partition == "aws-us-gov" else {}
        for network in networks(zones):
            settings = from_mapping(
                {
                    "account": ACCOUNT,
                    "region": region,
                    "zones": zones,
                    "vaults": ["backups"],
                    "network": network,
                    "athena": {"enabled": True},
                    "actions": without,
                },
                found.actions,
            )
            template = rendered(settings, found, tmp_path / region / str(network["kind"]))

            assert settings.partition == partition
            # Of an existing network no subnet is made.
            assert_fits_every_partition(template, () if network["kind"] == "existing" else settings.zones)
            assert found_by_validate(template, repository) == {}
            assert len(template.of_type("AWS::EC2::NatGateway")) == gateway_count(settings)
            endpoints = template.of_type("AWS::EC2::VPCEndpoint").values()
            paid = sum(len(each["SubnetIds"]) for each in endpoints if each["VpcEndpointType"] == "Interface")
            assert paid == endpoint_count(settings, found.actions)
