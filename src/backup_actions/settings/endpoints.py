"""Which services of AWS the hosts of jobs call, and by which VPC endpoints a network without a way out reaches them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from backup_actions.contract import Action, Machine, Statement
    from backup_actions.settings.deployment import DeploymentSettings

# The prefix of a service's permissions → its interface endpoints.
# https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html (the agent needs all three)
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
# https://docs.aws.amazon.com/ebs/latest/userguide/ebs-apis-vpc-endpoints.html
INTERFACES: Mapping[str, tuple[str, ...]] = {
    "athena": ("athena",),
    "backup": ("backup",),
    "ebs": ("ebs",),
    "ec2": ("ec2",),
    "ecr": ("ecr.api", "ecr.dkr"),
    "ecs": ("ecs", "ecs-agent", "ecs-telemetry"),
    "elasticfilesystem": ("elasticfilesystem",),
    "glue": ("glue",),
    "kms": ("kms",),
    "lambda": ("lambda",),
    "logs": ("logs",),
    "rds": ("rds",),
    "secretsmanager": ("secretsmanager",),
    "sns": ("sns",),
    "sqs": ("sqs",),
    "ssm": ("ssm",),
    "states": ("states",),
    "sts": ("sts",),
}

GATEWAYS = ("dynamodb", "s3")
"""Services with an endpoint that costs nothing: a route."""

CALLED_BY_HOSTS = ("ecr", "ecs", "logs")
"""The image, the agent's own calls, and what jobs write to their logs."""


def called_services(statements: Iterable[Statement]) -> dict[str, tuple[Statement, ...]]:
    """Service → what is granted there, of those that are called directly.

    Keys are used through other services, which the condition ``kms:ViaService`` says: nobody here calls KMS for that.
    """
    called: dict[str, tuple[Statement, ...]] = {}
    for statement in statements:
        if statement.effect != "Allow" or any("kms:ViaService" in keys for keys in statement.when.values()):
            continue
        for service in sorted({action.partition(":")[0] for action in statement.actions}):
            called[service] = (*called.get(service, ()), statement)
    return called


def called_by_jobs(machines: Iterable[Machine]) -> dict[str, tuple[Statement, ...]]:
    """Service → what the jobs of these machines may do there."""
    return called_services(_of_jobs(machines))


def interface_endpoints(services: Iterable[str]) -> tuple[str, ...]:
    """The interface endpoints by which these services are reached, in order."""
    return tuple(sorted({name for service in services for name in INTERFACES.get(service, ())}))


def without_endpoint(action: Action) -> tuple[str, ...]:
    """The services that jobs of the action call and that no endpoint known here leads to."""
    return tuple(sorted(called_by_jobs([action]).keys() - INTERFACES.keys() - set(GATEWAYS)))


def endpoint_count(settings: DeploymentSettings, actions: Iterable[Action]) -> int:
    """How many interface endpoints are paid for, each in each of its zones: none in a network that is not isolated."""
    if settings.network.kind != "isolated":
        return 0
    services = {*CALLED_BY_HOSTS, *called_by_jobs(settings.enabled(actions))}
    return len(interface_endpoints(services)) * len(endpoint_zones(settings))


def gateway_count(settings: DeploymentSettings) -> int:
    """How many NAT gateways are paid for."""
    return len(nat_zones(settings)) if settings.network.kind == "nat" else 0


def endpoint_zones(settings: DeploymentSettings) -> Sequence[str]:
    """The zones in which interface endpoints stand."""
    return settings.zones if settings.network.endpoint_zones == "all" else settings.zones[:1]


def nat_zones(settings: DeploymentSettings) -> Sequence[str]:
    """The zones in which NAT gateways stand."""
    return settings.zones if settings.network.nat_zones == "all" else settings.zones[:1]


def _of_jobs(machines: Iterable[Machine]) -> Iterator[Statement]:
    for machine in machines:
        for statements in machine.permissions.jobs.values():
            yield from statements
