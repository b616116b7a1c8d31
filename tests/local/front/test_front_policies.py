"""IAM's decisions as far as they are embedded."""

from __future__ import annotations

from typing import Any

import pytest

from backup_actions.errors import NotEmbedded
from backup_actions_local.front.policies import Check, Condition, Decision, PolicyStatement, evaluate


def statement(
    effect: str = "Allow", action: Any = "s3:GetObject", resource: Any = "*", **condition: Any
) -> PolicyStatement:
    return PolicyStatement.from_policy(
        {"Effect": effect, "Action": action, "Resource": resource, "Condition": condition}
    )


CHECK = Check("s3:GetObject", "arn:aws:s3:::bucket/a/b", {"aws:ResourceTag/colour": "red"})


def test_nothing_is_allowed_without_a_statement() -> None:
    assert evaluate([], CHECK) is Decision.NOT_ALLOWED


def test_a_denial_wins_over_every_permission() -> None:
    assert evaluate([statement(), statement("Deny"), statement()], CHECK) is Decision.DENIED


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("arn:aws:s3:::bucket/*", Decision.ALLOWED),
        ("arn:aws:s3:::bucket/a/?", Decision.ALLOWED),
        (["arn:aws:s3:::other/*", "*"], Decision.ALLOWED),
        ("arn:aws:s3:::bucket", Decision.NOT_ALLOWED),
        ("arn:aws:s3:::bucket/a/b/c", Decision.NOT_ALLOWED),
        ("arn:aws:s3:::bucket/a.b", Decision.NOT_ALLOWED),
    ],
)
def test_resources_match_with_stars_and_question_marks_only(resource: Any, expected: Decision) -> None:
    assert evaluate([statement(resource=resource)], CHECK) is expected


def test_actions_may_end_in_a_star() -> None:
    assert evaluate([statement(action="s3:Get*")], CHECK) is Decision.ALLOWED
    assert evaluate([statement(action="s3:Put*")], CHECK) is Decision.NOT_ALLOWED


@pytest.mark.parametrize(
    ("operator", "wanted", "holds"),
    [
        ("StringEquals", ["red", "blue"], True),
        ("StringEquals", "blue", False),
        ("StringNotEquals", ["red", "blue"], False),
        ("StringNotEquals", "blue", True),
        ("StringLike", "r?d", True),
        ("StringNotLike", "r*", False),
        ("Null", "false", True),
        ("Null", True, False),
    ],
)
def test_conditions_on_a_key_that_is_there(operator: str, wanted: Any, holds: bool) -> None:
    assert Condition.parsed(operator, "aws:ResourceTag/colour", wanted).holds(CHECK.context) is holds


@pytest.mark.parametrize(
    ("operator", "holds"),
    [
        ("StringEquals", False),
        ("StringNotEquals", True),
        ("StringEqualsIfExists", True),
        ("ArnLike", False),
        ("Bool", False),
        ("Null", False),
        ("ForAllValues:StringEquals", True),
        ("ForAnyValue:StringEquals", False),
    ],
)
def test_conditions_on_a_key_that_is_absent(operator: str, holds: bool) -> None:
    assert Condition.parsed(operator, "aws:ResourceTag/size", "false").holds(CHECK.context) is holds


@pytest.mark.parametrize(
    ("operator", "wanted", "holds"),
    [
        ("ForAllValues:StringEquals", ["a", "b", "c"], True),
        ("ForAllValues:StringEquals", ["a"], False),
        ("ForAnyValue:StringEquals", ["a"], True),
        ("ForAnyValue:StringLike", ["c*"], False),
    ],
)
def test_a_key_with_several_values_is_asked_with_a_quantifier(operator: str, wanted: Any, holds: bool) -> None:
    assert Condition.parsed(operator, "aws:TagKeys", wanted).holds({"aws:TagKeys": ("a", "b")}) is holds


def test_a_key_with_several_values_is_refused_without_a_quantifier() -> None:
    with pytest.raises(NotEmbedded, match="ForAnyValue"):
        Condition.parsed("StringEquals", "aws:TagKeys", "a").holds({"aws:TagKeys": ("a", "b")})


def test_the_star_of_an_arn_condition_does_not_cross_its_first_five_colons() -> None:
    arn = {"aws:SourceArn": "arn:aws:states:us-east-1:111122223333:execution:m:e"}

    assert Condition.parsed("ArnLike", "aws:SourceArn", "arn:aws:states:*:*:execution:*").holds(arn)
    assert not Condition.parsed("ArnEquals", "aws:SourceArn", "arn:aws:*:execution:m:e").holds(arn)
    assert Condition.parsed("ArnNotLike", "aws:SourceArn", "arn:aws:batch:*:*:*").holds(arn)


@pytest.mark.parametrize(
    ("operator", "holds"),
    [
        ("NumericEquals", True),
        ("NumericNotEquals", False),
        ("NumericLessThan", False),
        ("NumericLessThanEquals", True),
        ("NumericGreaterThan", False),
        ("NumericGreaterThanEquals", True),
    ],
)
def test_numbers_are_compared_as_numbers(operator: str, holds: bool) -> None:
    assert Condition.parsed(operator, "ec2:VolumeSize", "10.0").holds({"ec2:VolumeSize": "10"}) is holds


@pytest.mark.parametrize(
    "policy",
    [
        {"Effect": "Allow", "Action": "a:B", "Resource": "arn:aws:s3:::${aws:username}"},
        {"Effect": "Allow", "Action": "a:B", "Resource": "*", "Condition": {"StringEquals": {"a": "${aws:userid}"}}},
        {
            "Effect": "Allow",
            "Action": "a:B",
            "Resource": "*",
            "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
        },
        {"Effect": "Allow", "Action": "a:B", "Resource": "*", "Condition": {"ForNoValue:Bool": {"a": "true"}}},
        {"Effect": "Allow", "NotAction": "a:B", "Resource": "*"},
        {"Effect": "Allow", "Action": "a:B", "Resource": "*", "Principal": "*"},
    ],
)
def test_what_is_not_known_is_refused(policy: dict[str, Any]) -> None:
    with pytest.raises(NotEmbedded):
        PolicyStatement.from_policy(policy)
