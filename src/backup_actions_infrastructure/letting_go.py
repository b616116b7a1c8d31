"""Whose role may let backups go: the vault of backup plans denies it to everybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backup_actions.lifecycle import deployed_machines
from backup_actions.settings.names import role_arn, role_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from backup_actions.contract import Action, Machine
    from backup_actions.settings import DeploymentSettings

# Whoever disassociates a continuous backup takes it out of the vault's hands.
LETTING_GO = ("backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle", "backup:DisassociateRecoveryPoint")


def steps_named_by_vault(machine: Machine, settings: DeploymentSettings) -> set[str]:
    """The steps of the machine whose roles the vault of the settings' backup plans has to know by name."""
    if settings.backup_plans is None or not settings.backup_plans.vault.is_guarded:
        return set()
    return {step for step, calls in _letting_go(machine).items() if calls}


def roles_letting_go(settings: DeploymentSettings, actions: Iterable[Action]) -> Mapping[str, list[str]]:
    """Each of the calls → the ARNs of the deployment's roles that may make it."""
    machines = [deployed.machine for deployed in deployed_machines(settings, actions)]
    return {
        call: [
            role_arn(settings, role_name(settings, machine.name, step))
            for machine in machines
            for step, calls in _letting_go(machine).items()
            if call in calls
        ]
        for call in LETTING_GO
    }


def _letting_go(machine: Machine) -> Mapping[str, set[str]]:
    roles = machine.permissions.roles().items()
    return {
        step: {call for each in statements for call in each.actions} & set(LETTING_GO) for step, statements in roles
    }
