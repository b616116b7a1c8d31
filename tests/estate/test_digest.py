"""One mail about all that ended since the last one: nothing twice, nothing left out."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from tests.estate.ledgers import ESTATE, HOUR, NOON, VOLUME, action_line, line, point

from backup_actions.aws import World
from backup_actions.errors import AwsCallFailed
from backup_actions.estate.digest import Open, Period, digest, mail_of
from backup_actions.estate.sendings import Sending, Sendings
from backup_actions.ledger import Ledger, Status
from backup_actions.ledger.daybook import Daybook
from backup_actions.model.mail import Mail


def waiting(name: str) -> Open:
    return Open(VOLUME, "2026-05-01T00:00:00+00:00", str(point(name).arn))


def period(**changes: Any) -> Period:
    known: dict[str, Any] = {
        "after": NOON - 24 * HOUR,
        "until": NOON,
        "ended": (),
        "failed": (),
        "failed_points": 0,
        "points_at_work": 0,
        "waiting_actions": 0,
    }
    return Period(**{**known, **changes})


def mail(**changes: Any) -> Mail:
    return mail_of(period(**changes), ESTATE, dashboard="https://dashboard")


def test_what_was_archived_is_added_up_by_action_and_by_what_became_of_the_backups() -> None:
    ended = (
        line("a", NOON, outcome="deleted"),
        line("b", NOON, action_line(source_bytes=3 << 30), action_line("rds-export"), outcome="kept"),
        line("c", NOON, outcome="failed"),
        line("d", NOON, outcome="skipped"),
    )

    told = mail(ended=ended)

    assert told.subject == "backup-actions in us-east-1: 2 archived"
    assert "Archived and verified: 2 (backups: 1 deleted, 1 kept)" in told.message
    assert "- ebs-archive: 2, 3.0 GiB read, 80 B stored" in told.message
    assert "- rds-export: 1, 100 B read, 40 B stored" in told.message
    assert "Failed: 1 " in told.message
    assert "chosen for them: 1" in told.message


def test_costs_are_told_of_what_was_counted_and_where_prices_are_known() -> None:
    counted, not_counted = action_line(usage={"put_requests": 1_000_000}), action_line()
    elsewhere = replace(ESTATE, region="af-south-1")

    assert "about $5.00, without storage" in mail(ended=[line("a", NOON, counted)]).message
    assert "1 of 2 did not count" in mail(ended=[line("a", NOON, counted, not_counted)]).message
    assert "Cost" not in mail(ended=[line("a", NOON, not_counted)]).message
    assert "Cost" not in mail_of(period(ended=[line("a", NOON, counted)]), elsewhere, dashboard="").message


def test_a_day_without_a_backup_is_told_too() -> None:
    assert "No backup was archived, and none has failed." in mail().message


def test_where_nothing_is_open_there_is_nothing_to_do() -> None:
    assert "Waiting for a person: nothing" in mail().message
    assert "What to do: nothing." in mail().message


def test_what_failed_and_still_does_is_named_with_what_to_do() -> None:
    told = mail(failed=[waiting("snap-1"), waiting("snap-2")], failed_points=40, points_at_work=3, waiting_actions=2)

    assert told.subject.endswith("0 archived, 40 open")
    assert "backup of 2026-05-01T00:00: arn:aws:ec2:us-east-1::snapshot/snap-1" in told.message
    assert "- and 38 more" in told.message
    assert "backup-actions replay POINT" in told.message
    assert "Being worked on: 3, waiting for a quota or for capacity: 2" in told.message


def test_commands_name_the_stack_where_that_has_another_name_than_the_usual() -> None:
    told = mail_of(period(failed=[waiting("snap-1")], failed_points=2), replace(ESTATE, name="second"), dashboard="")

    assert "- and 1 more: backup-actions status --stack second" in told.message
    assert "`backup-actions replay POINT --stack second` starts it again" in told.message


@pytest.fixture(name="told")
def _told(world: World) -> Any:
    """What was sent to the topic so far, message by message."""
    clients = world.clients
    topic = clients.sns.create_topic(Name="backup-actions")["TopicArn"]
    assert topic.replace("123456789012", ESTATE.account) == ESTATE.topic_arn
    world.environment["BACKUP_ACTIONS_ESTATE"] = ESTATE.to_text().replace(ESTATE.topic_arn, topic)  # type: ignore[index]
    queue = clients.sqs.create_queue(QueueName="inbox")["QueueUrl"]
    clients.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:123456789012:inbox")

    def read() -> list[str]:
        found = clients.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"])["Message"] for message in found]

    return read


def at(moment: datetime) -> dict[str, str]:
    return {"time": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}


def test_each_run_is_in_one_digest(world: World, told: Any) -> None:
    book = Daybook(world.clients.dynamodb, ESTATE.ledger)
    for number in range(3):
        book.write(line(str(number), NOON - 3 * HOUR + number * 24 * HOUR))

    sent = [digest(world, at(NOON + number * 24 * HOUR))["sent"] for number in range(3)]

    assert sent == [True] * 3
    assert ["Archived and verified: 1 " in message for message in told()] == [True] * 3


def test_a_call_that_is_repeated_sends_nothing(world: World, told: Any) -> None:
    assert [digest(world, at(NOON))["sent"] for _ in range(3)] == [True, False, False]
    assert len(told()) == 1


def test_what_sns_did_not_take_is_sent_by_the_next_try(world: World, told: Any) -> None:
    environment = world.environment["BACKUP_ACTIONS_ESTATE"]
    world.environment["BACKUP_ACTIONS_ESTATE"] = environment.replace("sns:us-east-1", "sns:us-east-2")  # type: ignore[index]
    with pytest.raises(AwsCallFailed):
        digest(world, at(NOON))
    world.environment["BACKUP_ACTIONS_ESTATE"] = environment  # type: ignore[index]

    assert digest(world, at(NOON))["sent"]
    assert len(told()) == 1


def test_what_could_not_be_read_is_tried_again(world: World, told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Daybook, "lines", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            digest(world, at(NOON))

    assert digest(world, at(NOON))["sent"]
    assert len(told()) == 1


def test_what_a_digest_that_died_was_about_is_in_the_next(world: World, told: Any) -> None:
    Daybook(world.clients.dynamodb, ESTATE.ledger).write(line("a", NOON - HOUR))
    sendings = Sendings(world.clients.dynamodb, ESTATE.ledger)
    assert sendings.claim(Sending(), NOON - 24 * HOUR)
    sendings.note(NOON - 24 * HOUR)
    assert sendings.claim(sendings.read(), NOON)  # and then its function dies

    assert not digest(world, at(NOON))["sent"]
    assert digest(world, at(NOON + 24 * HOUR))["sent"]
    (message,) = told()
    assert "Archived and verified: 1 " in message


def test_of_two_at_the_same_moment_one_sends(world: World) -> None:
    sendings = Sendings(world.clients.dynamodb, ESTATE.ledger)
    read = sendings.read()

    assert [sendings.claim(read, NOON), sendings.claim(read, NOON)] == [True, False]


def test_failures_that_are_open_come_from_the_ledger(world: World, told: Any) -> None:
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    for name in ("snap-1", "snap-2"):
        ledger.record(point(name), run="r", status=Status.FAILED, details={})

    digest(world, at(NOON))

    (message,) = told()
    assert "Waiting for a person: 2 failed" in message
    assert "snapshot/snap-2" in message
