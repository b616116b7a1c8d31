"""What goes wrong with dumps of databases: the backup is kept, people are told why, nothing is left running.

A folder takes the place of the server: how RDS and the workflow fare does not depend on what is in the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.flow.dumps import (
    DUMP,
    back_up,
    broken,
    dumped_objects,
    dumping,
    folder_flow,
    main_succeeded,
    parameters,
    server_of,
    verification,
)
from tests.flow.flow import ZONES, Flow, NewFlow

from backup_actions.ledger.ledger import Entry
from backup_actions_local.services.durations import Durations

if TYPE_CHECKING:
    from backup_actions_local.seaweed import ObjectServer

HOUR = 3600.0
AURORA = "aurora-postgresql"


def assert_kept_and_told(flow: Flow, error: str, *words: str) -> None:
    assert (dumping(flow).status, dumping(flow).error) == ("FAILED", error)
    assert flow.main.status == "FAILED"
    assert flow.point is not None
    for word in words:
        assert word in flow.notices[0]["Message"]
    assert broken(flow) == []


def restores(flow: Flow) -> list[str]:
    """The zones in which the first run has asked for an instance, in order."""
    asked = [event for event in dumping(flow).history if event.type == "TaskScheduled"]
    return [str(event.details["parameters"]["AvailabilityZone"]) for event in asked if event.state == "RestoreInstance"]


def at(flow: Flow, state: str, happens: Callable[[], object]) -> None:
    flow.when(DUMP, state, happens)


def test_what_cannot_be_dumped_is_known_before_anything_is_made(new_dump_flow: NewFlow) -> None:
    flow = new_dump_flow()
    back_up(flow, engine="sqlserver-se")

    assert_kept_and_told(flow, "NotDumpable", "not sqlserver-se: keep the backup")
    assert restores(flow) == []


# ------------------------------------------------------------------------------------------------------------- waiting


@pytest.fixture(name="late", scope="module")
def _late(tmp_path_factory: pytest.TempPathFactory, flow_objects: ObjectServer) -> Iterator[Flow]:
    """Before it finds a place the run meets a full quota, a zone without capacity, and a lack that shows late."""
    with folder_flow(tmp_path_factory.mktemp("late"), flow_objects) as flow:
        quota = flow.cloud.faults.on("rds", "RestoreDBInstanceFromDBSnapshot")
        quota.fail("InstanceQuotaExceeded", status=400).times(3)
        flow.where_it_begins(DUMP, flow.cloud.mishaps.no_database_capacity)
        flow.cloud.mishaps.database_becomes("insufficient-capacity")
        flow.cloud.offers.end_support("postgres", "16", flow.cloud.clock.now() - timedelta(days=1))
        flow.cloud.offers.deprecate("postgres", "16.1", "16.9")
        at(flow, "WaitForPlace", lambda: SEEN.extend(flow.ledger(arn(flow))))
        at(flow, "NextPlace", lambda: STANDING.extend(flow.cloud.restored.instances))
        back_up(flow, engine_version="16.1")
        yield flow


SEEN: list[Entry] = []
"""The ledger while the run first waited."""
STANDING: list[str] = []
"""The instances there were when it turned to another place."""


def arn(flow: Flow) -> str:
    (point,) = flow.cloud.vaults.points()
    return str(point.of.arn)


def test_lack_of_quota_and_capacity_is_no_failure(late: Flow) -> None:
    assert main_succeeded(late)
    assert broken(late) == []
    late.cloud.faults.assert_all_happened()


def test_waiting_is_seen_in_the_ledger_with_its_reason(late: Flow) -> None:
    (entry,) = (entry for entry in SEEN if entry.item == "action#rds-dump")

    assert (entry.status, entry.details["for"]) == ("waiting", "a quota of RDS")
    assert f"RestoreInstance in {late.zones(DUMP)[0]}" in str(entry.details["last"])
    assert late.states(DUMP).count("WaitForPlace") == 3
    assert late.states(DUMP).count("RecordGoingOn") == 1


def test_the_best_class_is_tried_in_every_zone_before_the_next_and_nothing_stands_twice(late: Flow) -> None:
    assert restores(late)[3:] == 2 * late.zones(DUMP)
    assert verification(late)["instance"]["class"] == "db.r7g.large"
    assert STANDING == []


def test_an_upgrade_and_the_end_of_support_stand_in_the_evidence(late: Flow) -> None:
    support, upgraded = verification(late)["notes"]

    assert support.startswith("standard support of postgres 16 has ended")
    assert upgraded == "RDS has upgraded the database from 16.1 to 16.9 when it was restored; that was dumped"


def test_capacity_that_does_not_come_in_time_is_told(new_dump_flow: NewFlow) -> None:
    flow = new_dump_flow(settings={"capacity_timeout_hours": 1, "instance_classes": ["db.t4g.medium"]})
    for zone in ZONES:
        flow.cloud.mishaps.no_database_capacity(zone)
    back_up(flow)

    assert_kept_and_told(
        flow, "NoPlaceLeft", f"1 hours or 20 times): {', '.join(flow.zones(DUMP))}; last: RestoreInstance in"
    )
    assert flow.states(DUMP).count("WaitForPlace") > 3


def test_a_job_without_a_host_takes_the_database_to_the_next_zone(new_dump_flow: NewFlow) -> None:
    flow = new_dump_flow()
    flow.where_it_begins(DUMP, flow.cloud.mishaps.no_job_capacity)
    back_up(flow)

    assert main_succeeded(flow)
    assert restores(flow) == flow.zones(DUMP)
    assert broken(flow) == []


# ------------------------------------------------------------------------------------------------ the restored database


def test_a_database_whose_disk_is_full_is_removed_and_told_with_what_to_do(new_dump_flow: NewFlow) -> None:
    flow = new_dump_flow()
    flow.cloud.mishaps.database_becomes("storage-full")
    back_up(flow)

    assert_kept_and_told(flow, "RestoreFailed", "is storage-full: raise extra_storage_percent")


def test_a_key_that_rds_may_not_use_is_told_with_what_to_do(new_dump_flow: NewFlow) -> None:
    flow = new_dump_flow()
    flow.cloud.faults.on("rds", "RestoreDBInstanceFromDBSnapshot").fail("KMSKeyNotAccessibleFault", status=400).always()
    back_up(flow)

    assert_kept_and_told(flow, "KeyNotAccessible", "its policy must let this account use it through IAM")
    assert len(restores(flow)) == 1


def test_a_restore_that_takes_too_long_is_given_up_and_removed(new_dump_flow: NewFlow) -> None:
    flow = new_dump_flow(
        settings={"restore_timeout_hours": 1}, durations=Durations(database_restored_seconds=50 * HOUR)
    )
    back_up(flow)

    assert_kept_and_told(flow, "RestoreTooSlow", "is still creating after 1 hours")


# ------------------------------------------------------------------------------------------------------------- the jobs


def test_a_dump_whose_host_is_lost_goes_on_behind_finished_sections(new_dump_flow: NewFlow) -> None:
    flow = new_dump_flow()
    kill = flow.cloud.mishaps.kill_job("rds-", at="dump", attempts=(1,))
    back_up(flow)

    assert kill.struck == 1
    assert main_succeeded(flow)
    assert broken(flow) == []


def test_a_program_that_fails_leaves_no_dump(new_dump_flow: NewFlow) -> None:
    flow = new_dump_flow()
    server_of(flow).fault("d0-rows-1", "echo 'disk is on fire' >&2; exit 1")
    back_up(flow)

    assert_kept_and_told(flow, "JobFailed", "the dump job")
    assert dumped_objects(flow) == []


def test_a_dump_that_differs_from_the_database_is_named_and_the_backup_kept(new_dump_flow: NewFlow) -> None:
    flow = new_dump_flow()
    server_of(flow).fault("d0-rows-0", "grep -v 'order 8$' < \"$1\"")
    back_up(flow)

    assert_kept_and_told(flow, "NotVerified", "orders")


# ---------------------------------------------------------------------------------------------------------- cut short


@pytest.mark.parametrize("state", ["SetPassword", "WaitForJob"])
def test_a_run_that_is_stopped_is_cleaned_up_after(new_dump_flow: NewFlow, state: str) -> None:
    flow = new_dump_flow()
    flow.stop_when(DUMP, state)
    back_up(flow)

    assert [execution.status for execution in flow.executions(DUMP)] == ["ABORTED", "SUCCEEDED"]
    assert flow.executions(DUMP)[1].output == {"cleanedUpAfter": flow.main.name}
    assert parameters(flow) == []
    assert broken(flow) == []


def test_a_cluster_whose_run_runs_out_of_time_goes_with_its_instance(new_dump_flow: NewFlow) -> None:
    flow = new_dump_flow()
    flow.change_machine(DUMP, TimeoutSeconds=110)
    flow.when(DUMP, "Begin", lambda: flow.change_machine(DUMP))  # who cleans up has the usual time
    back_up(flow, engine=AURORA)

    assert dumping(flow).status == "TIMED_OUT"
    assert "CreateInstance" in flow.states(DUMP)
    assert broken(flow) == []


def test_what_cannot_be_removed_is_told(new_dump_flow: NewFlow) -> None:
    flow = new_dump_flow()
    flow.cloud.faults.on("rds", "DeleteDBInstance").fail("AccessDenied", status=403).always()
    back_up(flow)

    assert (dumping(flow).status, dumping(flow).error) == ("FAILED", "LeftBehind")
    assert any("LeftBehind" in notice["Message"] for notice in flow.notices)
    assert list(flow.cloud.restored.instances)
    assert flow.point is not None
