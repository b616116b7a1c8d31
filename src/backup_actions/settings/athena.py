"""The section ``athena``: whether exports become tables that can be asked in the console, and at what cost at most."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from backup_actions.contract.settings import Limits
from backup_actions.settings.checks import Matching, Within
from backup_actions.settings.words import Days, Section

S3Folder: TypeAlias = Annotated[
    str,
    Matching(
        r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([A-Za-z0-9!_.*'()=-]+/)*",
        "it must be a place in S3 that ends in a slash: s3://bucket/folder/",
    ),
]

# Athena takes no limit below 10 MB. A PiB is more than anybody means.
# https://docs.aws.amazon.com/athena/latest/ug/workgroups-setting-control-limits-cloudwatch.html
Gibibytes: TypeAlias = Annotated[int, Within(Limits(at_least=1, at_most=1_048_576))]


class Athena(Section):
    """Whether a Glue database and an Athena workgroup are made, in which every export appears by itself."""

    enabled: bool = Field(False, description="Whether they are made.")
    scan_limit_gib: Gibibytes = Field(
        100, description="A query that has scanned more, in GiB, is stopped: Athena charges for what is scanned."
    )
    results: S3Folder | None = Field(
        None,
        description="Where results of queries are stored; null: below athena-results/ in the archive bucket. With "
        "archive_bucket.object_lock give a place in another bucket: results would be locked too.",
    )
    results_days: Days = Field(
        7, description="Days after which results below athena-results/ are deleted, in a bucket that the stack makes."
    )
