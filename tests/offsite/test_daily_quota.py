"""A source has so many imports begun on one day, and no more; another source and another day are not touched by it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.moto_clients import moto_clients
from tests.offsite.separated import (
    ACKNOWLEDGEMENTS,
    DATABASE,
    DEAD_LETTERS,
    SETTINGS,
    SOURCE,
    STRANGER,
    TOPIC,
    Separated,
    announcing,
    notification,
    shown,
)

from backup_actions.model.offsite import Announcement
from backup_actions.offsite.daily_quota import DailyQuota
from backup_actions.offsite.imports import Stage
from backup_actions_local.clock import START, SimulatedClock
from backup_actions_local.resources import make_ledger

TWO_A_DAY = replace(
    SETTINGS,
    accounts=(SOURCE, STRANGER),
    topics=(TOPIC, TOPIC.replace(SOURCE, STRANGER)),
    acknowledgement_queues=(ACKNOWLEDGEMENTS, ACKNOWLEDGEMENTS.replace(SOURCE, STRANGER)),
    per_source_and_day=2,
)
MANY = [replace(DATABASE, snapshot_arn=f"{DATABASE.snapshot_arn}-{number}") for number in range(4)]


@pytest.fixture(name="separated")
def _separated() -> Separated:
    """The source has announced three snapshots, all of them truly."""
    separated = Separated(TWO_A_DAY)
    for announced in MANY:
        separated.share(announced)
    for announced in MANY[:3]:
        separated.hear(announcing(announced))
    return separated


def test_what_comes_beyond_is_a_dead_letter_that_says_how_it_can_be_imported(separated: Separated) -> None:
    ((queue, message, reason),) = separated.aws.sent

    assert (queue, message) == (DEAD_LETTERS, announcing(MANY[2]))
    assert f"the account {SOURCE} has had its 2 imports of today" in reason
    assert "imports.per_source_and_day" in reason
    assert len(separated.aws.started) == len(separated.ledger.all()) == 2


def test_another_source_has_its_own(separated: Separated) -> None:
    other = Announcement.from_text(DATABASE.to_bytes().decode().replace(SOURCE, STRANGER))
    separated.aws.shared[other.snapshot_arn] = shown(other)
    message = notification(other.to_bytes().decode(), TopicArn=TOPIC.replace(SOURCE, STRANGER))

    assert "started" in separated.hear(message)


def test_the_next_day_it_may_have_as_many_again(separated: Separated) -> None:
    separated.clock.sleep(timedelta(days=1).total_seconds())

    assert [next(iter(separated.hear(announcing(announced)))) for announced in MANY[2:]] == ["started", "started"]


def test_what_is_tried_again_is_not_counted_again(separated: Separated) -> None:
    known = separated.known(MANY[0])
    separated.ledger.stand(replace(known, stage=Stage.FAILED, attempt=TWO_A_DAY.attempts - 1))

    assert "started" in separated.hear(announcing(MANY[0]))


def test_what_has_failed_for_good_and_is_announced_again_is_counted_again(separated: Separated) -> None:
    known = separated.known(MANY[0])
    separated.ledger.stand(replace(known, stage=Stage.FAILED, attempt=TWO_A_DAY.attempts))

    assert "buried" in separated.hear(announcing(MANY[0]))


def test_what_was_deleted_by_hand_and_is_announced_again_is_counted_again(separated: Separated) -> None:
    known = separated.known(MANY[0])
    imported = replace(known, imported_arn=separated.imported_arn(MANY[0]), imported_at=START.isoformat())
    separated.ledger.stand(replace(imported, stage=Stage.ACKNOWLEDGED))

    assert "buried" in separated.hear(announcing(MANY[0]))


def test_dynamodb_itself_counts_so_many_and_no_more() -> None:
    with moto_clients() as clients:
        make_ledger(clients.dynamodb, "ledger")
        quotas = [
            DailyQuota(clients.dynamodb, "ledger", SimulatedClock(), account, 2) for account in (SOURCE, STRANGER)
        ]
        taken = [quota.take_one() for _ in range(3) for quota in quotas]
        items = clients.dynamodb.scan(TableName="ledger")["Items"]

    assert taken == [True, True, True, True, False, False]
    week_later = (START + timedelta(days=7)).timestamp()
    assert [(item["begun"]["N"], int(item["expires"]["N"])) for item in items] == [("2", int(week_later))] * 2


def test_what_is_not_true_takes_nothing_from_the_day() -> None:
    separated = Separated(TWO_A_DAY)
    for announced in MANY:
        separated.share(announced, Engine="mysql")
        separated.hear(announcing(announced))

    assert separated.table.counts == {}
