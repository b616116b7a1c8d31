"""RDS as far as new databases go: made of snapshots or empty, given a password, deleted, and what they can be had with.

Error codes: the botocore model. Messages: as RDS words them where that is known from its documentation or from reports.
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services.paging import only, page
from backup_actions_local.services.rds_asked import ALIKE, COMBINATION, INVALID, Asking, new_name, tags_of
from backup_actions_local.services.rds_new import NEW_INSTANCE, new_instance
from backup_actions_local.services.rds_records import MASTER, default_option_group
from backup_actions_local.services.rds_servers import (
    Cluster,
    Instance,
    Wishes,
    checked_password,
)

if TYPE_CHECKING:
    from backup_actions_local.services.keys import Keys
    from backup_actions_local.services.mishaps import Mishaps
    from backup_actions_local.services.rds_databases import Databases
    from backup_actions_local.services.rds_offers import Offers
    from backup_actions_local.services.rds_records import DatabaseSnapshot
    from backup_actions_local.services.rds_restored import RestoredDatabases

_NOT_FOUND = {
    ":cluster:": "DBClusterNotFoundFault",
    ":cluster-snapshot:": "DBClusterSnapshotNotFoundFault",
    ":snapshot:": "DBSnapshotNotFound",
}
_PAGE = 100


class RdsRestores:
    """The operations."""

    name = "rds"
    everywhere = frozenset({"AddTagsToResource", "RemoveTagsFromResource"})

    def __init__(
        self, databases: Databases, restored: RestoredDatabases, offers: Offers, keys: Keys, mishaps: Mishaps
    ) -> None:
        self._databases, self._restored, self._offers, self._mishaps = databases, restored, offers, mishaps
        self._keys = keys
        self._place, self._asked = restored.place, Asking(restored, offers)

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        return {
            "RestoreDBInstanceFromDBSnapshot": self._restore_instance,
            "RestoreDBClusterFromSnapshot": self._restore_cluster,
            "CreateDBInstance": self._create_instance,
            "ModifyDBInstance": self._modify_instance,
            "ModifyDBCluster": self._modify_cluster,
            "DeleteDBInstance": self._delete_instance,
            "DeleteDBCluster": self._delete_cluster,
            "AddTagsToResource": self._add_tags,
            "RemoveTagsFromResource": self._remove_tags,
            "DescribeOrderableDBInstanceOptions": self._describe_options,
            "DescribeDBEngineVersions": self._describe_versions,
            "DescribeDBMajorEngineVersions": self._describe_major_versions,
            "DescribeDBSubnetGroups": self._describe_subnet_groups,
        }

    # ---------------------------------------------------------------------------------------------------------- restore

    def _restore_instance(self, call: Call) -> Mapping[str, Any]:
        only(
            call, "DBInstanceIdentifier", "DBSnapshotIdentifier", "DBInstanceClass", "AvailabilityZone", "Engine",
            "StorageType", "AllocatedStorage", "BackupRetentionPeriod", "DBParameterGroupName", "OptionGroupName",
            "AutoMinorVersionUpgrade", "CopyTagsToSnapshot", "MultiAZ", "Iops", "StorageThroughput", *ALIKE,
        )  # fmt: skip
        asked = dict(call.params)
        name = new_name(asked["DBInstanceIdentifier"], "DBInstanceIdentifier")
        snapshot = self._available(asked.get("DBSnapshotIdentifier") or "", "InvalidDBSnapshotState", clusters=False)
        source = snapshot.of
        if asked.get("Engine") not in {None, source.engine}:
            raise Refused(COMBINATION, f"Cannot restore a snapshot of {source.engine} as {asked['Engine']}")
        storage_gib = int(asked.get("AllocatedStorage") or source.storage_gib)
        if storage_gib < source.storage_gib:
            raise Refused(INVALID, f"Allocated storage must not be less than the snapshot's {source.storage_gib} GiB.")
        wishes = self._asked.wishes(asked, backup_days=1)
        version = self._offers.restored_version(source.engine, source.engine_version)
        instance_class = asked.get("DBInstanceClass") or source.instance_class
        zone = self._asked.zone(asked, wishes.subnet_group, source.engine, version, instance_class)
        groups = self._restored.parameter_groups
        parameter_group = groups.named(asked.get("DBParameterGroupName"), source.engine, version)
        instance = Instance(
            id=name, arn=self._place.arn("rds", f"db:{name}"), resource_id=self._restored.new_id("db"),
            engine=source.engine, engine_version=version, instance_class=instance_class, zone=zone, master=MASTER,
            storage_type=asked.get("StorageType") or source.storage_type, storage_gib=storage_gib,
            kms_key_id=source.kms_key_id, created=self._restored.clock.now(), wishes=wishes,
            parameter_group=parameter_group,
            option_group=asked.get("OptionGroupName") or default_option_group(source.engine, version),
            server=self._restored.server_for(
                snapshot.image, groups.parameters(parameter_group, source.engine, version)
            ),
            tags=tags_of(asked),
            storage_is_growing=storage_gib > source.storage_gib,
        )  # fmt: skip
        self._begin(instance)
        return {"DBInstance": instance.answer()}

    def _restore_cluster(self, call: Call) -> Mapping[str, Any]:
        only(
            call, "DBClusterIdentifier", "SnapshotIdentifier", "Engine", "EngineVersion", "AvailabilityZones",
            "DBClusterParameterGroupName", "BackupRetentionPeriod", "CopyTagsToSnapshot", "EngineMode", *ALIKE,
        )  # fmt: skip
        asked = dict(call.params)
        name = new_name(asked["DBClusterIdentifier"], "DBClusterIdentifier")
        snapshot = self._available(asked["SnapshotIdentifier"], "InvalidDBClusterSnapshotStateFault", clusters=True)
        source = snapshot.of
        if asked["Engine"] != source.engine:
            raise Refused(COMBINATION, f"Cannot restore a snapshot of {source.engine} as {asked['Engine']}")
        if asked.get("BackupRetentionPeriod") == 0:
            raise Refused(INVALID, "Invalid backup retention period: must be between 1 and 35")
        version = asked.get("EngineVersion") or self._offers.newest(source.engine)
        if any(v.version == version and v.is_deprecated for v in self._offers.versions(source.engine)):
            raise Refused(COMBINATION, f"Cannot find version {version} for {source.engine}")
        groups = self._restored.parameter_groups
        parameter_group = groups.named(
            asked.get("DBClusterParameterGroupName"), source.engine, version, of_clusters=True
        )
        cluster = Cluster(
            id=name, arn=self._place.arn("rds", f"cluster:{name}"), engine=source.engine, engine_version=version,
            master=MASTER, kms_key_id=source.kms_key_id, created=self._restored.clock.now(),
            wishes=self._asked.wishes(asked, backup_days=1),
            parameter_group=parameter_group,
            server=self._restored.server_for(
                snapshot.image, groups.parameters(parameter_group, source.engine, version)
            ),
            tags=tags_of(asked),
        )  # fmt: skip
        if any(each.id == cluster.id for each in self._databases.all(clusters=True)):
            raise Refused("DBClusterAlreadyExistsFault", "DB Cluster already exists")
        self._restored.begin_cluster(cluster)
        return {"DBCluster": cluster.answer()}

    def _create_instance(self, call: Call) -> Mapping[str, Any]:
        if call.params.get("DBClusterIdentifier"):
            return self._create_member(call)
        only(call, *NEW_INSTANCE)
        instance = new_instance(call.params, self._asked, self._restored, self._offers)
        self._begin(instance)
        return {"DBInstance": instance.answer()}

    def _create_member(self, call: Call) -> Mapping[str, Any]:
        only(
            call, "DBInstanceIdentifier", "DBInstanceClass", "Engine", "DBClusterIdentifier", "AvailabilityZone",
            "MasterUserPassword", "PubliclyAccessible", "DBSubnetGroupName", "Tags", "PromotionTier",
            "AutoMinorVersionUpgrade", "DBParameterGroupName", "CopyTagsToSnapshot",
        )  # fmt: skip
        asked = dict(call.params)
        if asked.get("MasterUserPassword"):
            message = "The requested DB Instance will be a member of a DB Cluster."
            raise Refused(COMBINATION, f"{message} Set master user password for the DB Cluster.")
        cluster = self._restored.cluster(asked["DBClusterIdentifier"])
        name = new_name(asked["DBInstanceIdentifier"], "DBInstanceIdentifier")
        if cluster.status != "available":
            raise Refused("InvalidDBClusterStateFault", f"DB cluster {cluster.id} is not in available state.")
        if asked["Engine"] != cluster.engine:
            raise Refused(COMBINATION, "The engine name requested for your DB instance doesn't match the DB cluster.")
        wishes = Wishes(
            subnet_group=cluster.wishes.subnet_group,
            security_groups=cluster.wishes.security_groups,
            deletion_protection=False,
            backup_retention_days=cluster.wishes.backup_retention_days,
            publicly_accessible=bool(asked.get("PubliclyAccessible")),
        )
        version, instance_class = cluster.engine_version, asked["DBInstanceClass"]
        zone = self._asked.zone(asked, wishes.subnet_group, cluster.engine, version, instance_class)
        parameter_group = self._restored.parameter_groups.named(
            asked.get("DBParameterGroupName"), cluster.engine, version
        )
        instance = Instance(
            id=name, arn=self._place.arn("rds", f"db:{name}"), resource_id=self._restored.new_id("db"),
            engine=cluster.engine, engine_version=version, instance_class=instance_class, zone=zone,
            master=cluster.master, storage_type="aurora", storage_gib=1, kms_key_id=cluster.kms_key_id,
            created=self._restored.clock.now(), wishes=wishes, parameter_group=parameter_group,
            option_group=default_option_group(cluster.engine, version), server=cluster.server, cluster=cluster,
            tags=tags_of(asked),
        )  # fmt: skip
        self._begin(instance)
        return {"DBInstance": instance.answer()}

    def _begin(self, instance: Instance) -> None:
        if any(source.id == instance.id for source in self._databases.all(clusters=False)):
            raise Refused("DBInstanceAlreadyExists", "DB instance already exists")
        if len(self._restored.instances) >= self._restored.instances_at_most:
            raise Refused("InstanceQuotaExceeded", "DB Instance quota exceeded")
        if self._mishaps.strike("database capacity", instance.zone):
            message = f"Not enough capacity for {instance.instance_class} in {instance.zone}."
            raise Refused("InsufficientDBInstanceCapacity", message)
        self._restored.begin_instance(instance)

    # ------------------------------------------------------------------------------------------------ modify and delete

    def _modify_instance(self, call: Call) -> Mapping[str, Any]:
        only(call, "DBInstanceIdentifier", "MasterUserPassword", "ApplyImmediately")
        instance = self._restored.instance(call.params["DBInstanceIdentifier"])
        if instance.cluster and call.params.get("MasterUserPassword"):
            raise Refused(COMBINATION, "You can't change the master password of a member of a DB cluster.")
        if instance.status != instance.status_in_use:
            raise Refused("InvalidDBInstanceState", "Database instance is not in available state.")
        if password := checked_password(call.params, instance.engine):
            self._restored.begin_password(instance, password)
        return {"DBInstance": instance.answer()}

    def _modify_cluster(self, call: Call) -> Mapping[str, Any]:
        only(call, "DBClusterIdentifier", "MasterUserPassword", "ApplyImmediately")
        cluster = self._restored.cluster(call.params["DBClusterIdentifier"])
        if cluster.status != "available":
            raise Refused("InvalidDBClusterStateFault", "DB cluster is not in available state.")
        if password := checked_password(call.params, cluster.engine):
            self._restored.begin_password(cluster, password)
        return {"DBCluster": cluster.answer()}

    def _delete_instance(self, call: Call) -> Mapping[str, Any]:
        only(call, "DBInstanceIdentifier", "SkipFinalSnapshot", "DeleteAutomatedBackups")
        instance = self._restored.instance(call.params["DBInstanceIdentifier"])
        if instance.is_going:
            raise Refused("InvalidDBInstanceState", f"Instance {instance.id} is already being deleted.")
        if instance.wishes.deletion_protection:
            message = "Cannot delete protected DB Instance, please disable deletion protection and try again."
            raise Refused(COMBINATION, message)
        if not instance.cluster:
            _refuse_final_snapshot(call)
        self._restored.begin_end(instance)
        return {"DBInstance": instance.answer()}

    def _delete_cluster(self, call: Call) -> Mapping[str, Any]:
        only(call, "DBClusterIdentifier", "SkipFinalSnapshot", "DeleteAutomatedBackups")
        cluster = self._restored.cluster(call.params["DBClusterIdentifier"])
        if cluster.is_going:
            raise Refused("InvalidDBClusterStateFault", f"Cluster {cluster.id} is already being deleted.")
        if cluster.wishes.deletion_protection:
            message = "Cannot delete protected Cluster, please disable deletion protection and try again."
            raise Refused(COMBINATION, message)
        _refuse_final_snapshot(call)
        if not all(member.is_going for member in cluster.members):
            message = "Cluster cannot be deleted, it still contains DB instances in non-deleting state."
            raise Refused("InvalidDBClusterStateFault", message)
        self._restored.begin_end(cluster)
        return {"DBCluster": cluster.answer()}

    def _add_tags(self, call: Call) -> Mapping[str, Any]:
        only(call, "ResourceName", "Tags")
        self._tagged(call).update(tags_of(call.params))
        return {}

    def _remove_tags(self, call: Call) -> Mapping[str, Any]:
        only(call, "ResourceName", "TagKeys")
        tags = self._tagged(call)
        for key in call.params["TagKeys"]:
            tags.pop(key, None)
        return {}

    def _tagged(self, call: Call) -> dict[str, str]:
        arn = call.params["ResourceName"]
        tags = self._restored.tagged(arn)
        if tags is None:
            tags = self._databases.tagged(arn)
        if tags is None:
            code = next((code for kind, code in _NOT_FOUND.items() if kind in arn), "DBInstanceNotFound")
            raise Refused(code, f"{arn} not found.", 404)
        return tags

    # -------------------------------------------------------------------------------------------------- what is offered

    def _describe_options(self, call: Call) -> Mapping[str, Any]:
        only(call, "Engine", "EngineVersion", "DBInstanceClass", "Vpc", "LicenseModel", "Marker", "MaxRecords")
        params = call.params
        found = self._offers.options(
            params["Engine"], params.get("EngineVersion") or "", params.get("DBInstanceClass") or ""
        )
        return _paged(call, "OrderableDBInstanceOptions", found)

    def _describe_versions(self, call: Call) -> Mapping[str, Any]:
        only(call, "Engine", "EngineVersion", "IncludeAll", "Marker", "MaxRecords")
        params = call.params
        found = [
            each.answer()
            for each in self._offers.versions(params.get("Engine") or "")
            if params.get("EngineVersion") in {None, each.version}
            if params.get("IncludeAll") or not each.is_deprecated
        ]
        return _paged(call, "DBEngineVersions", found)

    def _describe_major_versions(self, call: Call) -> Mapping[str, Any]:
        only(call, "Engine", "MajorEngineVersion", "Marker", "MaxRecords")
        engine, major = call.params.get("Engine") or "", call.params.get("MajorEngineVersion")
        found = [each for each in self._offers.major_versions(engine) if major in {None, each["MajorEngineVersion"]}]
        return _paged(call, "DBMajorEngineVersions", found)

    def _describe_subnet_groups(self, call: Call) -> Mapping[str, Any]:
        only(call, "DBSubnetGroupName", "Marker", "MaxRecords")
        wanted = call.params.get("DBSubnetGroupName")
        groups = [self._asked.subnet_group(wanted)] if wanted else list(self._restored.subnet_groups.values())
        return _paged(call, "DBSubnetGroups", [group.answer() for group in groups])

    def _available(self, identifier: str, code: str, *, clusters: bool) -> DatabaseSnapshot:
        snapshot = self._databases.named_snapshot(identifier, clusters=clusters)
        if snapshot.status(self._restored.clock.now()) != "available":
            raise Refused(code, f"The snapshot {snapshot.id} is not in available state.")
        if not self._keys.can_use(snapshot.of.kms_key_id):
            said = f"The specified KMS key [{snapshot.of.kms_key_id}] does not exist, is not enabled or you do not have"
            raise Refused("KMSKeyNotAccessibleFault", f"{said} permissions to access it.")
        return snapshot


def _refuse_final_snapshot(call: Call) -> None:
    """Final snapshots are not taken here."""
    if not call.params.get("SkipFinalSnapshot"):
        raise Refused(COMBINATION, "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")


def _paged(call: Call, name: str, found: list[dict[str, Any]]) -> Mapping[str, Any]:
    size = call.params.get("MaxRecords") or _PAGE
    part, marker = page(found, call.params.get("Marker"), size, refusal=INVALID)
    return {name: list(part)} | ({"Marker": marker} if marker else {})
