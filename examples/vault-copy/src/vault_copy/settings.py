"""What can be chosen about copies; schema, example file and documentation are made from this."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from backup_actions.contract import Settings, setting
from backup_actions.contract.placeholders import SETTING_PREFIX, placeholder_of
from backup_actions.errors import SettingInvalid

DEFAULT_ROLE = "arn:${Partition}:iam::${Account}:role/service-role/AWSBackupDefaultServiceRole"
_VAULT = re.compile(r"arn:aws[a-z-]*:backup:[a-z0-9-]+:[0-9]{12}:backup-vault:[A-Za-z0-9_-]{2,50}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+")


@dataclass(frozen=True, kw_only=True)
class VaultCopySettings(Settings):
    """Settings of the action ``vault-copy``."""

    destination_vault_arn: str | None = setting(
        "The vault to copy into, of this or another region or account; required when the action is enabled. Let it be "
        "none of the watched vaults, or each copy would be worked on as a new backup.",
        default=None,
    )
    copy_role_arn: str | None = setting(
        "The role that AWS Backup takes on to copy; null: its default role.", default=None
    )
    tag_key: str = setting("Only recovery points that carry a tag with this key …", default="copy")
    tag_value: str = setting("… and this value are copied: the permissions reach no others.", default="yes")
    delete_after_days: int = setting(
        "When AWS Backup deletes the copy.",
        default=35,
        at_least=1,
        at_most=36_500,
        why="https://docs.aws.amazon.com/aws-backup/latest/devguide/API_Lifecycle.html",
    )
    copy_timeout_hours: int = setting(
        "How long a copy, and before it the wait for room among the account's copies, may take.",
        default=24,
        at_least=1,
        at_most=96,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, pattern, form in (
            ("destination_vault_arn", _VAULT, "arn:aws:backup:REGION:ACCOUNT:backup-vault:NAME"),
            ("copy_role_arn", _ROLE, "arn:aws:iam::ACCOUNT:role/NAME"),
        ):
            value = getattr(self, name)
            if value is not None and not pattern.fullmatch(value):
                raise SettingInvalid(name=name, value=value, reason=f"it must look like {form}")

    def require_complete(self) -> None:
        """Raise SettingInvalid without a vault to copy into."""
        if self.destination_vault_arn is None:
            reason = "it is required: without it there is nowhere to copy to"
            raise SettingInvalid(name="destination_vault_arn", value=None, reason=reason)

    def selection(self) -> Mapping[str, str]:
        """The tag that the permissions reach."""
        return {self.tag_key: self.tag_value}

    def placeholders(self) -> Mapping[str, str]:
        """The role is AWS Backup's own where none is set."""
        role = placeholder_of(SETTING_PREFIX, "copy_role_arn")
        return {**super().placeholders(), role: self.copy_role_arn or DEFAULT_ROLE}
