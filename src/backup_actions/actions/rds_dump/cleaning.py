"""What a run leaves on AWS besides its jobs, and a round of removing it. Everything is found by the run's name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backup_actions.aws import World, translated
from backup_actions.aws.stored_archives import discard_run
from backup_actions.errors import AwsCallFailed

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient
    from types_boto3_rds.type_defs import TagTypeDef
    from types_boto3_ssm import SSMClient

Event = Mapping[str, Any]

_GONE = frozenset({"DBInstanceNotFound", "DBInstanceNotFoundFault", "DBClusterNotFoundFault", "ParameterNotFound"})
# What is still being made, or being removed already, is asked for again in the next round.
_NOT_YET = frozenset({"InvalidDBInstanceState", "InvalidDBInstanceStateFault", "InvalidDBClusterStateFault"})


def clean(world: World, event: Event) -> Mapping[str, Any]:
    """Remove what can be removed, and name what has to end first: such a round is repeated until nothing is named."""
    _forget_password(world.clients.ssm, event["parameter"])
    rds = world.clients.rds
    # A cluster cannot go before its instance.
    pending = list(_instance(rds, event)) or list(_cluster(rds, event))
    if not event["discard"] or pending:
        return {"pending": pending, "removed": 0}
    discarded = discard_run(world.clients.s3, event["bucket"], event["prefix"], event["run"])
    return {"pending": pending, "removed": sum(discarded)}


def _instance(rds: RDSClient, event: Event) -> Iterator[str]:
    name = event["instance"]
    try:
        with translated():
            found = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
            if not _is_ours(found.get("TagList", []), event):
                return
            if found["DBInstanceStatus"] != "deleting":
                _delete_instance(rds, name, is_member=bool(found.get("DBClusterIdentifier")))
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] in _GONE:
            return
        if refusal.facts["error_code"] not in _NOT_YET:
            raise
    yield f"the instance {name} is not gone yet"


def _delete_instance(rds: RDSClient, name: str, *, is_member: bool) -> None:
    if is_member:  # its backups are the cluster's
        rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    else:
        rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True, DeleteAutomatedBackups=True)


def _cluster(rds: RDSClient, event: Event) -> Iterator[str]:
    name = event["cluster"]
    try:
        with translated():
            found = rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
            if not _is_ours(found.get("TagList", []), event):
                return
            if found["Status"] != "deleting":
                rds.delete_db_cluster(DBClusterIdentifier=name, SkipFinalSnapshot=True, DeleteAutomatedBackups=True)
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] in _GONE:
            return
        if refusal.facts["error_code"] not in _NOT_YET:
            raise
    yield f"the cluster {name} is not gone yet"


def _is_ours(tags: Sequence[TagTypeDef], event: Event) -> bool:
    return any((tag.get("Key"), tag.get("Value")) == ("backup-actions:run", event["tag"]) for tag in tags)


def _forget_password(ssm: SSMClient, parameter: str) -> None:
    try:
        with translated():
            ssm.delete_parameter(Name=parameter)
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] not in _GONE:
            raise
