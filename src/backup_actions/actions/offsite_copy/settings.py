"""What can be chosen about off-site copies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from backup_actions.contract import Settings, setting
from backup_actions.contract.placeholders import KEY_PREFIX, SETTING_PREFIX, placeholder_of
from backup_actions.errors import SettingInvalid

_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}")
_KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]+")
# No star or question mark: the tag stands in policies. https://docs.aws.amazon.com/tag-editor/latest/userguide/
_TAG_KEY, _TAG_VALUE = re.compile(r"(?!(?i:aws):)[\w .:/=+@-]{1,128}"), re.compile(r"[\w .:/=+@-]{1,256}")


@dataclass(frozen=True, kw_only=True)
class OffsiteCopySettings(Settings):
    """Settings of the action ``offsite-copy``."""

    separated_account: str | None = setting(
        "The account that imports the copies, twelve digits in quotes; required when the action is enabled.",
        default=None,
    )
    tag_key: str = setting(
        "Only backups that carry a tag with this key (put it on recovery points in the backup plan) …",
        default="encryption_key",
    )
    tag_value: str = setting(
        "… and this value can be copied: the permissions of the action reach no others.", default="offsite"
    )
    copy_region: str | None = setting(
        "The region that the shared copies are made in; null: that of the backups.", default=None
    )
    copy_key_arn: str | None = setting(
        "With copy_region, and only then: the ARN of that region's key which encrypts the copies. Its policy must "
        "allow what that of the stack's own export key does.",
        default=None,
    )
    concurrent_copies: int = setting(
        "How many copies of EBS, and as many of RDS, may be under way at the same time.",
        default=20,
        at_least=1,
        at_most=20,
        why="AWS allows 20 of EBS and 20 of RDS to one region",
    )
    copy_timeout_hours: int = setting(
        "How long a copy, and before it the wait for room among the account's snapshots, may take.",
        default=24,
        at_least=1,
        at_most=72,
    )
    acknowledgement_timeout_hours: int = setting(
        "How long to wait until the separated account says that it has imported the copy.",
        default=48,
        at_least=1,
        at_most=96,
    )
    promised_days: int = setting(
        "For how many days from the moment in which it counts the separated account must have promised to keep the "
        "import; it promises the days of its own retention, from the import on.",
        default=14,
        at_least=1,
        at_most=3650,
    )
    unacknowledged_copy_days: int = setting(
        "How long a copy stays that was announced and that nobody acknowledges; of such copies people are told daily.",
        default=30,
        at_least=8,
        at_most=3650,
        why="a run takes up to 7 days, and its copy may be needed for all of them",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check("separated_account", _ACCOUNT, 'it must be the twelve digits of an account: "444455556666"')
        self._check("tag_key", _TAG_KEY, "it must be 1 to 128 characters that a tag's key may have")
        self._check("tag_value", _TAG_VALUE, "it must be 1 to 256 characters that a tag's value may have")
        self._check("copy_region", _REGION, "it must be the name of a region, for instance eu-central-1")
        if (self.copy_region is None) != (self.copy_key_arn is None):
            name = "copy_key_arn" if self.copy_key_arn is None else "copy_region"
            raise SettingInvalid(name=name, value=None, reason="copy_region and copy_key_arn go together")
        found = _KEY_ARN.fullmatch(self.copy_key_arn or "")
        if self.copy_key_arn is not None and (found is None or found[1] != self.copy_region):
            reason = f"it must be the ARN of a key in {self.copy_region}, arn:…:kms:{self.copy_region}:…:key/…"
            raise SettingInvalid(name="copy_key_arn", value=self.copy_key_arn, reason=reason)

    def require_complete(self) -> None:
        """Raise SettingInvalid without an account to copy to."""
        if self.separated_account is None:
            reason = "it is required: without it there is nobody to copy to"
            raise SettingInvalid(name="separated_account", value=None, reason=reason)

    def selection(self) -> Mapping[str, str]:
        """The tag that the permissions reach."""
        return {self.tag_key: self.tag_value}

    def placeholders(self) -> Mapping[str, str]:
        """Region and key are the stack's own where none is set."""
        region, key = (placeholder_of(SETTING_PREFIX, name) for name in ("copy_region", "copy_key_arn"))
        return {
            **super().placeholders(),
            region: self.copy_region or "${Region}",
            key: self.copy_key_arn or f"${{{placeholder_of(KEY_PREFIX, 'export')}}}",
        }

    def _check(self, name: str, pattern: re.Pattern[str], reason: str) -> None:
        value = getattr(self, name)
        if value is not None and not pattern.fullmatch(value):
            raise SettingInvalid(name=name, value=value, reason=reason)
