"""What a key of one's own has to let the roles of a deployment do, and whether its policy does."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from backup_actions.lifecycle.key_policy import PolicyStatement, key_policy_needed
from backup_actions.lifecycle.key_policy_judged import key_policy_objections
from backup_actions.plugins import installed
from backup_actions.settings import from_mapping

ACTIONS = installed().actions
ROLES = "arn:aws:iam::111122223333:role/backup-actions-*"
ROOT = {"AWS": "arn:aws:iam::111122223333:root"}
ACCOUNT_DECIDES = {"Sid": "Root", "Effect": "Allow", "Principal": ROOT, "Action": "kms:*", "Resource": "*"}
NEEDED: tuple[PolicyStatement, ...] = (
    {
        "Effect": "Allow",
        "Principal": ROOT,
        "Action": ["kms:Decrypt"],
        "Resource": "*",
        "Condition": {
            "StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"},
            "ArnLike": {"aws:PrincipalArn": ROLES},
        },
    },
)


def needed(**sections: Any) -> tuple[PolicyStatement, ...]:
    required: dict[str, Any] = {
        "account": "111122223333",
        "region": "us-east-1",
        "zones": ["us-east-1a"],
        "vaults": ["backups"],
    }
    return key_policy_needed(from_mapping({**required, **sections}, ACTIONS), ACTIONS)


def objections(*statements: dict[str, Any]) -> tuple[str, ...]:
    return key_policy_objections({"Statement": list(statements)}, NEEDED)


def test_a_policy_of_exactly_what_is_needed_suffices() -> None:
    assert key_policy_objections({"Statement": list(needed())}, needed()) == ()


def test_each_statement_that_is_needed_is_missed_when_it_is_not_there() -> None:
    statements = needed()

    for missing in statements:
        policy = {"Statement": [each for each in statements if each is not missing]}
        assert key_policy_objections(policy, statements), missing


def test_only_roles_of_this_deployment_are_let_in_and_nothing_but_the_use_of_the_key_is() -> None:
    for statement in needed(name="archives"):
        assert statement["Condition"]["ArnLike"] == {"aws:PrincipalArn": ROLES.replace("backup-actions", "archives")}
        assert not {"kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:*"} & set(statement["Action"])


def test_what_only_one_action_needs_is_not_asked_for_without_it() -> None:
    granted = {action for statement in needed() for action in statement["Action"]}
    others = {action.name: {"enabled": False} for action in ACTIONS if action.name != "ebs-archive"}
    of_volumes = {action for statement in needed(actions=others) for action in statement["Action"]}

    assert "kms:CreateGrant" in granted
    assert of_volumes == {"kms:Decrypt", "kms:GenerateDataKey"}


def test_grants_are_for_services_alone() -> None:
    for statement in needed():
        if "kms:CreateGrant" in statement["Action"]:
            assert statement["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_arns_are_those_of_the_partition() -> None:
    principals = {statement["Principal"]["AWS"] for statement in needed(region="cn-north-1", zones=["cn-north-1a"])}

    assert principals == {"arn:aws-cn:iam::111122223333:root"}


@pytest.mark.parametrize(
    "statement",
    [
        ACCOUNT_DECIDES,
        {**ACCOUNT_DECIDES, "Principal": {"AWS": ["111122223333"]}, "Action": ["kms:De*", "kms:Encrypt"]},
        {**ACCOUNT_DECIDES, "Principal": "*", "Condition": {"StringEquals": {"kms:CallerAccount": "111122223333"}}},
        {**ACCOUNT_DECIDES, "Condition": {"StringLike": {"KMS:ViaService": "s3.*.amazonaws.com"}}},
        {**ACCOUNT_DECIDES, "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/*"}}},
        {**ACCOUNT_DECIDES, "NotAction": "kms:Delete*", "Action": []},
    ],
)
def test_the_usual_ways_to_let_an_account_in_are_understood(statement: dict[str, Any]) -> None:
    assert objections(statement) == ()


@pytest.mark.parametrize(
    "statement",
    [
        {**ACCOUNT_DECIDES, "Principal": {"AWS": "arn:aws:iam::444455556666:root"}},
        {**ACCOUNT_DECIDES, "Principal": {"Service": "s3.amazonaws.com"}},
        {**ACCOUNT_DECIDES, "Action": ["kms:Encrypt", "kms:DescribeKey"]},
        {**ACCOUNT_DECIDES, "Condition": {"StringEquals": {"kms:ViaService": "ec2.us-east-1.amazonaws.com"}}},
        {**ACCOUNT_DECIDES, "Condition": {"StringNotEquals": {"kms:CallerAccount": "111122223333"}}},
    ],
)
def test_whoever_is_not_let_in_is_told_what_is_missing(statement: dict[str, Any]) -> None:
    assert objections(statement) == (
        f"kms:Decrypt: no statement allows it to roles {ROLES} through s3.us-east-1.amazonaws.com",
    )


@pytest.mark.parametrize(
    "statement",
    [
        {**ACCOUNT_DECIDES, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-0123456789"}}},
        {**ACCOUNT_DECIDES, "Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}},
        {**ACCOUNT_DECIDES, "Principal": {"AWS": "arn:aws:iam::111122223333:role/backup-actions-Main-ABC"}},
        {**ACCOUNT_DECIDES, "Condition": {"ArnEquals": {"aws:PrincipalArn": ROLES.replace("*", "Main-ABC")}}},
    ],
)
def test_what_cannot_be_judged_counts_as_missing_and_is_named(statement: dict[str, Any]) -> None:
    (objection,) = objections(statement)

    assert objection.endswith("; Root allows it under conditions that cannot be judged here")


def test_what_denies_or_may_deny_is_named() -> None:
    tls = {**ACCOUNT_DECIDES, "Sid": "Tls", "Effect": "Deny", "Condition": {"Bool": {"aws:SecureTransport": False}}}
    outside = copy.deepcopy(tls) | {"Sid": "Outside", "Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}}
    everybody = {"Effect": "Deny", "NotPrincipal": ROOT, "Action": "kms:Decrypt", "Resource": "*"}

    assert objections(ACCOUNT_DECIDES, tls) == ()
    (objection,) = objections(ACCOUNT_DECIDES, tls, outside, everybody)
    assert objection.startswith("kms:Decrypt: Outside, statement 4 denies it, or may deny it, to roles ")
