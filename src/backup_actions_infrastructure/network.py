"""The network that hosts of jobs stand in: the stack's own, of one of three kinds, or one that is there already.

Each has its own range of addresses for every use (public from 10.213.0.0, private from .64, databases from .128), and
in it each zone has its own: the kind can be changed, and zones added, dropped and put into another order, without two
subnets ever claiming the same. CloudFormation makes the new ones before the old ones go.
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
            vpc = _vpc(scope, settings)
            subnets: Mapping[str, ec2.ISubnet] = _public_subnets(scope, vpc, settings.zones, with_addresses=True)
        case "nat":
            vpc = _vpc(scope, settings)
            subnets = _private_subnets(scope, settings, vpc)
            public = _public_subnets(scope, vpc, nat_zones(settings), with_addresses=False)
            _route_through_gateways(scope, settings, public, subnets)
        case "isolated":
            vpc = _vpc(scope, settings)
            subnets = _private_subnets(scope, settings, vpc)
        case "existing":
            return _existing(scope, settings)
    return Network(vpc, subnets, _group_of_hosts(scope, vpc))


def place_of(zone: str) -> int:
    """The place of a zone among those of its region: 0 for us-east-1a."""
    return ord(zone[-1]) - ord("a")


def _vpc(scope: Construct, settings: DeploymentSettings) -> ec2.Vpc:
    """A VPC without subnets: the construct would number them, and a zone that is dropped would move all behind it."""
    return ec2.Vpc(
        scope,
        "Vpc",
        vpc_name=settings.name,
        ip_addresses=ec2.IpAddresses.cidr("10.213.0.0/16"),
        # Named: the CDK would ask AWS for them, or write dummy1a without a word.
        availability_zones=list(settings.zones),
        subnet_configuration=[],
        nat_gateways=0,
    )


def _public_subnets(
    scope: Construct, vpc: ec2.Vpc, zones: Sequence[str], *, with_addresses: bool
) -> dict[str, ec2.PublicSubnet]:
    """Subnets from which an internet gateway leads out."""
    gateway = ec2.CfnInternetGateway(scope, "InternetGateway")
    attachment = ec2.CfnVPCGatewayAttachment(
        scope, "InternetGatewayAttachment", vpc_id=vpc.vpc_id, internet_gateway_id=gateway.ref
    )
    subnets = {
        zone: ec2.PublicSubnet(
            scope,
            f"PublicSubnet-{zone[-1]}",
            vpc_id=vpc.vpc_id,
            availability_zone=zone,
            cidr_block=f"10.213.{place_of(zone)}.0/24",
            map_public_ip_on_launch=with_addresses,
        )
        for zone in zones
    }
    for subnet in subnets.values():
        subnet.add_default_internet_route(gateway.ref, attachment)
    return subnets


def _private_subnets(scope: Construct, settings: DeploymentSettings, vpc: ec2.Vpc) -> dict[str, ec2.ISubnet]:
    return {
        zone: ec2.PrivateSubnet(
            scope,
            f"PrivateSubnet-{zone[-1]}",
            vpc_id=vpc.vpc_id,
            availability_zone=zone,
            cidr_block=f"10.213.{_FIRST_PRIVATE + place_of(zone)}.0/24",
            map_public_ip_on_launch=False,
        )
        for zone in settings.zones
    }


def _route_through_gateways(
    scope: Construct,
    settings: DeploymentSettings,
    public: Mapping[str, ec2.PublicSubnet],
    subnets: Mapping[str, ec2.ISubnet],
) -> None:
    """Each private subnet has its way out by the NAT gateway of its zone, else by the first one."""
    gateways = {}
    for zone, subnet in public.items():
        address = ec2.CfnEIP(scope, f"NatAddress-{zone[-1]}", domain="vpc")
        gateway = ec2.CfnNatGateway(
            scope, f"NatGateway-{zone[-1]}", subnet_id=subnet.subnet_id, allocation_id=address.attr_allocation_id
        )
        gateway.node.add_dependency(subnet.internet_connectivity_established)
        Tags.of(gateway).add("Name", f"{settings.name} {zone}")
        gateways[zone] = gateway.attr_nat_gateway_id
    first = gateways[settings.zones[0]]
    for zone, private in subnets.items():
        ec2.CfnRoute(
            scope,
            f"WayOut-{zone[-1]}",
            route_table_id=private.route_table.route_table_id,
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
