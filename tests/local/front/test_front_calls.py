"""The order of a call, through boto3: signature, audit, faults, permission, answer."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from backup_actions.contract.permissions import Statement
from backup_actions_local.front import Verdict

from .conftest import SetUp, Stage

DESCRIBE = Statement(("ec2:DescribeVolumes",), on="*", because="Describe* has no resource-level control")
DELETE_OURS = Statement(
    ("ec2:DeleteVolume",),
    on="arn:aws:ec2:us-east-1:111122223333:volume/*",
    when={"StringEquals": {"aws:ResourceTag/owner": "us"}},
    because="ids are not known before",
)
ONCE = Config(retries={"total_max_attempts": 1})


def error_of(call: Any, **params: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    response = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def foreign(stage: Stage, service: str, key: str, secret: str, token: str) -> Any:
    session = boto3.Session(key, secret, token, region_name="us-east-1")
    return session.client(service, endpoint_url=stage.front.url, config=ONCE)  # type: ignore[call-overload]


def test_a_permitted_call_is_answered_and_audited(stage: Stage) -> None:
    (volume,) = stage.client("ec2", DESCRIBE).describe_volumes(VolumeIds=["vol-1"])["Volumes"]

    assert (volume["VolumeId"], volume["Size"]) == ("vol-1", 3)
    assert stage.ec2.calls[0].params["VolumeIds"] == ["vol-1"]
    (entry,) = stage.audit.entries
    assert (entry.service, entry.operation, entry.resource, entry.verdict) == ("ec2", "DescribeVolumes", "*", "allowed")
    assert entry.caller is not None
    assert entry.caller.role == "worker"
    assert entry.at == stage.clock.now()


def test_a_call_that_no_statement_allows_is_refused_as_ec2_does_and_not_done(stage: Stage) -> None:
    code, message, status = error_of(stage.client("ec2", DESCRIBE).delete_volume, VolumeId="vol-1")

    assert (code, status) == ("UnauthorizedOperation", 403)
    assert "User: arn:aws:sts::111122223333:assumed-role/worker/session-1 is not authorized to perform: " in message
    assert "ec2:DeleteVolume on resource: arn:aws:ec2:us-east-1:111122223333:volume/vol-1 because" in message
    assert stage.ec2.calls == []
    assert [entry.operation for entry in stage.audit.refused()] == ["DeleteVolume"]


def test_the_tags_of_a_resource_decide(set_up: SetUp) -> None:
    ours = "arn:aws:ec2:us-east-1:111122223333:volume/vol-ours"
    stage = set_up(tags_of=lambda arn: {"owner": "us"} if arn == ours else {})
    client = stage.client("ec2", DELETE_OURS)

    client.delete_volume(VolumeId="vol-ours")

    assert error_of(client.delete_volume, VolumeId="vol-theirs")[0] == "UnauthorizedOperation"


def test_a_call_without_an_entry_in_the_table_is_refused_naming_it(stage: Stage) -> None:
    code, message, _ = error_of(stage.client("ec2", DESCRIBE).terminate_instances, InstanceIds=["i-1"])

    assert code == "UnauthorizedOperation"
    assert "ec2:TerminateInstances" in message


@pytest.mark.parametrize(
    ("service", "operation", "params", "code"),
    [
        ("backup", "describe_backup_vault", {"BackupVaultName": "v"}, "AccessDeniedException"),
        ("batch", "describe_jobs", {"jobs": ["j"]}, "AccessDeniedException"),
        ("lambda", "invoke", {"FunctionName": "f"}, "AccessDeniedException"),
        (
            "stepfunctions",
            "start_execution",
            {"stateMachineArn": "arn:aws:states:us-east-1:1:stateMachine:m"},
            "AccessDeniedException",
        ),
        ("dynamodb", "get_item", {"TableName": "t", "Key": {"k": {"S": "x"}}}, "AccessDeniedException"),
        ("ebs", "list_snapshot_blocks", {"SnapshotId": "snap-1"}, "AccessDeniedException"),
        ("sns", "publish", {"TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": "m"}, "AuthorizationError"),
        ("sqs", "send_message", {"QueueUrl": "http://127.0.0.1/1/q", "MessageBody": "m"}, "AccessDenied"),
        ("cloudwatch", "put_metric_data", {"Namespace": "n", "MetricData": []}, "AccessDenied"),
        ("s3", "get_object", {"Bucket": "bucket", "Key": "k"}, "AccessDenied"),
    ],
)
def test_each_service_denies_in_its_own_words(
    stage: Stage, service: str, operation: str, params: dict[str, Any], code: str
) -> None:
    assert error_of(getattr(stage.client(service), operation), **params)[0] == code


def test_errors_of_a_handler_raise_the_modelled_exception(stage: Stage) -> None:
    client = stage.administrator("backup")

    with pytest.raises(client.exceptions.ResourceNotFoundException, match="no such recovery point"):
        client.describe_recovery_point(BackupVaultName="v", RecoveryPointArn="arn:aws:ec2:us-east-1::snapshot/snap-1")
    assert stage.backup.calls[0].params["RecoveryPointArn"] == "arn:aws:ec2:us-east-1::snapshot/snap-1"
    assert stage.audit.entries[0].verdict is Verdict.FAILED


def test_an_output_that_the_model_does_not_know_is_a_mistake_and_never_retried(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    code, message, _ = error_of(stage.administrator("backup").describe_backup_vault, BackupVaultName="v")

    assert code == "EmbeddedAwsMistake"
    assert "NumberOf" in message
    assert len(stage.backup.calls) == 1
    assert "backup:DescribeBackupVault" in caplog.text


def test_what_is_not_embedded_says_so(stage: Stage) -> None:
    assert error_of(stage.administrator("ec2").describe_vpcs)[0] == "NotEmbedded"
    assert error_of(stage.administrator("redshift").describe_clusters)[0] == "NotEmbedded"


def test_another_region_is_not_embedded(stage: Stage) -> None:
    client = stage.front.administrator.client("ec2", region_name="eu-west-1")

    code, message, _ = error_of(client.describe_volumes)
    assert (code, "eu-west-1" in message) == ("NotEmbedded", True)


def test_a_missing_parameter_is_refused(stage: Stage) -> None:
    session = stage.front.administrator
    client = session.client("ec2", config=Config(parameter_validation=False))

    assert error_of(client.delete_volume)[0] == "MissingParameter"


def test_a_fault_comes_instead_of_the_call(stage: Stage) -> None:
    stage.faults.on("ec2", "CreateVolume").fail("InsufficientVolumeCapacity", "no room", status=400)
    client = stage.client("ec2", Statement(("ec2:CreateVolume",), on="*", because="test"))

    assert error_of(client.create_volume, AvailabilityZone="us-east-1a", Size=1) == (
        "InsufficientVolumeCapacity",
        "no room",
        400,
    )
    assert stage.ec2.calls == []
    assert stage.audit.entries[0].injected
    stage.faults.assert_all_happened()


def test_a_fault_after_the_call_loses_only_the_answer(stage: Stage) -> None:
    stage.faults.on("ec2", "CreateVolume").fail_after("InvalidAnswer", status=400)
    client = stage.client("ec2", Statement(("ec2:CreateVolume",), on="*", because="test"))

    assert error_of(client.create_volume, AvailabilityZone="us-east-1a", Size=1)[0] == "InvalidAnswer"
    assert len(stage.ec2.calls) == 1
    assert stage.audit.entries[0].injected


def test_a_retryable_fault_is_retried_by_the_client(stage: Stage) -> None:
    stage.faults.on("ec2", "DescribeVolumes").fail("RequestLimitExceeded", status=503)

    stage.client("ec2", DESCRIBE).describe_volumes()

    assert [entry.verdict for entry in stage.audit.entries] == [Verdict.FAILED, Verdict.ALLOWED]
    assert [site.number for site in stage.faults.calls] == [1, 2]


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("ec2", "describe_volumes", "AuthFailure"),
        ("s3", "list_buckets", "SignatureDoesNotMatch"),
        ("sns", "list_topics", "SignatureDoesNotMatch"),
        ("dynamodb", "list_tables", "InvalidSignatureException"),
        ("backup", "list_backup_vaults", "InvalidSignatureException"),
    ],
)
def test_a_wrong_signature_is_refused(stage: Stage, service: str, operation: str, code: str) -> None:
    keys = stage.roles.issue("administrator")
    client = foreign(stage, service, keys.access_key_id, "not the secret", keys.session_token)

    assert error_of(getattr(client, operation))[0] == code
    (entry,) = stage.audit.refused()
    assert (entry.caller, entry.error_code) == (None, code)


def test_a_wrong_session_token_is_refused(stage: Stage) -> None:
    keys = stage.roles.issue("administrator")
    client = foreign(stage, "dynamodb", keys.access_key_id, keys.secret_access_key, "another token")

    assert error_of(client.list_tables)[0] == "InvalidSignatureException"


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId"),
        ("sns", "list_topics", "InvalidClientTokenId"),
        ("stepfunctions", "list_state_machines", "UnrecognizedClientException"),
    ],
)
def test_an_unknown_key_is_refused(stage: Stage, service: str, operation: str, code: str) -> None:
    client = foreign(stage, service, "ASIAUNKNOWN", "secret", "token")

    assert error_of(getattr(client, operation))[0] == code


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("s3", "list_buckets", "ExpiredToken"),
        ("dynamodb", "list_tables", "ExpiredTokenException"),
        ("ec2", "describe_volumes", "RequestExpired"),
    ],
)
def test_expired_credentials_are_refused(stage: Stage, service: str, operation: str, code: str) -> None:
    keys = stage.roles.issue("administrator", lifetime_seconds=60)
    client = foreign(stage, service, keys.access_key_id, keys.secret_access_key, keys.session_token)
    with stage.clock.actor():
        stage.clock.sleep(61)

    assert error_of(getattr(client, operation))[0] == code


def test_everybody_may_ask_who_they_are(stage: Stage) -> None:
    assert stage.client("sts").get_caller_identity()["Arn"] == "arn:aws:sts::111122223333:assumed-role/worker/session-1"


def test_parameters_in_path_query_and_body_of_a_rest_call_are_signed_and_read(stage: Stage) -> None:
    client = stage.administrator("backup")

    error_of(
        client.describe_recovery_point,
        BackupVaultName="a b",
        RecoveryPointArn="arn:aws:rds:x:1:snapshot:awsbackup:job-1/ü",
    )

    assert stage.backup.calls[0].params["RecoveryPointArn"] == "arn:aws:rds:x:1:snapshot:awsbackup:job-1/ü"
    assert stage.backup.calls[0].params["BackupVaultName"] == "a b"


def test_sessions_ignore_the_environment(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")

    assert stage.administrator("sts").get_caller_identity()["Account"] == "111122223333"
