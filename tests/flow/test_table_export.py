"""A DynamoDB backup becomes a checked export, by whichever route its items can be had."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from tests.flow.flow import MAIN, Flow, NewFlow
from tests.flow.tables import (
    EXPORT,
    ITEMS,
    TABLE,
    back_up,
    begin_backup,
    broken,
    exported,
    exporting,
    make_table,
    manifest,
    ordered,
    tables,
    temporary,
    verification,
)

from backup_actions.actions.dynamodb_export.places import verification_key
from backup_actions.model.export_manifest import EXPORT_MANIFEST_NAME, ExportManifest

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


def change(dynamodb: DynamoDBClient) -> None:
    """Somebody goes on working with the table."""
    dynamodb.delete_item(TableName=TABLE, Key={"id": {"S": "o-1"}, "line": {"N": "1"}})
    dynamodb.put_item(TableName=TABLE, Item={"id": {"S": "later"}, "line": {"N": "1"}})


def drop(dynamodb: DynamoDBClient) -> None:
    """Somebody deletes the table."""
    dynamodb.delete_table(TableName=TABLE)


# ---------------------------------------------------------------------------------------------------------- the routes


LATE = {"id": {"S": "late"}, "line": {"N": "1"}}
"""Written when AWS Backup has created the recovery point and DynamoDB has not taken the backup yet."""


def back_up_under_way(flow: Flow, afterwards: Any) -> None:
    """The table is written to while its backup is made, and again afterwards."""
    dynamodb = flow.cloud.administrator.client("dynamodb")
    flow.when(MAIN, "Describe", lambda: afterwards(dynamodb))
    with flow.cloud.clock.actor():
        begin_backup(flow)
        flow.cloud.clock.sleep(30)
        dynamodb.put_item(TableName=TABLE, Item=LATE)
    flow.wait()


def test_table_with_a_history_is_exported_as_it_was_at_the_backup_s_time(new_table_flow: NewFlow) -> None:
    flow = new_table_flow()
    make_table(flow, remember=True)
    back_up_under_way(flow, change)

    found = manifest(flow)
    assert flow.main.status == "SUCCEEDED", exporting(flow).cause
    assert exported(flow) == ordered(ITEMS), "what was written after the recovery point's creation is not there"
    assert tables(flow) == [TABLE]
    assert (found.route, [table.name for table in found.tables], found.rows) == ("pitr", [TABLE], len(ITEMS))
    assert any("The backup itself was not read" in note for note in found.notes)
    assert verification(flow)["because"] == "the table's history reaches back to the backup's time"
    assert "dynamodb_restored_gib" not in flow.evidence()["actions"][0]["usage"]
    assert broken(flow) == []


@pytest.mark.parametrize(
    ("advanced", "remember", "afterwards", "because"),
    [
        (True, True, drop, "the table no longer exists"),
        (False, False, change, "the table has no point-in-time recovery"),
    ],
    ids=["deleted table", "classic backup of a table without history"],
)
def test_backup_that_no_history_shows_is_restored_and_exported_and_no_table_is_left(
    new_table_flow: NewFlow, advanced: bool, remember: bool, afterwards: Any, because: str
) -> None:
    flow = new_table_flow()
    flow.cloud.table_backups.advanced = advanced
    make_table(flow, remember=remember)
    tags: list[dict[str, str]] = []
    flow.when(EXPORT, "ExportTable", lambda: tags.append(flow.cloud.tables.tags_of(temporary(flow))))
    back_up_under_way(flow, afterwards)

    found, security = manifest(flow), flow.deployment.settings.security_tag
    assert flow.main.status == "SUCCEEDED", exporting(flow).cause
    assert exported(flow) == ordered([*ITEMS, LATE]), "what DynamoDB took the backup of"
    assert tags == [{security.key: security.value, "backup-actions:run": f"dynamodb-export/{flow.main.name}"}]
    assert temporary(flow) not in tables(flow)
    assert (found.route, found.tables[0].name) == ("restore", TABLE)
    assert any("restored from the backup" in note for note in found.notes)
    assert verification(flow)["because"] == because
    assert flow.evidence()["actions"][0]["usage"].keys() >= {"job_attempts", "put_requests", "get_requests"}
    assert broken(flow) == []


def biggest_item() -> dict[str, Any]:
    """As much as DynamoDB takes: about 400 KB and 32 levels."""
    deep: dict[str, Any] = {"S": "x" * 390_000}
    for _ in range(30):
        deep = {"M": {"in": deep}}
    return {"id": {"S": "big"}, "line": {"N": "1"}, "deep": deep}


def test_settings_force_the_restore_of_a_table_that_has_a_history(new_table_flow: NewFlow) -> None:
    items = [biggest_item(), *ITEMS]
    flow = new_table_flow(settings={"route": "restore", "keep_original": False})
    flow.cloud.dynamodb.exporter.older_layout = True
    make_table(flow, items, remember=True)
    back_up(flow, afterwards=change)

    assert (manifest(flow).route, verification(flow)["because"]) == ("restore", "the settings say restore")
    assert exported(flow) == ordered(items)
    assert not any("/AWSDynamoDB/" in key for key in flow.stored()), "the original was to be dropped"
    assert broken(flow) == []


def test_forced_history_that_does_not_exist_fails_and_says_what_to_do(new_table_flow: NewFlow) -> None:
    flow = new_table_flow(settings={"route": "pitr"})
    make_table(flow)
    back_up(flow)

    assert (flow.main.status, exporting(flow).error) == ("FAILED", "RouteImpossible")
    assert "the table has no point-in-time recovery" in flow.notices[0]["Message"]
    assert broken(flow) == []


def test_bucket_in_another_region_is_told_before_anything_is_made(new_table_flow: NewFlow) -> None:
    flow = new_table_flow()
    flow.cloud.buckets.elsewhere[flow.bucket] = "eu-west-1"
    make_table(flow)
    back_up(flow)

    assert (flow.main.status, exporting(flow).error) == ("FAILED", "BucketElsewhere")
    assert f"the bucket {flow.bucket} is in eu-west-1" in flow.notices[0]["Message"]
    assert not flow.cloud.audit.of("backup", "StartRestoreJob")
    assert broken(flow) == []


def test_run_of_another_name_finds_the_export_complete_and_makes_no_other(new_table_flow: NewFlow) -> None:
    flow = new_table_flow()
    make_table(flow, remember=True)
    back_up(flow)
    client = flow.cloud.administrator.client("stepfunctions")
    with flow.cloud.clock.actor():
        client.start_execution(stateMachineArn=flow.main.machine.arn, name="again", input=json.dumps(flow.main.input))
    flow.wait()

    assert [execution.status for execution in flow.executions(EXPORT)] == ["SUCCEEDED", "SUCCEEDED"]
    assert len(flow.cloud.dynamodb.exports) == 1
    assert len(flow.cloud.jobs.jobs) == 2


def test_backup_goes_after_an_export_only_where_the_settings_say_so_in_so_many_words(new_table_flow: NewFlow) -> None:
    flow = new_table_flow(deletion={"after_unrestorable": True})
    make_table(flow, remember=True)
    back_up(flow)

    assert flow.main.status == "SUCCEEDED"
    assert flow.point is None
    assert flow.evidence()["deletion"]["outcome"] == "deleted"


# ------------------------------------------------------------------------------------------------------------- the data


def test_empty_table_becomes_an_export_without_rows(new_table_flow: NewFlow) -> None:
    flow = new_table_flow()
    make_table(flow, [], remember=True)
    back_up(flow)

    assert flow.main.status == "SUCCEEDED", exporting(flow).cause
    assert manifest(flow).rows == 0
    assert broken(flow) == []


def spoil(flow: Flow, ending: str, content: bytes | None) -> None:
    """Something replaces, or removes, every object whose key ends so."""
    for key in flow.stored():
        if key.endswith(ending) and content is None:
            flow.s3.delete_object(Bucket=flow.bucket, Key=key)
        elif key.endswith(ending):
            flow.s3.put_object(Bucket=flow.bucket, Key=key, Body=content or b"")


@pytest.mark.parametrize(
    ("state", "ending", "content"),
    [
        ("BeginConversion", "manifest-summary.json", b"{}"),
        ("BeginVerification", ".parquet", b"no parquet"),
    ],
)
def test_damage_is_found_before_anything_counts(
    new_table_flow: NewFlow, state: str, ending: str, content: bytes | None
) -> None:
    flow = new_table_flow(settings={"keep_original": False})
    make_table(flow, remember=True)
    flow.when(EXPORT, state, lambda: spoil(flow, ending, content))
    back_up(flow)

    assert flow.main.status == "FAILED"
    assert exporting(flow).error == ("JobFailed" if state == "BeginConversion" else "NotVerified")
    assert broken(flow) == []


def test_file_that_vanishes_behind_the_verification_is_missed(new_table_flow: NewFlow) -> None:
    flow = new_table_flow()
    make_table(flow, remember=True)
    flow.when(EXPORT, "Report", lambda: spoil(flow, ".parquet", None))
    back_up(flow)

    assert (flow.main.status, exporting(flow).error) == ("FAILED", "NotVerified")
    assert "are not there any more" in flow.notices[0]["Message"]


# ------------------------------------------------------------------------------------------------------ what goes wrong


def test_export_that_fails_half_way_leaves_nothing_and_is_told(new_table_flow: NewFlow) -> None:
    flow = new_table_flow()
    flow.cloud.mishaps.export_fails()
    make_table(flow)
    back_up(flow)

    assert (flow.main.status, exporting(flow).error) == ("FAILED", "ExportFailed")
    assert "InternalServerError" in str(exporting(flow).cause)
    assert broken(flow) == []


def test_restore_that_fails_is_told_with_its_reason(new_table_flow: NewFlow) -> None:
    flow = new_table_flow()
    make_table(flow)
    flow.take_away(f"{EXPORT}-service-restore", "dynamodb:BatchWriteItem", 0)
    back_up(flow)

    assert exporting(flow).error == "RestoreFailed"
    assert "dynamodb:BatchWriteItem" in flow.notices[0]["Message"]
    assert broken(flow) == []


@pytest.mark.parametrize("state", ["WaitForRestore", "WaitForExport"])
def test_run_that_is_stopped_is_cleaned_up_after(new_table_flow: NewFlow, state: str) -> None:
    flow = new_table_flow()
    make_table(flow)
    flow.stop_when(EXPORT, state)
    back_up(flow)

    assert [execution.status for execution in flow.executions(EXPORT)] == ["ABORTED", "SUCCEEDED"]
    assert flow.executions(EXPORT)[1].output == {"cleanedUpAfter": flow.main.name}
    assert broken(flow) == []


def test_run_that_is_stopped_leaves_somebody_else_s_restore_and_export_alone(new_table_flow: NewFlow) -> None:
    flow = new_table_flow()
    make_table(flow, remember=True)
    flow.stop_when(EXPORT, "WaitForWindow")
    back_up(flow)

    assert tables(flow) == [TABLE]
    assert flow.cloud.audit.of("dynamodb", "DeleteTable") == ()
    assert broken(flow) == []


def test_run_that_is_stopped_leaves_the_files_of_another_run_of_the_same_backup_alone(new_table_flow: NewFlow) -> None:
    flow = new_table_flow()
    make_table(flow, remember=True)
    theirs: list[str] = []

    def another_run_writes() -> None:
        theirs.append(f"{place(flow)}/another-run/parquet/part-0.parquet")
        flow.s3.put_object(Bucket=flow.bucket, Key=theirs[0], Body=b"rows")
        flow.s3.create_multipart_upload(Bucket=flow.bucket, Key=f"{theirs[0]}-2")

    flow.when(EXPORT, "FindJobs", another_run_writes)
    flow.stop_when(EXPORT, "WaitForExport")
    back_up(flow)

    assert [execution.status for execution in flow.executions(EXPORT)] == ["ABORTED", "SUCCEEDED"]
    assert [key for key in flow.stored() if key.startswith("dynamodb-export/")] == theirs
    assert flow.open_uploads() == [f"{theirs[0]}-2"]


def test_run_that_completes_after_another_one_removes_its_own_files_alone(new_table_flow: NewFlow) -> None:
    flow = new_table_flow()
    make_table(flow, remember=True)
    flow.when(EXPORT, "ExportTable", lambda: complete_in_the_meantime(flow))
    back_up(flow)

    assert exporting(flow).error == "JobFailed"
    assert [key.rpartition("/")[2] for key in flow.stored() if key.startswith("dynamodb-export/")] == ["export.json"]
    assert not any(key.endswith(verification_key("")) for key in flow.stored())


def place(flow: Flow) -> str:
    """Where the exports of the backup lie."""
    work = exporting(flow).input
    assert isinstance(work, dict)
    return str(work["prefix"])


def complete_in_the_meantime(flow: Flow) -> None:
    """Another run writes a manifest of no table."""
    other = ExportManifest(
        tool_version="1",
        created="2026-11-01T00:00:00+00:00",
        kind="dynamodb",
        source={"run": "another-run"},
        date="2026-11-01",
        as_of="2026-11-01T00:00:00+00:00",
        route="pitr",
        tables=(),
    )
    key = f"{place(flow)}/{EXPORT_MANIFEST_NAME}"
    flow.s3.put_object(Bucket=flow.bucket, Key=key, Body=other.to_bytes())


@pytest.mark.parametrize("role", [f"{EXPORT}-workflow", f"{EXPORT}-job-convert"])
def test_those_who_write_an_export_cannot_write_its_manifest(new_table_flow: NewFlow, role: str) -> None:
    flow = new_table_flow()

    with pytest.raises(ClientError, match="AccessDenied"):
        flow.cloud.session(role).client("s3").put_object(
            Bucket=flow.bucket, Key=f"dynamodb-export/a/run/parquet-export/{EXPORT_MANIFEST_NAME}", Body=b"{}"
        )


def test_capacity_and_quota_are_waited_for(new_table_flow: NewFlow) -> None:
    flow = new_table_flow()
    flow.cloud.faults.on("dynamodb", "ExportTableToPointInTime").fail("LimitExceededException").times(7)
    flow.where_it_begins(EXPORT, flow.cloud.mishaps.no_job_capacity)
    make_table(flow, remember=True)
    back_up(flow)

    assert flow.main.status == "SUCCEEDED", exporting(flow).cause
    assert len(flow.cloud.dynamodb.exports) == 1
    assert {job.name[-2:] for job in flow.cloud.jobs.jobs.values() if job.status == "SUCCEEDED"} == {"_1"}
    flow.cloud.faults.assert_all_happened()
    assert broken(flow) == []


def test_lost_answers_make_nothing_twice(new_table_flow: NewFlow) -> None:
    flow = new_table_flow()
    flow.cloud.faults.on("backup", "StartRestoreJob").fail_after("ServiceUnavailableException")
    flow.cloud.faults.on("dynamodb", "ExportTableToPointInTime").fail_after("InternalServerError")
    make_table(flow)
    back_up(flow)

    assert flow.main.status == "SUCCEEDED"
    assert (len(flow.cloud.restores.jobs), len(flow.cloud.dynamodb.exports)) == (1, 1)
    flow.cloud.faults.assert_all_happened()
    assert broken(flow) == []


def test_tags_of_a_backup_choose_its_actions(new_table_flow: NewFlow) -> None:
    flow = new_table_flow(settings={"select": {"team": "research"}})
    make_table(flow)
    back_up(flow)

    assert flow.executions(EXPORT) == []
    assert flow.executions(MAIN)[0].output == {"skipped": "the settings select other tags for dynamodb-export"}
