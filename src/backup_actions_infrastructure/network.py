"""The network that hosts of jobs stand in: the stack's own, of one of three kinds, or one that is there already.

Each has its own range of addresses for every use (public from 10.213.0.0, private from .64, databases from .128), so
that a zone can be added, and the kind changed, without two subnets ever claiming the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Tags
from aws_cdk import aws_ec2 as ec2

from backup_actions.settings.endpoints import nat_zones

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from constructs import Construct

    from backup_actions.settings import DeploymentSettings

_FIRST_PRIVATE = 64


@dataclass(frozen=True, slots=True)
class Network:
    """One subnet per zone, and the security group of the hosts in them."""

    vpc: ec2.IVpc
    subnets: Mapping[str, ec2.ISubnet]
    security_group: ec2.ISecurityGroup


def hosts_network(scope: Construct, settings: DeploymentSettings) -> Network:
    """The network that the settings choose. Nothing listens in it for what comes from outside."""
    match settings.network.kind:
        case "public":
            vpc = _vpc(scope, settings, settings.zones, with_addresses=True)
            subnets = _by_zone(vpc.public_subnets)
        case "nat":
            vpc = _vpc(scope, settings, nat_zones(settings), with_addresses=False)
            subnets = _private_subnets(scope, settings, vpc)
            _route_through_gateways(scope, settings, vpc, subnets)
        case "isolated":
            vpc = _vpc(scope, settings, (), with_addresses=False)
            subnets = _private_subnets(scope, settings, vpc)
        case "existing":
            return _existing(scope, settings)
    return Network(vpc, {zone: subnets[zone] for zone in settings.zones}, _group_of_hosts(scope, vpc))


def _vpc(
    scope: Construct, settings: DeploymentSettings, public_zones: Sequence[str], *, with_addresses: bool
) -> ec2.Vpc:
    """A VPC with public subnets in these zones; without any it has no internet gateway either."""
    public = ec2.SubnetConfiguration(
        name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24, map_public_ip_on_launch=with_addresses
    )
    return ec2.Vpc(
        scope,
        "Vpc",
        vpc_name=settings.name,
        ip_addresses=ec2.IpAddresses.cidr("10.213.0.0/16"),
        # Named: the CDK would ask AWS for them, or write dummy1a without a word.
        availability_zones=list(public_zones or settings.zones),
        subnet_configuration=[public] if public_zones else [],
        nat_gateways=0,
    )


def _by_zone(subnets: Sequence[ec2.ISubnet]) -> dict[str, ec2.ISubnet]:
    return {subnet.availability_zone: subnet for subnet in subnets}


def _private_subnets(scope: Construct, settings: DeploymentSettings, vpc: ec2.Vpc) -> dict[str, ec2.ISubnet]:
    return {
        zone: ec2.PrivateSubnet(
            scope,
            f"PrivateSubnet{number}",
            vpc_id=vpc.vpc_id,
            availability_zone=zone,
            cidr_block=f"10.213.{_FIRST_PRIVATE + number}.0/24",
            map_public_ip_on_launch=False,
        )
        for number, zone in enumerate(settings.zones)
    }


def _route_through_gateways(
    scope: Construct, settings: DeploymentSettings, vpc: ec2.Vpc, subnets: Mapping[str, ec2.ISubnet]
) -> None:
    """Each private subnet has its way out by the NAT gateway of its zone, else by the first one."""
    gateways = {}
    for number, public in enumerate(vpc.public_subnets):
        address = ec2.CfnEIP(scope, f"NatAddress{number}", domain="vpc")
        gateway = ec2.CfnNatGateway(
            scope, f"NatGateway{number}", subnet_id=public.subnet_id, allocation_id=address.attr_allocation_id
        )
        gateway.node.add_dependency(public.internet_connectivity_established)
        Tags.of(gateway).add("Name", f"{settings.name} {public.availability_zone}")
        gateways[public.availability_zone] = gateway.attr_nat_gateway_id
    first = gateways[settings.zones[0]]
    for number, (zone, subnet) in enumerate(subnets.items()):
        ec2.CfnRoute(
            scope,
            f"WayOut{number}",
            route_table_id=subnet.route_table.route_table_id,
            destination_cidr_block="0.0.0.0/0",
            nat_gateway_id=gateways.get(zone, first),
        )


def _existing(scope: Construct, settings: DeploymentSettings) -> Network:
    """The VPC and subnets of the settings; of a security group that they name nothing is changed."""
    chosen = settings.network
    vpc = ec2.Vpc.from_vpc_attributes(
        scope, "Vpc", vpc_id=str(chosen.vpc_id), availability_zones=list(chosen.subnet_ids)
    )
    subnets = {
        zone: ec2.Subnet.from_subnet_attributes(
            scope, f"Subnet-{zone}", subnet_id=chosen.subnet_ids[zone], availability_zone=zone
        )
        for zone in settings.zones
    }
    if named := chosen.security_group_id:
        return Network(vpc, subnets, ec2.SecurityGroup.from_security_group_id(scope, "Hosts", named, mutable=False))
    return Network(vpc, subnets, _group_of_hosts(scope, vpc))


def _group_of_hosts(scope: Construct, vpc: ec2.IVpc) -> ec2.SecurityGroup:
    group = ec2.SecurityGroup(
        scope,
        "Hosts",
        vpc=vpc,
        description="Hosts of Batch jobs: nothing comes in, HTTPS goes out",
        allow_all_outbound=False,
    )
    # To every address also where no route leads out: S3 keeps its own behind the gateway endpoint.
    group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "APIs of AWS and the image registry")
    return group
