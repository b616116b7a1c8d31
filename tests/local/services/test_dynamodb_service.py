"""Tables that take time, their history, exports with AWS's manifests, backups and restores."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from backup_actions.contract import Statement
from backup_actions_local.cloud import Cloud
from backup_actions_local.services.dynamodb_backups import RESTORE_ACTIONS

if TYPE_CHECKING:
    from types_boto3_backup import BackupClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client

    from backup_actions_local.seaweed import ObjectServer

TABLE, BUCKET, VAULT, RESTORER = "Orders", "exports-of-tables", "daily", "restorer"


@pytest.fixture(name="cloud")
def _cloud(tmp_path: Path, flow_objects: ObjectServer) -> Iterator[Cloud]:
    with Cloud(tmp_path, flow_objects, mode="inline") as cloud, cloud.clock.actor():
        cloud.administrator.client("s3").create_bucket(Bucket=BUCKET)
        cloud.vaults.make_vault(VAULT)
        yield cloud
        s3 = cloud.administrator.client("s3")
        for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            s3.delete_object(Bucket=BUCKET, Key=found["Key"])
        s3.delete_bucket(Bucket=BUCKET)


@pytest.fixture(name="dynamodb")
def _dynamodb(cloud: Cloud) -> DynamoDBClient:
    client: DynamoDBClient = cloud.administrator.client("dynamodb")
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "line", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "line", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
        Tags=[{"Key": "team", "Value": "sales"}],
    )
    return client


@pytest.fixture(name="s3")
def _s3(cloud: Cloud) -> S3Client:
    client: S3Client = cloud.administrator.client("s3")
    return client


@pytest.fixture(name="backup")
def _backup(cloud: Cloud) -> BackupClient:
    client: BackupClient = cloud.administrator.client("backup")
    return client


def item(order: str, line: int, **more: Any) -> dict[str, Any]:
    return {"id": {"S": order}, "line": {"N": str(line)}, **more}


def put(dynamodb: DynamoDBClient, *items: dict[str, Any]) -> None:
    for each in items:
        dynamodb.put_item(TableName=TABLE, Item=each)


def remember(dynamodb: DynamoDBClient, *, enabled: bool = True, **more: int) -> dict[str, Any]:
    specification: Any = {"PointInTimeRecoveryEnabled": enabled, **more}
    answer = dynamodb.update_continuous_backups(TableName=TABLE, PointInTimeRecoverySpecification=specification)
    return dict(answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"])


def window(dynamodb: DynamoDBClient) -> dict[str, Any]:
    answer = dynamodb.describe_continuous_backups(TableName=TABLE)
    return dict(answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"])


def export(cloud: Cloud, dynamodb: DynamoDBClient, at: datetime, **more: Any) -> dict[str, Any]:
    """A finished export."""
    begun = ask_for_export(cloud, dynamodb, at, **more)
    cloud.clock.sleep(600)
    return dict(dynamodb.describe_export(ExportArn=begun["ExportArn"])["ExportDescription"])


def ask_for_export(cloud: Cloud, dynamodb: DynamoDBClient, at: datetime, **more: Any) -> dict[str, Any]:
    parameters = {"S3Bucket": BUCKET, "S3Prefix": "some/prefix", "ExportTime": at, **more}
    arn = cloud.tables.arn_of(TABLE)
    return dict(dynamodb.export_table_to_point_in_time(TableArn=arn, **parameters)["ExportDescription"])


def read(s3: S3Client, key: str) -> bytes:
    return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def exported(s3: S3Client, description: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of an export, by way of its manifests."""
    summary = json.loads(read(s3, description["ExportManifest"]))
    entries = [json.loads(line) for line in read(s3, summary["manifestFilesS3Key"]).splitlines()]
    lines = [line for entry in entries for line in gzip.decompress(read(s3, entry["dataFileS3Key"])).splitlines()]
    return sorted((json.loads(line)["Item"] for line in lines), key=str)


