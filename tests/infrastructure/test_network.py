"""Four kinds of network: in none of them does anything listen, and each leads to what hosts and jobs call."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.infrastructure.conftest import SETTINGS, Rendered
from tests.infrastructure.template import ACCOUNT, Template
from tests.infrastructure.test_database_network import groups

from backup_actions.contract import Statement
from backup_actions.plugins import Installed
from backup_actions.settings import from_mapping
from backup_actions.settings.endpoints import (
    CALLED_BY_HOSTS,
    GATEWAYS,
    INTERFACES,
    called_services,
    endpoint_count,
    gateway_count,
)
from backup_actions.settings.network import Network
from backup_actions_infrastructure import node
from backup_actions_infrastructure.service_grants import ECS_AGENT, PULL_IMAGE, WRITE_LOG

KINDS = {"public": "rendered", "isolated": "isolated", "nat": "govcloud", "existing": "own"}


@pytest.fixture(name="of_a_kind", scope="session", params=[*KINDS.values()], ids=[*KINDS])
def _of_a_kind(request: pytest.FixtureRequest) -> Rendered:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Rendered)
    return found


def interfaces(template: Template) -> dict[str, Mapping[str, Any]]:
    """The interface endpoints, by the service that each leads to."""
    return {
        each["ServiceName"].removeprefix("com.amazonaws.us-east-1."): each
        for each in template.of_type("AWS::EC2::VPCEndpoint").values()
        if each["VpcEndpointType"] == "Interface"
    }


def route_tables_of_hosts(template: Template) -> set[str]:
    """The route tables of the subnets that hosts stand in."""
    associations = template.of_type("AWS::EC2::SubnetRouteTableAssociation").values()
    tables = {each["SubnetId"]: each["RouteTableId"] for each in associations}
    return {
        tables[subnet]
        for each in template.of_type("AWS::Batch::ComputeEnvironment").values()
        for subnet in each["ComputeResources"]["Subnets"]
    }


def granted_to_hosts_and_jobs(template: Template) -> Iterator[Statement]:
    """What the roles of hosts and jobs have, as statements of the contract."""
    for user, policies in template.roles().items():
        if user == "hosts of jobs" or user.startswith(("job ", "start of job ")):
            for each in (statement for statements in policies.values() for statement in statements):
                when = {
                    test: {key: tuple(value) for key, value in keys.items()}
                    for test, keys in each.get("Condition", {}).items()
                }
                yield Statement(tuple(each["Action"]), on=tuple(each["Resource"]), when=when, because="in a role")


def test_nothing_comes_in_but_from_the_hosts_to_databases_and_endpoints(of_a_kind: Rendered) -> None:
    template = of_a_kind.template
    known = groups(template)
    rules = template.of_type("AWS::EC2::SecurityGroupIngress").values()

    assert not any("SecurityGroupIngress" in each for each in template.of_type("AWS::EC2::SecurityGroup").values())
    assert {rule["SourceSecurityGroupId"] for rule in rules} == {known["Hosts"]}
    reached = {(rule["GroupId"], rule["FromPort"], rule["ToPort"]) for rule in rules}
    databases = {(known["Restored"], port, port) for port in (5432, 3306)}
    assert reached == databases | ({(known["Interface"], 443, 443)} if "Interface" in known else set())


def test_hosts_have_an_address_of_their_own_in_a_public_network_alone(of_a_kind: Rendered) -> None:
    template = of_a_kind.template
    subnets = {f"<{name}>": each for name, each in template.of_type("AWS::EC2::Subnet").items()}
    of_hosts = {
        subnet
        for each in template.of_type("AWS::Batch::ComputeEnvironment").values()
        for subnet in each["ComputeResources"]["Subnets"]
    }

    is_public = of_a_kind.settings.network.kind == "public"
    assert len(of_hosts) == len(of_a_kind.settings.zones)
    assert all(subnets[each]["MapPublicIpOnLaunch"] is is_public for each in of_hosts if each in subnets)
    assert sum(each["MapPublicIpOnLaunch"] for each in subnets.values()) == (len(of_hosts) if is_public else 0)


def test_no_two_subnets_claim_the_same_addresses_whatever_the_kind(
    rendered: Rendered, isolated: Rendered, govcloud: Rendered
) -> None:
    """Else a stack could not be changed from one kind to another: the new subnets are made before the old ones go."""
    claims: dict[str, set[str]] = {}
    for each in (rendered, isolated, govcloud):
        for name, subnet in each.template.of_type("AWS::EC2::Subnet").items():
            claims.setdefault(subnet["CidrBlock"], set()).add(name)

    assert [names for names in claims.values() if len(names) > 1] == []


CREATED_ANEW = {
    "AWS::EC2::Subnet": ("CidrBlock", "AvailabilityZone"),
    "AWS::EC2::NatGateway": ("AllocationId", "SubnetId"),
}
"""Kind of resource → what no two may have, and what replaces it when it changes, with both there for a while."""


def test_zones_can_be_added_dropped_and_put_into_another_order(found: Installed) -> None:
    node.ensure()
    from aws_cdk import Stack, assertions

    from backup_actions_infrastructure.database_network import database_network
    from backup_actions_infrastructure.network import hosts_network

    settings = from_mapping(SETTINGS, found.actions)
    claims: dict[tuple[str, str], set[str]] = {}
    for zones in (("us-east-1a",), ("us-east-1a", "us-east-1b"), ("us-east-1b", "us-east-1a"), ("us-east-1b",)):
        for network in (Network(kind="public"), Network(kind="nat", nat_zones="all")):
            stack = Stack()
            chosen = settings.model_copy(update={"zones": zones, "network": network})
            database_network(stack, chosen, hosts_network(stack, chosen))
            for kind, (unique, place) in CREATED_ANEW.items():
                for each in assertions.Template.from_stack(stack).find_resources(kind).values():
                    properties = each["Properties"]
                    claims.setdefault((kind, str(properties[unique])), set()).add(str(properties[place]))

    assert {kind for kind, _ in claims} == CREATED_ANEW.keys()
    assert {claim: places for claim, places in claims.items() if len(places) > 1} == {}


def test_what_is_paid_for_is_what_is_counted(of_a_kind: Rendered, found: Installed) -> None:
    template, settings = of_a_kind.template, of_a_kind.settings
    zones = sum(len(each["SubnetIds"]) for each in interfaces(template).values())

    assert zones == endpoint_count(settings, found.actions)
    assert len(template.of_type("AWS::EC2::NatGateway")) == gateway_count(settings)


def test_an_isolated_network_has_no_way_out(isolated: Rendered) -> None:
    template = isolated.template

    for kind in ("InternetGateway", "NatGateway", "EIP", "Route", "VPCGatewayAttachment", "TransitGatewayAttachment"):
        assert not template.of_type(f"AWS::EC2::{kind}"), kind


def test_an_isolated_network_leads_to_exactly_what_roles_of_hosts_and_jobs_call(isolated: Rendered) -> None:
    called = called_services(granted_to_hosts_and_jobs(isolated.template))
    needed = {name for service in called if service not in GATEWAYS for name in INTERFACES[service]}

    assert interfaces(isolated.template).keys() == needed


def test_what_hosts_call_whatever_the_actions_are_is_what_their_grants_say() -> None:
    assert tuple(sorted(called_services((*ECS_AGENT, *PULL_IMAGE, *WRITE_LOG)))) == CALLED_BY_HOSTS


def test_endpoints_let_through_what_roles_may_do_and_for_this_account_alone(isolated: Rendered) -> None:
    called = called_services(granted_to_hosts_and_jobs(isolated.template))
    for name, endpoint in interfaces(isolated.template).items():
        statements = endpoint["PolicyDocument"]["Statement"]
        (service,) = (service for service, names in INTERFACES.items() if name in names)
        through = {action for each in statements for action in [each["Action"]] if isinstance(action, str)}
        through |= {action for each in statements if not isinstance(each["Action"], str) for action in each["Action"]}
        granted = {action for each in called[service] for action in each.actions if action.startswith(f"{service}:")}
        assert through == granted
        assert all(each["Condition"]["StringEquals"]["aws:PrincipalAccount"] == ACCOUNT for each in statements)


def test_an_endpoint_leads_to_every_resource_only_where_the_calls_know_none(isolated: Rendered) -> None:
    everything = {
        action
        for endpoint in interfaces(isolated.template).values()
        for each in endpoint["PolicyDocument"]["Statement"]
        if each["Resource"] == "*"
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }

    assert everything == {"ec2:DescribeVolumes", "ecr:GetAuthorizationToken", "ecs:DiscoverPollEndpoint"}


def test_endpoints_answer_to_the_names_of_their_services_in_the_first_zone(isolated: Rendered) -> None:
    zones = {
        f"<{name}>": each["AvailabilityZone"] for name, each in isolated.template.of_type("AWS::EC2::Subnet").items()
    }

    for endpoint in interfaces(isolated.template).values():
        assert endpoint["PrivateDnsEnabled"] is True
        assert [zones[subnet] for subnet in endpoint["SubnetIds"]] == ["us-east-1a"]
        assert endpoint["SecurityGroupIds"] == [groups(isolated.template)["Interface"]]


def test_s3_is_reached_by_the_routes_of_hosts_in_every_network_of_ours(of_a_kind: Rendered) -> None:
    template = of_a_kind.template
    gateways = [
        each for each in template.of_type("AWS::EC2::VPCEndpoint").values() if each["VpcEndpointType"] == "Gateway"
    ]
    if of_a_kind.settings.network.kind == "existing":
        assert gateways == []
        return
    of_hosts = route_tables_of_hosts(template)
    (s3,) = gateways
    assert set(s3["RouteTableIds"]) == of_hosts


def test_the_way_to_s3_lets_through_what_a_third_partys_job_may_do_in_another_bucket(found: Installed) -> None:
    node.ensure()
    from aws_cdk import Stack, assertions
    from aws_cdk import aws_s3 as s3

    from backup_actions_infrastructure.image import named_image
    from backup_actions_infrastructure.network import hosts_network
    from backup_actions_infrastructure.network_endpoints import add_endpoints
    from backup_actions_infrastructure.placeholders import Placeholders

    settings = from_mapping(SETTINGS, found.actions)
    ours = next(action for action in found.actions if action.name == "ebs-archive")
    theirs = Statement(("s3:GetObjectTagging",), on="arn:${Partition}:s3:::their-bucket/*", because="all of it")
    jobs = {name: (*statements, theirs) for name, statements in ours.permissions.jobs.items()}
    through: list[set[str]] = []
    for machine in (ours, dataclasses.replace(ours, permissions=dataclasses.replace(ours.permissions, jobs=jobs))):
        stack = Stack()
        add_endpoints(
            stack,
            settings,
            [machine],
            network=hosts_network(stack, settings),
            bucket=s3.Bucket.from_bucket_name(stack, "Archives", "archives"),
            image=named_image("registry.example.com/worker:1"),
            placeholders=Placeholders({"Partition": "aws", "Bucket": "archives", "Account": ACCOUNT}),
        )
        (endpoint,) = assertions.Template.from_stack(stack).find_resources("AWS::EC2::VPCEndpoint").values()
        statements = endpoint["Properties"]["PolicyDocument"]["Statement"]
        through.append({json.dumps(each) for each in statements})

    (more,) = (json.loads(each) for each in through[1] - through[0])
    assert (more["Action"], more["Resource"]) == ("s3:GetObjectTagging", "arn:aws:s3:::their-bucket/*")
    assert more["Condition"] == {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}


def test_behind_a_nat_gateway_the_only_way_out_is_through_it(govcloud: Rendered) -> None:
    template = govcloud.template
    (gateway,) = template.of_type("AWS::EC2::NatGateway")
    of_hosts = route_tables_of_hosts(template)
    ways_out = [each for each in template.of_type("AWS::EC2::Route").values() if each["RouteTableId"] in of_hosts]

    assert [each.get("NatGatewayId") for each in ways_out] == [f"<{gateway}.NatGatewayId>"]


def test_of_an_existing_network_nothing_is_made_but_groups(own: Rendered) -> None:
    made = {resource["Type"] for resource in own.template.document["Resources"].values()}
    network = {kind for kind in made if kind.startswith(("AWS::EC2::", "AWS::RDS::"))}

    assert network == {
        "AWS::EC2::LaunchTemplate",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::RDS::DBClusterParameterGroup",
        "AWS::RDS::DBParameterGroup",
        "AWS::RDS::DBSubnetGroup",
    }
    assert {each["VpcId"] for each in own.template.of_type("AWS::EC2::SecurityGroup").values()} == {
        "vpc-0123456789abcdef0"
    }


def test_databases_stand_in_the_subnets_that_the_settings_name(own: Rendered) -> None:
    group = own.template.only("AWS::RDS::DBSubnetGroup")

    assert group["SubnetIds"] == ["subnet-11111111", "subnet-22222222"]
    assert group["DBSubnetGroupName"] == "archives-databases-0123456789abcdef0"


def test_a_security_group_of_ones_own_is_let_into_databases_and_left_as_it_is(own: Rendered, tmp_path: Path) -> None:
    from aws_cdk import App, Environment, Stack

    from backup_actions_infrastructure.database_network import database_network
    from backup_actions_infrastructure.network import hosts_network

    named = own.settings.network.model_copy(update={"security_group_id": "sg-01234567"})
    settings = own.settings.model_copy(update={"network": named})
    app = App(outdir=str(tmp_path))
    stack = Stack(app, "network", env=Environment(account=settings.account, region=settings.region))
    network = hosts_network(stack, settings)
    database_network(stack, settings, network)
    app.synth()
    template = Template.read(tmp_path / "network.template.json")

    assert network.security_group.security_group_id == "sg-01234567"
    assert [*groups(template)] == ["Restored"]
    assert not template.of_type("AWS::EC2::SecurityGroupEgress")
    rules = template.of_type("AWS::EC2::SecurityGroupIngress").values()
    assert {(rule["SourceSecurityGroupId"], rule["FromPort"]) for rule in rules} == {
        ("sg-01234567", 5432),
        ("sg-01234567", 3306),
    }
