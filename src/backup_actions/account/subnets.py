"""A network that is there already: whether the hosts of jobs can stand in it and reach AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backup_actions.account.results import good, look, wrong
from backup_actions.account.surroundings import unless
from backup_actions.settings.endpoints import CALLED_BY_HOSTS, called_by_jobs, interface_endpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from backup_actions.account.results import Result
    from backup_actions.account.surroundings import Surroundings

_VPC, _HOSTS, _DATABASES = "network.vpc_id", "network.subnet_ids", "network.database_subnet_ids"
_GROUP = "network.security_group_id"
_EVERYWHERE = "0.0.0.0/0"
_HTTPS = 443


def vpc(around: Surroundings) -> Iterator[Result]:
    """Whether the VPC is there, and names are resolved in it."""
    if not (wanted := around.settings.network.vpc_id):
        return
    ec2 = around.clients.ec2
    if unless(("InvalidVpcID.NotFound",), lambda: ec2.describe_vpcs(VpcIds=[wanted])) is None:
        yield wrong(_VPC, f"there is no {wanted} in {around.settings.region}")
    elif not ec2.describe_vpc_attribute(VpcId=wanted, Attribute="enableDnsSupport")["EnableDnsSupport"].get("Value"):
        yield wrong(_VPC, f"{wanted} has no DNS support: no name of AWS is resolved there")
    else:
        yield good(_VPC, wanted)


def hosts(around: Surroundings) -> Iterator[Result]:
    """Whether each subnet of hosts is where the settings say, has room, and leads to AWS."""
    network = around.settings.network
    for zone, found in _subnets(around, network.subnet_ids).items():
        named = network.subnet_ids[zone]
        yield from _of_its_place(around, _HOSTS, zone, named, found) or _way_out(around, named, found)


def database_subnets(around: Surroundings) -> Iterator[Result]:
    """Whether each subnet of databases is where the settings say, and has room."""
    network = around.settings.network
    for zone, found in _subnets(around, network.database_subnet_ids).items():
        named = network.database_subnet_ids[zone]
        yield from _of_its_place(around, _DATABASES, zone, named, found) or [good(_DATABASES, f"{named} in {zone}")]


def security_group(around: Surroundings) -> Iterator[Result]:
    """Whether the group is in the VPC and lets out HTTPS."""
    network = around.settings.network
    if not (wanted := network.security_group_id):
        return
    codes = ("InvalidGroup.NotFound", "InvalidGroupId.NotFound")
    answer = unless(codes, lambda: around.clients.ec2.describe_security_groups(GroupIds=[wanted]))
    found = answer["SecurityGroups"][0] if answer else None
    if found is None or found.get("VpcId") != network.vpc_id:
        yield wrong(_GROUP, f"there is no {wanted} in {network.vpc_id}")
    elif not any(_lets_https_out(rule) for rule in found.get("IpPermissionsEgress", [])):
        yield wrong(_GROUP, f"{wanted} does not let out HTTPS")
    else:
        yield good(_GROUP, f"{wanted} lets out HTTPS")


NETWORK_CHECKS: tuple[tuple[str, Callable[[Surroundings], Iterator[Result]]], ...] = (
    (_VPC, vpc),
    (_HOSTS, hosts),
    (_DATABASES, database_subnets),
    (_GROUP, security_group),
)


def _subnets(around: Surroundings, named: Mapping[str, str]) -> dict[str, Mapping[str, Any] | None]:
    """Zone → the subnet as EC2 describes it, or None where there is none of that id."""
    if not named:
        return {}
    # By a filter: one id that is not there does not keep the others from being told.
    wanted = [{"Name": "subnet-id", "Values": sorted(set(named.values()))}]
    told: Any = around.clients.ec2.describe_subnets(Filters=wanted)  # type: ignore[arg-type]
    found = {subnet["SubnetId"]: subnet for subnet in told["Subnets"]}
    return {zone: found.get(subnet_id) for zone, subnet_id in named.items()}


def _of_its_place(
    around: Surroundings, subject: str, zone: str, named: str, found: Mapping[str, Any] | None
) -> list[Result]:
    """What is wrong about where it is; empty where nothing is."""
    network = around.settings.network
    if found is None or found["VpcId"] != network.vpc_id:
        return [wrong(subject, f"there is no {named} in {network.vpc_id}")]
    if found["AvailabilityZone"] != zone:
        return [wrong(subject, f"{named} is in {found['AvailabilityZone']}, the settings say {zone}")]
    if not found["AvailableIpAddressCount"]:
        return [wrong(subject, f"{named} has no free address")]
    return []


def _way_out(around: Surroundings, named: str, found: Mapping[str, Any] | None) -> Iterator[Result]:
    routes = _routes(around, named)
    target = next((_target(route) for route in routes if route.get("DestinationCidrBlock") == _EVERYWHERE), None)
    addressed = bool(found and found.get("MapPublicIpOnLaunch"))
    if target and (not target.startswith("igw-") or addressed):
        yield good(_HOSTS, f"{named} leads out by {target}")
        return
    missing = _endpoints_missing(around, routes)
    if missing and target:
        yield wrong(_HOSTS, f"{named} leads out by {target}, but gives hosts no public address to use it with")
    elif missing:
        yield wrong(_HOSTS, f"no way leads from {named} to {', '.join(missing)}")
    else:
        yield look(_HOSTS, f"{named} leads to AWS by endpoints; their policies and groups must let the hosts through")


def _routes(around: Surroundings, subnet: str) -> list[Any]:
    """Those of the subnet's own table or, where it has none, of the VPC's main one."""
    ec2, vpc_id = around.clients.ec2, str(around.settings.network.vpc_id)
    mine = [{"Name": "association.subnet-id", "Values": [subnet]}]
    main = [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "association.main", "Values": ["true"]}]
    for wanted in (mine, main):
        tables: list[Any] = ec2.describe_route_tables(Filters=wanted)["RouteTables"]  # type: ignore[arg-type]
        if tables:
            return list(tables[0]["Routes"])
    return []


def _target(route: Mapping[str, Any]) -> str:
    """What it leads to; empty where that is gone."""
    kinds = ("NatGatewayId", "TransitGatewayId", "GatewayId", "NetworkInterfaceId", "VpcPeeringConnectionId")
    return next((str(route[kind]) for kind in kinds if route.get(kind)), "") if route["State"] == "active" else ""


def _endpoints_missing(around: Surroundings, routes: list[Any]) -> list[str]:
    services = {*CALLED_BY_HOSTS, *called_by_jobs(around.settings.enabled(around.actions))}
    wanted = [{"Name": "vpc-id", "Values": [str(around.settings.network.vpc_id)]}]
    told: Any = around.clients.ec2.describe_vpc_endpoints(Filters=wanted)["VpcEndpoints"]  # type: ignore[arg-type]
    there = {
        each["ServiceName"].partition(f".{around.settings.region}.")[2] for each in told if each["State"] == "available"
    }
    routed = any(route.get("DestinationPrefixListId") for route in routes)
    gateway = [] if routed or "s3" not in services else ["s3"]
    return [*gateway, *(name for name in interface_endpoints(services) if name not in there)]


def _lets_https_out(rule: Mapping[str, Any]) -> bool:
    if rule.get("IpProtocol") == "-1":
        return True
    return rule.get("IpProtocol") == "tcp" and rule["FromPort"] <= _HTTPS <= rule["ToPort"]
