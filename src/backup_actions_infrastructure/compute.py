"""Where jobs run: for each zone a Batch environment of EC2 Spot hosts, and its queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Tags
from aws_cdk import aws_batch as batch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from backup_actions_infrastructure.host_families import host_types_in
from backup_actions_infrastructure.roles import role
from backup_actions_infrastructure.service_grants import ECS_AGENT, PULL_IMAGE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backup_actions.contract import Job
    from backup_actions.settings import DeploymentSettings
    from backup_actions_infrastructure.image import WorkerImage
    from backup_actions_infrastructure.network import Network
    from backup_actions_infrastructure.placeholders import Placeholders

# Batch's maximum. A job that is cut off then counts as one whose host was lost, and is tried again.
_OLD_HOSTS_STAY_MINUTES = 360

# The root disk holds the system, the image and the scratch files of jobs.
_ROOT_DISK_GIB = 50

# Of the services that take on roles here EC2 alone has another name there.
# https://docs.amazonaws.cn/en_us/aws/latest/userguide/iam.html
_EC2_IN_CHINA = "ec2.amazonaws.com.cn"

# A container is one network hop behind its host, and a job asks the metadata service which host it is on.
_METADATA_HOPS = 2


class Compute(Construct):
    """The environments and queues of every zone."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        settings: DeploymentSettings,
        network: Network,
        image: WorkerImage,
        placeholders: Placeholders,
        jobs: Sequence[Job],
    ) -> None:
        super().__init__(scope, name)
        types = host_types_in(settings.region, jobs)
        profile = iam.InstanceProfile(self, "Profile", role=_host_role(self, settings, image, placeholders))
        template = _launch_template(self, settings)
        for zone, subnet in network.subnets.items():
            hosts = _hosts(types, profile, template, subnet, network.security_group, settings)
            environment = batch.CfnComputeEnvironment(
                self,
                f"Hosts-{zone}",
                type="MANAGED",
                state="ENABLED",
                compute_resources=hosts,
                # A change reaches new hosts only; a new environment in place of this one would end the jobs at work.
                replace_compute_environment=False,
                update_policy=batch.CfnComputeEnvironment.UpdatePolicyProperty(
                    terminate_jobs_on_update=False, job_execution_timeout_minutes=_OLD_HOSTS_STAY_MINUTES
                ),
            )
            order = batch.CfnJobQueue.ComputeEnvironmentOrderProperty(
                compute_environment=environment.attr_compute_environment_arn, order=1
            )
            batch.CfnJobQueue(
                self,
                f"Queue-{zone}",
                job_queue_name=f"{settings.name}-{zone}",
                priority=1,
                compute_environment_order=[order],
            )


def _hosts(
    types: Sequence[str],
    profile: iam.InstanceProfile,
    template: ec2.LaunchTemplate,
    subnet: ec2.ISubnet,
    group: ec2.ISecurityGroup,
    settings: DeploymentSettings,
) -> batch.CfnComputeEnvironment.ComputeResourcesProperty:
    """Spot hosts of one subnet, none while there is no job."""
    properties = batch.CfnComputeEnvironment
    return properties.ComputeResourcesProperty(
        type="SPOT",
        allocation_strategy="SPOT_PRICE_CAPACITY_OPTIMIZED",
        minv_cpus=0,
        maxv_cpus=settings.vcpus_per_zone,
        instance_types=list(types),
        instance_role=profile.instance_profile_arn,
        subnets=[subnet.subnet_id],
        security_group_ids=[group.security_group_id],
        ec2_configuration=[properties.Ec2ConfigurationObjectProperty(image_type="ECS_AL2023")],
        update_to_latest_image_version=True,
        launch_template=properties.LaunchTemplateSpecificationProperty(
            launch_template_id=template.launch_template_id, version=template.latest_version_number
        ),
    )


def _host_role(
    scope: Construct, settings: DeploymentSettings, image: WorkerImage, placeholders: Placeholders
) -> iam.IRole:
    """What a host may do: speak to ECS and fetch the image. A job on it can reach this role, so it is all."""
    grants = ECS_AGENT
    if image.repository_arn:
        grants = (*ECS_AGENT, *PULL_IMAGE)
        placeholders = placeholders.and_texts(RepositoryArn=image.repository_arn)
    return role(
        scope,
        "HostRole",
        service=_EC2_IN_CHINA if settings.partition == "aws-cn" else "ec2.amazonaws.com",
        description="Hosts of Batch jobs: the ECS agent and the image",
        placeholders=placeholders,
        grants=grants,
    )


def _launch_template(scope: Construct, settings: DeploymentSettings) -> ec2.LaunchTemplate:
    """Hosts and their disks carry the stack's tags; the metadata service asks for a session token."""
    template = ec2.LaunchTemplate(
        scope,
        "Host",
        require_imdsv2=True,
        http_put_response_hop_limit=_METADATA_HOPS,
        block_devices=[
            ec2.BlockDevice(
                device_name="/dev/xvda",
                volume=ec2.BlockDeviceVolume.ebs(
                    _ROOT_DISK_GIB,
                    encrypted=True,
                    volume_type=ec2.EbsDeviceVolumeType.GP3,
                    delete_on_termination=True,
                ),
            )
        ],
    )
    Tags.of(template).add("Name", f"{settings.name} job host")
    return template
