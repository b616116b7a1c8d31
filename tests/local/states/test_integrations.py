"""Calls of a workflow become calls of botocore, and their answers and errors come back as AWS shows them."""

from __future__ import annotations

import io
import json
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.response import StreamingBody
from botocore.stub import Stubber

from backup_actions_local.states.failures import ExecutionEnded, StateFailed
from backup_actions_local.states.integrations import AwsIntegrations

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

ARN = "arn:aws:states:us-east-1:111122223333:"
MACHINE, CHILD, PARENT = f"{ARN}stateMachine:child", f"{ARN}execution:child:run", f"{ARN}execution:parent:run"
BEGAN, ENDED = datetime(2026, 1, 15, 3, tzinfo=UTC), datetime(2026, 1, 15, 3, 0, 2, 71000, tzinfo=UTC)


class Clients:
    """Real clients that are never sent anywhere: every call must have been announced to its stubber."""

    def __init__(self) -> None:
        self._session = boto3.Session("id", "secret", region_name="us-east-1")
        self._clients: dict[str, tuple[Any, Stubber]] = {}

    def client(self, service: str) -> Any:
        return self._pair(service)[0]

    def stub(self, service: str) -> Stubber:
        return self._pair(service)[1]

    def finish(self) -> None:
        for _, stubber in self._clients.values():
            stubber.assert_no_pending_responses()

    def _pair(self, service: Any) -> tuple[Any, Stubber]:
        if service not in self._clients:
            client = self._session.client(service, config=Config(retries={"total_max_attempts": 1}))
            stubber = Stubber(client)
            stubber.activate()
            self._clients[service] = (client, stubber)
        return self._clients[service]


class FakeTask:
    execution_arn = PARENT

    def __init__(self, problem: Exception | None = None) -> None:
        self.noted: list[Any] = []
        self._problem = problem

    def wait(self, until: Callable[[], bool], *_about: Hashable) -> None:
        if self._problem is not None:
            raise self._problem
        assert until()

    def submitted(self, output: Any) -> None:
        self.noted.append(output)


@pytest.fixture(scope="module")
def shared_clients() -> Clients:
    return Clients()


@pytest.fixture
def clients(shared_clients: Clients) -> Iterator[Clients]:
    yield shared_clients
    shared_clients.finish()


def run(clients: Clients, resource: str, arguments: Any, task: FakeTask | None = None) -> Any:
    integrations = AwsIntegrations(lambda service: nullcontext(clients.client(service)), lambda _: True)
    return integrations.run(resource, arguments, task or FakeTask())


def failure(clients: Clients, resource: str, arguments: Any, task: FakeTask | None = None) -> StateFailed:
    with pytest.raises(StateFailed) as caught:
        run(clients, resource, arguments, task)
    return caught.value


def mistakes(resource: str, arguments: Any) -> list[str]:
    return list(AwsIntegrations(lambda _: nullcontext(), lambda _: True).mistakes(resource, arguments))


# ------------------------------------------------------------------------------------------------------- names


def test_arguments_and_results_are_pascal_case_for_every_service(clients: Clients) -> None:
    clients.stub("batch").add_response(
        "submit_job",
        {"jobId": "j-1", "jobName": "n", "jobArn": "arn"},
        {
            "jobName": "n",
            "jobQueue": "q",
            "jobDefinition": "d",
            "containerOverrides": {"command": ["a"], "environment": [{"name": "N", "value": "v"}]},
            "tags": {"backup-actions:run": "r", "lowerKey": "kept"},
        },
    )
    arguments = {
        "JobName": "n",
        "JobQueue": "q",
        "JobDefinition": "d",
        "ContainerOverrides": {"Command": ["a"], "Environment": [{"Name": "N", "Value": "v"}]},
        "Tags": {"backup-actions:run": "r", "lowerKey": "kept"},
    }
    expected = {"JobId": "j-1", "JobName": "n", "JobArn": "arn"}
    assert run(clients, "aws-sdk:batch:submitJob", arguments) == expected


def test_timestamps_come_back_as_text(clients: Clients) -> None:
    volume = {"VolumeId": "vol-1", "CreateTime": ENDED}
    clients.stub("ec2").add_response("describe_volumes", {"Volumes": [volume]}, {})
    result = run(clients, "aws-sdk:ec2:describeVolumes", {})
    assert result == {"Volumes": [{"VolumeId": "vol-1", "CreateTime": "2026-01-15T03:00:02.071Z"}]}


