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


# The settings give the main machine such a call and take it away again.
_MAIN_MACHINE, _MAIN_STEP = "recovery-point", "workflow"


def steps_named_by_vault(machine: Machine) -> set[str]:
    """The steps of the machine whose roles a vault of backup plans has to know by name.

    They have it without plans, and where backups are kept, too: with another name a role is replaced, and executions
    at work keep to the one that they began with.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachine.html
    """
    steps = {step for step, calls in _letting_go(machine).items() if calls}
    return steps | {_MAIN_STEP} if machine.name == _MAIN_MACHINE else steps


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
