"""Names of API members and errors, as a workflow on AWS must write them."""

from __future__ import annotations

import pytest

from backup_actions_local.states.api_names import (
    AWS_SDK,
    OPTIMIZED,
    exception_name,
    member_name,
    operation_model,
    service_model,
)


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
    for sdk in {*AWS_SDK.values(), *OPTIMIZED.values()}:
        model = service_model(sdk.botocore)
        for shape_name in model.shape_names:
            shape = model.shape_for(shape_name)
            members = list(getattr(shape, "members", ())) if shape.type_name == "structure" else []
            assert len({member_name(name) for name in members}) == len(members), shape_name


def test_actions_begin_with_a_small_letter() -> None:
    found = operation_model(AWS_SDK["ec2"], "createVolume")
    assert found is not None
    assert found.name == "CreateVolume"
    assert operation_model(AWS_SDK["ec2"], "CreateVolume") is None
