"""The watched vaults, and whether what the settings want to do with their backups can be done."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from backup_actions.account.results import good, look, wrong
from backup_actions.account.surroundings import unless
from backup_actions.lifecycle.key_policy_judged import denials
from backup_actions.settings.names import role_arn, role_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_backup.type_defs import BackupVaultListMemberTypeDef

    from backup_actions.account.results import Result
    from backup_actions.account.surroundings import Surroundings
    from backup_actions.settings import DeploymentSettings

_LETS_GO = {"delete": "backup:DeleteRecoveryPoint", "shorten": "backup:UpdateRecoveryPointLifecycle"}


def vaults(around: Surroundings) -> Iterator[Result]:
    """Whether each watched vault is there and lets backups go as ``deletion.policy`` says."""
    pages = around.clients.backup.get_paginator("list_backup_vaults").paginate()
    found = {vault["BackupVaultName"]: vault for page in pages for vault in page["BackupVaultList"]}
    plans = around.settings.backup_plans
    for name in around.settings.vaults:
        if name in found:
            yield from _existing(around, name, found[name])
        elif plans and plans.vault.name == name and not plans.vault.existing:
            yield good("vaults", f"{name} will be made with the plans")
        else:
            yield wrong("vaults", f"there is no vault {name} in {around.settings.region}")


def _existing(around: Surroundings, name: str, vault: BackupVaultListMemberTypeDef) -> Iterator[Result]:
    policy = around.settings.deletion.policy
    if policy == "keep":
        yield good("vaults", name)
    elif vault.get("Locked"):
        yield wrong("vaults", f"{name} is locked: AWS Backup will refuse deletion.policy: {policy}")
    else:
        yield from _policy(around, name, _LETS_GO[policy])


def _policy(around: Surroundings, name: str, action: str) -> Iterator[Result]:
    backup = around.clients.backup
    answer = unless(("ResourceNotFoundException",), lambda: backup.get_backup_vault_access_policy(BackupVaultName=name))
    document: dict[str, Any] = json.loads(answer["Policy"]) if answer and answer.get("Policy") else {}
    certain, perhaps = denials(document, action, _who_lets_go(around.settings))
    if certain:
        yield wrong("vaults", f"the policy of {name} denies {action} ({', '.join(certain)})")
    elif perhaps:
        yield look("vaults", f"the policy of {name} may deny {action} ({', '.join(perhaps)}), under conditions")
    else:
        yield good("vaults", f"{name} lets backups go")


def _who_lets_go(settings: DeploymentSettings) -> str:
    """The ARN of the main machine's role, which is called so whatever else the settings say."""
    return role_arn(settings, role_name(settings, "recovery-point", "workflow"))
