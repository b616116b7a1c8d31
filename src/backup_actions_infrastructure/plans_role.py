"""The role under which AWS Backup makes the backups of the plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Acknowledgment, Validations
from aws_cdk import aws_iam as iam

from backup_actions.settings.backup_types import BACKUP_TYPES
from backup_actions.settings.names import backup_role_name

if TYPE_CHECKING:
    from constructs import Construct, IConstruct

    from backup_actions.settings import DeploymentSettings
    from backup_actions.settings.backup_plans import BackupPlans

_BY_AWS = "service-role/AWSBackupServiceRolePolicyForBackup"
_OF_BUCKETS = "AWSBackupServiceRolePolicyForS3Backup"

# Vaults and copies between them, keys, and the tags by which resources are selected.
_FOR_EVERY_TYPE = ("backup", "backup-storage", "kms", "tag")

_MANAGED = (
    "AWS extends this policy whenever a backup needs another call, ten times between September 2024 and February 2026. "
    "A list of our own would lack it, and what that costs is a backup. The boundary takes the other services away."
)
_BOUNDARY = "A boundary grants nothing: it leaves of AWS's policy what is of the services of the selected types."


def backup_role(scope: Construct, settings: DeploymentSettings, plans: BackupPlans) -> iam.Role:
    """What AWS says that backups need, within the services of the types that the plans select.

    AWS Backup states no source when it takes a role on; iam:PassRole decides who may have it do so.
    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForBackup.html
    """
    types = sorted({name for plan in plans.plans for name in plan.select.resource_types})
    policies = [_BY_AWS, *([_OF_BUCKETS] if "S3" in types else [])]
    services = sorted({*_FOR_EVERY_TYPE, *(service for name in types for service in BACKUP_TYPES[name].services)})
    boundary = iam.ManagedPolicy(
        scope,
        "BackupRoleBoundary",
        description=f"{settings.name}: the services that backups of {', '.join(types)} need",
        statements=[
            iam.PolicyStatement(actions=[f"{service}:*" for service in services], resources=["*"], sid="NoOthers")
        ],
    )
    role = iam.Role(
        scope,
        "BackupRole",
        role_name=backup_role_name(settings),
        assumed_by=iam.ServicePrincipal("backup.amazonaws.com"),
        description="AWS Backup makes the backups of the plans, and ends them, under it",
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(policy) for policy in policies],
        permissions_boundary=boundary,
    )
    for policy in policies:
        _accept(role, f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]", _MANAGED)
    _accept(boundary, "AwsSolutions-IAM5[Resource::*]", _BOUNDARY)
    for service in services:
        _accept(boundary, f"AwsSolutions-IAM5[Action::{service}:*]", _BOUNDARY)
    return role


def _accept(construct: IConstruct, finding: str, reason: str) -> None:
    Validations.of(construct).acknowledge(Acknowledgment(id=finding, reason=reason))
