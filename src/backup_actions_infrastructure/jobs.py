"""Job definitions, rendered from the ``Job`` of a description."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws
from aws_cdk import aws_batch as batch
from constructs import Construct

from backup_actions_infrastructure.logs import log_group
from backup_actions_infrastructure.roles import role
from backup_actions_infrastructure.service_grants import PULL_IMAGE, WRITE_LOG

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backup_actions.contract import Job, Statement
    from backup_actions.settings import DeploymentSettings
    from backup_actions_infrastructure.image import WorkerImage
    from backup_actions_infrastructure.placeholders import Placeholders

_Definition = batch.CfnJobDefinition

# What matches no rule is tried again, so the last rules match everything that Batch can say about an end.
# https://docs.aws.amazon.com/batch/latest/userguide/job_retries.html
_RETRY_RULES = (
    _Definition.EvaluateOnExitProperty(action="RETRY", on_status_reason="Host EC2*"),
    _Definition.EvaluateOnExitProperty(action="EXIT", on_status_reason="Job attempt duration exceeded timeout"),
    _Definition.EvaluateOnExitProperty(action="EXIT", on_reason="*"),
    _Definition.EvaluateOnExitProperty(action="EXIT", on_status_reason="*"),
    _Definition.EvaluateOnExitProperty(action="EXIT", on_exit_code="*"),
)


class JobDefinition(Construct):
    """One job: its definition, the role of its code, the role that starts it, its log."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        machine_name: str,
        job_name: str,
        job: Job,
        statements: Sequence[Statement],
        settings: DeploymentSettings,
        image: WorkerImage,
        placeholders: Placeholders,
    ) -> None:
        super().__init__(scope, name)
        definition_name = f"{settings.name}-{machine_name}-{job_name}"
        # Without a revision: whoever submits it gets the newest one.
        self.arn = f"arn:{Aws.PARTITION}:batch:{Aws.REGION}:{Aws.ACCOUNT_ID}:job-definition/{definition_name}"
        log = log_group(self, "Log", retention_days=settings.log_retention_days)
        code_role = role(
            self,
            "Role",
            service="ecs-tasks.amazonaws.com",
            description=f"{machine_name}, job {job_name}: {job.doc}",
            placeholders=placeholders,
            steps=statements,
        )
        start = placeholders.and_texts(LogGroupArn=log.log_group_arn)
        grants: tuple[Statement, ...] = WRITE_LOG
        if image.repository_arn:
            start, grants = start.and_texts(RepositoryArn=image.repository_arn), (*WRITE_LOG, *PULL_IMAGE)
        start_role = role(
            self,
            "StartRole",
            service="ecs-tasks.amazonaws.com",
            description=f"{machine_name}, job {job_name}: fetches the image and writes the log",
            placeholders=start,
            grants=grants,
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
            container_properties=_Definition.ContainerPropertiesProperty(
                image=image.uri,
                job_role_arn=code_role.role_arn,
                execution_role_arn=start_role.role_arn,
                resource_requirements=[
                    _Definition.ResourceRequirementProperty(type="VCPU", value=str(job.vcpus)),
                    _Definition.ResourceRequirementProperty(type="MEMORY", value=str(job.memory_mib)),
                ],
                # ECS on EC2 tells a container its credentials but not its region.
                environment=[_Definition.EnvironmentProperty(name="AWS_DEFAULT_REGION", value=Aws.REGION)],
                readonly_root_filesystem=True,
                # Batch knows no single capabilities, and mounting a volume that is attached later needs SYS_ADMIN and
                # every block device: privileged is the only way to get them, for the jobs that mount and no others.
                privileged=job.mounts_devices,
                # Reaps what mount and tar leave behind, and hands on the signal that ends a job.
                linux_parameters=_Definition.LinuxParametersProperty(init_process_enabled=True),
                volumes=[volume for volume, _ in _mounts(job)],
                mount_points=[point for _, point in _mounts(job)],
                log_configuration=_Definition.LogConfigurationProperty(
                    log_driver="awslogs",
                    options={
                        "awslogs-group": log.log_group_name,
                        "awslogs-region": Aws.REGION,
                        "awslogs-stream-prefix": job_name,
                    },
                ),
            ),
        )


def _mounts(
    job: Job,
) -> list[tuple[batch.CfnJobDefinition.VolumesProperty, batch.CfnJobDefinition.MountPointsProperty]]:
    """Scratch space for every job; for one that mounts also the host's devices, and nothing else of the host."""
    scratch = (
        # A volume without a source: made for this container and gone with it, on the host's encrypted disk.
        _Definition.VolumesProperty(name="scratch"),
        _Definition.MountPointsProperty(source_volume="scratch", container_path="/tmp", read_only=False),  # noqa: S108
    )
    return [scratch, *(_from_host(path, read_only) for path, read_only in _HOST_PATHS if job.mounts_devices)]


# A container's own /dev shows the devices that were there when it started; the volume comes later.
# /sys tells which of them is the volume, and is only read.
_HOST_PATHS = (("/dev", False), ("/sys", True))


def _from_host(
    path: str, read_only: bool
) -> tuple[batch.CfnJobDefinition.VolumesProperty, batch.CfnJobDefinition.MountPointsProperty]:
    name = path.removeprefix("/")
    return (
        _Definition.VolumesProperty(name=name, host=_Definition.VolumesHostProperty(source_path=path)),
        _Definition.MountPointsProperty(source_volume=name, container_path=path, read_only=read_only),
    )
