"""What cannot be dumped, recognised before anything is made: pure functions of what is known of the snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from backup_actions.dump.connection import Family

FAMILIES: Mapping[str, Family] = {
    "mariadb": "mysql",
    "mysql": "mysql",
    "aurora-mysql": "mysql",
    "postgres": "postgresql",
    "aurora-postgresql": "postgresql",
}
"""RDS's word for an engine → whose programs dump it."""

PORTS: Mapping[Family, int] = {"postgresql": 5432, "mysql": 3306}
"""Where restored databases listen, wherever the original did: the security group knows these alone."""

# What such products have of their own; none of it runs here.
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/SQLServer.Procedural.Importing.html
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Oracle.Procedural.Importing.DataPump.html
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/db2-native-restore.html
_INSTEAD: Mapping[str, str] = {
    "sqlserver": "keep the backup, or restore it and call msdb.dbo.rds_backup_database, which writes to S3",
    "oracle": "keep the backup, or restore it and export with Data Pump to S3",
    "db2": "keep the backup, or restore it and call rdsadmin.backup_database, which writes to S3",
    "custom": "keep the backup, or copy the database with the tools of its own host",
}

_SOON = timedelta(days=180)


def objection(*, engine: str, status: str) -> str | None:
    """Why such a snapshot cannot be dumped and what else can be done, or None."""
    if engine not in FAMILIES:
        product = engine.partition("-")[0]
        known = "MariaDB, MySQL, PostgreSQL, Aurora MySQL and Aurora PostgreSQL are dumped"
        return f"{known}, not {engine}: {_INSTEAD.get(product, 'keep the backup')}"
    if status != "available":
        return f"the snapshot is {status}: dump it when it is available"
    return None


def objection_to_key(*, key_region: str, region: str) -> str | None:
    """Why the password of a restored database cannot be kept under that key, or None."""
    if key_region == region:
        return None
    return (
        f"the key of the bucket is in {key_region} and the snapshot in {region}, where a password is to be encrypted "
        "with it: name a bucket of the stack's region in archive_bucket"
    )


def nowhere(*, engine: str, version: str, classes: tuple[str, ...], zones: tuple[str, ...]) -> str:
    """The reason where RDS offers none of the classes in any zone."""
    return (
        f"RDS offers none of {', '.join(classes)} for {engine} {version} in {', '.join(zones)}: name others in "
        "instance_classes, or upgrade a copy of the snapshot where the version has retired"
    )


def support_note(*, product: str, major: str, status: str, ends: datetime | None, now: datetime) -> str | None:
    """A sentence about an engine version whose support has ended or ends soon, or None."""
    if ends is not None and ends <= now:
        return f"standard support of {product} {major} has ended on {ends.date()}; RDS bills Extended Support for it"
    if ends is not None and ends - now < _SOON:
        return f"standard support of {product} {major} ends on {ends.date()}: restore this dump into a newer one soon"
    if status == "deprecated":
        return f"RDS has deprecated this version of {product} {major}"
    return None


def option_group_of(*, engine: str, major: str) -> str:
    """The group of a product's defaults: one of the customer's belongs to the customer's VPC, and we restore to ours.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithOptionGroups.html
    """
    return f"default:{engine}-{major.replace('.', '-')}"
