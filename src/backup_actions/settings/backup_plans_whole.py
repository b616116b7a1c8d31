"""What the backup plans have to do with the other sections."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backup_actions.settings.backup_plans import BackupPlans
    from backup_actions.settings.deployment import DeploymentSettings
    from backup_actions.settings.mistakes import Place

_SECTION = "backup_plans"


def backup_plan_misfits(settings: DeploymentSettings) -> Iterator[tuple[Place, str]]:
    """Each place that does not fit with the rest of the settings, and why."""
    section = settings.backup_plans
    if section is None:
        return
    if settings.imports is not None:
        yield (_SECTION,), "a deployment that imports watches no vaults: plans belong to the account of the backups"
        return
    vault = section.vault
    if vault.name not in settings.vaults:
        names = " and ".join(plan.name for plan in section.plans)
        yield (
            (_SECTION, "vault", "name"),
            f"no vault of this name is watched, so nothing would be done with the backups of {names}: add it to vaults",
        )
    if vault.lock and settings.deletion.policy != "keep":
        yield (
            (_SECTION, "vault", "lock"),
            f"deletion.policy is {settings.deletion.policy}, and a locked vault lets no backup go before its days are "
            "over: choose keep, or no lock",
        )
    if section.role_arn and section.role_arn.split(":")[4] != settings.account:
        yield (_SECTION, "role_arn"), f"AWS Backup works under roles of the account itself, {settings.account}"
    yield from _copies(settings, section)


def _copies(settings: DeploymentSettings, section: BackupPlans) -> Iterator[tuple[Place, str]]:
    own = f"arn:{settings.partition}:backup:{settings.region}:{settings.account}:backup-vault:{section.vault.name}"
    for number, plan in enumerate(section.plans):
        for copy_number, copy in enumerate(plan.copies):
            place = (_SECTION, "plans", number, "copies", copy_number, "vault_arn")
            if copy.vault_arn == own:
                yield place, "this is the vault that the backup is made in"
            elif not copy.vault_arn.startswith(f"arn:{settings.partition}:"):
                yield place, f"backups of {settings.region} are copied within its partition, {settings.partition}"
