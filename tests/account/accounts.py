"""An account as far as the check sees it: what each operation answers, in the shapes that botocore knows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.validate import ParamValidator

from backup_actions.aws import Clients

KEY = "arn:aws:kms:us-east-1:111122223333:key/12345678-1234-1234-1234-123456789012"
BUCKET, LOGS = "our-archives", "our-logs"
NOW = "2026-11-22T12:00:00Z"


def policy(*statements: Mapping[str, Any]) -> str:
    """A policy as AWS gives it."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


ROOT_DECIDES = {
    "Sid": "Root",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
    "Action": "kms:*",
    "Resource": "*",
}


def quota(value: float) -> dict[str, Any]:
    """The answer of Service Quotas."""
    return {"Quota": {"Value": value}}


def zone(name: str, **more: str) -> dict[str, str]:
    """One availability zone as EC2 describes it."""
    return {"ZoneName": name, "State": "available", "ZoneType": "availability-zone", **more}


def subnet(subnet_id: str, in_zone: str, **more: Any) -> dict[str, Any]:
    """One subnet as EC2 describes it."""
    where = {"SubnetId": subnet_id, "VpcId": "vpc-0123456789abcdef0", "AvailabilityZone": in_zone}
    return {**where, "AvailableIpAddressCount": 200, "MapPublicIpOnLaunch": False, **more}


GOOD: Mapping[str, Any] = {
    "GetCallerIdentity": {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/ada", "UserId": "U"},
    "DescribeAvailabilityZones": {"AvailabilityZones": [zone("us-east-1a"), zone("us-east-1b")]},
    "ListBackupVaults": {"BackupVaultList": [{"BackupVaultName": "backups", "Locked": False}]},
    "GetBackupVaultAccessPolicy": "ResourceNotFoundException",
    "HeadBucket": {"BucketRegion": "us-east-1"},
    "GetBucketVersioning": {"Status": "Enabled"},
    "GetObjectLockConfiguration": "ObjectLockConfigurationNotFoundError",
    "GetBucketEncryption": {
        "ServerSideEncryptionConfiguration": {
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        }
    },
    "GetPublicAccessBlock": {
        "PublicAccessBlockConfiguration": {
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        }
    },
    "GetBucketPolicyStatus": "NoSuchBucketPolicy",
    "GetBucketPolicy": {
        "Policy": policy(
            {"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject"}
        )
    },
    "GetBucketLifecycleConfiguration": {
        "Rules": [
            {
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
            }
        ]
    },
    "DescribeKey": {"KeyMetadata": {"KeyId": KEY, "KeyState": "Enabled", "KeyManager": "CUSTOMER"}},
    "GetKeyPolicy": {"Policy": policy(ROOT_DECIDES)},
    "DescribeVpcs": {"Vpcs": [{"VpcId": "vpc-0123456789abcdef0"}]},
    "DescribeVpcAttribute": {"EnableDnsSupport": {"Value": True}},
    "DescribeSubnets": {
        "Subnets": [
            subnet("subnet-01234567", "us-east-1a"),
            subnet("subnet-11111111", "us-east-1a"),
            subnet("subnet-22222222", "us-east-1b"),
        ]
    },
    "DescribeRouteTables": {
        "RouteTables": [{"Routes": [{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}]}]
    },
    "DescribeVpcEndpoints": {"VpcEndpoints": []},
    "DescribeSecurityGroups": {
        "SecurityGroups": [
            {
                "GroupId": "sg-01234567",
                "VpcId": "vpc-0123456789abcdef0",
                "IpPermissionsEgress": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}],
            }
        ]
    },
    "GetParameter": {"Parameter": {"Value": "28"}},
    "GetRole": {
        "Role": {"Path": "/", "RoleName": "name", "RoleId": "A" * 16, "Arn": "a" * 20, "CreateDate": NOW},
    },
    "DescribeStacks": "ValidationError",
    "GetServiceQuota": quota(256),
    "DescribeVolumes": {"Volumes": [{"Size": 1536}, {"Size": 512}]},
    "GetAWSDefaultServiceQuota": quota(5),
    "DescribeAccountAttributes": {
        "AccountQuotas": [
            {"AccountQuotaName": name, "Used": 3, "Max": 40}
            for name in ("DBInstances", "ManualSnapshots", "ManualClusterSnapshots")
        ]
    },
}
"""An account in which everything is as it should be: operation → its answer, or the code of its refusal."""


@dataclass
class FakeAccount:
    """What an account answers, and what it was asked."""

    answers: Mapping[str, Any] = field(default_factory=lambda: GOOD)
    called: set[str] = field(default_factory=set)

    def but(self, **answers: Any) -> FakeAccount:
        """The same account in which some operations answer otherwise."""
        return FakeAccount({**self.answers, **answers})

    def answer(self, model: Any) -> tuple[SimpleNamespace, dict[str, Any]]:
        """Each answer is held against the shape that botocore expects."""
        self.called.add(f"{model.service_model.signing_name}:{model.name}")
        answer = self.answers[model.name]
        if isinstance(answer, str):
            error = {"Code": answer, "Message": "no"}
            return SimpleNamespace(status_code=400), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}
        report = ParamValidator().validate(answer, model.output_shape)
        assert not report.has_errors(), f"{model.name}: {report.generate_report()}"
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {"HTTPStatusCode": 200}}


class Wire:
    """Clients whose calls lead to one account after another: they take longer to make than to use."""

    def __init__(self) -> None:
        self.account = FakeAccount()
        session = boto3.Session("id", "secret", region_name="us-east-1")
        answer: Any = lambda model, **_: self.account.answer(model)  # noqa: E731 - botocore's type says None
        session.events.register("before-call", answer)
        self.clients = Clients(session)
