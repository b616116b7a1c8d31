"""In a separated account an import is what a backup is elsewhere: measured, and told of in the digest."""

from __future__ import annotations

from dataclasses import replace

from tests.estate.ledgers import ESTATE, HOUR, NOON
from tests.offsite.kept_imports import kept

from backup_actions.aws import World
from backup_actions.estate import digest_function
from backup_actions.estate.description import VARIABLE
from backup_actions.estate.digest import mail_of, read_period
from backup_actions.estate.imported import Imported
from backup_actions.estate.measuring import read_facts
from backup_actions.offsite.imports import Imports, Stage

SEPARATED = replace(ESTATE, vaults=())
IMPORTS = (
    kept("done", NOON - 90 * HOUR),
    kept("lost", NOON - 50 * HOUR, resource="lost", stage=Stage.FAILED, imported_arn=""),
    kept("new", NOON - 5 * HOUR, stage=Stage.IMPORTING, imported_arn=""),
    kept("gone", NOON - 900 * HOUR, stage=Stage.REMOVED),
)


def test_what_is_not_imported_is_as_old_as_its_backup() -> None:
    found = Imported.among(IMPORTS)

    assert [each.announcement.run for each in found.failed] == ["run-lost"]
    assert [each.announcement.run for each in found.under_way] == ["run-new"]
    assert found.oldest == NOON - 50 * HOUR
    assert Imported.among(IMPORTS[:1]).oldest is None


def test_metrics_and_digest_of_a_separated_account_are_about_its_imports(world: World) -> None:
    imports = Imports(world.clients.dynamodb, ESTATE.ledger, world.clock)
    for each in IMPORTS:
        assert imports.stand(each)

    facts = read_facts(world, SEPARATED)
    mail = mail_of(read_period(world, SEPARATED, NOON - 24 * HOUR, NOON), SEPARATED, dashboard="")

    assert (facts.oldest_unarchived, facts.failed_points, facts.points_at_work) == (NOON - 50 * HOUR, 1, 1)
    assert mail.subject.endswith("0 imported, 1 open")
    assert "db:lost, backup of 2026-05-02T10:00" in mail.message
    assert "backup-actions imports list" in mail.message


def test_a_digest_is_due_as_often_as_the_settings_say() -> None:
    assert digest_function(ESTATE, hours=1).schedule == "rate(1 hour)"
    assert digest_function(ESTATE, hours=12).schedule == "rate(12 hours)"
    assert VARIABLE in digest_function(ESTATE, hours=1).environment
