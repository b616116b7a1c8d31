"""What the ledger says becomes metrics, each run counted once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from tests.estate.ledgers import ESTATE, HOUR, NOON, StandingClock, action_line, line, point

from backup_actions.aws import World
from backup_actions.estate import measure_function
from backup_actions.estate.measuring import Facts, measure, values_of
from backup_actions.estate.metrics import ACTION_DIMENSION, PER_ACTION, PER_ESTATE
from backup_actions.estate.tally import Tallies, Tally
from backup_actions.ledger import Ledger, Status
from backup_actions.ledger.daybook import Daybook

NOTHING = Facts(
    now=NOON,
    oldest_unarchived=None,
    oldest_proof=None,
    oldest_wait=None,
    oldest_unacknowledged=None,
    swept_at=None,
    failed_points=0,
    damaged_archives=0,
    points_at_work=0,
    waiting_actions=0,
    ended=(),
    month_usd=Decimal(0),
)


def values(facts: Facts) -> dict[tuple[str, str], float]:
    return {(each.metric.name, each.action): each.value for each in values_of(facts)}


def test_where_nothing_stands_every_metric_of_the_estate_is_zero() -> None:
    assert values(NOTHING) == {(metric.name, ""): 0 for metric in PER_ESTATE}


def test_ages_are_hours_since_the_oldest() -> None:
    found = values(
        replace(
            NOTHING,
            oldest_unarchived=NOON - 50 * HOUR,
            oldest_proof=NOON - 900 * HOUR,
            oldest_wait=NOON - 1.5 * HOUR,
            oldest_unacknowledged=NOON - 3 * HOUR,
            swept_at=NOON - 25 * HOUR,
        )
    )

    assert found["OldestUnarchivedHours", ""] == 50
    assert found["OldestUnverifiedHours", ""] == 900
    assert found["LongestWaitHours", ""] == 1.5
    assert found["UnacknowledgedHours", ""] == 3
    assert found["SweepAgeHours", ""] == 25


def test_a_backup_from_the_future_of_another_clock_is_of_no_age() -> None:
    assert values(replace(NOTHING, oldest_unarchived=NOON + HOUR))["OldestUnarchivedHours", ""] == 0


def test_where_no_prices_are_known_nothing_is_said_of_costs() -> None:
    assert ("MonthToDateCostUsd", "") not in values(replace(NOTHING, month_usd=None))


def test_bytes_are_added_up_by_action() -> None:
    ended = (
        line("a", NOON, action_line(), action_line("rds-export", source_bytes=7, stored_bytes=3)),
        line("b", NOON, action_line(), action_line("rds-export", succeeded=False, source_bytes=0, stored_bytes=0)),
    )

    found = values(replace(NOTHING, ended=ended))

    assert found["SourceBytes", "ebs-archive"] == 200
    assert found["StoredBytes", "ebs-archive"] == 80
    assert (found["SourceBytes", "rds-export"], found["StoredBytes", "rds-export"]) == (7, 3)


def test_a_tally_adds_up_what_was_used_and_knows_what_was_not_counted() -> None:
    counted = line("a", NOON, action_line(usage={"put_requests": 3, "job_vcpu_hours": 0.5}))

    tally = Tally(through=NOON - HOUR).advanced([counted, counted, line("b", NOON)], NOON)

    assert (tally.runs, tally.uncounted_runs) == (3, 1)
    assert tally.usage == {"put_requests": 6, "job_vcpu_hours": 1.0}
    assert tally.through == NOON


def test_a_new_month_begins_with_its_own_runs_alone() -> None:
    april, may = datetime(2026, 4, 30, 23, tzinfo=UTC), datetime(2026, 5, 1, 1, tzinfo=UTC)
    before = Tally(through=april - HOUR, runs=7, usage={"put_requests": 70.0})

    tally = before.advanced([line("a", april, action_line(usage={"put_requests": 1})), line("b", may)], may)

    assert (tally.month, tally.runs, tally.usage) == ("2026-05", 1, {})


def move(world: World, by: timedelta) -> None:
    assert isinstance(world.clock, StandingClock)
    world.clock.at += by


def published(world: World, metric: str, action: str = "") -> list[float]:
    """Sum, and how often it was put, of a metric."""
    found = world.clients.cloudwatch.get_metric_statistics(
        Namespace="BackupActions/backup-actions",
        MetricName=metric,
        Dimensions=[{"Name": ACTION_DIMENSION, "Value": action}] if action else [],
        StartTime=NOON - HOUR,
        EndTime=NOON + 24 * HOUR,
        Period=86_400,
        Statistics=["Sum"],
    )
    return [point["Sum"] for point in found["Datapoints"]]


def test_each_run_is_in_one_measurement(world: World) -> None:
    book = Daybook(world.clients.dynamodb, ESTATE.ledger)
    book.write(line("a", NOON - timedelta(minutes=20), action_line(usage={"put_requests": 1_000_000})))
    assert [measure(world, {})["MonthToDateCostUsd"] for _ in range(2)] == [5.0, 5.0]
    book.write(line("b", NOON + timedelta(minutes=10)))
    move(world, timedelta(minutes=15))
    measure(world, {})

    assert published(world, PER_ACTION[0].name, "ebs-archive") == [200]
    tally = Tallies(world.clients.dynamodb, ESTATE.ledger).read()
    assert tally is not None
    assert tally.runs == 2


def test_a_tally_that_was_carried_on_meanwhile_is_not_carried_on_again(world: World) -> None:
    tallies = Tallies(world.clients.dynamodb, ESTATE.ledger)
    first = Tally(through=NOON)

    assert tallies.replace(None, first)
    assert not tallies.replace(None, first)
    assert tallies.replace(first, Tally(through=NOON + HOUR))
    assert not tallies.replace(first, Tally(through=NOON + HOUR))


def test_what_is_not_archived_is_measured_by_the_age_of_the_backup(world: World) -> None:
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    for number, (status, hours) in enumerate(
        [(Status.FAILED, 30), (Status.PROCESSING, 2), (Status.KEPT, 900), (Status.FAILED, 1)]
    ):
        made_at, came_to = (NOON - hours * HOUR).isoformat(), "waiting" if number == 1 else "verified"
        ledger.record(point(str(number)), run="r", status=status, details={}, made_at=made_at)
        ledger.record_action(point(str(number)), "rds-export", run="r", status=came_to, details={})
    move(world, HOUR)

    found = measure(world, {})

    assert found["OldestUnarchivedHours"] == 31
    assert (found["FailedPoints"], found["PointsAtWork"], found["WaitingActions"]) == (2, 1, 1)
    assert (found["LongestWaitHours"], found["OldestUnverifiedHours"]) == (1, 1)
    assert published(world, "OldestUnarchivedHours") == [31]


def test_what_was_found_damaged_is_counted_and_has_no_age(world: World) -> None:
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    ledger.record_action(point("1"), "ebs-archive", run="r", status="damaged", details={})
    move(world, HOUR)

    found = measure(world, {})

    assert (found["DamagedArchives"], found["OldestUnverifiedHours"]) == (1, 0)


def test_what_is_too_cold_to_be_read_is_as_old_as_the_last_look_at_it(world: World) -> None:
    ledger = Ledger(world.clients.dynamodb, ESTATE.ledger, world.clock)
    ledger.record_action(point("1"), "ebs-archive", run="r", status="cold", details={})
    move(world, HOUR)

    assert measure(world, {})["OldestUnverifiedHours"] == 1


def test_metrics_may_be_put_into_the_deployments_own_namespace_alone() -> None:
    (statement,) = (
        each
        for each in measure_function(ESTATE).permissions.tasks["function"]
        if each.actions == ("cloudwatch:PutMetricData",)
    )

    assert statement.when == {"StringEquals": {"cloudwatch:namespace": "BackupActions/${Name}"}}
