"""Names of roles that something else has to know: a key's policy, a vault's policy, the command line."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backup_actions.settings.deployment import DeploymentSettings

_ROLE_NAME_AT_MOST, _FINGERPRINT_LENGTH = 64, 8


def role_name(settings: DeploymentSettings, machine_name: str, step: str) -> str:
    """The name of a step's role, where something else has to know it; another one in each region of the account."""
    name = f"{settings.name}-{machine_name}-{step}"
    fingerprint = hashlib.sha256(f"{settings.region} {name}".encode()).hexdigest()[:_FINGERPRINT_LENGTH]
    return f"{name[: _ROLE_NAME_AT_MOST - _FINGERPRINT_LENGTH - 1]}-{fingerprint}"


def backup_role_name(settings: DeploymentSettings) -> str:
    """The name of the role that the stack of backup plans makes for AWS Backup."""
    return role_name(settings, "plans", "backup")


def backup_role_arn(settings: DeploymentSettings) -> str | None:
    """The role under which AWS Backup makes backups for these settings, or None where they have no plans."""
    if settings.backup_plans is None:
        return None
    return settings.backup_plans.role_arn or role_arn(settings, backup_role_name(settings))


def role_arn(settings: DeploymentSettings, name: str) -> str:
    """The ARN of a role of the deployment's account."""
    return f"arn:{settings.partition}:iam::{settings.account}:role/{name}"
