"""Settings to look at an account with, and what is found of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.account.accounts import BUCKET, KEY, LOGS, FakeAccount, Wire

from backup_actions.account import Result, looked_at
from backup_actions.contract import Action
from backup_actions.plugins import installed
from backup_actions.settings import from_mapping

BASE: Mapping[str, Any] = {
    "account": "111122223333",
    "region": "us-east-1",
    "zones": ["us-east-1a"],
    "vaults": ["backups"],
    "deletion": {"policy": "delete"},
    "archive_bucket": {"name": BUCKET, "key_arn": KEY},
    "network": {
        "kind": "existing",
        "vpc_id": "vpc-0123456789abcdef0",
        "subnet_ids": {"us-east-1a": "subnet-01234567"},
        "database_subnet_ids": {"us-east-1a": "subnet-11111111", "us-east-1b": "subnet-22222222"},
        "security_group_id": "sg-01234567",
    },
    "actions": {"offsite-copy": {"enabled": True, "separated_account": "444455556666"}},
}
"""Everything that there can be already is there already."""

LOGGING = {"access_logs": {"bucket": LOGS}}

LookAt = Callable[..., list[Result]]


@pytest.fixture(name="actions", scope="session")
def _actions() -> tuple[Action, ...]:
    return installed().actions


@pytest.fixture(name="wire", scope="session")
def _wire() -> Wire:
    return Wire()


@pytest.fixture(name="look_at")
def _look_at(actions: tuple[Action, ...], wire: Wire) -> LookAt:
    """Look at an account with the settings above, some sections replaced; of one subject, or of all."""

    def look_at(account: FakeAccount, subject: str = "", **sections: Any) -> list[Result]:
        settings = from_mapping({**BASE, **sections}, actions)
        wire.account = account
        return [one for one in looked_at(settings, actions, wire.clients) if subject in {"", one.subject}]

    return look_at
