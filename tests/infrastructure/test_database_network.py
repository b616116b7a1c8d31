"""Restored databases stand in subnets that nothing leads out of, and only hosts of jobs reach them."""

from __future__ import annotations

from tests.infrastructure.conftest import Rendered
from tests.infrastructure.template import Template

ROUTES_OUT = ("GatewayId", "NatGatewayId", "TransitGatewayId", "VpcPeeringConnectionId")


def groups(template: Template) -> dict[str, str]:
    """What a security group is for → its reference in rules."""
    found = template.of_type("AWS::EC2::SecurityGroup").items()
    return {group["GroupDescription"].partition(" ")[0]: f"<{name}.GroupId>" for name, group in found}


def subnets_of_databases(template: Template) -> dict[str, object]:
    """Reference of each subnet of the group → its zone."""
    wanted = template.only("AWS::RDS::DBSubnetGroup")["SubnetIds"]
    zones = {f"<{name}>": each["AvailabilityZone"] for name, each in template.of_type("AWS::EC2::Subnet").items()}
    return {reference: zones[reference] for reference in wanted}


def test_only_hosts_of_jobs_reach_databases_and_only_at_their_ports(template: Template) -> None:
    hosts, databases = groups(template)["Hosts"], groups(template)["Restored"]
    rules = template.of_type("AWS::EC2::SecurityGroupIngress").values()

    assert {(rule["GroupId"], rule["SourceSecurityGroupId"], rule["FromPort"], rule["ToPort"]) for rule in rules} == {
        (databases, hosts, 5432, 5432),
        (databases, hosts, 3306, 3306),
    }


def test_hosts_speak_to_databases_and_to_nothing_else_at_those_ports(template: Template) -> None:
    hosts, databases = groups(template)["Hosts"], groups(template)["Restored"]
    rules = template.of_type("AWS::EC2::SecurityGroupEgress").values()

    assert {(rule["GroupId"], rule["DestinationSecurityGroupId"], rule["FromPort"]) for rule in rules} == {
        (hosts, databases, 5432),
        (hosts, databases, 3306),
    }


def test_nothing_goes_out_of_databases(template: Template) -> None:
    (group,) = (
        group
        for group in template.of_type("AWS::EC2::SecurityGroup").values()
        if group["GroupDescription"].startswith("Restored databases")
    )

    assert "SecurityGroupIngress" not in group
    assert [rule["CidrIp"] for rule in group["SecurityGroupEgress"]] == ["255.255.255.255/32"]


def test_events_of_mysql_do_not_run_in_the_groups_that_its_restored_databases_are_in(template: Template) -> None:
    of_instances = template.of_type("AWS::RDS::DBParameterGroup").values()
    (of_clusters,) = template.of_type("AWS::RDS::DBClusterParameterGroup").values()
    named = {group["DBParameterGroupName"]: group["Family"] for group in of_instances}

    assert named == {"backup-actions-mysql8-0": "mysql8.0", "backup-actions-mysql8-4": "mysql8.4"}
    assert (of_clusters["DBClusterParameterGroupName"], of_clusters["Family"]) == (
        "backup-actions-aurora-mysql8-0",
        "aurora-mysql8.0",
    )
    assert {group["Parameters"]["event_scheduler"] for group in (*of_instances, of_clusters)} == {"OFF"}


def test_no_route_leads_out_of_the_subnets_of_databases(template: Template) -> None:
    tables = {
        each["RouteTableId"]
        for each in template.of_type("AWS::EC2::SubnetRouteTableAssociation").values()
        if each["SubnetId"] in subnets_of_databases(template)
    }
    leading_out = [
        route
        for route in template.of_type("AWS::EC2::Route").values()
        if route["RouteTableId"] in tables and any(kind in route for kind in ROUTES_OUT)
    ]

    assert len(tables) == len(subnets_of_databases(template))
    assert leading_out == []


def test_every_zone_of_the_stack_has_a_subnet_for_databases(rendered: Rendered) -> None:
    assert [*subnets_of_databases(rendered.template).values()] == list(rendered.settings.zones)
