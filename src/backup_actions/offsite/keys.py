"""Which key it is that a copy failed for, and why."""

from __future__ import annotations

from collections.abc import Iterable

from backup_actions.aws import World, translated
from backup_actions.errors import (
    AwsCallFailed,
    BackupActionsError,
    KeyDisabled,
    KeyPendingDeletion,
)
from backup_actions.model.arn import Arn

# https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
_AT_ITS_END = frozenset({"PendingDeletion", "PendingReplicaDeletion"})


def unusable_key(world: World, key_arns: Iterable[str]) -> BackupActionsError | None:
    """The first of the keys that KMS says cannot be used; None where it says so of none, or may not say it."""
    for key_arn in key_arns:
        if Arn.parse(key_arn).region != world.clients.region:
            continue
        try:
            with translated():
                state = world.clients.kms.describe_key(KeyId=key_arn)["KeyMetadata"].get("KeyState", "Enabled")
        except AwsCallFailed:  # taken away from us: the copy's own error says what was refused
            continue
        if state in _AT_ITS_END:
            return KeyPendingDeletion(key=key_arn)
        if state == "Disabled":
            return KeyDisabled(key=key_arn)
    return None