def test_a_result_has_no_response_metadata(clients: Clients) -> None:
    metadata = {"ResponseMetadata": {"HTTPStatusCode": 200}}
    clients.stub("ec2").add_response("delete_volume", metadata, {"VolumeId": "vol-1"})
    assert run(clients, "aws-sdk:ec2:deleteVolume", {"VolumeId": "vol-1"}) == {}


def test_a_name_that_the_api_does_not_have_cannot_be_caught(clients: Clients) -> None:
    found = failure(clients, "aws-sdk:ec2:deleteVolume", {"VolumeID": "vol-1"})
    assert found.error == "States.Runtime"
    assert 'The field "VolumeID" is not supported by Step Functions' in str(found.cause)


def test_a_value_of_the_wrong_type_cannot_be_caught(clients: Clients) -> None:
    # Without its stub, which would look first; nothing is sent, because the parameters are checked before.
    clients.stub("ec2").deactivate()
    found = failure(clients, "aws-sdk:ec2:deleteVolume", {"VolumeId": 7})
    clients.stub("ec2").activate()
    assert found.error == "States.Runtime"


def test_bytes_do_not_pass_through_a_workflow(clients: Clients) -> None:
    found = failure(clients, "dynamodb:putItem", {"TableName": "t", "Item": {"k": {"B": "x"}}})
    assert found.error == "States.Runtime"
    assert "bytes" in str(found.cause)


# ---------------------------------------------------------------------------------------------- before any call


def test_calls_that_are_right_have_no_mistakes() -> None:
    assert mistakes("aws-sdk:ec2:createVolume", {"AvailabilityZone": "{% $z %}", "SnapshotId": "snap-1"}) == []
    assert mistakes("aws-sdk:ec2:createVolume", "{% $everything %}") == []
    assert mistakes("lambda:invoke", {"FunctionName": "f", "Payload": {"any": ["{% $x %}"]}}) == []
    assert mistakes("sns:publish", {"TopicArn": "t", "Message": {"any": 1}}) == []
    assert mistakes("states:startExecution.sync:2", {"StateMachineArn": "a", "Input": {"b": 1}}) == []


@pytest.mark.parametrize(
    ("resource", "arguments", "expected"),
    [
        ("aws-sdk:stepfunctions:listExecutions", {}, "aws-sdk:stepfunctions:listExecutions is not known"),
        ("aws-sdk:ec2:createVolumes", {}, "the integration aws-sdk:ec2:createVolumes is not known"),
        ("aws-sdk:sfn:startExecution.sync:2", {}, "the integration aws-sdk:sfn:startExecution.sync:2 is not known"),
        ("sqs:sendMessage.waitForTaskToken", {}, "the integration sqs:sendMessage.waitForTaskToken is not known"),
        ("batch:submitJob.sync", {}, "the integration batch:submitJob.sync is not known"),
        ("nonsense", {}, "the integration nonsense is not known"),
        ("aws-sdk:ec2:deleteVolume", {}, "Arguments lacks VolumeId"),
        ("aws-sdk:ec2:deleteVolume", {"volumeId": "v"}, "Arguments has no member volumeId"),
        ("aws-sdk:batch:describeJobs", {"Jobs": "j"}, "Arguments/Jobs must be a list"),
        (
            "aws-sdk:ec2:createVolume",
            {"AvailabilityZone": "z", "TagSpecifications": [{"Tag": []}]},
            "Arguments/TagSpecifications[0] has no member Tag",
        ),
        ("aws-sdk:s3:getObject", {"Bucket": "b", "Key": "k"}, "answers with bytes"),
    ],
)
def test_what_is_wrong_with_a_call_is_seen_before_it_is_made(resource: str, arguments: Any, expected: str) -> None:
    assert any(expected in mistake for mistake in mistakes(resource, arguments))


# ------------------------------------------------------------------------------------------------------- errors


def test_every_error_of_ec2_has_one_name_and_no_code_in_its_cause(clients: Clients) -> None:
    clients.stub("ec2").add_client_error(
        "delete_volume",
        "InvalidVolume.NotFound",
        "The volume 'vol-1' does not exist.",
        http_status_code=400,
        response_meta={"RequestId": "r-1"},
    )
    found = failure(clients, "aws-sdk:ec2:deleteVolume", {"VolumeId": "vol-1"})
    assert found.error == "Ec2.Ec2Exception"
    assert found.cause == "The volume 'vol-1' does not exist. (Service: Ec2, Status Code: 400, Request ID: r-1)"


