"""Keeps what AWS Backup says of a recovery point, where it outlives the backup."""

from __future__ import annotations

from pathlib import Path

from backup_actions.contract import Action, Job, Task

from their_action.permissions import PERMISSIONS
from their_action.settings import TheirActionSettings

ACTION = Action(
    name="their-action",
    title="Keep what AWS Backup says of a recovery point",
    handles=("EFS",),
    restorable=False,  # a backup is never deleted because of what cannot bring the resource back
    folder=Path(__file__).parent,
    settings=TheirActionSettings,
    permissions=PERMISSIONS,
    tasks={
        "check": Task(
            code="their_action.tasks:check",
            doc="Compares what is stored with its manifest, stores the verification, and reports.",
        ),
    },
    jobs={
        "keep": Job(
            code="their_action.job:keep",
            doc="Asks AWS Backup about the recovery point, stores the answer and a manifest that names it.",
            vcpus=1,
            memory_mib=512,
        ),
    },
)
