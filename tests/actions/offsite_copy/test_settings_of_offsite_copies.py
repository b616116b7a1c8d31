"""What may be set about off-site copies, and what permissions make of it."""

from __future__ import annotations

from typing import Any

import pytest

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
