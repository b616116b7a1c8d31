"""RDS's event ends the wait for an export; whatever becomes of the event, the export's end is found."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.flow.databases import EXPORT, back_up, broken, database_flow, exporting

from backup_actions.ledger import Waiter, Waits
from backup_actions_local.services.durations import Durations
from backup_actions_local.states.execution import HISTORY_LIMIT
from backup_actions_local.states.expressions import Expressions

if TYPE_CHECKING:
    from tests.flow.flow import Flow, NewFlow

    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.seaweed import ObjectServer

HOUR = 3600.0
EVENT = "RDS DB Snapshot Event"
# A database with nothing in it: its export ends, and is then refused as incomplete, which does not matter here.
POSTGRES = "postgres"
DELIVERED_SECONDS = Durations().event_delivered_seconds


def noticed_after_seconds(flow: Flow) -> float:
    """How long after its end the run saw that the export had ended."""
    (task,) = flow.cloud.database_exports.tasks.values()
    looks = [event.time for event in exporting(flow).history if event.state == "DescribeExport"]
    assert task.ended is not None
    return (max(looks) - task.ended).total_seconds()


def waiters(flow: Flow) -> list[Waiter]:
    client, table = flow.cloud.administrator.client("dynamodb"), flow.deployment.resources["LedgerTable"]
    return Waits(client, table, flow.cloud.clock).waiting_for(flow.arn)


def export_ended(flow: Flow, snapshot: str) -> None:
    """RDS tells of the end of an export of that snapshot."""
    detail = {"EventID": "RDS-EVENT-0161", "SourceArn": snapshot}
    flow.cloud.events.put("aws.rds", EVENT, detail, [snapshot])


@pytest.fixture(name="unheard", scope="module")
def _unheard(
    tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer, postgresql_shop: DatabaseImage
) -> Iterator[Flow]:
    """A run of whose export no event is heard."""
    with database_flow(tmp_path_factory.mktemp("unheard"), flow_objects) as flow:
        flow.cloud.mishaps.drop_event(EVENT)
        back_up(flow, postgresql_shop)
        flow.cloud.mishaps.assert_all_happened()
        yield flow


def test_an_event_that_comes_twice_ends_the_wait_within_a_second_and_leaves_nothing_behind(
    new_database_flow: NewFlow,
) -> None:
    flow = new_database_flow()
    flow.cloud.mishaps.repeat_event(EVENT)
    back_up(flow, None, engine=POSTGRES)

    flow.cloud.mishaps.assert_all_happened()
    assert noticed_after_seconds(flow) <= 1 + DELIVERED_SECONDS
    assert waiters(flow) == []
    assert flow.dead_letters == []


def test_without_the_event_the_end_is_found_by_looking_and_the_last_wait_expires(unheard: Flow) -> None:
    assert unheard.main.status == "SUCCEEDED"
    assert broken(unheard) == []
    assert 1 < noticed_after_seconds(unheard) <= 600
    assert [waiter.owner for waiter in waiters(unheard)] == [exporting(unheard).arn]


def test_the_longest_export_stays_far_below_the_limit_of_the_history(unheard: Flow) -> None:
    history = exporting(unheard).history
    looks = [event.number for event in history if event.type == "TaskStateEntered" and event.state == "DescribeExport"]
    events_of_a_turn = max(later - earlier for earlier, later in itertools.pairwise(looks))
    state = exporting(unheard).machine.definition["States"]["DescribeExport"]
    expressions = Expressions(unheard.cloud.clock.now)
    turns, passed_seconds = 0, 0.0
    while passed_seconds < 72 * HOUR:
        pause = expressions.evaluate(state["Assign"]["pause"], {"polls": turns}, "pause")
        assert isinstance(pause, int)
        turns, passed_seconds = turns + 1, passed_seconds + pause

    assert turns * events_of_a_turn < HISTORY_LIMIT / 2


def test_an_event_that_comes_late_is_no_error(new_database_flow: NewFlow) -> None:
    flow = new_database_flow()
    flow.cloud.mishaps.delay_event(EVENT, seconds=30 * HOUR)
    back_up(flow, None, engine=POSTGRES)

    flow.cloud.mishaps.assert_all_happened()
    assert noticed_after_seconds(flow) > 1
    assert waiters(flow) == []
    assert flow.dead_letters == []


def test_events_of_others_exports_end_nothing_but_a_wait(new_database_flow: NewFlow) -> None:
    flow = new_database_flow()
    woken: list[int] = []

    def foreign() -> None:
        (task,) = flow.cloud.database_exports.tasks.values()
        export_ended(flow, f"{task.snapshot.arn}-of-others")
        export_ended(flow, task.snapshot.arn)
        flow.when(EXPORT, "RenewNow?", lambda: woken.append(len(exporting(flow).history)))

    flow.when(EXPORT, "WaitForExport", foreign)
    back_up(flow, None, engine=POSTGRES)

    first = exporting(flow).history[woken[0] - 1].time
    began = next(event.time for event in exporting(flow).history if event.state == "WaitForExport")
    assert (first - began).total_seconds() <= 2
    assert noticed_after_seconds(flow) <= 1 + DELIVERED_SECONDS
    assert len(flow.cloud.audit.of("stepfunctions", "SendTaskSuccess")) == 2, "nothing for another snapshot"
    assert flow.dead_letters == []


def test_who_cannot_be_put_down_as_waiting_waits_all_the_same(new_database_flow: NewFlow) -> None:
    flow = new_database_flow()
    flow.take_away(f"{EXPORT}-task-await", "dynamodb:PutItem", 0)
    back_up(flow, None, engine=POSTGRES)

    states = flow.states(EXPORT)
    assert states.count("WaitUnheard") == states.count("WaitForExport") > 0
    assert noticed_after_seconds(flow) > 1
    assert flow.cloud.audit.of("stepfunctions", "SendTaskSuccess") == ()


def test_a_run_that_was_stopped_while_it_waits_is_not_woken(new_database_flow: NewFlow) -> None:
    flow = new_database_flow()
    flow.when(EXPORT, "DescribeExport", lambda: flow.stop_when(EXPORT, "DescribeExport"))
    back_up(flow, None, engine=POSTGRES)

    assert exporting(flow).status == "ABORTED"
    assert waiters(flow) == []
    assert len(flow.cloud.audit.of("stepfunctions", "SendTaskSuccess")) == 1, "its token was tried, and was over"
    assert flow.dead_letters == []
