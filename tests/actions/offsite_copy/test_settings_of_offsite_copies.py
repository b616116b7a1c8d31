"""What may be set about off-site copies, and what permissions make of it."""

from __future__ import annotations

from typing import Any

import pytest

from backup_actions.actions.offsite_copy.permissions import PERMISSIONS
from backup_actions.actions.offsite_copy.settings import OffsiteCopySettings
from backup_actions.errors import SettingInvalid

THERE = "arn:aws:kms:eu-west-1:111122223333:key/1"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("separated_account", {"separated_account": "4444"}),
        ("tag_key", {"tag_key": "aws:own"}),
        ("tag_key", {"tag_key": "any*"}),
        ("tag_value", {"tag_value": "*"}),
        ("tag_value", {"tag_value": ""}),
        ("copy_region", {"copy_region": "Ireland", "copy_key_arn": THERE}),
        ("copy_key_arn", {"copy_region": "eu-west-1"}),
        ("copy_region", {"copy_key_arn": THERE}),
        ("copy_key_arn", {"copy_region": "eu-west-2", "copy_key_arn": THERE}),
        ("copy_key_arn", {"copy_region": "eu-west-1", "copy_key_arn": "alias/there"}),
    ],
)
def test_what_cannot_be_is_refused_by_name(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(SettingInvalid) as refused:
        OffsiteCopySettings(**settings)

    assert refused.value.facts["name"] == name


def test_nobody_can_be_copied_to_without_an_account() -> None:
    with pytest.raises(SettingInvalid, match="separated_account"):
        OffsiteCopySettings().require_complete()

    OffsiteCopySettings(separated_account="444455556666").require_complete()


def test_permissions_speak_of_the_stacks_own_region_and_key_unless_others_are_set() -> None:
    own = OffsiteCopySettings().placeholders()
    other = OffsiteCopySettings(copy_region="eu-west-1", copy_key_arn=THERE).placeholders()

    assert (own["Setting_copy_region"], own["Setting_copy_key_arn"]) == ("${Region}", "${Key_export}")
    assert (other["Setting_copy_region"], other["Setting_copy_key_arn"]) == ("eu-west-1", THERE)
    assert (own["Setting_tag_key"], own["Setting_tag_value"]) == ("encryption_key", "offsite")


def test_a_backup_without_the_tag_that_the_permissions_reach_is_left_alone() -> None:
    chosen = OffsiteCopySettings(separated_account="444455556666", tag_key="go", tag_value="far").selection()

    assert chosen == {"go": "far"}


def test_the_copies_key_may_be_used_for_all_that_ebs_asks_of_a_key_also_where_it_is_in_another_region() -> None:
    on_it = [each for each in PERMISSIONS.tasks["copy"] if "${Setting_copy_key_arn}" in each.resources]

    assert {action for each in on_it for action in each.actions} == {
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
    }


def test_keys_of_backups_may_be_any_accounts_and_are_used_by_ebs_and_rds_alone() -> None:
    on_them = [each for each in PERMISSIONS.tasks["copy"] if "arn:${Partition}:kms:${Region}:*:key/*" in each.resources]

    assert on_them
    for each in on_them:
        assert each.because
        assert {name.partition(".")[0] for name in each.when["StringEquals"]["kms:ViaService"]} == {"ec2", "rds"}
        assert each.actions != ("kms:CreateGrant",) or each.when["Bool"] == {"kms:GrantIsForAWSResource": "true"}
