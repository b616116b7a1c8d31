"""Job definitions, rendered from the ``Job`` of a description."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_batch as batch
from constructs import Construct

from backup_actions.errors import ArchiveInterrupted
from backup_actions_infrastructure.image import named_image
from backup_actions_infrastructure.logs import log_group
from backup_actions_infrastructure.roles import role
from backup_actions_infrastructure.service_grants import PULL_IMAGE, WRITE_LOG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_logs as logs

    from backup_actions.contract import Job, Statement
    from backup_actions.settings import DeploymentSettings
    from backup_actions_infrastructure.image import WorkerImage
    from backup_actions_infrastructure.placeholders import Placeholders

_Definition = batch.CfnJobDefinition

# What matches no rule is tried again, so the last one exits for any reason; five are allowed.
# https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
_RETRY_RULES = (
    _Definition.EvaluateOnExitProperty(action="RETRY", on_status_reason="Host EC2*"),
    # Docker took too long, the image could not be pulled: nothing of the job has run.
    _Definition.EvaluateOnExitProperty(action="RETRY", on_status_reason="Task failed to start*"),
    _Definition.EvaluateOnExitProperty(action="EXIT", on_status_reason="Job attempt duration exceeded timeout"),
    # Told that its host goes, a container may end before the host does: that is no lost host to Batch.
    _Definition.EvaluateOnExitProperty(action="RETRY", on_exit_code=str(ArchiveInterrupted.exit_code)),
    _Definition.EvaluateOnExitProperty(action="EXIT", on_reason="*"),
)

_STATE_OF_TOOLS_MIB = 16


@dataclass(frozen=True, slots=True)
class _Mount:
    """A folder in the container and what of the host it shows; without a source it is made for this container alone."""

    name: str
    path: str
    source: str | None = None
    read_only: bool = False

    def volume(self) -> batch.CfnJobDefinition.VolumesProperty:
        host = _Definition.VolumesHostProperty(source_path=self.source) if self.source else None
        return _Definition.VolumesProperty(name=self.name, host=host)

    def point(self) -> batch.CfnJobDefinition.MountPointsProperty:
        return _Definition.MountPointsProperty(
            source_volume=self.name, container_path=self.path, read_only=self.read_only
        )


# Goes with the container, and lies on the host's encrypted disk.
_SCRATCH = _Mount("scratch", "/tmp")  # noqa: S108 - a path in the container

# A container's own /dev shows the devices that were there when it started; the volume comes later.
# /sys tells which of them is the volume, and is only read.
_DEVICES = (_Mount("dev", "/dev", source="/dev"), _Mount("sys", "/sys", source="/sys", read_only=True))


class JobDefinition(Construct):
    """One job: its definition, the role of its code, the role that starts it, its log."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        title: str,
        job: Job,
        statements: Sequence[Statement],
        settings: DeploymentSettings,
        image: WorkerImage,
        placeholders: Placeholders,
        role_known_as: str | None,
    ) -> None:
        super().__init__(scope, name)
        definition_name = f"{settings.name}-{title}"
        image = named_image(placeholders.fill(job.image)) if job.image else image
        # Without a revision: whoever submits it gets the newest one.
        self.arn = f"arn:{Aws.PARTITION}:batch:{Aws.REGION}:{Aws.ACCOUNT_ID}:job-definition/{definition_name}"
        log = log_group(self, "Log", retention_days=settings.log_retention_days)
        code_role = role(
            self,
            "Role",
            service="ecs-tasks.amazonaws.com",
            description=f"{title}: {job.doc}",
            placeholders=placeholders,
            steps=statements,
            known_as=role_known_as,
        )
        self.definition = _Definition(
            self,
            "Definition",
            type="container",
            job_definition_name=definition_name,
            platform_capabilities=["EC2"],
            propagate_tags=True,
            retry_strategy=_Definition.RetryStrategyProperty(
                attempts=job.attempts, evaluate_on_exit=list(_RETRY_RULES)
            ),
            timeout=_Definition.TimeoutProperty(attempt_duration_seconds=job.attempt_timeout_seconds),
            container_properties=_container(
                job,
                image_uri=image.uri,
                code_role=code_role,
                start_role=_start_role(self, title, log, image, placeholders),
                log=log,
                log_prefix=title,
            ),
        )


def _start_role(
    scope: Construct, title: str, log: logs.ILogGroup, image: WorkerImage, placeholders: Placeholders
) -> iam.IRole:
    """What ECS needs before the job's own code runs."""
    own, grants = placeholders.and_texts(LogGroupArn=log.log_group_arn), WRITE_LOG
    if image.repository_arn:
        own, grants = own.and_texts(RepositoryArn=image.repository_arn), (*WRITE_LOG, *PULL_IMAGE)
    return role(
        scope,
        "StartRole",
        service="ecs-tasks.amazonaws.com",
        description=f"{title}: fetches the image and writes the log",
        placeholders=own,
        grants=grants,
    )


def _container(
    job: Job, *, image_uri: str, code_role: iam.IRole, start_role: iam.IRole, log: logs.ILogGroup, log_prefix: str
) -> batch.CfnJobDefinition.ContainerPropertiesProperty:
    mounts = (_SCRATCH, *(_DEVICES if job.mounts_devices else ()))
    return _Definition.ContainerPropertiesProperty(
        image=image_uri,
        job_role_arn=code_role.role_arn,
        execution_role_arn=start_role.role_arn,
        resource_requirements=[
            _Definition.ResourceRequirementProperty(type="VCPU", value=str(job.vcpus)),
            _Definition.ResourceRequirementProperty(type="MEMORY", value=str(job.memory_mib)),
        ],
        # ECS on EC2 tells a container its credentials but not its region.
        environment=[_Definition.EnvironmentProperty(name="AWS_DEFAULT_REGION", value=Aws.REGION)],
        readonly_root_filesystem=True,
        # Batch knows no single capabilities, and mounting a volume that is attached later needs SYS_ADMIN and every
        # block device: privileged is the only way to get them, for the jobs that mount and no others.
        privileged=job.mounts_devices,
        linux_parameters=_linux_parameters(job),
        volumes=[mount.volume() for mount in mounts],
        mount_points=[mount.point() for mount in mounts],
        log_configuration=_Definition.LogConfigurationProperty(
            log_driver="awslogs",
            options={
                "awslogs-group": log.log_group_name,
                "awslogs-region": Aws.REGION,
                "awslogs-stream-prefix": log_prefix,
            },
        ),
    )


def _linux_parameters(job: Job) -> batch.CfnJobDefinition.LinuxParametersProperty:
    state = _Definition.TmpfsProperty(container_path="/run", size=_STATE_OF_TOOLS_MIB)
    return _Definition.LinuxParametersProperty(
        # Reaps what mount and tar leave behind, and hands on the signal that ends a job.
        init_process_enabled=True,
        # mount, blkid and LVM note there what they have done, and the root file system cannot be written.
        tmpfs=[state] if job.mounts_devices else None,
    )
