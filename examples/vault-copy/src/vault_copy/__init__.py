"""Copies recovery points that carry a tag into another vault, whoever made the backup."""

from __future__ import annotations

from pathlib import Path

from backup_actions.contract import Action, Task

from vault_copy.permissions import PERMISSIONS
from vault_copy.settings import VaultCopySettings

ACTION = Action(
    name="vault-copy",
    title="Copy a tagged recovery point into another vault",
    handles=("Aurora", "DocumentDB", "DynamoDB", "EBS", "EC2", "EFS", "Neptune", "RDS", "S3"),
    restorable=False,  # a copy is wanted beside the backup; were the backup deleted for it, there would be one again
    opt_in=True,
    folder=Path(__file__).parent,
    settings=VaultCopySettings,
    permissions=PERMISSIONS,
    tasks={
        "record": Task(
            code="vault_copy.tasks:record",
            doc="Stores what AWS Backup says of the finished copy job.",
        ),
        "check": Task(
            code="vault_copy.tasks:check",
            doc="Asks AWS Backup again, compares with what is stored, stores the verification, and reports.",
        ),
    },
)
