"""``check``, ``actions`` and ``permissions``: what can be asked before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    from tests.cli.conftest import Announce, Cli

OURS = ["dynamodb-export", "ebs-archive", "offsite-copy", "rds-dump", "rds-export"]
USED_UNLESS_TOLD_OTHERWISE = [name for name in OURS if name != "offsite-copy"]

SETTINGS = """\
account: "111122223333"
region: us-east-1
zones: [us-east-1a]
vaults: [backups]
"""


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Path:
    path = tmp_path / "backup-actions.yaml"
    path.write_text(SETTINGS)
    return path


@pytest.mark.usefixtures("own_actions")
def test_a_right_file_is_called_right(cli: Cli, settings: Path) -> None:
    answer = cli("check", settings)

    assert answer.status == 0
    assert answer.out.splitlines() == [
        f"{settings} is right: {', '.join(USED_UNLESS_TOLD_OTHERWISE)} in 111122223333, us-east-1, as backup-actions.",
        "The network (public) costs $0 a month before anything is sent.",
    ]
    assert answer.err == ""


@pytest.mark.usefixtures("own_actions")
def test_a_right_file_is_told_to_scripts(cli: Cli, settings: Path) -> None:
    assert cli("check", settings, "--json").json == {
        "settings": str(settings),
        "name": "backup-actions",
        "account": "111122223333",
        "region": "us-east-1",
        "enabled": USED_UNLESS_TOLD_OTHERWISE,
        "network": {
            "kind": "public",
            "interface_endpoints": 0,
            "nat_gateways": 0,
            "monthly_usd": 0,
            "prices": "us-east-1",
        },
        "remarks": [],
    }


@pytest.mark.usefixtures("own_actions")
def test_the_price_of_the_network_is_told_and_whose_prices_it_is_made_of(cli: Cli, settings: Path) -> None:
    settings.write_text(SETTINGS.replace("us-east-1", "eu-north-1") + "network: {kind: isolated}\n")

    assert cli("check", settings).out.splitlines()[1] == (
        "The network (isolated) costs $65.70 a month before anything is sent, by the list prices of us-east-1."
    )


@pytest.mark.usefixtures("own_actions")
def test_what_is_perhaps_not_meant_is_told_beside_the_answer(cli: Cli, settings: Path) -> None:
    settings.write_text(SETTINGS + "archive_bucket: {object_lock: {mode: governance, days: 365}}\n")
    answer = cli("check", settings)

    assert answer.status == 0
    assert answer.err.startswith("Look again: archive_bucket.noncurrent_days: after 30 days old versions are still")
    assert [remark.partition(":")[0] for remark in cli("check", settings, "--json").json["remarks"]] == [
        "archive_bucket.noncurrent_days"
    ]


@pytest.mark.usefixtures("own_actions")
def test_what_the_policy_of_ones_own_key_needs_is_printed(cli: Cli, settings: Path) -> None:
    key = "arn:aws:kms:us-east-1:111122223333:key/12345678-1234-1234-1234-123456789012"
    settings.write_text(SETTINGS + f"archive_bucket: {{key_arn: {key}}}\n")

    statements = cli("check", settings, "--key-policy").json

    assert {statement["Principal"]["AWS"] for statement in statements} == {"arn:aws:iam::111122223333:root"}


@pytest.mark.usefixtures("own_actions")
def test_the_stacks_own_key_needs_nothing(cli: Cli, settings: Path) -> None:
    answer = cli("check", settings, "--key-policy")

    assert answer.json == []
    assert answer.err == "archive_bucket.key_arn is not set: the stack makes a key, and its policy.\n"


@pytest.mark.usefixtures("own_actions")
def test_every_mistake_of_a_file_is_told_on_stderr(cli: Cli, settings: Path) -> None:
    settings.write_text(SETTINGS + "actions: {ebs-archive: {iops: 1, level: yes}}\nbackupVault: x\n")

    answer = cli("check", settings)

    assert answer.status == 2
    assert answer.out == ""
    code, *mistakes, hint = answer.err.splitlines()
    assert code == f"BA0101: {settings} has 3 mistake(s):"
    assert [mistake.partition(":")[0] for mistake in mistakes] == [
        "actions.ebs-archive.iops (line 5)",
        "actions.ebs-archive.level (line 5)",
        "backupVault (line 6)",
    ]
    assert hint.startswith("HINT: ")


@pytest.mark.usefixtures("own_actions")
def test_a_failure_is_told_to_scripts_too(cli: Cli, tmp_path: Path) -> None:
    answer = cli("check", tmp_path / "none.yaml", "--json")

    assert answer.status == 2
    assert answer.json["error"]["code"] == "BA0102"
    assert answer.json["error"]["retryable"] is False


@pytest.mark.usefixtures("own_actions")
def test_a_broken_action_is_named_and_the_check_fails(cli: Cli, settings: Path, announce: Announce) -> None:
    announce("their-plugin", their_action="package_that_is_gone:ACTION")

    answer = cli("check", settings)

    assert answer.status == 2
    assert "BA0105: action 'their-action' of package their-plugin cannot be used" in answer.err


@pytest.mark.usefixtures("own_actions")
def test_the_printed_example_is_accepted(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(cli("check", "--example").out)

    assert cli("check", path).status == 0
    assert yaml.safe_load(path.read_text())["actions"]["ebs-archive"]["enabled"] is True


@pytest.mark.usefixtures("own_actions")
def test_the_printed_schema_knows_the_actions(cli: Cli) -> None:
    schema = json.loads(cli("check", "--schema").out)

    assert "ebs-archive" in schema["$defs"]["ActionSections"]["properties"]


def test_schema_and_example_are_two_questions(cli: Cli) -> None:
    assert cli("check", "--schema", "--example").status == 2


@pytest.mark.usefixtures("own_actions")
def test_installed_actions_are_listed_with_what_they_handle(cli: Cli) -> None:
    answer = cli("actions")

    assert answer.status == 0
    assert [line.split()[0] for line in answer.out.splitlines()] == OURS
    assert answer.out.splitlines()[1].split()[:2] == ["ebs-archive", "EBS"]


@pytest.mark.usefixtures("own_actions")
def test_broken_actions_are_listed_beside_the_others(cli: Cli, announce: Announce) -> None:
    announce("their-plugin", their_action="package_that_is_gone:ACTION")

    answer = cli("actions", "--json")

    assert answer.status == 0
    assert [action["name"] for action in answer.json["actions"]] == OURS
    assert [(broken["name"], broken["code"]) for broken in answer.json["broken"]] == [("their-action", "BA0105")]
    assert "their-plugin" in cli("actions").err


@pytest.mark.usefixtures("no_actions")
def test_no_action_at_all_is_said(cli: Cli) -> None:
    answer = cli("actions")

    assert answer.status == 0
    assert answer.out == ""
    assert "No usable action is installed." in answer.err


@pytest.mark.usefixtures("own_actions")
def test_permissions_are_told_for_each_role_with_their_reasons(cli: Cli) -> None:
    lines = cli("permissions", "ebs-archive").out.splitlines()

    assert [line for line in lines if line.startswith("role ")] == [
        "role workflow",
        "role task-record",
        "role task-report",
        "role task-discard",
        "role job-archive",
        "role job-image",
        "role job-verify",
    ]
    assert "  ec2:DeleteVolume" in lines
    assert any(line.startswith("      for      ") for line in lines)
    assert any(line.startswith("      because  ") for line in lines)
    assert "      when     aws:ResourceTag/${SecurityTagKey} StringEquals ${SecurityTagValue}" in lines


@pytest.mark.usefixtures("own_actions")
def test_permissions_are_told_to_scripts_as_statements(cli: Cli) -> None:
    roles = cli("permissions", "ebs-archive", "--json").json["roles"]

    assert all({"Effect", "Action", "Resource", "For", "Because"} <= set(s) for s in roles["workflow"])


@pytest.mark.usefixtures("own_actions")
def test_permissions_are_printed_of_the_functions_that_no_workflow_calls_too(cli: Cli) -> None:
    roles = cli("permissions", "offsite-copy", "--json").json["roles"]

    actions = {
        action for statement in roles["function offsite-copy-acknowledgements"] for action in statement["Action"]
    }
    assert "states:SendTaskSuccess" in actions


@pytest.mark.usefixtures("own_actions")
def test_permissions_of_an_unknown_action_name_the_installed_ones(cli: Cli) -> None:
    answer = cli("permissions", "ebs")

    assert answer.status == 2
    assert answer.err == f"BA0104: there is no action 'ebs'\nHINT: Installed are: {', '.join(OURS)}.\n"


def test_the_demo_is_missing_where_the_embedded_aws_is(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backup_actions.cli.elsewhere.entry_points", lambda **_: ())

    answer = cli("demo")

    assert answer.status == 5
    assert answer.err.startswith("BA0604: the embedded AWS is not installed")
