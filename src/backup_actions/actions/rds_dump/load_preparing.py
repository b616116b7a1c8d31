"""The first steps of a restore test: what a dump needs to be loaded, and an empty instance that has it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backup_actions.actions.rds_dump.dumpable import PORTS, nowhere
from backup_actions.actions.rds_dump.places import verification_key
from backup_actions.actions.rds_dump.preparing import places_of
from backup_actions.actions.rds_dump.storage import storage_of
from backup_actions.actions.rds_dump.versions import versions_to_try
from backup_actions.aws import World, translated
from backup_actions.aws.documents import read_document, read_object
from backup_actions.contract.parameter_groups import parameter_group_for
from backup_actions.dump.description import DumpDescription
from backup_actions.errors import AwsCallFailed, NotVerified
from backup_actions.model.manifest import MANIFEST_NAME, Manifest

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient
    from types_boto3_s3 import S3Client

Event = Mapping[str, Any]

# What is loaded needs room for its own log and for indexes that are being made.
_EXTRA_PERCENT = 100

_RANDOM_BYTES = 30

# An instance of this name is one of an earlier, unanswered call: whether it is ours is asked of its tags.
_OUTCOMES = {
    "DBInstanceAlreadyExists": "made",
    "InsufficientDBInstanceCapacity": "capacity",
    "ProvisionedIopsNotAvailableInAZFault": "capacity",
    "InstanceQuotaExceeded": "quota",
    "StorageQuotaExceeded": "quota",
}


def prepare_load(world: World, event: Event) -> Mapping[str, Any]:
    """Say whether, where and into what the dump can be loaded. Raises NotVerified where it was never verified."""
    s3, bucket = world.clients.s3, event["bucket"]
    verification = read_document(s3, bucket, verification_key(event["evidencePrefix"]))
    if verification is None:
        raise NotVerified(reason=f"there is no {verification_key(event['evidencePrefix'])}")
    engine, version = verification["source"]["product"], verification["instance"]["version"]
    if engine.startswith("aurora"):
        return _no(f"a dump of {engine} {version} is not loaded: RDS has no instance of it without a cluster")
    rds = world.clients.rds
    runs, places = places_of(rds, engine, versions_to_try(version, _offered(rds, engine)), event)
    if not places:
        classes, zones = tuple(event["settings"]["instance_classes"]), tuple(z["name"] for z in event["zones"])
        return _no(nowhere(engine=engine, version=version, classes=classes, zones=zones))
    size_gib = -(-_size_bytes(s3, bucket, event["prefix"]) >> 30)
    members = storage_of(size_gib=size_gib, storage_type="gp3", iops=None, extra_percent=_EXTRA_PERCENT)
    parameters = parameter_group_for(engine, runs)
    own = {"DBParameterGroupName": parameters.name(event["name"])} if parameters else {}
    family = verification["source"]["family"]
    return {
        "loadable": True,
        "reason": "",
        "places": places,
        "restore": {"kind": "empty", "engine": engine, "version": runs, "members": {**members, **own}},
        "source": {
            "product": engine,
            "family": family,
            "version": version,
            # Whose name the dump has in grants and owners: under another one not everything could be loaded.
            "user": verification["source"]["user"],
            "port": PORTS[family],
        },
    }


def create(world: World, event: Event) -> Mapping[str, str]:
    """An empty instance is being made, or RDS has no room for it. Its first password is known to nobody."""
    restore = event["restore"]
    try:
        with translated():
            world.clients.rds.create_db_instance(
                DBInstanceIdentifier=event["instance"],
                DBInstanceClass=event["class"],
                AvailabilityZone=event["zone"],
                Engine=restore["engine"],
                EngineVersion=restore["version"],
                MasterUsername=event["source"]["user"],
                MasterUserPassword=secrets.token_urlsafe(_RANDOM_BYTES),
                Port=event["source"]["port"],
                DBSubnetGroupName=event["subnetGroup"],
                VpcSecurityGroupIds=[event["securityGroup"]],
                PubliclyAccessible=False,
                StorageEncrypted=True,
                MultiAZ=False,
                DeletionProtection=False,
                AutoMinorVersionUpgrade=False,
                BackupRetentionPeriod=0,
                CopyTagsToSnapshot=False,
                Tags=[{"Key": key, "Value": value} for key, value in event["tags"].items()],
                **restore["members"],
            )
    except AwsCallFailed as refusal:
        outcome = _OUTCOMES.get(str(refusal.facts["error_code"]))
        if outcome is None:
            raise
        return {"outcome": outcome, "reason": str(refusal)}
    return {"outcome": "made", "reason": ""}


def _offered(rds: RDSClient, engine: str) -> list[str]:
    with translated():
        pages = rds.get_paginator("describe_db_engine_versions").paginate(Engine=engine)
        return [each["EngineVersion"] for page in pages for each in page["DBEngineVersions"]]


def _size_bytes(s3: S3Client, bucket: str, prefix: str) -> int:
    """What its databases occupied where they were dumped."""
    manifest = Manifest.from_bytes(_read(s3, bucket, f"{prefix}/{MANIFEST_NAME}"))
    if manifest.description is None:
        raise NotVerified(reason=f"{prefix}/{MANIFEST_NAME} is of no dump")
    description = DumpDescription.from_bytes(_read(s3, bucket, f"{prefix}/{manifest.description.name}"))
    return sum(database.size_bytes for database in description.databases)


def _read(s3: S3Client, bucket: str, key: str) -> bytes:
    content = read_object(s3, bucket, key)
    if content is None:
        raise NotVerified(reason=f"there is no {key}")
    return content


def _no(reason: str) -> Mapping[str, Any]:
    return {"loadable": False, "reason": reason, "places": [], "restore": {}, "source": {}}
