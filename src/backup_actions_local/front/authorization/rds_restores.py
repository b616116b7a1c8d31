"""RDS: databases restored from snapshots, or made empty.

Working policies of others show that a modification or a deletion is not asked of groups that it does not name, though
the reference calls them required; of what is created in a group, also in the engine's default one, it is asked here.
"""

from __future__ import annotations

from collections.abc import Mapping

from backup_actions_local.front.authorization.rules import (
    RESOURCE_TAGS,
    Facts,
    Needs,
    Params,
    Resources,
    constant,
    on_everything,
    parameters,
    request_tags,
    via,
)


def _tags(params: Params) -> Mapping[str, str]:
    return {tag["Key"]: tag.get("Value") or "" for tag in params.get("Tags") or ()}


def _named(kind: str, member: str, default: str = "") -> Resources:
    """The resource that a parameter names; the default, or none, when it names none."""

    def resources(params: Params, facts: Facts) -> tuple[str, ...]:
        name = params.get(member) or default
        # Names of instances and clusters are kept in lower case, and IAM asks for them so.
        return (facts.as_arn("rds", f"{kind}:", name if name.startswith("arn:") else name.lower()),) if name else ()

    return resources


def _of_new(kind: str, member: str, default: str) -> Resources:
    """The same for an instance; a member of a cluster has the cluster's where it names none."""
    alone, member_of_cluster = _named(kind, member, default), _named(kind, member)

    def resources(params: Params, facts: Facts) -> tuple[str, ...]:
        return (member_of_cluster if params.get("DBClusterIdentifier") else alone)(params, facts)

    return resources


def _key(member: str, kind: str) -> Resources:
    """The key of the snapshot."""

    def resources(params: Params, facts: Facts) -> tuple[str, ...]:
        key = facts.key_of(facts.as_arn("rds", f"{kind}:", params.get(member) or ""))
        return (key,) if key else ()

    return resources


def _key_of_cluster(params: Params, facts: Facts) -> tuple[str, ...]:
    key = facts.key_of(facts.as_arn("rds", "cluster:", params.get("DBClusterIdentifier") or ""))
    return (key,) if key else ()


def _uses(key: Resources) -> tuple[Needs, ...]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Encryption.Keys.html ."""
    return (
        Needs("kms:DescribeKey", "key", key, (via("rds"),)),
        Needs("kms:CreateGrant", "key", key, (via("rds"), constant("kms:GrantIsForAWSResource", "true"))),
    )


def _tagged(kind: str, member: str) -> Needs:
    return Needs(
        "rds:AddTagsToResource",
        kind,
        _named(kind, member),
        (_REQUEST_TAGS,),
        lambda params, facts: bool(_tags(params)),
    )


_REQUEST_TAGS = request_tags(_tags)
_OWN = (RESOURCE_TAGS,)
_NEW = (_REQUEST_TAGS, parameters(PubliclyAccessible="rds:PubliclyAccessible"))
_NEW_INSTANCE = (*_NEW, parameters(DBInstanceClass="rds:DatabaseClass"))
_INSTANCE, _CLUSTER = _named("db", "DBInstanceIdentifier"), _named("cluster", "DBClusterIdentifier")
_RESTORE_INSTANCE = "rds:RestoreDBInstanceFromDBSnapshot"
_RESTORE_CLUSTER = "rds:RestoreDBClusterFromSnapshot"

RDS_RESTORES: Mapping[str, tuple[Needs, ...]] = {
    "RestoreDBInstanceFromDBSnapshot": (
        Needs(_RESTORE_INSTANCE, "snapshot", _named("snapshot", "DBSnapshotIdentifier"), _OWN),
        Needs(_RESTORE_INSTANCE, "db", _INSTANCE, _NEW_INSTANCE),
        Needs(_RESTORE_INSTANCE, "subgrp", _named("subgrp", "DBSubnetGroupName", "default"), _OWN),
        Needs(_RESTORE_INSTANCE, "pg", _named("pg", "DBParameterGroupName", "default.*"), _OWN),
        Needs(_RESTORE_INSTANCE, "og", _named("og", "OptionGroupName", "default:*"), _OWN),
        _tagged("db", "DBInstanceIdentifier"),
        *_uses(_key("DBSnapshotIdentifier", "snapshot")),
    ),
    "RestoreDBClusterFromSnapshot": (
        Needs(_RESTORE_CLUSTER, "cluster-snapshot", _named("cluster-snapshot", "SnapshotIdentifier"), _OWN),
        Needs(_RESTORE_CLUSTER, "cluster", _CLUSTER, (_REQUEST_TAGS,)),
        Needs(_RESTORE_CLUSTER, "subgrp", _named("subgrp", "DBSubnetGroupName", "default"), _OWN),
        Needs(_RESTORE_CLUSTER, "cluster-pg", _named("cluster-pg", "DBClusterParameterGroupName", "default.*"), _OWN),
        Needs(_RESTORE_CLUSTER, "og", _named("og", "OptionGroupName", "default:*"), _OWN),
        _tagged("cluster", "DBClusterIdentifier"),
        *_uses(_key("SnapshotIdentifier", "cluster-snapshot")),
    ),
    "CreateDBInstance": (
        Needs("rds:CreateDBInstance", "db", _INSTANCE, _NEW_INSTANCE),
        Needs("rds:CreateDBInstance", "cluster", _CLUSTER, _OWN),
        Needs("rds:CreateDBInstance", "subgrp", _of_new("subgrp", "DBSubnetGroupName", "default"), _OWN),
        Needs("rds:CreateDBInstance", "pg", _of_new("pg", "DBParameterGroupName", "default.*"), _OWN),
        Needs("rds:CreateDBInstance", "og", _of_new("og", "OptionGroupName", "default:*"), _OWN),
        _tagged("db", "DBInstanceIdentifier"),
        *_uses(_key_of_cluster),
    ),
    "ModifyDBInstance": (Needs("rds:ModifyDBInstance", "db", _INSTANCE, _OWN),),
    "ModifyDBCluster": (Needs("rds:ModifyDBCluster", "cluster", _CLUSTER, _OWN),),
    "DeleteDBInstance": (Needs("rds:DeleteDBInstance", "db", _INSTANCE, _OWN),),
    "DeleteDBCluster": (Needs("rds:DeleteDBCluster", "cluster", _CLUSTER, _OWN),),
    "DescribeOrderableDBInstanceOptions": on_everything("rds:DescribeOrderableDBInstanceOptions"),
    "DescribeDBEngineVersions": on_everything("rds:DescribeDBEngineVersions"),
    "DescribeDBMajorEngineVersions": on_everything("rds:DescribeDBMajorEngineVersions"),
    "DescribeDBSubnetGroups": (
        Needs("rds:DescribeDBSubnetGroups", "subgrp", _named("subgrp", "DBSubnetGroupName", "*"), _OWN),
    ),
}