def code(call: Any, *args: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(*args, **parameters)
    return str(refused.value.response["Error"]["Code"])


# ------------------------------------------------------------------------------------------------------- point in time


def test_nothing_can_be_restored_before_recovery_is_on_and_five_minutes_have_passed(
    cloud: Cloud, dynamodb: DynamoDBClient
) -> None:
    assert window(dynamodb) == {"PointInTimeRecoveryStatus": "DISABLED"}
    assert remember(dynamodb) == {"PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": 35}
    begun = cloud.clock.now()
    cloud.clock.sleep(301)

    assert window(dynamodb)["EarliestRestorableDateTime"] == begun
    assert window(dynamodb)["LatestRestorableDateTime"] == begun + timedelta(seconds=1)


def test_window_is_no_longer_than_its_period(cloud: Cloud, dynamodb: DynamoDBClient) -> None:
    remember(dynamodb, RecoveryPeriodInDays=2)
    cloud.clock.sleep(5 * 24 * 3600)

    assert window(dynamodb)["EarliestRestorableDateTime"] == cloud.clock.now() - timedelta(days=2)
    assert code(remember, dynamodb, RecoveryPeriodInDays=36) == "ValidationException"


def test_turning_recovery_off_forgets_the_history(cloud: Cloud, dynamodb: DynamoDBClient) -> None:
    remember(dynamodb)
    remember(dynamodb, enabled=False)

    assert code(ask_for_export, cloud, dynamodb, cloud.clock.now()) == "PointInTimeRecoveryUnavailableException"


def test_export_holds_the_items_as_they_were_at_its_time(cloud: Cloud, dynamodb: DynamoDBClient, s3: S3Client) -> None:
    put(dynamodb, item("a", 1), item("b", 1, note={"S": "as it was"}), item("c", 1))
    remember(dynamodb)
    cloud.clock.sleep(60)
    then = cloud.clock.now()
    cloud.clock.sleep(1)
    dynamodb.delete_item(TableName=TABLE, Key=item("a", 1))
    put(dynamodb, item("d", 1))
    dynamodb.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": item("e", 1)}}]})
    dynamodb.transact_write_items(TransactItems=[{"Delete": {"TableName": TABLE, "Key": item("c", 1)}}])
    dynamodb.update_item(
        TableName=TABLE,
        Key=item("b", 1),
        UpdateExpression="SET note = :n",
        ExpressionAttributeValues={":n": {"S": "new"}},
    )
    cloud.clock.sleep(1000)

    assert exported(s3, export(cloud, dynamodb, then)) == [
        item("a", 1),
        item("b", 1, note={"S": "as it was"}),
        item("c", 1),
    ]
    assert exported(s3, export(cloud, dynamodb, then + timedelta(seconds=1))) == [
        item("b", 1, note={"S": "new"}),
        item("d", 1),
        item("e", 1),
    ]


@pytest.mark.parametrize("seconds", [-1, 1000])
def test_export_of_a_time_outside_the_window_is_refused(cloud: Cloud, dynamodb: DynamoDBClient, seconds: int) -> None:
    remember(dynamodb)
    begun = cloud.clock.now()
    cloud.clock.sleep(900)

    refusal = code(ask_for_export, cloud, dynamodb, begun + timedelta(seconds=seconds))

    assert refusal == "InvalidExportTimeException"


# -------------------------------------------------------------------------------------------------------------- exports


@pytest.fixture(name="ready")
def _ready(cloud: Cloud, dynamodb: DynamoDBClient) -> datetime:
    """A time that can be exported, in a table of seven items."""
    put(dynamodb, *(item(f"order-{number}", number) for number in range(7)))
    remember(dynamodb)
    cloud.clock.sleep(900)
    return cloud.clock.now() - timedelta(minutes=6)


@pytest.mark.parametrize("older", [True, False])
def test_manifests_count_and_sum_up_what_lies_there(
    cloud: Cloud, dynamodb: DynamoDBClient, s3: S3Client, ready: datetime, older: bool
) -> None:
    cloud.dynamodb.exporter.older_layout = older
    done = export(cloud, dynamodb, ready)

    folder = f"some/prefix/AWSDynamoDB/{done['ExportArn'].rpartition('/')[2]}"
    kind, stated = ("md5", folder.removeprefix("some/prefix/")) if older else ("checksum", folder)
    summary_bytes, files_bytes = (read(s3, f"{folder}/manifest-{name}.json") for name in ("summary", "files"))
    summary = json.loads(summary_bytes)
    entries = [json.loads(line) for line in files_bytes.splitlines()]
    assert (done["ExportStatus"], done["ItemCount"]) == ("COMPLETED", 7)
    assert read(s3, f"{folder}/manifest-summary.{kind}").decode() == md5(summary_bytes)
    assert read(s3, f"{folder}/manifest-files.{kind}").decode() == md5(files_bytes)
    assert read(s3, f"{folder}/_started") == b""
    assert summary["manifestFilesS3Key"] == f"{stated}/manifest-files.json"
    assert summary["itemCount"] == sum(entry["itemCount"] for entry in entries) == 7
    for entry in entries:
        data = read(s3, f"{folder}/data/{entry['dataFileS3Key'].rpartition('/')[2]}")
        assert entry["md5Checksum"] == md5(data)
        assert entry["itemCount"] == len(gzip.decompress(data).splitlines())


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


def test_same_token_asks_for_the_same_export_for_eight_hours(
    cloud: Cloud, dynamodb: DynamoDBClient, ready: datetime
) -> None:
    first = export(cloud, dynamodb, ready, ClientToken="once")
    again = ask_for_export(cloud, dynamodb, ready, ClientToken="once")
    other = code(ask_for_export, cloud, dynamodb, ready, ClientToken="once", S3Prefix="elsewhere")
    cloud.clock.sleep(9 * 3600)
    later = ask_for_export(cloud, dynamodb, ready, ClientToken="once")
    arns = {each["ExportArn"] for each in dynamodb.list_exports(TableArn=cloud.tables.arn_of(TABLE))["ExportSummaries"]}

    assert first["ExportArn"] == again["ExportArn"]
    assert other == "ExportConflictException"
    assert arns == {first["ExportArn"], later["ExportArn"]}
    assert len(arns) == 2


def test_export_that_fails_half_way_leaves_data_without_manifests(
    cloud: Cloud, dynamodb: DynamoDBClient, s3: S3Client, ready: datetime
) -> None:
    cloud.mishaps.export_fails()
    failed = export(cloud, dynamodb, ready)

    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert (failed["ExportStatus"], failed["FailureCode"]) == ("FAILED", "InternalServerError")
    assert any("/data/" in key for key in keys)
    assert not any("manifest" in key for key in keys)


def test_export_that_may_not_write_fails_and_says_so(cloud: Cloud, dynamodb: DynamoDBClient, ready: datetime) -> None:
    everything = Statement(("dynamodb:ExportTableToPointInTime", "dynamodb:DescribeExport"), on="*", because="a test")
    writes = Statement(("s3:PutObject", "s3:PutObjectAcl", "s3:AbortMultipartUpload"), on="*", because="a test")
    cloud.roles.add("asks", [everything, writes])
    cloud.faults.on("s3", "PutObject", role="asks").fail("AccessDenied", "a bucket policy says no", status=403)

    failed = export(cloud, cloud.session("asks").client("dynamodb"), ready)

    assert dynamodb
    assert (failed["ExportStatus"], failed["FailureCode"]) == ("FAILED", "S3AccessDenied")
    assert failed["FailureMessage"] == "a bucket policy says no"


def test_exports_write_with_the_rights_of_whoever_asks(cloud: Cloud, dynamodb: DynamoDBClient, ready: datetime) -> None:
    table, objects = cloud.tables.arn_of(TABLE), f"arn:aws:s3:::{BUCKET}/some/*"
    writes = ("s3:PutObject", "s3:PutObjectAcl", "s3:AbortMultipartUpload")
    exports = Statement(("dynamodb:ExportTableToPointInTime",), on=table)
    cloud.roles.add("asks", [exports])
    asking = cloud.session("asks").client("dynamodb")
    without = code(ask_for_export, cloud, asking, ready)
    cloud.roles.add("asks", [exports, Statement(writes, on=objects, because="a folder")])

    assert without == "AccessDeniedException"
    assert ask_for_export(cloud, asking, ready)["ExportStatus"] == "IN_PROGRESS"
    cloud.clock.sleep(600)
    assert {e.caller.role for e in cloud.audit.of("s3", "PutObject") if e.caller} == {"asks"}


# ------------------------------------------------------------------------------------------------ backups and restores


def back_up(cloud: Cloud, backup: BackupClient) -> str:
    job = backup.start_backup_job(
        BackupVaultName=VAULT, ResourceArn=cloud.tables.arn_of(TABLE), IamRoleArn=cloud.place.role_arn("backup")
    )
    cloud.clock.sleep(600)
    return backup.describe_backup_job(BackupJobId=job["BackupJobId"])["RecoveryPointArn"]


def allow_restores(cloud: Cloud, *, actions: tuple[str, ...] = RESTORE_ACTIONS, trusted: str = "*") -> None:
    classic = Statement(("dynamodb:RestoreTableFromBackup",), on="*", because="whatever backup")
    cloud.roles.add(RESTORER, [Statement(actions, on=cloud.tables.arn_of("Again")), classic])
    cloud.roles.trust(RESTORER, "backup.amazonaws.com", (trusted,))


def restore(cloud: Cloud, backup: BackupClient, arn: str, **more: Any) -> dict[str, Any]:
    """A restore job, an hour later."""
    metadata = {"targetTableName": "Again", "encryptionType": "Default"}
    started = backup.start_restore_job(
        RecoveryPointArn=arn,
        Metadata=metadata,
        IamRoleArn=cloud.place.role_arn(RESTORER),
        ResourceType="DynamoDB",
        **more,
    )
    cloud.clock.sleep(3600)
    return dict(backup.describe_restore_job(RestoreJobId=started["RestoreJobId"]))


@pytest.mark.parametrize(("advanced", "tags"), [(True, {"team": "sales"}), (False, {})])
def test_backup_is_a_recovery_point_that_makes_the_table_again(
    cloud: Cloud, dynamodb: DynamoDBClient, backup: BackupClient, advanced: bool, tags: dict[str, str]
) -> None:
    cloud.table_backups.advanced = advanced
    put(dynamodb, item("a", 1), item("b", 2))
    remember(dynamodb)
    arn = back_up(cloud, backup)
    put(dynamodb, item("c", 3))
    allow_restores(cloud)

    done = restore(cloud, backup, arn)

    table = dynamodb.describe_table(TableName="Again")["Table"]
    assert arn.startswith("arn:aws:backup:") == advanced
    assert backup.describe_recovery_point(BackupVaultName=VAULT, RecoveryPointArn=arn)["ResourceType"] == "DynamoDB"
    assert backup.list_tags(ResourceArn=arn)["Tags"] == tags
    assert (done["Status"], done["CreatedResourceArn"]) == ("COMPLETED", cloud.tables.arn_of("Again"))
    assert sorted(dynamodb.scan(TableName="Again")["Items"], key=str) == [item("a", 1), item("b", 2)]
    assert table["RestoreSummary"]["SourceBackupArn"] == arn
    assert dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"] == []
    assert cloud.tables.history("Again") is None


def test_table_is_there_and_cannot_be_deleted_while_it_is_restored(
    cloud: Cloud, dynamodb: DynamoDBClient, backup: BackupClient
) -> None:
    arn = back_up(cloud, backup)
    allow_restores(cloud)
    backup.start_restore_job(
        RecoveryPointArn=arn,
        Metadata={"targetTableName": "Again"},
        IamRoleArn=cloud.place.role_arn(RESTORER),
        IdempotencyToken="once",
    )
    pending = backup.list_restore_jobs(ByStatus="PENDING")["RestoreJobs"]
    cloud.clock.sleep(120)

    assert len(pending) == 1
    assert dynamodb.describe_table(TableName="Again")["Table"]["TableStatus"] == "CREATING"
    assert code(dynamodb.delete_table, TableName="Again") == "ResourceInUseException"
    assert len(backup.list_restore_jobs(ByStatus="RUNNING")["RestoreJobs"]) == 1


def test_same_token_restores_once(cloud: Cloud, dynamodb: DynamoDBClient, backup: BackupClient) -> None:
    put(dynamodb, item("a", 1))
    arn = back_up(cloud, backup)
    allow_restores(cloud)
    first = restore(cloud, backup, arn, IdempotencyToken="once")

    assert restore(cloud, backup, arn, IdempotencyToken="once")["RestoreJobId"] == first["RestoreJobId"]
    assert "already exists" in restore(cloud, backup, arn, IdempotencyToken="twice")["StatusMessage"]


@pytest.mark.parametrize("missing", ["dynamodb:RestoreTableFromAwsBackup", "dynamodb:BatchWriteItem"])
def test_restore_fails_without_any_one_of_its_role_s_rights(
    cloud: Cloud, dynamodb: DynamoDBClient, backup: BackupClient, missing: str
) -> None:
    assert dynamodb
    arn = back_up(cloud, backup)
    allow_restores(cloud, actions=tuple(action for action in RESTORE_ACTIONS if action != missing))

    failed = restore(cloud, backup, arn)

    assert failed["Status"] == "FAILED"
    assert missing in failed["StatusMessage"]


def test_restore_fails_under_a_role_that_does_not_trust_aws_backup_for_this_vault(
    cloud: Cloud, dynamodb: DynamoDBClient, backup: BackupClient
) -> None:
    assert dynamodb
    arn = back_up(cloud, backup)
    allow_restores(cloud, trusted="arn:aws:backup:us-east-1:999999999999:*")

    assert restore(cloud, backup, arn)["Status"] == "FAILED"


def test_deleted_table_goes_slowly_and_takes_its_history_with_it(cloud: Cloud, dynamodb: DynamoDBClient) -> None:
    remember(dynamodb)
    first_id = dynamodb.describe_table(TableName=TABLE)["Table"]["TableId"]
    dynamodb.delete_table(TableName=TABLE)
    status = dynamodb.describe_table(TableName=TABLE)["Table"]["TableStatus"]
    cloud.clock.sleep(60)

    assert first_id
    assert status == "DELETING"
    assert code(dynamodb.describe_table, TableName=TABLE) == "ResourceNotFoundException"
    assert code(window, dynamodb) == "TableNotFoundException"
