"""The network that jobs run in: public subnets without a way in, and S3 by a gateway endpoint. It costs nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_s3 as s3
    from constructs import Construct

    from backup_actions.settings import DeploymentSettings


@dataclass(frozen=True, slots=True)
class Network:
    """One subnet per zone, and the security group of the hosts in them."""

    vpc: ec2.IVpc
    subnets: Mapping[str, ec2.ISubnet]
    security_group: ec2.ISecurityGroup


def public_network(scope: Construct, settings: DeploymentSettings, bucket: s3.IBucket) -> Network:
    """A VPC of public subnets: a host pays for its address while a job runs, and nothing else costs anything."""
    vpc = ec2.Vpc(
        scope,
        "Vpc",
        vpc_name=settings.name,
        ip_addresses=ec2.IpAddresses.cidr("10.213.0.0/16"),
        # Named: the CDK would ask AWS for them, or write dummy1a without a word.
        availability_zones=list(settings.zones),
        subnet_configuration=[
            ec2.SubnetConfiguration(
                name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24, map_public_ip_on_launch=True
            )
        ],
        nat_gateways=0,
    )
    endpoint = vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
    for statement in _through_the_endpoint(bucket):
        endpoint.add_to_policy(statement)
    group = ec2.SecurityGroup(
        scope,
        "Hosts",
        vpc=vpc,
        description="Hosts of Batch jobs: nothing comes in, HTTPS goes out",
        allow_all_outbound=False,
    )
    group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "APIs of AWS and the image registry")
    subnets = {subnet.availability_zone: subnet for subnet in vpc.public_subnets}
    return Network(vpc, {zone: subnets[zone] for zone in settings.zones}, group)


def _through_the_endpoint(bucket: s3.IBucket) -> list[iam.PolicyStatement]:
    """The archive bucket for principals of this account, and the layers of images; nobody's bucket besides."""
    return [
        iam.PolicyStatement(
            sid="Archives",
            principals=[iam.AnyPrincipal()],
            actions=[
                "s3:GetObject",
                "s3:PutObject",
                "s3:DeleteObject",
                "s3:AbortMultipartUpload",
                "s3:ListBucket",
                "s3:ListBucketMultipartUploads",
                "s3:ListMultipartUploadParts",
            ],
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
