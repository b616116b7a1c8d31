"""What a separated account's settings must agree about."""

from __future__ import annotations

from typing import Any

import pytest

from backup_actions.errors import SettingsInvalid
from backup_actions.plugins import installed
from backup_actions.settings import from_mapping

SOURCE = "111122223333"
IMPORTS = {
    "sources": [
        {
            "account": SOURCE,
            "announcements_topic_arn": f"arn:aws:sns:us-east-1:{SOURCE}:announcements",
            "acknowledgements_queue_url": f"https://sqs.us-east-1.amazonaws.com/{SOURCE}/acknowledgements",
        }
    ]
}


def settings_with(actions: dict[str, Any], **imports: Any) -> Any:
    """A separated account's settings with these actions, and with these settings of its imports."""
    place = {"account": "444455556666", "region": "us-east-1", "zones": ["us-east-1a"]}
    return from_mapping({**place, "imports": {**IMPORTS, **imports}, "actions": actions}, installed().actions)


@pytest.mark.parametrize(
    "actions",
    [{}, {"rds-dump": {"enabled": False}}, {"rds-dump": {"enabled": False}, "rds-export": {"enabled": False}}],
)
def test_who_waits_for_actions_must_enable_one(actions: dict[str, Any]) -> None:
    with pytest.raises(SettingsInvalid, match="acknowledge_after_actions waits for actions, and none is enabled"):
        settings_with(actions, acknowledge_after_actions=True)


def test_one_enabled_action_is_enough_to_wait_for() -> None:
    loaded = settings_with(
        {"rds-dump": {"enabled": False}, "rds-export": {"enabled": True}}, acknowledge_after_actions=True
    )

    assert loaded.imports.acknowledge_after_actions


def test_without_actions_imports_are_acknowledged_as_they_come() -> None:
    assert settings_with({}).imports.acknowledge_after_actions is False


@pytest.mark.parametrize("per_source_and_day", [0, 10_001])
def test_a_source_has_some_imports_a_day_and_not_without_end(per_source_and_day: int) -> None:
    with pytest.raises(SettingsInvalid, match="per_source_and_day"):
        settings_with({}, per_source_and_day=per_source_and_day)
