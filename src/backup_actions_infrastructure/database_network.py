"""Where restored databases stand for the time of a run: no way leads out, and the hosts of jobs alone come in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Fn
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_rds as rds

from backup_actions.contract.parameter_groups import PARAMETER_GROUPS
from backup_actions_infrastructure.network import place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from constructs import Construct

    from backup_actions.settings import DeploymentSettings
    from backup_actions_infrastructure.network import Network

_PORTS = {5432: "PostgreSQL", 3306: "MySQL and MariaDB"}

# Behind those of the hosts; those of zones that only AWS knows behind those of named ones.
_FIRST_SUBNET, _FIRST_OF_SOME_ZONE = 128, 192


@dataclass(frozen=True, slots=True)
class DatabaseNetwork:
    """Names for ``${DatabaseSubnetGroup}`` and ``${DatabaseSecurityGroup}``; empty where no action needs them."""

    subnet_group: str = ""
    security_group: str = ""


def database_network(scope: Construct, settings: DeploymentSettings, network: Network) -> DatabaseNetwork:
    """Subnets for databases, and a group that only hosts of jobs may speak to. It costs nothing.

    Out of those that are made here no route leads; of an existing network the settings name them.
    """
    chosen = settings.network
    subnet_ids = [*chosen.subnets_of_databases.values()] or _subnets(scope, settings, network)
    # RDS moves no group to another VPC: in each it has another name.
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBSubnetGroup.html
    of_vpc = f"-{chosen.vpc_id.removeprefix('vpc-')}" if chosen.vpc_id else ""
    group = rds.CfnDBSubnetGroup(
        scope,
        "DatabaseSubnets",
        db_subnet_group_name=f"{settings.name}-databases{of_vpc}",
        db_subnet_group_description=f"{settings.name}: databases that are restored to be dumped",
        subnet_ids=subnet_ids,
    )
    _parameter_groups(scope, settings.name)
    return DatabaseNetwork(group.ref, _security_group(scope, network).security_group_id)


def _parameter_groups(scope: Construct, deployment: str) -> None:
    """What the defaults of some engines would do to restored databases, they do not do in these groups."""
    description = f"{deployment}: databases that are restored to be dumped"
    for group in PARAMETER_GROUPS:
        name, parameters = group.name(deployment), dict(group.parameters)
        if group.is_of_clusters:
            rds.CfnDBClusterParameterGroup(
                scope,
                f"Parameters-{group.family}",
                db_cluster_parameter_group_name=name,
                description=description,
                family=group.family,
                parameters=parameters,
            )
        else:
            rds.CfnDBParameterGroup(
                scope,
                f"Parameters-{group.family}",
                db_parameter_group_name=name,
                description=description,
                family=group.family,
                parameters=parameters,
            )


def _subnets(scope: Construct, settings: DeploymentSettings, network: Network) -> list[str]:
    return [
        ec2.PrivateSubnet(
            scope,
            f"DatabaseSubnet-{name}",
            vpc_id=network.vpc.vpc_id,
            availability_zone=zone,
            cidr_block=f"10.213.{place}.0/24",
            map_public_ip_on_launch=False,
        ).subnet_id
        for name, place, zone in _zones(settings)
    ]


def _security_group(scope: Construct, network: Network) -> ec2.SecurityGroup:
    databases = ec2.SecurityGroup(
        scope,
        "Databases",
        vpc=network.vpc,
        description="Restored databases: hosts of Batch jobs come in, nothing goes out",
        allow_all_outbound=False,
    )
    for port, product in _PORTS.items():
        databases.add_ingress_rule(network.security_group, ec2.Port.tcp(port), f"jobs, to {product}")
        network.security_group.add_egress_rule(databases, ec2.Port.tcp(port), f"{product} that a run has restored")
    return databases


def _zones(settings: DeploymentSettings) -> Iterator[tuple[str, int, str]]:
    """The stack's zones, and where there is one alone two of the region's: at least one of them is another one.

    RDS wants two zones of a subnet group, although a database of ours stands in one.
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html
    """
    for zone in settings.zones:
        yield zone[-1], _FIRST_SUBNET + place_of(zone), zone
    if len(settings.zones) == 1:
        for number in (0, 1):
            yield str(number), _FIRST_OF_SOME_ZONE + number, Fn.select(number, Fn.get_azs())
