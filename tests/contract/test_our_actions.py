"""This project's own actions owe what everybody's do; what they do under faults is in tests/sweeps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from backup_actions.actions import dynamodb_export, ebs_archive, offsite_copy, rds_dump, rds_export
from backup_actions_testing import DescriptionContract


class TestDynamoDbExport(DescriptionContract):
    action = dynamodb_export.ACTION


class TestEbsArchive(DescriptionContract):
    action = ebs_archive.ACTION


class TestOffsiteCopy(DescriptionContract):
    action = offsite_copy.ACTION


class TestRdsDump(DescriptionContract):
    action = rds_dump.ACTION
    not_called: ClassVar[Mapping[tuple[str, str], str]] = {
        ("job verify", "s3:AbortMultipartUpload"): "an engine's create() makes a database; a store's is not called",
        ("job load", "s3:AbortMultipartUpload"): "the same",
        ("task create", "kms:CreateGrant"): "the policy of RDS's own key lets RDS use it for whoever may use RDS",
        ("task create", "kms:DescribeKey"): "the same",
    }


class TestRdsExport(DescriptionContract):
    action = rds_export.ACTION
