"""The section ``watching``."""

from __future__ import annotations

from typing import Any

import pytest

from backup_actions.errors import SettingsInvalid
from backup_actions.settings import from_mapping

SETTINGS: dict[str, Any] = {
    "account": "111122223333",
    "region": "us-east-1",
    "zones": ["us-east-1a"],
    "vaults": ["backups"],
}


def test_a_limit_of_costs_is_taken_where_prices_are_known() -> None:
    assert from_mapping({**SETTINGS, "watching": {"monthly_cost_usd": 500}}, []).watching.monthly_cost_usd == 500


def test_a_limit_of_costs_that_could_never_be_compared_is_refused() -> None:
    elsewhere = {**SETTINGS, "region": "af-south-1", "zones": ["af-south-1a"]}

    with pytest.raises(SettingsInvalid, match="monthly_cost_usd needs the prices of af-south-1"):
        from_mapping({**elsewhere, "watching": {"monthly_cost_usd": 500}}, [])


@pytest.mark.parametrize("field", ["unarchived_hours", "waiting_hours", "digest_hours", "unverified_days"])
def test_no_limit_may_be_zero(field: str) -> None:
    with pytest.raises(SettingsInvalid, match=field):
        from_mapping({**SETTINGS, "watching": {field: 0}}, [])