@pytest.mark.parametrize(
    ("service", "resource", "arguments", "method", "code", "status", "expected"),
    [
        (
            "backup", "aws-sdk:backup:describeRecoveryPoint", {"BackupVaultName": "v", "RecoveryPointArn": "a"},
            "describe_recovery_point", "ResourceNotFoundException", 400, "Backup.ResourceNotFoundException",
        ),
        (
            "backup", "aws-sdk:backup:describeRecoveryPoint", {"BackupVaultName": "v", "RecoveryPointArn": "a"},
            "describe_recovery_point", "AccessDeniedException", 403, "Backup.BackupException",
        ),
        (
            "s3", "aws-sdk:s3:listObjectsV2", {"Bucket": "b"}, "list_objects_v2", "NoSuchBucket", 404,
            "S3.NoSuchBucketException",
        ),
        ("s3", "aws-sdk:s3:listObjectsV2", {"Bucket": "b"}, "list_objects_v2", "SlowDown", 503, "S3.S3Exception"),
        (
            "s3", "aws-sdk:s3:headObject", {"Bucket": "b", "Key": "k"}, "head_object", "404", 404,
            "S3.NoSuchKeyException",
        ),
        ("s3", "aws-sdk:s3:headObject", {"Bucket": "b", "Key": "k"}, "head_object", "403", 403, "S3.S3Exception"),
        (
            "rds", "aws-sdk:rds:describeDBSnapshots", {"DbSnapshotIdentifier": "s"}, "describe_db_snapshots",
            "DBSnapshotNotFound", 404, "Rds.DbSnapshotNotFoundException",
        ),
        (
            "dynamodb", "aws-sdk:dynamodb:deleteItem", {"TableName": "t", "Key": {"k": {"S": "v"}}}, "delete_item",
            "ConditionalCheckFailedException", 400, "DynamoDb.ConditionalCheckFailedException",
        ),
        (
            "dynamodb", "dynamodb:deleteItem", {"TableName": "t", "Key": {"k": {"S": "v"}}}, "delete_item",
            "ConditionalCheckFailedException", 400, "DynamoDB.ConditionalCheckFailedException",
        ),
        (
            "stepfunctions", "aws-sdk:sfn:startExecution", {"StateMachineArn": MACHINE}, "start_execution",
            "ExecutionAlreadyExists", 400, "Sfn.ExecutionAlreadyExistsException",
        ),
        (
            "stepfunctions", "states:startExecution.sync:2", {"StateMachineArn": MACHINE}, "start_execution",
            "ExecutionAlreadyExists", 400, "StepFunctions.ExecutionAlreadyExistsException",
        ),
        (
            "lambda", "lambda:invoke", {"FunctionName": "f"}, "invoke", "TooManyRequestsException", 429,
            "Lambda.TooManyRequestsException",
        ),
        ("sns", "sns:publish", {"Message": "m"}, "publish", "Throttling", 400, "SNS.AmazonSNSException"),
    ],
)  # fmt: skip
def test_errors_have_the_names_that_step_functions_shows(
    clients: Clients, service: str, resource: str, arguments: Any, method: str, code: str, status: int, expected: str
) -> None:
    clients.stub(service).add_client_error(method, code, "why", http_status_code=status)
    assert failure(clients, resource, arguments).error == expected


def test_the_cause_of_an_optimized_integration_has_the_code(clients: Clients) -> None:
    clients.stub("lambda").add_client_error(
        "invoke", "AccessDeniedException", "not you", http_status_code=403, response_meta={"RequestId": "r"}
    )
    found = failure(clients, "lambda:invoke", {"FunctionName": "f"})
    assert found.error == "Lambda.AWSLambdaException"
    assert found.cause == (
        "not you (Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException; Request ID: r; Proxy: null)"
    )


def test_what_is_not_embedded_cannot_be_caught(clients: Clients) -> None:
    clients.stub("ec2").add_client_error("delete_volume", "NotEmbedded", "the embedded AWS does not know it", 501)
    found = failure(clients, "aws-sdk:ec2:deleteVolume", {"VolumeId": "vol-1"})
    assert (found.error, found.cause) == ("States.Runtime", "the embedded AWS does not know it")


# ------------------------------------------------------------------------------------------------------- Lambda


def invoked(clients: Clients, payload: Any, answer: bytes, **more: Any) -> None:
    body = StreamingBody(io.BytesIO(answer), len(answer))
    clients.stub("lambda").add_response(
        "invoke",
        {"StatusCode": 200, "Payload": body, **more},
        {"FunctionName": "f", "Payload": json.dumps(payload, separators=(",", ":")).encode()},
    )


def test_a_function_gets_and_gives_json(clients: Clients) -> None:
    invoked(clients, {"a": [1, None]}, b'{"b": 2}', ExecutedVersion="$LATEST")
    result = run(clients, "lambda:invoke", {"FunctionName": "f", "Payload": {"a": [1, None]}})
    assert result == {"Payload": {"b": 2}, "StatusCode": 200, "ExecutedVersion": "$LATEST"}


