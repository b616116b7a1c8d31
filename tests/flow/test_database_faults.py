"""What goes wrong with exports of databases: the backup is kept, people are told why, nothing half-done is left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.flow.databases import EXPORT, back_up, broken, exporting, leases, manifests, verification
from tests.flow.flow import Flow, NewFlow

from backup_actions.contract import Statement
from backup_actions_local.databases import shop
from backup_actions_local.services.durations import Durations

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseImage

HOUR = 3600.0


def exported(flow: Flow) -> list[str]:
    """Every object of exports."""
    return [key for key in flow.stored() if key.startswith("rds-export/")]


def assert_kept_and_told(flow: Flow, error: str, *words: str) -> None:
    assert (exporting(flow).status, exporting(flow).error) == ("FAILED", error)
    assert flow.main.status == "FAILED"
    assert flow.point is not None
    for word in words:
        assert word in flow.notices[0]["Message"]
    assert broken(flow) == []


def test_tables_that_rds_leaves_out_are_named_and_the_export_is_kept_as_incomplete(
    new_database_flow: NewFlow, postgresql_shop: DatabaseImage, tmp_path: Path
) -> None:
    flow = new_database_flow(deletion={"after_unrestorable": True})
    flow.cloud.mishaps.database_export_warns("FAILED_TO_EXTRACT_TABLES_LIST_FOR_DATABASE")
    back_up(flow, postgresql_shop.changed(tmp_path / "more.tar", shop.add_what_is_skipped))

    flow.cloud.mishaps.assert_all_happened()
    assert_kept_and_told(flow, "NotVerified", "shop.public.price_list", "shop.public.sessions", "FAILED_TO_EXTRACT")
    (manifest,) = manifests(flow).values()
    assert "RDS left out the table shop.public.sessions, UNLOGGED_TABLE." in manifest.notes
    assert "shop.public.orders" in {table.name for table in manifest.tables}
    assert verification(flow)["verified"] is False


def test_lost_and_damaged_files_are_named_and_the_export_discarded(
    new_database_flow: NewFlow, postgresql_shop: DatabaseImage
) -> None:
    flow = new_database_flow()
    flow.cloud.mishaps.database_export_loses_file()
    flow.cloud.mishaps.database_export_damages_file()
    back_up(flow, postgresql_shop)

    flow.cloud.mishaps.assert_all_happened()
    assert_kept_and_told(flow, "NotVerified", "shop.audit.log has no file", "shop/public.Order_Lines/1/part-00000")
    assert exported(flow) == []


def test_an_export_that_fails_half_way_is_discarded(new_database_flow: NewFlow, postgresql_shop: DatabaseImage) -> None:
    flow = new_database_flow()
    flow.cloud.mishaps.database_export_fails()
    back_up(flow, postgresql_shop)

    assert_kept_and_told(flow, "ExportFailed", "An unknown internal error occurred")
    assert exported(flow) == []


def test_an_export_that_somebody_cancels_is_discarded(
    new_database_flow: NewFlow, postgresql_shop: DatabaseImage
) -> None:
    flow = new_database_flow()

    def cancel() -> None:
        (task,) = flow.cloud.database_exports.tasks
        flow.cloud.database_exports.cancel(task)

    flow.when(EXPORT, "RenewNow?", cancel)
    back_up(flow, postgresql_shop)

    assert_kept_and_told(flow, "ExportFailed", "is CANCEL")
    assert exported(flow) == []


def test_an_export_that_takes_too_long_is_canceled(new_database_flow: NewFlow, postgresql_shop: DatabaseImage) -> None:
    slow = Durations(database_export_started_seconds=100 * HOUR)
    flow = new_database_flow(settings={"export_timeout_hours": 1}, durations=slow)
    back_up(flow, postgresql_shop)

    assert_kept_and_told(flow, "ExportTooSlow", "still STARTING after 1 hours")
    assert [task.status for task in flow.cloud.database_exports.tasks.values()] == ["CANCELED"]


def test_what_rds_cannot_export_is_known_before_it_is_asked(new_database_flow: NewFlow) -> None:
    flow = new_database_flow()
    back_up(flow, None, engine="sqlserver-se")

    assert_kept_and_told(flow, "NotExportable", "not of sqlserver-se: take a native dump of it instead")
    assert flow.cloud.audit.of("rds", "StartExportTask") == ()


def test_a_bucket_in_another_region_is_told_before_rds_is_asked(
    new_database_flow: NewFlow, postgresql_shop: DatabaseImage
) -> None:
    flow = new_database_flow()
    flow.cloud.buckets.elsewhere[flow.bucket] = "eu-west-1"
    back_up(flow, postgresql_shop)

    assert_kept_and_told(flow, "NotExportable", "the bucket is in eu-west-1 and the snapshot in us-east-1")
    assert flow.cloud.audit.of("rds", "StartExportTask") == ()
    assert exported(flow) == []


def test_a_key_that_the_export_role_may_not_use_is_told(
    new_database_flow: NewFlow, postgresql_shop: DatabaseImage
) -> None:
    flow = new_database_flow()
    flow.cloud.roles.add(f"{EXPORT}-service-export", [Statement(("s3:PutObject",), on="*", because="no key")])
    back_up(flow, postgresql_shop)

    assert_kept_and_told(flow, "ExportFailed", "kms:GenerateDataKey")


def test_a_key_that_rds_cannot_use_is_told_with_what_to_do(
    new_database_flow: NewFlow, postgresql_shop: DatabaseImage
) -> None:
    flow = new_database_flow()
    flow.cloud.faults.on("rds", "StartExportTask").fail("KMSKeyNotAccessibleFault", status=400).always()
    back_up(flow, postgresql_shop)

    assert_kept_and_told(flow, "KeyNotAccessible", "its policy must let this account use it through IAM")
    assert len(flow.cloud.audit.of("rds", "StartExportTask")) == 1


def test_a_start_that_is_refused_for_an_unknown_reason_is_tried_again(
    new_database_flow: NewFlow, postgresql_shop: DatabaseImage
) -> None:
    flow = new_database_flow()
    flow.cloud.faults.on("rds", "StartExportTask").fail("ExportTaskLimitReached", status=400).times(6)
    back_up(flow, postgresql_shop)

    assert flow.main.status == "SUCCEEDED"
    assert flow.states(EXPORT).count("WaitToStart") == 6
    assert broken(flow) == []


@pytest.mark.parametrize("number", [1, 5])
def test_exports_of_others_are_waited_for_as_long_as_they_take(
    new_database_flow: NewFlow, postgresql_shop: DatabaseImage, number: int
) -> None:
    """One of the same snapshot, or as many as the account may run."""
    flow = new_database_flow(durations=Durations(database_export_started_seconds=5 * HOUR))

    def take_all_places() -> None:
        (snapshot,) = flow.cloud.databases.snapshots(clusters=False)
        for each in range(number):
            others = (
                snapshot
                if number == 1
                else flow.cloud.databases.take_snapshot(snapshot.of, f"awsbackup:job-{each}", tags={}, takes_seconds=0)
            )
            role = flow.cloud.place.role_arn(f"{EXPORT}-service-export")
            asked = {"ExportTaskIdentifier": f"others-{each}", "SourceArn": others.arn, "IamRoleArn": role}
            bucket = {"S3BucketName": flow.bucket, "S3Prefix": "rds-export/others", "KmsKeyId": "key"}
            flow.cloud.database_exports.start({**asked, **bucket}, others)

    flow.when(EXPORT, "Prepare", take_all_places)
    back_up(flow, postgresql_shop)

    assert flow.main.status == "SUCCEEDED"
    assert flow.states(EXPORT).count("WaitForOthers") > 15
    assert flow.states(EXPORT).count("WaitToStart") == 0


def test_a_start_whose_answer_is_lost_leads_to_one_export(
    new_database_flow: NewFlow, postgresql_shop: DatabaseImage
) -> None:
    flow = new_database_flow()
    flow.cloud.faults.on("rds", "StartExportTask").fail_after("InternalFailure")
    back_up(flow, postgresql_shop)

    assert flow.main.status == "SUCCEEDED"
    assert len(flow.cloud.database_exports.tasks) == 1
    assert broken(flow) == []


def test_a_run_that_is_stopped_is_cleaned_up_after(new_database_flow: NewFlow, postgresql_shop: DatabaseImage) -> None:
    flow = new_database_flow()
    flow.stop_when(EXPORT, "WaitForExport")
    back_up(flow, postgresql_shop)

    assert [execution.status for execution in flow.executions(EXPORT)] == ["ABORTED", "SUCCEEDED"]
    assert flow.executions(EXPORT)[1].output == {"cleanedUpAfter": flow.main.name}
    assert exported(flow) == []
    assert leases(flow).held() == []
    assert broken(flow) == []


def test_a_run_out_of_time_cancels_its_export(new_database_flow: NewFlow, postgresql_shop: DatabaseImage) -> None:
    flow = new_database_flow()
    flow.change_machine(EXPORT, TimeoutSeconds=700)
    flow.when(EXPORT, "Begin", lambda: flow.change_machine(EXPORT))  # who cleans up has the usual time
    back_up(flow, postgresql_shop)

    assert exporting(flow).status == "TIMED_OUT"
    assert [task.status for task in flow.cloud.database_exports.tasks.values()] == ["CANCELED"]
    assert exported(flow) == []
    assert broken(flow) == []


def test_a_zone_without_hosts_is_left_for_the_next(new_database_flow: NewFlow, postgresql_shop: DatabaseImage) -> None:
    flow = new_database_flow()
    flow.where_it_begins(EXPORT, flow.cloud.mishaps.no_job_capacity)
    back_up(flow, postgresql_shop)

    assert flow.main.status == "SUCCEEDED"
    assert sorted(job.status for job in flow.cloud.jobs.jobs.values()) == ["FAILED", "SUCCEEDED"]
    assert broken(flow) == []


def test_a_whole_export_is_verified_again_and_never_made_twice(
    new_database_flow: NewFlow, postgresql_shop: DatabaseImage
) -> None:
    flow = new_database_flow()
    back_up(flow, postgresql_shop)
    first = verification(flow)
    with flow.cloud.clock.actor():
        flow.cloud.administrator.client("stepfunctions").start_execution(
            stateMachineArn=flow.main.machine.arn, name="replayed", input=json.dumps(flow.main.input)
        )
    flow.wait()

    assert [execution.status for execution in flow.executions(EXPORT)] == ["SUCCEEDED", "SUCCEEDED"]
    assert len(flow.cloud.database_exports.tasks) == 1
    assert verification(flow)["manifest_sha256"] == first["manifest_sha256"]
    assert verification(flow)["verified_at"] > first["verified_at"]
