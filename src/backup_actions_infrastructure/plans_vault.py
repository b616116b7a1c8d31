"""The vault of the backup plans: its key, who may let its backups go, and its lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_backup as backup
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms

from backup_actions_infrastructure.letting_go import LETTING_GO, roles_letting_go

if TYPE_CHECKING:
    from collections.abc import Iterable

    from constructs import Construct

    from backup_actions.contract import Action
    from backup_actions.settings import DeploymentSettings
    from backup_actions.settings.backup_plans import Vault, VaultLock

# KMS's maximum: with the key every backup is lost that it encrypts, so there is time to notice.
_KEY_WAITS_DAYS = 30


def vault(
    scope: Construct, settings: DeploymentSettings, actions: Iterable[Action], described: Vault
) -> backup.CfnBackupVault:
    """The vault, which outlives the stack."""
    made = backup.CfnBackupVault(
        scope,
        "Vault",
        backup_vault_name=described.name,
        encryption_key_arn=described.key_arn or _key(scope, settings, locked=described.lock is not None).key_arn,
        access_policy=_policy(settings, actions, described) if described.is_guarded else None,
        lock_configuration=_lock(described.lock) if described.lock else None,
    )
    # Not what a failed first deployment leaves behind: under the vault's name the next one could make no other.
    made.apply_removal_policy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE)
    return made


def _key(scope: Construct, settings: DeploymentSettings, *, locked: bool) -> kms.Key:
    """A lock does not protect the key without which nobody reads what is locked: the key's own policy does."""
    statements = [
        iam.PolicyStatement(
            sid="TheAccountDecides", principals=[iam.AccountRootPrincipal()], actions=["kms:*"], resources=["*"]
        )
    ]
    if locked:
        statements.append(
            iam.PolicyStatement(
                sid="ItStaysAsLongAsThisPolicy",
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["kms:ScheduleKeyDeletion", "kms:DisableKey"],
                resources=["*"],
            )
        )
    key = kms.Key(
        scope,
        "Key",
        description=f"{settings.name}: backups in the vault of the backup plans",
        enable_key_rotation=True,
        pending_window=Duration.days(_KEY_WAITS_DAYS),
        removal_policy=RemovalPolicy.RETAIN,
        policy=iam.PolicyDocument(statements=statements),
    )
    key.add_alias(f"alias/{settings.name}-plans")
    return key


def _policy(settings: DeploymentSettings, actions: Iterable[Action], described: Vault) -> dict[str, Any]:
    """Nobody lets a backup go but the roles of this deployment that do it, and who is excepted by name.

    What AWS Backup itself removes at the end of a backup's days is not asked of this policy. Nor does it deny to be
    changed: IAM says who may do that, so that nobody is locked out.
    https://docs.aws.amazon.com/config/latest/developerguide/backup-recovery-point-manual-deletion-disabled.html
    """
    ours = roles_letting_go(settings, actions)
    return {
        "Version": "2012-10-17",
        "Statement": [_denied(call, [*ours.get(call, ()), *described.deny_deletion_except]) for call in LETTING_GO],
    }


def _denied(action: str, excepted: list[str]) -> dict[str, Any]:
    return {
        "Sid": f"Deny{action.partition(':')[2]}",
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": action,
        "Resource": "*",
        **({"Condition": {"ArnNotLike": {"aws:PrincipalArn": excepted}}} if excepted else {}),
    }


def _lock(lock: VaultLock) -> backup.CfnBackupVault.LockConfigurationTypeProperty:
    return backup.CfnBackupVault.LockConfigurationTypeProperty(
        min_retention_days=lock.min_days,
        max_retention_days=lock.max_days,
        # With it AWS Backup makes the lock one of compliance.
        changeable_for_days=lock.changeable_days,
    )