def test_an_error_of_a_function_has_its_own_name(clients: Clients) -> None:
    answer = b'{"errorMessage": "no room", "errorType": "DiskFull"}'
    invoked(clients, "text", answer, FunctionError="Unhandled")
    found = failure(clients, "lambda:invoke", {"FunctionName": "f", "Payload": "text"})
    assert (found.error, found.cause) == ("DiskFull", answer.decode())


# ------------------------------------------------------------------------------------------------ child machines


def child_starts(clients: Clients) -> None:
    clients.stub("stepfunctions").add_response(
        "start_execution",
        {"executionArn": CHILD, "startDate": BEGAN},
        {"stateMachineArn": MACHINE, "name": "run", "input": '{"k":1}'},
    )


def child_ended(clients: Clients, status: str, **more: Any) -> None:
    described = {
        "executionArn": CHILD, "stateMachineArn": MACHINE, "name": "run", "status": status, "startDate": BEGAN,
        "stopDate": ENDED, "input": '{"k":1}', **more,
    }  # fmt: skip
    clients.stub("stepfunctions").add_response("describe_execution", described, {"executionArn": CHILD})


def child_is_stopped(clients: Clients) -> None:
    cause = f"The Task state in AWS Step Functions execution [{PARENT}] which was managing this resource was aborted"
    clients.stub("stepfunctions").add_response(
        "stop_execution", {"stopDate": ENDED}, {"executionArn": CHILD, "cause": cause}
    )


START_CHILD = {"StateMachineArn": MACHINE, "Name": "run", "Input": {"k": 1}}


def test_a_child_that_succeeds_gives_its_output_as_json(clients: Clients) -> None:
    child_starts(clients)
    child_ended(clients, "SUCCEEDED", output='{"ok": [true]}')
    task = FakeTask()
    result = run(clients, "states:startExecution.sync:2", START_CHILD, task)
    assert result["Output"] == {"ok": [True]}
    assert result["Input"] == {"k": 1}
    assert result["StopDate"] == 1768446002071
    assert task.noted == [{"ExecutionArn": CHILD, "StartDate": 1768446000000}]


def test_a_child_that_does_not_succeed_fails_the_task_with_its_description(clients: Clients) -> None:
    child_starts(clients)
    child_ended(clients, "FAILED", error="Boom", cause="custom cause")
    found = failure(clients, "states:startExecution.sync:2", START_CHILD)
    assert found.error == "States.TaskFailed"
    assert found.cause == (
        '{"Cause":"custom cause","Error":"Boom",'
        f'"ExecutionArn":"{CHILD}","Input":"{{\\"k\\":1}}","Name":"run","StartDate":1768446000000,'
        f'"StateMachineArn":"{MACHINE}","Status":"FAILED","StopDate":1768446002071}}'
    )


@pytest.mark.parametrize("problem", [StateFailed("States.Timeout"), ExecutionEnded()])
def test_a_child_is_stopped_when_its_parent_does_not_wait_any_longer(clients: Clients, problem: Exception) -> None:
    child_starts(clients)
    child_is_stopped(clients)
    with pytest.raises(type(problem)):
        run(clients, "states:startExecution.sync:2", START_CHILD, FakeTask(problem))


# ---------------------------------------------------------------------------------------- the other optimized ones


def test_a_message_that_is_json_is_sent_as_its_text(clients: Clients) -> None:
    clients.stub("sns").add_response("publish", {"MessageId": "m"}, {"TopicArn": "t", "Message": '{"a":1}'})
    assert run(clients, "sns:publish", {"TopicArn": "t", "Message": {"a": 1}}) == {"MessageId": "m"}


def test_a_message_that_is_text_stays_as_it_is(clients: Clients) -> None:
    clients.stub("sqs").add_response("send_message", {"MessageId": "m"}, {"QueueUrl": "u", "MessageBody": "text"})
    assert run(clients, "sqs:sendMessage", {"QueueUrl": "u", "MessageBody": "text"}) == {"MessageId": "m"}


def test_items_keep_the_names_of_their_attributes(clients: Clients) -> None:
    item = {"recovery_point": {"S": "a"}, "DBName": {"M": {"KMSKey": {"N": "1"}}}}
    clients.stub("dynamodb").add_response("get_item", {"Item": item}, {"TableName": "t", "Key": {"DBKey": {"S": "k"}}})
    assert run(clients, "dynamodb:getItem", {"TableName": "t", "Key": {"DBKey": {"S": "k"}}}) == {"Item": item}
