"""KMS.

https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html
"""

from __future__ import annotations

from collections.abc import Mapping

from backup_actions_local.front.authorization.rules import Needs, on_everything
from backup_actions_local.front.authorization.snapshots import key_named


def _on_key(operation: str) -> tuple[Needs, ...]:
    return (Needs(f"kms:{operation}", "key", key_named("KeyId")),)


KMS: Mapping[str, tuple[Needs, ...]] = {
    "CreateKey": on_everything("kms:CreateKey"),
    **{
        operation: _on_key(operation)
        for operation in (
            "DescribeKey", "EnableKey", "DisableKey", "ScheduleKeyDeletion", "CancelKeyDeletion", "GetKeyPolicy",
            "PutKeyPolicy", "ListGrants", "RevokeGrant", "Decrypt", "GenerateDataKey",
        )
    },
}  # fmt: skip
