"""Every protocol there and back through boto3: parameters arrive by the model's names, outputs come back by them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from backup_actions_local.clock import SimulatedClock
from backup_actions_local.front import Audit, Faults, Front, Roles

from .conftest import Recorder

WHEN = datetime(2026, 1, 15, 3, 30, tzinfo=UTC)
FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:check"
MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:main"

CASES: list[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]] = [
    (  # ec2: lists, numbers, booleans and structures in a form; XML back
        "ec2",
        "CreateVolume",
        {
            "AvailabilityZone": "us-east-1a",
            "Size": 8,
            "Encrypted": True,
            "TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "a & b", "Value": "<ü>"}]}],
        },
        {"VolumeId": "vol-1", "Size": 8, "CreateTime": WHEN, "Tags": [{"Key": "a & b", "Value": "<ü>"}]},
    ),
    (  # rest-json: an ARN with a slash in the path, a map in the body
        "backup",
        "UpdateRecoveryPointLifecycle",
        {
            "BackupVaultName": "vault one",
            "RecoveryPointArn": "arn:aws:ec2:us-east-1::snapshot/snap-1",
            "Lifecycle": {"DeleteAfterDays": 7},
        },
        {"Lifecycle": {"DeleteAfterDays": 7}, "CalculatedLifecycle": {"DeleteAt": WHEN}},
    ),
    (  # rest-json: parameters in the query
        "backup",
        "ListRecoveryPointsByBackupVault",
        {"BackupVaultName": "v", "MaxResults": 5, "ByCreatedAfter": WHEN, "ByResourceType": "EBS"},
        {"RecoveryPoints": [{"RecoveryPointArn": "arn:aws:ec2:us-east-1::snapshot/snap-1", "CreationDate": WHEN}]},
    ),
    (
        "batch",
        "SubmitJob",
        {"jobName": "j", "jobQueue": "q", "jobDefinition": "d", "timeout": {"attemptDurationSeconds": 60}},
        {"jobName": "j", "jobId": "1"},
    ),
    (  # json
        "stepfunctions",
        "StartExecution",
        {"stateMachineArn": MACHINE, "name": "n", "input": '{"a": "ü"}'},
        {"executionArn": f"{MACHINE}:n", "startDate": WHEN},
    ),
    (  # query
        "sns",
        "Publish",
        {
            "TopicArn": "arn:aws:sns:us-east-1:111122223333:t",
            "Message": "a\nb",
            "MessageAttributes": {"k": {"DataType": "String", "StringValue": "v"}},
        },
        {"MessageId": "1"},
    ),
]


def answered(
    name: str, operation: str, output: Mapping[str, Any], params: Mapping[str, Any]
) -> tuple[Any, Mapping[str, Any]]:
    clock = SimulatedClock()
    service = Recorder(name, {operation: output})
    with Front(clock=clock, roles=Roles(clock), faults=Faults(), audit=Audit(), services=[service]) as front:
        client = front.administrator.client(name)  # type: ignore[call-overload]
        answer = client._make_api_call(operation, params)
        body = next((answer[member].read() for member in ("Payload", "BlockData") if member in answer), None)
        return {**answer, "body": body}, service.calls[0].params


@pytest.mark.parametrize(("service", "operation", "params", "output"), CASES, ids=lambda value: str(value)[:30])
def test_parameters_and_outputs_survive_the_wire(
    service: str, operation: str, params: Mapping[str, Any], output: Mapping[str, Any]
) -> None:
    answer, received = answered(service, operation, output, params)

    assert {name: received[name] for name in params} == params
    assert {name: answer[name] for name in output} == output


def test_a_function_gets_its_payload_and_may_answer_with_an_error_of_its_own() -> None:
    output = {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": b'{"errorType": "KeyError"}'}

    answer, received = answered(
        "lambda", "Invoke", output, {"FunctionName": FUNCTION, "Qualifier": "1", "Payload": b'{"a": 1}'}
    )

    assert (received["FunctionName"], received["Qualifier"]) == (FUNCTION, "1")
    assert received["Payload"] == b'{"a": 1}'
    assert (answer["FunctionError"], answer["body"]) == ("Unhandled", b'{"errorType": "KeyError"}')


def test_a_snapshot_block_comes_back_as_bytes_with_its_checksum() -> None:
    output = {"DataLength": 4, "BlockData": b"\x00\xff\x00\xff", "Checksum": "c=", "ChecksumAlgorithm": "SHA256"}

    answer, _ = answered(
        "ebs", "GetSnapshotBlock", output, {"SnapshotId": "snap-1", "BlockIndex": 3, "BlockToken": "t/="}
    )

    assert (answer["body"], answer["Checksum"], answer["DataLength"]) == (b"\x00\xff\x00\xff", "c=", 4)
