"""Event patterns match as EventBridge's do."""

from __future__ import annotations

from typing import Any

import pytest

from backup_actions_local.calls import Refused
from backup_actions_local.services.event_patterns import check, matches

EVENT: dict[str, Any] = {
    "source": "aws.backup",
    "resources": ["arn:one", "arn:two"],
    "detail": {
        "state": "COMPLETED",
        "percent": 99.5,
        "retry": 3,
        "flag": True,
        "none": None,
        "steps": [{"n": 1}, {"n": 2}],
    },
}


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["other", "aws.backup"]},
        {"source": [{"prefix": "aws."}]},
        {"source": [{"suffix": ".backup"}]},
        {"source": [{"prefix": {"equals-ignore-case": "AWS."}}]},
        {"source": [{"equals-ignore-case": "AWS.Backup"}]},
        {"source": [{"wildcard": "a*.b*p"}]},
        {"source": [{"anything-but": "aws.ec2"}]},
        {"source": [{"anything-but": ["aws.ec2", "aws.rds"]}]},
        {"source": [{"anything-but": {"prefix": "my."}}]},
        {"source": [{"anything-but": {"wildcard": ["*.ec2", "*.rds"]}}]},
        {"resources": ["arn:two"]},
        {"detail": {"state": ["COMPLETED"], "retry": [3.0]}},
        {"detail": {"percent": [{"numeric": [">", 90, "<=", 99.5]}]}},
        {"detail": {"flag": [True], "none": [None]}},
        {"detail": {"state": [{"exists": True}], "missing": [{"exists": False}]}},
        {"detail": {"missing": {"deeper": [{"exists": False}]}}},
        {"detail": {"steps": {"n": [2]}}},
        {"$or": [{"source": ["nobody"]}, {"detail": {"state": ["COMPLETED"]}}]},
    ],
)
def test_it_matches(pattern: dict[str, Any]) -> None:
    check(pattern)

    assert matches(pattern, EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        {"source": ["aws"]},
        {"source": [{"prefix": "AWS."}]},
        {"source": [{"wildcard": "aws"}]},
        {"source": [{"anything-but": ["aws.backup"]}]},
        {"source": [{"anything-but": {"prefix": "aws."}}]},
        {"source": [{"anything-but": {"wildcard": "*.backup"}}]},
        {"source": [{"exists": False}]},
        {"missing": [{"anything-but": "x"}]},
        {"missing": [{"exists": True}]},
        {"detail": {"state": ["COMPLETED"], "retry": ["3"]}},
        {"detail": {"flag": [1]}},
        {"detail": {"percent": [{"numeric": [">", 99.5]}]}},
        {"detail": {"state": [{"numeric": ["=", 1]}]}},
        {"detail": {"steps": {"n": [3]}}},
        {"$or": [{"source": ["nobody"]}, {"source": ["no one"]}]},
    ],
)
def test_it_does_not_match(pattern: dict[str, Any]) -> None:
    check(pattern)

    assert not matches(pattern, EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        {},
        {"source": "aws.backup"},
        {"source": []},
        {"source": [{"cidr": "10.0.0.0/8"}]},
        {"source": [{"prefix": "a", "suffix": "b"}]},
        {"source": [{"numeric": [">"]}]},
        {"source": [{"numeric": ["!=", 1]}]},
        {"source": [{"exists": "true"}]},
        {"source": [{"anything-but": []}]},
        {"source": [["nested"]]},
    ],
)
def test_what_is_not_a_pattern_is_refused(pattern: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="InvalidEventPatternException"):
        check(pattern)
