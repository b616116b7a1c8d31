"""Statements with their placeholders replaced."""

from __future__ import annotations

from backup_actions.contract import Statement

HERE = {"Region": "us-east-1", "Setting_copy_region": "us-east-1", "Account": "111122223333"}


def test_what_two_placeholders_stand_for_alike_stands_there_once() -> None:
    regions = ("${Region}", "${Setting_copy_region}", "eu-west-1")
    statement = Statement(
        ("kms:DescribeKey",),
        on=tuple(f"arn:aws:kms:{region}:${{Account}}:key/1" for region in regions),
        when={"StringEquals": {"kms:ViaService": tuple(f"rds.{region}.amazonaws.com" for region in regions)}},
    ).filled(HERE.__getitem__)

    assert statement.on == ("arn:aws:kms:us-east-1:111122223333:key/1", "arn:aws:kms:eu-west-1:111122223333:key/1")
    assert statement.when == {
        "StringEquals": {"kms:ViaService": ("rds.us-east-1.amazonaws.com", "rds.eu-west-1.amazonaws.com")}
    }


def test_a_key_of_a_condition_may_be_named_by_a_setting() -> None:
    statement = Statement(("s3:GetObject",), on="${Account}", when={"StringEquals": {"tag/${Account}": "${Region}"}})

    assert statement.filled(HERE.__getitem__).when == {"StringEquals": {"tag/111122223333": "us-east-1"}}
