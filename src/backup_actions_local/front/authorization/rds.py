"""RDS: its databases, snapshots and exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from backup_actions_local.front.authorization.rds_restores import RDS_RESTORES
from backup_actions_local.front.authorization.rules import (
    RESOURCE_TAGS,
    Facts,
    Needs,
    Params,
    Resources,
    constant,
    on_everything,
    passing_role,
    via,
)
from backup_actions_local.front.authorization.snapshots import RDS_SNAPSHOTS


def _named(kind: str, member: str) -> Resources:
    """The resource that a parameter names, or all of its kind."""

    def resources(params: Params, facts: Facts) -> tuple[str, ...]:
        return (facts.as_arn("rds", f"{kind}:", params.get(member) or "*"),)

    return resources


def _describe(action: str, kind: str, member: str) -> tuple[Needs, ...]:
    return (Needs(action, kind, _named(kind, member), (RESOURCE_TAGS,)),)


def _kind_is(kind: str, member: str) -> Callable[[Params, Facts], bool]:
    return lambda params, facts: f":{kind}:" in params[member]


def _on_arn(action: str, member: str, *kinds: str) -> tuple[Needs, ...]:
    """The action on a resource of one of several types, given by its ARN."""
    return tuple(
        Needs(action, kind, lambda params, facts: (params[member],), (RESOURCE_TAGS,), _kind_is(kind, member))
        for kind in kinds
    )


def _key(params: Params, facts: Facts) -> tuple[str, ...]:
    return (facts.as_arn("kms", "key/", params["KmsKeyId"]),)


# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartExportTask.html: the two actions on the key
_START_EXPORT = (
    *_on_arn("rds:StartExportTask", "SourceArn", "snapshot", "cluster-snapshot"),
    passing_role("IamRoleArn", "export.rds.amazonaws.com"),
    Needs("kms:DescribeKey", "key", _key, (via("rds"),)),
    Needs("kms:CreateGrant", "key", _key, (via("rds"), constant("kms:GrantIsForAWSResource", "true"))),
)

RDS: Mapping[str, tuple[Needs, ...]] = {
    "DescribeDBInstances": _describe("rds:DescribeDBInstances", "db", "DBInstanceIdentifier"),
    "DescribeDBClusters": _describe("rds:DescribeDBClusters", "cluster", "DBClusterIdentifier"),
    "DescribeDBSnapshots": _describe("rds:DescribeDBSnapshots", "snapshot", "DBSnapshotIdentifier"),
    "DescribeDBClusterSnapshots": _describe(
        "rds:DescribeDBClusterSnapshots", "cluster-snapshot", "DBClusterSnapshotIdentifier"
    ),
    "DescribeOptionGroups": _describe("rds:DescribeOptionGroups", "og", "OptionGroupName"),
    "ListTagsForResource": _on_arn(
        "rds:ListTagsForResource", "ResourceName", "db", "cluster", "snapshot", "cluster-snapshot"
    ),
    "StartExportTask": _START_EXPORT,
    "DescribeExportTasks": on_everything("rds:DescribeExportTasks"),
    "CancelExportTask": on_everything("rds:CancelExportTask"),
    **RDS_RESTORES,
    **RDS_SNAPSHOTS,
}
