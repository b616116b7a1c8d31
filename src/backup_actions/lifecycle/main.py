"""The main machine and the intake, described as actions are."""

from __future__ import annotations

from pathlib import Path

from backup_actions.contract import Function, Machine, Task
from backup_actions.lifecycle.permissions import INTAKE_PERMISSIONS, main_permissions
from backup_actions.lifecycle.settings import LifecycleSettings

INTAKE = Function(
    name="intake",
    title="Hears AWS Backup's events and starts the main machine, once per recovery point",
    code="backup_actions.runtime.intake:intake",
    permissions=INTAKE_PERMISSIONS,
    environment={
        "BACKUP_ACTIONS_MAIN_MACHINE": "${MainMachineArn}",
        "BACKUP_ACTIONS_DEAD_LETTERS": "${DeadLetterQueueUrl}",
        "BACKUP_ACTIONS_VAULTS": "${Vaults}",
    },
)


def main_machine(settings: LifecycleSettings) -> Machine:
    """The main machine, with no more rights than the deletion policy needs."""
    return Machine(
        name="recovery-point",
        title="One recovery point: described, acted upon, proven, and only then let go",
        folder=Path(__file__).parent,
        settings=LifecycleSettings,
        permissions=main_permissions(policy=settings.policy, tagged=settings.backup_tag_key is not None),
        tasks={
            "describe": Task(
                code="backup_actions.lifecycle.tasks:describe",
                doc="Says what the point is and which actions run on it.",
            ),
            "conclude": Task(
                code="backup_actions.lifecycle.tasks:conclude",
                doc="Proves what the actions made, stores the evidence, decides about the backup.",
                timeout_seconds=300,
                memory_mib=512,  # for a manifest that names 100,000 objects
            ),
            "finish": Task(
                code="backup_actions.lifecycle.tasks:finish",
                doc="Completes evidence and ledger with how it ended and words it for people.",
            ),
        },
    )
