"""DB instances that are made of no snapshot: an empty server, encrypted with the key that RDS has in every account.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Refused
from backup_actions_local.services.rds_asked import ALIKE, COMBINATION, INVALID, Asking, new_name, tags_of
from backup_actions_local.services.rds_records import MASTER, default_option_group
from backup_actions_local.services.rds_servers import Instance, checked_password

if TYPE_CHECKING:
    from backup_actions_local.services.rds_offers import Offers
    from backup_actions_local.services.rds_restored import RestoredDatabases

NEW_INSTANCE = (
    "DBInstanceIdentifier", "DBInstanceClass", "Engine", "EngineVersion", "MasterUsername", "MasterUserPassword",
    "AllocatedStorage", "StorageType", "Iops", "StorageThroughput", "StorageEncrypted", "AvailabilityZone", "MultiAZ",
    "BackupRetentionPeriod", "AutoMinorVersionUpgrade", "CopyTagsToSnapshot", "DBParameterGroupName",
    "OptionGroupName", *ALIKE,
)  # fmt: skip
"""The members that are understood here, of a request for an instance that is in no cluster."""

_SMALLEST_GIB, _LARGEST_GIB = 20, 65_536


def new_instance(asked: Mapping[str, Any], asking: Asking, restored: RestoredDatabases, offers: Offers) -> Instance:
    """What is asked for, as RDS would make it. Raises Refused for what it would not."""
    name, engine = new_name(asked["DBInstanceIdentifier"], "DBInstanceIdentifier"), asked["Engine"]
    version = _version(asked, offers)
    storage_gib = int(asked.get("AllocatedStorage") or 0)
    if not _SMALLEST_GIB <= storage_gib <= _LARGEST_GIB:
        raise Refused(INVALID, f"Invalid storage size for engine name {engine} and storage type gp3: {storage_gib}")
    password = checked_password(asked, engine)
    if not password or not asked.get("MasterUsername"):
        raise Refused(INVALID, "MasterUsername and MasterUserPassword are required unless they are managed by RDS.")
    if asked["MasterUsername"] != MASTER:
        raise Refused("NotEmbedded", f"the master user of every embedded database is {MASTER}", 501)
    wishes = asking.wishes(asked, backup_days=1)
    zone = asking.zone(asked, wishes.subnet_group, engine, version, asked["DBInstanceClass"])
    groups = restored.parameter_groups
    parameter_group = groups.named(asked.get("DBParameterGroupName"), engine, version)
    server = restored.empty_server(engine, groups.parameters(parameter_group, engine, version))
    if server:
        server.set_password(password)
    place = restored.place
    return Instance(
        id=name, arn=place.arn("rds", f"db:{name}"), resource_id=restored.new_id("db"), engine=engine,
        engine_version=version, instance_class=asked["DBInstanceClass"], zone=zone, master=MASTER,
        storage_type=asked.get("StorageType") or "gp2", storage_gib=storage_gib,
        kms_key_id=place.arn("kms", "alias/aws/rds") if asked.get("StorageEncrypted") else "",
        created=restored.clock.now(), wishes=wishes, parameter_group=parameter_group,
        option_group=asked.get("OptionGroupName") or default_option_group(engine, version), server=server,
        tags=tags_of(asked),
    )  # fmt: skip


def _version(asked: Mapping[str, Any], offers: Offers) -> str:
    """The one asked for, or the newest."""
    engine = asked["Engine"]
    if engine.startswith("aurora"):
        raise Refused(COMBINATION, f"The engine {engine} runs in DB clusters: name one in DBClusterIdentifier.")
    version = str(asked.get("EngineVersion") or offers.newest(engine))
    if not any(each.version == version and not each.is_deprecated for each in offers.versions(engine)):
        raise Refused(COMBINATION, f"Cannot find version {version} for {engine}")
    return version
