"""Names of API members and errors, as a workflow on AWS must write them."""

from __future__ import annotations

import pytest

from backup_actions_local.states.api_names import (
    OPTIMIZED,
    Sdk,
    aws_sdk,
    exception_name,
    member_name,
    operation_model,
    service_model,
)

CALLED = ("backup", "batch", "cloudwatch", "dynamodb", "ec2", "rds", "s3", "sfn", "sns", "sqs")


def sdk(service: str) -> Sdk:
    found = aws_sdk(service)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("service", "botocore", "prefix"),
    [
        ("dynamodb", "dynamodb", "DynamoDb"),
        ("sfn", "stepfunctions", "Sfn"),
        ("efs", "efs", "Efs"),
        ("acmpca", "acm-pca", "AcmPca"),
        ("cloudwatchlogs", "logs", "CloudWatchLogs"),
        ("elasticloadbalancingv2", "elbv2", "ElasticLoadBalancingV2"),
    ],
)
def test_services_are_called_as_the_java_sdk_calls_them(service: str, botocore: str, prefix: str) -> None:
    assert (sdk(service).botocore, sdk(service).prefix) == (botocore, prefix)


@pytest.mark.parametrize("service", ["stepfunctions", "elb", "nothing"])
def test_a_service_under_another_name_is_none(service: str) -> None:
    assert aws_sdk(service) is None


@pytest.mark.parametrize(
    ("botocore", "workflow"),
    [
        ("jobQueue", "JobQueue"),
        ("VolumeId", "VolumeId"),
        ("DBSnapshotIdentifier", "DbSnapshotIdentifier"),
        ("SSEKMSKeyId", "SsekmsKeyId"),
        ("ETag", "ETag"),
        ("ChecksumCRC64NVME", "ChecksumCRC64NVME"),
        ("S3BucketName", "S3BucketName"),
    ],
)
def test_members_are_written_as_the_java_sdk_does(botocore: str, workflow: str) -> None:
    assert member_name(botocore) == workflow


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ("ResourceNotFoundException", "ResourceNotFoundException"),
        ("NoSuchKey", "NoSuchKeyException"),
        ("QueueDoesNotExist", "QueueDoesNotExistException"),
        ("DBInstanceNotFoundFault", "DbInstanceNotFoundException"),
        ("KMSInvalidStateException", "KmsInvalidStateException"),
        ("AWSOrganizationsNotInUseException", "AwsOrganizationsNotInUseException"),
    ],
)
def test_errors_are_named_as_the_java_sdk_does(shape: str, name: str) -> None:
    assert exception_name(shape) == name


def test_no_two_members_of_a_shape_we_use_get_the_same_name() -> None:
    for each in {*map(sdk, CALLED), *OPTIMIZED.values()}:
        model = service_model(each.botocore)
        for shape_name in model.shape_names:
            shape = model.shape_for(shape_name)
            members = list(getattr(shape, "members", ())) if shape.type_name == "structure" else []
            assert len({member_name(name) for name in members}) == len(members), shape_name


def test_actions_begin_with_a_small_letter() -> None:
    found = operation_model(sdk("ec2"), "createVolume")
    assert found is not None
    assert found.name == "CreateVolume"
    assert operation_model(sdk("ec2"), "CreateVolume") is None
