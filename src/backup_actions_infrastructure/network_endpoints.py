"""VPC endpoints: the ways to AWS that leave the network's own addresses, and what goes through each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

from backup_actions.contract import Statement
from backup_actions.settings.endpoints import INTERFACES, called_by_jobs, called_services, endpoint_zones
from backup_actions_infrastructure.service_grants import ECS_AGENT, PULL_IMAGE, WRITE_LOG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from aws_cdk import aws_s3 as s3
    from constructs import Construct

    from backup_actions.contract import Machine
    from backup_actions.settings import DeploymentSettings
    from backup_actions_infrastructure.image import WorkerImage
    from backup_actions_infrastructure.network import Network
    from backup_actions_infrastructure.placeholders import Placeholders

# CloudFormation names the groups: the stack's name, the logical id, something random.
_WRITE_LOGS = Statement(
    tuple(action for statement in WRITE_LOG for action in statement.actions),
    on="arn:${Partition}:logs:${Region}:${Account}:log-group:${Name}-*",
    for_=("logs of jobs",),
    because="each job has a log of its own, under a name that begins with the stack's",
)

_IN_ARCHIVES = (
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListMultipartUploadParts",
)


def add_endpoints(
    scope: Construct,
    settings: DeploymentSettings,
    machines: Iterable[Machine],
    *,
    network: Network,
    bucket: s3.IBucket,
    image: WorkerImage,
    placeholders: Placeholders,
) -> None:
    """S3 by a gateway in every network of ours; in an isolated one all that hosts and jobs call, and no more."""
    if settings.network.kind == "existing":
        return
    machines = tuple(machines)
    elsewhere = [_through(statement, "s3", placeholders) for statement in _elsewhere_in_s3(machines)]
    _gateway(network, "S3", ec2.GatewayVpcEndpointAwsService.S3, [*_through_s3(bucket), *elsewhere])
    if settings.network.kind != "isolated":
        return
    if image.repository_arn:
        placeholders = placeholders.and_texts(RepositoryArn=image.repository_arn)
    group = _group(scope, network)
    for service, statements in sorted(_called(machines, image).items()):
        policy = [_through(statement, service, placeholders) for statement in statements]
        if service == "dynamodb":
            _gateway(network, "DynamoDb", ec2.GatewayVpcEndpointAwsService.DYNAMODB, policy)
        for name in INTERFACES.get(service, ()):
            _interface(scope, name, network, endpoint_zones(settings), group, policy)


def _called(machines: Iterable[Machine], image: WorkerImage) -> dict[str, tuple[Statement, ...]]:
    """Service → what hosts and jobs may do there."""
    jobs = called_by_jobs(machines)
    hosts = called_services((*ECS_AGENT, _WRITE_LOGS, *(PULL_IMAGE if image.repository_arn else ())))
    return {service: (*jobs.get(service, ()), *hosts.get(service, ())) for service in {*jobs, *hosts}}


def _through(statement: Statement, service: str, placeholders: Placeholders) -> iam.PolicyStatement:
    """What the statement grants at this service, to principals of this account alone."""
    own = {**statement.when.get("StringEquals", {}), "aws:PrincipalAccount": "${Account}"}
    actions = tuple(action for action in statement.actions if action.startswith(f"{service}:"))
    narrowed = replace(statement, actions=actions, when={**statement.when, "StringEquals": own})
    return iam.PolicyStatement.from_json({**narrowed.filled(placeholders.text).to_policy(), "Principal": {"AWS": "*"}})


def _gateway(
    network: Network, name: str, service: ec2.GatewayVpcEndpointAwsService, policy: Iterable[iam.PolicyStatement]
) -> None:
    hosts = ec2.SubnetSelection(subnets=list(network.subnets.values()))
    made = network.vpc.add_gateway_endpoint(name, service=service, subnets=[hosts])
    for statement in policy:
        made.add_to_policy(statement)


def _interface(
    scope: Construct,
    name: str,
    network: Network,
    zones: Sequence[str],
    group: ec2.SecurityGroup,
    policy: Iterable[iam.PolicyStatement],
) -> None:
    made = ec2.InterfaceVpcEndpoint(
        scope,
        f"Endpoint-{name}",
        vpc=network.vpc,
        # Knows how the partition spells the name: China has two ways.
        service=ec2.InterfaceVpcEndpointAwsService(name),
        subnets=ec2.SubnetSelection(subnets=[network.subnets[zone] for zone in zones]),
        security_groups=[group],
        # Otherwise the whole VPC, databases too, would be let in.
        open=False,
    )
    for statement in policy:
        made.add_to_policy(statement)


def _group(scope: Construct, network: Network) -> ec2.SecurityGroup:
    group = ec2.SecurityGroup(
        scope,
        "Endpoints",
        vpc=network.vpc,
        description="Interface endpoints: hosts of Batch jobs come in, nothing goes out",
        allow_all_outbound=False,
    )
    group.add_ingress_rule(network.security_group, ec2.Port.HTTPS, "hosts, to APIs of AWS")
    return group


def _elsewhere_in_s3(machines: Iterable[Machine]) -> Iterator[Statement]:
    """What jobs may do in S3 besides what all may do in the archive bucket: a third party's may have more."""
    for statement in called_by_jobs(machines).get("s3", ()):
        actions = {action for action in statement.actions if action.startswith("s3:")}
        in_archives = all(each.startswith("arn:${Partition}:s3:::${Bucket}") for each in statement.resources)
        if not (in_archives and actions <= set(_IN_ARCHIVES)):
            yield statement


def _through_s3(bucket: s3.IBucket) -> list[iam.PolicyStatement]:
    """The archive bucket for principals of this account, and the layers of images; nobody's bucket besides."""
    return [
        iam.PolicyStatement(
            sid="Archives",
            principals=[iam.AnyPrincipal()],
            actions=list(_IN_ARCHIVES),
            resources=[bucket.bucket_arn, bucket.arn_for_objects("*")],
            conditions={"StringEquals": {"aws:PrincipalAccount": Aws.ACCOUNT_ID}},
        ),
        # https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
        iam.PolicyStatement(
            sid="ImageLayers",
            principals=[iam.AnyPrincipal()],
            actions=["s3:GetObject"],
            resources=[f"arn:{Aws.PARTITION}:s3:::prod-{Aws.REGION}-starport-layer-bucket/*"],
        ),
    ]
