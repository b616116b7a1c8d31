"""The ledger's index: what stands how, and since when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from backup_actions.errors import AwsBusy
from backup_actions.ledger import Entry, Ledger, Standing, Status
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions_local.clock import START, SimulatedClock
from backup_actions_local.front import Audit, Faults, Front, Roles
from backup_actions_local.resources import make_ledger

TABLE = "ledger-of-standings"
DISK, DATABASE = "arn:aws:ec2:us-east-1:111122223333:volume/vol-1", "arn:aws:rds:us-east-1:111122223333:db:shop"


@pytest.fixture(name="clock", scope="module")
def _clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture(name="front", scope="module")
def _front(clock: SimulatedClock) -> Iterator[Front]:
    with Front(clock=clock, roles=Roles(clock), faults=Faults(), audit=Audit(), services=()) as front:
        yield front


@pytest.fixture(name="ledger")
def _ledger(front: Front, clock: SimulatedClock) -> Iterator[Ledger]:
    client = front.administrator.client("dynamodb")
    make_ledger(client, TABLE)
    yield Ledger(client, TABLE, clock)
    client.delete_table(TableName=TABLE)


def point(number: int, resource: str = DISK) -> RecoveryPoint:
    arn = Arn.parse(f"arn:aws:ec2:us-east-1::snapshot/snap-{number}")
    return RecoveryPoint(arn, "backups", Arn.parse(resource), "EBS" if resource == DISK else "RDS")


def record(ledger: Ledger, number: int, status: Status, made_at: str = "", resource: str = DISK) -> None:
    ledger.record(point(number, resource), run=f"run-{number}", status=status, details={}, made_at=made_at)


def numbers(entries: Iterator[Entry]) -> list[int]:
    return [int(entry.point.rpartition("-")[2]) for entry in entries]


def test_points_of_a_status_are_found_the_oldest_backup_first_whatever_the_zone_of_its_time(ledger: Ledger) -> None:
    record(ledger, 1, Status.FAILED, "2026-01-02T01:00:00+02:00")
    record(ledger, 2, Status.FAILED, "2026-01-02T00:00:00+00:00")
    record(ledger, 3, Status.FAILED, "2026-01-01T22:00:00.5+00:00")
    record(ledger, 4, Status.KEPT, "2026-01-01T00:00:00+00:00")

    assert numbers(ledger.standing(Status.FAILED)) == [3, 1, 2]
    assert numbers(ledger.standing(Status.FAILED, before=datetime(2026, 1, 2, tzinfo=UTC))) == [3, 1]
    assert ledger.count(Status.FAILED) == 3


def test_a_point_stands_in_one_place(ledger: Ledger) -> None:
    record(ledger, 1, Status.PROCESSING)
    record(ledger, 1, Status.KEPT)

    assert ledger.oldest(Status.PROCESSING) is None
    assert numbers(ledger.standing(Status.KEPT)) == [1]


def test_a_point_of_unknown_age_is_as_old_as_what_is_known_of_it(ledger: Ledger) -> None:
    record(ledger, 1, Status.SKIPPED)

    oldest = ledger.oldest(Status.SKIPPED)

    assert oldest is not None
    assert oldest.since == START.isoformat()


def test_only_points_of_a_resource_are_shown_where_one_is_named(ledger: Ledger) -> None:
    record(ledger, 1, Status.KEPT)
    record(ledger, 2, Status.KEPT, resource=DATABASE)

    (found,) = ledger.standing(Status.KEPT, resource=DATABASE)

    assert found.recovery_point == point(2, DATABASE)


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("verified", Standing.ARTIFACT),
        ("waiting", Standing.WAITING),
        ("announced", Standing.ANNOUNCED),
        ("damaged", Standing.DAMAGED),
        ("cold", Standing.COLD),
    ],
)
def test_an_action_stands_where_its_status_says(ledger: Ledger, status: str, standing: Standing) -> None:
    ledger.record_action(point(1), "ebs-archive", run="run", status=status, details={"proven": True})

    (found,) = ledger.standing(standing)

    assert (found.action, found.status, found.standing) == ("ebs-archive", status, standing)
    assert found.details == {"proven": True}


@pytest.mark.parametrize("status", ["processing", "failed"])
def test_an_action_under_way_or_failed_stands_nowhere(ledger: Ledger, status: str) -> None:
    ledger.record_action(point(1), "ebs-archive", run="run", status="waiting", details={})

    ledger.record_action(point(1), "ebs-archive", run="run", status=status, details={})

    assert not any(ledger.oldest(standing) for standing in Standing)
    assert ledger.entries(str(point(1).arn))[0].standing == ""


def test_what_was_proven_again_goes_to_the_end_of_the_queue(ledger: Ledger, clock: SimulatedClock) -> None:
    for number in (1, 2, 1):
        ledger.record_action(point(number), "ebs-archive", run="run", status="verified", details={})
        with clock.actor():
            clock.sleep(timedelta(days=1).total_seconds())

    assert numbers(ledger.standing(Standing.ARTIFACT)) == [2, 1]


def test_a_run_waits_since_it_began_to_and_another_run_since_it_did(ledger: Ledger, clock: SimulatedClock) -> None:
    began = clock.now()
    for run, waits_since in (("one", began), ("one", began), ("two", began + timedelta(hours=2))):
        ledger.record_action(point(1), "rds-export", run=run, status="waiting", details={})
        (found,) = ledger.standing(Standing.WAITING)
        assert (found.run, found.since) == (run, waits_since.isoformat())
        with clock.actor():
            clock.sleep(timedelta(hours=1).total_seconds())


def test_of_many_points_those_that_are_known_are_told(ledger: Ledger) -> None:
    for number in (1, 150):
        record(ledger, number, Status.KEPT)
    ledger.record_action(point(2), "ebs-archive", run="run", status="waiting", details={})

    known = ledger.known([str(point(number).arn) for number in range(1, 201)])

    assert known == {str(point(1).arn), str(point(150).arn)}


class BusyTable:
    """A table that answers one key at a time, and after so many calls none."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """The first of the keys."""
        ((table, asked),) = RequestItems.items()
        self._left -= 1
        if self._left < 0:
            return {"Responses": {}, "UnprocessedKeys": {table: asked}}
        first, *rest = asked["Keys"]
        unprocessed = {table: {**asked, "Keys": rest}} if rest else {}
        return {"Responses": {table: [{"point": first["point"]}]}, "UnprocessedKeys": unprocessed}


def test_what_a_busy_table_leaves_out_is_asked_again(clock: SimulatedClock) -> None:
    with clock.actor():
        known = Ledger(cast("Any", BusyTable(9)), TABLE, clock).known(["a", "b", "c"])

    assert known == {"a", "b", "c"}


def test_a_table_that_stays_busy_is_told_as_such(clock: SimulatedClock) -> None:
    began = clock.now()

    with clock.actor(), pytest.raises(AwsBusy, match="throttled"):
        Ledger(cast("Any", BusyTable(0)), TABLE, clock).known(["a"])

    assert 20 < (clock.now() - began).total_seconds() < 30


@pytest.mark.parametrize("proven", ["verified", "damaged", "cold"])
@pytest.mark.parametrize("later", ["failed", "processing", "waiting", "announced"])
def test_what_was_proven_stands_whatever_a_later_run_comes_to(ledger: Ledger, proven: str, later: str) -> None:
    ledger.record_action(point(1), "ebs-archive", run="run", status=proven, details={"stored_bytes": 7})

    ledger.record_action(point(1), "ebs-archive", run="run-2", status=later, details={"reason": "no"})

    first, again = ledger.entries(str(point(1).arn))
    assert (first.status, first.run, first.details, first.is_again) == (proven, "run", {"stored_bytes": 7}, False)
    assert (again.status, again.run, again.details, again.is_again) == (later, "run-2", {"reason": "no"}, True)
    assert (first.action, again.action) == ("ebs-archive", "ebs-archive")


def test_a_later_run_that_is_proven_takes_the_place_of_the_earlier_and_what_stood_beside_it_is_over(
    ledger: Ledger,
) -> None:
    ledger.record_action(point(1), "offsite-copy", run="run", status="verified", details={})
    ledger.record_action(point(1), "offsite-copy", run="run-2", status="announced", details={})

    ledger.record_action(point(1), "offsite-copy", run="run-2", status="verified", details={})

    assert [entry.run for entry in ledger.standing(Standing.ARTIFACT)] == ["run-2"]
    assert ledger.oldest(Standing.ANNOUNCED) is None


def test_a_proof_of_what_an_earlier_run_made_leaves_alone_what_a_later_one_came_to(ledger: Ledger) -> None:
    ledger.record_action(point(1), "ebs-archive", run="run", status="verified", details={})
    ledger.record_action(point(1), "ebs-archive", run="run-2", status="failed", details={"reason": "no"})

    ledger.record_action(point(1), "ebs-archive", run="run", status="verified", details={"proofs": 1})

    first, again = ledger.entries(str(point(1).arn))
    assert (first.details, again.status, again.details) == ({"proofs": 1}, "failed", {"reason": "no"})


def test_a_later_run_that_goes_on_waiting_has_waited_since_it_began_to(ledger: Ledger, clock: SimulatedClock) -> None:
    ledger.record_action(point(1), "rds-export", run="run", status="verified", details={})
    ledger.record_action(point(1), "rds-export", run="run-2", status="waiting", details={})
    (began,) = ledger.standing(Standing.WAITING)
    with clock.actor():
        clock.sleep(60)

    ledger.record_action(point(1), "rds-export", run="run-2", status="waiting", details={})

    (goes_on,) = ledger.standing(Standing.WAITING)
    assert goes_on.since == began.since
