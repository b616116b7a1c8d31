"""A package of somebody's that cannot be used is named by every command that reads actions, and stops no other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Announce, Cli

NAMED = "BA0105: action 'their-action' of package their-plugin cannot be used"
SETTINGS = """\
account: "111122223333"
region: us-east-1
zones: [us-east-1a]
vaults: [backups]
"""


@pytest.fixture(name="broken", autouse=True)
def _broken(own_actions: None, announce: Announce) -> None:
    announce("their-plugin", their_action="package_that_is_gone:ACTION")


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Path:
    path = tmp_path / "backup-actions.yaml"
    path.write_text(SETTINGS)
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ("actions",),
        ("check", "--schema"),
        ("check", "--example"),
        ("cost", "estimate", "--action", "ebs-archive", "--gib", "100"),
    ],
)
def test_what_needs_none_of_it_answers_and_names_it(cli: Cli, settings: Path, arguments: tuple[str, ...]) -> None:
    given = ("--settings", settings) if arguments[0] == "cost" else ()

    answer = cli(*arguments, *given)

    assert answer.status == 0
    assert answer.out
    assert NAMED in answer.err


@pytest.mark.parametrize("command", [("actions", "--graph"), ("actions", "--page"), ("permissions",)])
def test_what_is_asked_of_one_action_is_answered_for_every_other(cli: Cli, command: tuple[str, ...]) -> None:
    answer = cli(*command, "ebs-archive")
    of_it = cli(*command, "their-action")

    assert (answer.status, answer.err) == (0, "")
    assert (of_it.status, of_it.out) == (2, "")
    assert NAMED in of_it.err


def test_settings_that_name_it_are_told_why_it_is_unknown(cli: Cli, settings: Path) -> None:
    settings.write_text(f"{SETTINGS}actions: {{their-action: {{}}}}\n")

    for command in (("check", settings), ("imports", "retention", settings, "--ledger", "none")):
        answer = cli(*command)
        assert answer.status == 2
        assert NAMED in answer.err
