"""The permission table against AWS's service authorization reference and botocore's models."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
import pytest

from backup_actions.errors import NotEmbedded
from backup_actions_local.calls import Call, Caller
from backup_actions_local.front.authorization import TABLE, Facts, Needs, checks_of, iam_actions, later_checks_of
from backup_actions_local.front.policies import Check
from backup_actions_testing.reference import complaints_about_needs

OPERATIONS = [(service, operation) for service, operations in TABLE.items() for operation in operations]
NEEDS = [
    pytest.param(needs, id=f"{service}:{operation}:{needs.action}:{needs.resource_type}")
    for service, operations in TABLE.items()
    for operation, entry in operations.items()
    for needs in entry
]
KEY = "arn:aws:kms:us-east-1:111122223333:key/k"
SNAPSHOT = "arn:aws:ec2:us-east-1::snapshot/snap-1"
TAGS = {"arn:aws:ec2:us-east-1:111122223333:volume/vol-1": {"owner": "us"}, SNAPSHOT: {"backup": "yes"}}
FACTS = Facts("111122223333", "us-east-1", lambda arn: TAGS.get(arn, {}))
ENCRYPTED = Facts(
    "111122223333", "us-east-1", key_of=lambda arn: KEY if arn in {SNAPSHOT, "arn:aws:s3:::bucket"} else None
)


@cache
def operations_of(service: str) -> frozenset[str]:
    """Reading the model of EC2 takes longer than all tests here together."""
    return frozenset(botocore.session.get_session().get_service_model(service).operation_names)


def checks(service: str, operation: str, params: Mapping[str, Any], facts: Facts = FACTS) -> tuple[Check, ...]:
    return checks_of(Call(service, operation, params, Caller("worker")), facts)


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_every_operation_of_the_table_exists(service: str, operation: str) -> None:
    assert operation in operations_of(service)


@pytest.mark.parametrize("needs", NEEDS)
def test_every_action_resource_type_and_key_of_the_table_is_in_the_reference(needs: Needs) -> None:
    assert list(complaints_about_needs(needs)) == []


def test_an_operation_without_an_entry_is_refused_by_its_name() -> None:
    with pytest.raises(NotEmbedded, match="ec2:TerminateInstances"):
        checks("ec2", "TerminateInstances", {})


def test_the_actions_of_an_operation_are_told_with_the_conditional_ones() -> None:
    assert iam_actions("s3", "CompleteMultipartUpload") == ("s3:PutObject", "kms:Decrypt")
    assert "ec2:CreateTags" in iam_actions("ec2", "CreateVolume")
    assert iam_actions("sts", "GetCallerIdentity") == ()


CREATE = {
    "AvailabilityZone": "us-east-1a",
    "SnapshotId": "snap-1",
    "Size": 8,
    "VolumeType": "gp3",
    "TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "owner", "Value": "us"}]}],
}


def test_a_tagged_volume_from_a_snapshot_is_three_questions() -> None:
    volume, snapshot, tag = checks("ec2", "CreateVolume", CREATE)

    assert (volume.action, volume.resource) == ("ec2:CreateVolume", "arn:aws:ec2:us-east-1:111122223333:volume/*")
    assert volume.context == {
        "aws:RequestTag/owner": "us", "aws:TagKeys": ("owner",), "ec2:AvailabilityZone": "us-east-1a",
        "ec2:Encrypted": "false", "ec2:ParentSnapshot": SNAPSHOT, "ec2:VolumeSize": "8", "ec2:VolumeType": "gp3",
    }  # fmt: skip
    assert (snapshot.action, snapshot.resource) == ("ec2:CreateVolume", SNAPSHOT)
    assert snapshot.context == {
        "aws:ResourceTag/backup": "yes",
        "ec2:ResourceTag/backup": "yes",
        "ec2:Encrypted": "false",
    }
    assert (tag.action, tag.context["ec2:CreateAction"]) == ("ec2:CreateTags", "CreateVolume")


def test_an_untagged_empty_volume_is_one_question() -> None:
    (check,) = checks("ec2", "CreateVolume", {"AvailabilityZone": "us-east-1a", "Size": 1})

    assert check.context["ec2:VolumeType"] == "gp2"


def test_an_encrypted_snapshot_needs_its_key_through_ec2() -> None:
    on_key = {
        check.action: check for check in checks("ec2", "CreateVolume", CREATE, ENCRYPTED) if check.resource == KEY
    }

    assert set(on_key) == {"kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext"}
    assert all(check.context["kms:ViaService"] == "ec2.us-east-1.amazonaws.com" for check in on_key.values())
    assert on_key["kms:CreateGrant"].context["kms:GrantIsForAWSResource"] == "true"


def test_a_volume_with_another_key_than_its_snapshot_is_encrypted_anew() -> None:
    other = "arn:aws:kms:us-east-1:111122223333:key/other"
    asked = {
        (check.action, check.resource)
        for check in checks("ec2", "CreateVolume", {**CREATE, "KmsKeyId": other}, ENCRYPTED)
    }

    assert {("kms:ReEncryptFrom", KEY), ("kms:ReEncryptTo", other), ("kms:CreateGrant", other)} <= asked


def test_attaching_asks_for_the_volume_and_the_instance() -> None:
    volume, instance = checks("ec2", "AttachVolume", {"VolumeId": "vol-1", "InstanceId": "i-1", "Device": "/dev/sdf"})

    assert volume.context == {"aws:ResourceTag/owner": "us", "ec2:ResourceTag/owner": "us"}
    assert instance.resource == "arn:aws:ec2:us-east-1:111122223333:instance/i-1"


def test_an_encrypted_volume_is_attached_with_a_grant_that_the_caller_may_make() -> None:
    volume = "arn:aws:ec2:us-east-1:111122223333:volume/vol-1"
    facts = Facts("111122223333", "us-east-1", key_of=lambda arn: KEY if arn == volume else None)
    params = {"VolumeId": "vol-1", "InstanceId": "i-1", "Device": "/dev/sdf"}
    (grant,) = [check for check in checks("ec2", "AttachVolume", params, facts) if check.resource == KEY]

    assert grant.action == "kms:CreateGrant"
    assert grant.context == {"kms:ViaService": "ec2.us-east-1.amazonaws.com", "kms:GrantIsForAWSResource": "true"}


def test_tagging_alone_has_no_create_action() -> None:
    (check,) = checks("ec2", "CreateTags", {"Resources": ["vol-1"], "Tags": [{"Key": "a", "Value": "b"}]})

    assert check.context["aws:RequestTag/a"] == "b"
    assert "ec2:CreateAction" not in check.context


def test_a_bucket_with_a_key_needs_it_through_s3() -> None:
    put, use = checks("s3", "PutObject", {"Bucket": "bucket", "Key": "a/b"}, ENCRYPTED)

    assert (put.action, put.resource) == ("s3:PutObject", "arn:aws:s3:::bucket/a/b")
    assert (use.action, use.resource) == ("kms:GenerateDataKey", KEY)
    assert use.context == {
        "kms:ViaService": "s3.us-east-1.amazonaws.com",
        "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::bucket",
    }


def test_a_head_needs_the_key_only_to_see_the_checksum() -> None:
    params = {"Bucket": "bucket", "Key": "a"}

    assert [check.action for check in checks("s3", "HeadObject", params, ENCRYPTED)] == ["s3:GetObject"]
    with_checksum = checks("s3", "HeadObject", {**params, "ChecksumMode": "ENABLED"}, ENCRYPTED)
    assert [check.action for check in with_checksum] == ["s3:GetObject", "kms:Decrypt"]


def test_a_listing_tells_its_prefix() -> None:
    (check,) = checks("s3", "ListObjectsV2", {"Bucket": "bucket", "Prefix": "a/"})

    assert (check.action, check.resource, check.context) == (
        "s3:ListBucket",
        "arn:aws:s3:::bucket",
        {"s3:prefix": "a/"},
    )


def test_a_version_is_deleted_with_an_action_of_its_own() -> None:
    (check,) = checks("s3", "DeleteObject", {"Bucket": "bucket", "Key": "a", "VersionId": "v"})

    assert check.action == "s3:DeleteObjectVersion"


def test_a_transaction_needs_what_its_parts_need() -> None:
    items = [
        {"Put": {"TableName": "a"}},
        {"ConditionCheck": {"TableName": "b"}},
        {"Update": {"TableName": "arn:aws:dynamodb:us-east-1:111122223333:table/c"}},
    ]
    asked = {
        (check.action, check.resource.rpartition("/")[2])
        for check in checks("dynamodb", "TransactWriteItems", {"TransactItems": items})
    }

    assert asked == {("dynamodb:PutItem", "a"), ("dynamodb:ConditionCheckItem", "b"), ("dynamodb:UpdateItem", "c")}


def test_a_submitted_job_asks_for_queue_definition_and_tags() -> None:
    params = {"jobQueue": "q", "jobDefinition": "d:3", "jobName": "j", "tags": {"a": "b"}}
    asked = [
        (check.action, check.resource.rpartition("111122223333:")[2]) for check in checks("batch", "SubmitJob", params)
    ]

    assert asked == [
        ("batch:SubmitJob", "job-queue/q"),
        ("batch:SubmitJob", "job-definition/d:3"),
        ("batch:TagResource", "job/*"),
    ]


def test_a_message_is_sent_to_the_queue_of_the_url() -> None:
    (check,) = checks("sqs", "SendMessage", {"QueueUrl": "http://127.0.0.1:1/111122223333/dead", "MessageBody": "x"})

    assert check.resource == "arn:aws:sqs:us-east-1:111122223333:dead"


def asked_of(service: str, operation: str, params: Mapping[str, Any], facts: Facts = FACTS) -> list[tuple[str, str]]:
    return [
        (check.action, check.resource.rpartition("111122223333:")[2])
        for check in checks(service, operation, params, facts)
    ]


def test_a_restored_instance_asks_for_snapshot_itself_network_groups_tags_and_key() -> None:
    encrypted = Facts(
        "111122223333", "us-east-1", key_of=lambda arn: KEY if arn.endswith("snapshot:awsbackup:j") else None
    )
    params = {
        "DBInstanceIdentifier": "Run-1",
        "DBSnapshotIdentifier": "awsbackup:j",
        "DBSubnetGroupName": "network",
        "Tags": [{"Key": "owner", "Value": "us"}],
    }

    assert asked_of("rds", "RestoreDBInstanceFromDBSnapshot", params, encrypted) == [
        ("rds:RestoreDBInstanceFromDBSnapshot", "snapshot:awsbackup:j"),
        ("rds:RestoreDBInstanceFromDBSnapshot", "db:run-1"),
        ("rds:RestoreDBInstanceFromDBSnapshot", "subgrp:network"),
        ("rds:RestoreDBInstanceFromDBSnapshot", "pg:default.*"),
        ("rds:RestoreDBInstanceFromDBSnapshot", "og:default:*"),
        ("rds:AddTagsToResource", "db:run-1"),
        ("kms:DescribeKey", "key/k"),
        ("kms:CreateGrant", "key/k"),
    ]


def test_an_instance_in_a_cluster_asks_for_the_cluster_too() -> None:
    params = {"DBInstanceIdentifier": "one", "DBClusterIdentifier": "all", "Engine": "aurora-mysql"}

    assert asked_of("rds", "CreateDBInstance", params) == [
        ("rds:CreateDBInstance", "db:one"),
        ("rds:CreateDBInstance", "cluster:all"),
    ]


def test_an_instance_that_is_made_alone_asks_for_network_and_groups_of_defaults() -> None:
    params = {"DBInstanceIdentifier": "one", "Engine": "postgres", "DBSubnetGroupName": "network"}

    assert asked_of("rds", "CreateDBInstance", params) == [
        ("rds:CreateDBInstance", "db:one"),
        ("rds:CreateDBInstance", "subgrp:network"),
        ("rds:CreateDBInstance", "pg:default.*"),
        ("rds:CreateDBInstance", "og:default:*"),
    ]


def test_a_secret_needs_its_key_in_the_name_of_the_parameter() -> None:
    params = {"Name": "/a/secret", "Value": "s", "Type": "SecureString", "KeyId": KEY}
    put, encrypt = checks("ssm", "PutParameter", params)

    assert (put.action, put.resource.rpartition(":")[2]) == ("ssm:PutParameter", "parameter/a/secret")
    assert (encrypt.action, encrypt.resource) == ("kms:Encrypt", KEY)
    assert encrypt.context == {
        "kms:ViaService": "ssm.us-east-1.amazonaws.com",
        "kms:EncryptionContext:PARAMETER_ARN": put.resource,
    }


DATABASE_SNAPSHOT = "arn:aws:rds:us-east-1:111122223333:snapshot:awsbackup:j"
OLD = "arn:aws:kms:us-east-1:111122223333:key/old"
KEYS = {DATABASE_SNAPSHOT: OLD, SNAPSHOT: OLD, "arn:aws:kms:eu-west-1:111122223333:alias/new": KEY}
TAGGED = {DATABASE_SNAPSHOT: {"encryption_key": "offsite"}}
ABROAD = Facts(
    "111122223333", "eu-west-1", lambda arn: TAGGED.get(arn, {}), KEYS.get, owner_of=lambda arn: "444455556666"
)


def test_a_copied_database_snapshot_asks_for_source_target_tags_and_both_keys_each_in_its_region() -> None:
    params = {
        "SourceDBSnapshotIdentifier": DATABASE_SNAPSHOT,
        "TargetDBSnapshotIdentifier": "Copy-1",
        "KmsKeyId": "alias/new",
        "Tags": [{"Key": "ours", "Value": "yes"}],
    }
    source, target, tag, *of_keys = checks("rds", "CopyDBSnapshot", params, ABROAD)

    assert (source.action, source.resource) == ("rds:CopyDBSnapshot", DATABASE_SNAPSHOT)
    assert source.context["rds:snapshot-tag/encryption_key"] == "offsite"
    assert target.resource == "arn:aws:rds:eu-west-1:111122223333:snapshot:copy-1"
    assert target.context == {"aws:RequestTag/ours": "yes", "aws:TagKeys": ("ours",), "rds:req-tag/ours": "yes"}
    assert (tag.action, tag.resource) == ("rds:AddTagsToResource", target.resource)
    assert {(each.action, each.resource) for each in of_keys} == {
        *(("kms:" + action, OLD) for action in ("DescribeKey", "CreateGrant", "Decrypt", "ReEncryptFrom")),
        *(("kms:" + action, KEY) for action in ("DescribeKey", "CreateGrant", "GenerateDataKeyWithoutPlaintext")),
        ("kms:ReEncryptTo", KEY),
    }
    assert {each.context["kms:ViaService"] for each in of_keys} == {"rds.us-east-1.amazonaws.com"}


def test_a_copied_volume_snapshot_is_asked_for_its_keys_only_later() -> None:
    params = {"SourceRegion": "us-east-1", "SourceSnapshotId": "snap-1", "KmsKeyId": "k", "Encrypted": True}
    call = Call("ec2", "CopySnapshot", params, Caller("worker"))
    source, target = checks_of(call, ABROAD)

    assert (source.resource, source.context["ec2:Owner"]) == (SNAPSHOT, "444455556666")
    assert (target.resource, target.context) == ("arn:aws:ec2:eu-west-1::snapshot/*", {})
    assert {check.action.partition(":")[0] for check in later_checks_of(call, ABROAD)} == {"kms"}
