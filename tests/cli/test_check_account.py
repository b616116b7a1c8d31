"""``check --account``: what was found is told, and what is wrong is a failure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Cli

from backup_actions import account
from backup_actions.account import Outcome, Result

FITS = Result("zones", Outcome.GOOD, "us-east-1a")
UNSEEN = Result("vaults", Outcome.NOT_CHECKED, "ListBackupVaults: AccessDenied, no")
UNFIT = Result("CDK bootstrap", Outcome.WRONG, "the region is not prepared")


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Path:
    path = tmp_path / "backup-actions.yaml"
    path.write_text('account: "111122223333"\nregion: eu-west-1\nzones: [eu-west-1a]\nvaults: [backups]\n')
    return path


@pytest.fixture(name="found", autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch, own_actions: None) -> list[Result]:
    found: list[Result] = [FITS, UNSEEN]

    def looked_at(settings: Any, actions: Any, clients: Any) -> Iterator[Result]:
        assert clients.region == settings.region == "eu-west-1"
        assert actions
        yield from found

    monkeypatch.setattr(account, "looked_at", looked_at)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    return found


def test_what_was_found_is_a_table_behind_what_is_right(cli: Cli, settings: Path) -> None:
    answer = cli("check", settings, "--account")

    assert answer.status == 0
    assert answer.out.splitlines()[-3:] == [
        "OUTCOME      SUBJECT",
        "good         zones    us-east-1a",
        "not checked  vaults   ListBackupVaults: AccessDenied, no",
    ]


def test_what_is_wrong_is_named_and_a_failure(cli: Cli, settings: Path, found: list[Result]) -> None:
    found += [UNFIT, UNFIT]

    answer = cli("check", settings, "--account")

    assert answer.status == 1
    assert (
        answer.err.splitlines()[-2]
        == f"BA0108: 2 thing(s) of the account 111122223333 do not fit {settings}: CDK bootstrap"
    )
    assert "wrong        CDK bootstrap  the region is not prepared" in answer.out


def test_scripts_are_told_what_was_found_also_where_something_is_wrong(
    cli: Cli, settings: Path, found: list[Result]
) -> None:
    found += [UNFIT]

    answer = cli("check", settings, "--account", "--json")

    assert answer.status == 1
    assert answer.json["checks"][-1] == {
        "subject": "CDK bootstrap",
        "outcome": "wrong",
        "says": "the region is not prepared",
    }
    assert answer.json["account"] == "111122223333"
