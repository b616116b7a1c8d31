"""``imports``: what was imported is listed, held and released, and it is said what retention will do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.offsite.kept_imports import HERE, SOURCE, days_ago, kept
from tests.offsite.retained_account import TABLE, Account

from backup_actions.cli.commands import imports as command
from backup_actions.model.clock import SystemClock
from backup_actions.offsite.imports import Acted, Import, Stage
from backup_actions.offsite.snapshots import name_in

if TYPE_CHECKING:
    from tests.cli.conftest import Answer, Cli

SETTINGS = f"""\
account: "{HERE}"
region: us-east-1
zones: [us-east-1a]
imports:
  retention: {{days: 7, monthly: 0, yearly: 0}}
  sources:
  - account: "{SOURCE}"
    announcements_topic_arn: arn:aws:sns:us-east-1:{SOURCE}:announcements
    acknowledgements_queue_url: https://sqs.us-east-1.amazonaws.com/{SOURCE}/acknowledgements
"""
Ask = Callable[..., "Answer"]

OLD = kept("old", days_ago(300))
NEW = kept("new", days_ago(1))
DISK = kept("disk", days_ago(2), resource="vol-1", resource_type="EBS", acted=Acted.FAILED, problem="NotProven: gone")
OPEN = kept("open", days_ago(0), stage=Stage.IMPORTING, imported_arn="", imported_at="", size_gib=0)


@pytest.fixture(name="here")
def _here(monkeypatch: pytest.MonkeyPatch) -> Account:
    """An account with the imports above, whose clients the command line has."""
    account = Account((OLD, NEW, DISK, OPEN), rules="")
    monkeypatch.setattr(command, "aws_clients", lambda: account.world.clients)
    monkeypatch.setattr(SystemClock, "now", lambda _: account.clock.now())
    return account


@pytest.fixture(name="ask")
def _ask(cli: Cli, here: Account) -> Ask:
    assert here

    def ask(*words: object) -> Answer:
        return cli("imports", *words, "--ledger", TABLE)

    return ask


@pytest.fixture(name="settings")
def _settings(tmp_path: Path) -> Path:
    path = tmp_path / "backup-actions.yaml"
    path.write_text(SETTINGS)
    return path


def stages(listed: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["import"], each["stage"]) for each in listed]


def test_imports_are_listed_by_resource_and_the_newest_backup_first(ask: Ask) -> None:
    heading, *rows = ask("list").out.splitlines()

    assert heading.split() == ["BACKUP", "OF", "RESOURCE", "GIB", "STAGE", "ACTIONS", "IMPORT", "HOLD"]
    assert [row.split()[3:6] for row in rows] == [
        ["acknowledged", "failed", DISK.imported_arn],
        ["importing", "none", "-"],
        ["acknowledged", "none", NEW.imported_arn],
        ["acknowledged", "none", OLD.imported_arn],
    ]


def test_imports_are_told_to_scripts(ask: Ask) -> None:
    listed = ask("list", "--json").json

    assert stages(listed)[:2] == [(DISK.imported_arn, "acknowledged"), ("", "importing")]
    assert listed[0] == {
        "import": DISK.imported_arn,
        "announced": DISK.announcement.snapshot_arn,
        "resource": DISK.announcement.resource_arn,
        "resource_type": "EBS",
        "backed_up_at": DISK.announcement.created_at,
        "imported_at": DISK.imported_at,
        "size_gib": 20,
        "stage": "acknowledged",
        "attempt": 1,
        "actions": "failed",
        "problem": "NotProven: gone",
        "leaving_since": "",
        "hold": "",
    }


def test_that_nothing_was_imported_is_said_beside_the_data(ask: Ask, here: Account) -> None:
    here.table.items.clear()

    answer = ask("list")

    assert (answer.status, answer.out, answer.err) == (0, "", "Nothing was imported yet.\n")
    assert ask("list", "--json").json == []


@pytest.mark.parametrize("arn", [OLD.imported_arn, OLD.announcement.snapshot_arn])
def test_a_hold_is_put_and_listed_and_taken_back(ask: Ask, here: Account, arn: str) -> None:
    held = ask("hold", arn, "--why", "audit\nof 2026")

    assert (held.status, held.out) == (0, f"{OLD.imported_arn} stays until it is released.\n")
    assert here.known("old").hold == "audit\nof 2026"
    assert ask("list").out.splitlines()[-1].endswith(r"audit\nof 2026")

    released = ask("release", arn, "--json")

    assert (released.status, released.json["hold"]) == (0, "")
    assert here.known("old").hold == ""


def test_a_hold_can_be_put_by_scripts(ask: Ask) -> None:
    assert ask("hold", OLD.imported_arn, "--why", "audit", "--json").json["hold"] == "audit"


def test_what_nobody_holds_may_be_released(ask: Ask, here: Account) -> None:
    puts = here.table.puts

    assert ask("release", OLD.imported_arn).out == f"{OLD.imported_arn} is under no hold.\n"
    assert here.table.puts == puts


def test_a_hold_without_a_reason_is_a_usage_error(ask: Ask) -> None:
    assert ask("hold", OLD.imported_arn, "--why", " ").status == 2
    assert ask("hold", OLD.imported_arn).status == 2


def test_what_the_ledger_does_not_know_cannot_be_held(ask: Ask) -> None:
    answer = ask("hold", "arn:aws:rds:us-east-1:444455556666:snapshot:other", "--why", "audit", "--json")

    assert answer.status == 3
    assert answer.json["error"]["code"] == "BA0740"


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"stage": Stage.REMOVED}, "it has been removed"),
        ({"leaving_since": "2026-11-22T00:00:00+00:00"}, "it is being removed"),
        ({"stage": Stage.RETURNING}, "an execution is at it"),
        ({"stage": Stage.FAILED, "imported_arn": ""}, "it is not verified"),
    ],
)
def test_what_does_not_stand_there_cannot_be_held(ask: Ask, here: Account, about: dict[str, Any], why: str) -> None:
    here.ledger.stand(late := kept("late", days_ago(400), **about))

    answer = ask("hold", late.announcement.snapshot_arn, "--why", "audit")

    assert answer.status == 3
    assert f"BA0741: {late.announcement.snapshot_arn} cannot be held: {why}" in answer.err


def test_a_hold_that_comes_with_another_change_at_once_is_not_put(
    ask: Ask, here: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(here.ledger), "stand", lambda *_: None)

    answer = ask("hold", OLD.imported_arn, "--why", "audit")

    assert answer.status == 1
    assert "BA0728" in answer.err


def test_what_was_deleted_by_hand_is_forgotten(ask: Ask, here: Account) -> None:
    del here.snapshots.found[name_in(OLD.imported_arn)]

    forgotten = ask("forget", OLD.imported_arn)

    assert (forgotten.status, forgotten.out) == (0, f"{OLD.imported_arn} is known as removed.\n")
    assert here.known("old").stage is Stage.REMOVED


def test_what_is_there_is_not_forgotten(ask: Ask, here: Account) -> None:
    answer = ask("forget", OLD.announcement.snapshot_arn)

    assert answer.status == 3
    assert f"BA0743: {OLD.announcement.snapshot_arn} cannot be forgotten: {OLD.imported_arn} is available" in answer.err
    assert here.known("old").is_verified


@pytest.mark.usefixtures("own_actions")
def test_it_is_said_what_retention_would_remove_and_why_and_nothing_is_changed(
    ask: Ask, here: Account, settings: Path
) -> None:
    puts = here.table.puts

    answer = ask("retention", settings)

    assert answer.status == 0
    assert [(line.split()[0], line.split()[3]) for line in answer.out.splitlines()] == [
        ("stays", DISK.imported_arn),
        ("stays", NEW.imported_arn),
        ("goes", OLD.imported_arn),
    ]
    assert "its 7 days are over" in answer.out.splitlines()[2]
    assert (here.snapshots.deleted, here.table.puts) == ([], puts)


@pytest.mark.usefixtures("own_actions")
def test_what_keeps_retention_from_removing_is_said_on_stderr(ask: Ask, here: Account, settings: Path) -> None:
    here.ledger.stand(_left(here, NEW))
    here.snapshots.found.clear()

    answer = ask("retention", settings)

    assert answer.out == f"is leaving: {NEW.imported_arn}\n"
    assert f"{OLD.imported_arn} is not there any more" in answer.err


def _left(here: Account, each: Import) -> Import:
    known = here.ledger.find(each.announcement.snapshot_arn)
    assert known is not None
    return replace(known, leaving_since=here.clock.now().isoformat())


@pytest.mark.usefixtures("own_actions")
def test_what_retention_would_remove_is_told_to_scripts(ask: Ask, settings: Path) -> None:
    told = ask("retention", settings, "--json").json

    assert {each["import"]: each["keeps"] for each in told["verdicts"]} == {
        NEW.imported_arn: True,
        OLD.imported_arn: False,
        DISK.imported_arn: True,
    }


@pytest.mark.usefixtures("own_actions")
def test_the_settings_of_a_source_account_know_no_retention(ask: Ask, settings: Path) -> None:
    settings.write_text(SETTINGS.partition("imports:")[0] + "vaults: [backups]\n")

    answer = ask("retention", settings)

    assert answer.status == 2
    assert "BA0742" in answer.err


def test_the_ledger_has_to_be_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BACKUP_ACTIONS_LEDGER", raising=False)

    assert cli("imports", "list").status == 2
