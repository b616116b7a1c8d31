"""The databases of the account and their snapshots, and how AWS Backup makes and removes those."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from backup_actions_local.calls import Refused
from backup_actions_local.services.backup_sources import Backed, Resource
from backup_actions_local.services.rds_offers import default_version
from backup_actions_local.services.rds_records import Database, DatabaseSnapshot, OptionGroup

if TYPE_CHECKING:
    from backup_actions.model.arn import Arn
    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.databases import DatabaseImage
    from backup_actions_local.services.place import Place
    from backup_actions_local.services.rds_offers import Offers

_GIB = 1 << 30


class Databases:
    """Made from Python; the API describes them."""

    def __init__(self, *, clock: SimulatedClock, place: Place, offers: Offers) -> None:
        self.clock, self.place, self._offers = clock, place, offers
        self._databases: dict[str, Database] = {}
        self._snapshots: dict[str, DatabaseSnapshot] = {}
        self._option_groups: dict[str, OptionGroup] = {}

    def make(
        self,
        name: str,
        image: DatabaseImage | None,
        *,
        engine: str = "",
        engine_version: str = "",
        storage_type: str = "gp3",
        storage_gib: int = 20,
        kms_key_id: str = "",
        parameter_group: str = "",
        option_group: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> Database:
        """A DB instance with that in it; an engine whose name begins with ``aurora`` makes a cluster."""
        engine = engine or (image.engine.name if image else "")
        is_cluster = engine.startswith("aurora")
        database = Database(
            id=name,
            arn=self.place.arn("rds", f"{'cluster' if is_cluster else 'db'}:{name}"),
            engine=engine,
            engine_version=engine_version or default_version(engine),
            image=image,
            created=self.clock.now(),
            is_cluster=is_cluster,
            storage_type="aurora" if is_cluster else storage_type,
            storage_gib=storage_gib,
            kms_key_id=kms_key_id,
            parameter_group=parameter_group,
            option_group=option_group,
            tags=dict(tags or {}),
        )
        self._offers.know(database.engine, database.engine_version)
        self._databases[database.arn] = database
        return database

    def make_option_group(self, group: OptionGroup) -> None:
        """A group that databases can name."""
        self._option_groups[group.name] = group

    def option_group(self, name: str) -> OptionGroup:
        """An engine's default has no options. Raises Refused when there is none."""
        arn = self.place.arn("rds", f"og:{name}")
        if name.startswith("default:"):
            return OptionGroup(name=name, arn=arn, engine=name.partition(":")[2].rpartition("-")[0])
        if name not in self._option_groups:
            raise Refused("OptionGroupNotFoundFault", f"Specified OptionGroupName: {name} not found.", 404)
        return self._option_groups[name]

    def lasting_options(self, group: str) -> tuple[str, ...]:
        """What such a group never loses again; nothing of one that the world was prepared with by its name alone."""
        return self._option_groups[group].lasting if group in self._option_groups else ()

    def all(self, *, clusters: bool) -> list[Database]:
        """Every DB instance, or every cluster."""
        return [database for database in self._databases.values() if database.is_cluster == clusters]

    def database(self, arn: str) -> Database:
        """Raise Refused when there is none."""
        if arn not in self._databases:
            is_cluster = ":cluster:" in arn
            code = "DBClusterNotFoundFault" if is_cluster else "DBInstanceNotFound"
            raise Refused(code, f"{arn} not found.", 404)
        return self._databases[arn]

    def snapshots(self, *, clusters: bool, region: str = "") -> list[DatabaseSnapshot]:
        """Every snapshot of DB instances, or of clusters, in a region."""
        self._settle()
        wanted = (clusters, region or self.place.region)
        return [each for each in list(self._snapshots.values()) if (each.of.is_cluster, each.region) == wanted]

    def shared_with(self, account: str) -> list[DatabaseSnapshot]:
        """What another account may copy, in whatever region."""
        return [each for each in list(self._snapshots.values()) if each.is_shared_with(account)]

    def snapshot(self, arn: str) -> DatabaseSnapshot:
        """Raise Refused when there is none."""
        self._settle()
        if arn not in self._snapshots:
            is_cluster = ":cluster-snapshot:" in arn
            code = "DBClusterSnapshotNotFoundFault" if is_cluster else "DBSnapshotNotFound"
            raise Refused(code, f"{arn.rpartition('snapshot:')[2]} not found.", 404)
        return self._snapshots[arn]

    def named_snapshot(self, identifier: str, *, clusters: bool, region: str = "") -> DatabaseSnapshot:
        """The snapshot of this name or ARN. Raises Refused when there is none."""
        return self.snapshot(self.snapshot_arn(identifier, clusters=clusters, region=region))

    def snapshot_arn(self, identifier: str, *, clusters: bool, region: str = "") -> str:
        """What a snapshot of this name would be called in whole; an ARN is one already."""
        if identifier.startswith("arn:"):
            return identifier
        kind, place = "cluster-snapshot" if clusters else "snapshot", self.place
        return f"arn:{place.partition}:rds:{region or place.region}:{place.account}:{kind}:{identifier}"

    def keep_snapshot(self, snapshot: DatabaseSnapshot) -> None:
        """It is one of the account's own."""
        self._offers.know(snapshot.of.engine, snapshot.of.engine_version)
        self._snapshots[snapshot.arn] = snapshot

    def key_of(self, arn: str) -> str | None:
        """The key that encrypts a snapshot; None if none does."""
        snapshot = self._snapshots.get(arn)
        return (snapshot.of.kms_key_id or None) if snapshot else None

    def take_snapshot(
        self, database: Database, name: str, *, tags: Mapping[str, str], takes_seconds: float
    ) -> DatabaseSnapshot:
        """Begin a snapshot of what the database holds now."""
        kind = "cluster-snapshot" if database.is_cluster else "snapshot"
        now = self.clock.now()
        snapshot = DatabaseSnapshot(
            id=name,
            arn=self.place.arn("rds", f"{kind}:{name}"),
            of=database,
            image=database.image,
            created=now,
            available_at=now + timedelta(seconds=takes_seconds),
            tags=dict(tags),
        )
        self._snapshots[snapshot.arn] = snapshot
        return snapshot

    def remove_snapshot(self, arn: str) -> None:
        """The snapshot is gone, also if it was not there."""
        snapshot = self._snapshots.pop(arn, None)
        if snapshot is not None:
            snapshot.gone_at = self.clock.now()
            self.clock.changed()

    def tagged(self, arn: str) -> dict[str, str] | None:
        """The tags of a database or a snapshot; None of what does not exist."""
        found = self._databases.get(arn) or self._snapshots.get(arn)
        return found.tags if found else None

    def _settle(self) -> None:
        now = self.clock.now()
        for snapshot in list(self._snapshots.values()):
            if snapshot.gone_at is not None and now >= snapshot.gone_at:
                self._snapshots.pop(snapshot.arn, None)


class DatabaseBackups:
    """What AWS Backup makes of DB instances (``RDS``) or of clusters (``Aurora``): snapshots under names of its own."""

    def __init__(self, databases: Databases, *, clusters: bool) -> None:
        self._databases = databases
        self._kind = "cluster:" if clusters else "db:"
        self.resource_type = "Aurora" if clusters else "RDS"

    def handles(self, resource: Arn) -> bool:
        """Whether the ARN is such a database's."""
        return resource.service == "rds" and resource.resource.startswith(self._kind)

    def resource(self, resource: Arn) -> Resource:
        """The database's tags and allocated storage."""
        database = self._databases.database(str(resource))
        return Resource(tags=database.tags, size_bytes=database.storage_gib * _GIB)

    def back_up(self, resource: Arn, *, job_id: str, tags: Mapping[str, str], takes_seconds: float) -> Backed:
        """Begin a snapshot."""
        database = self._databases.database(str(resource))
        # https://docs.aws.amazon.com/aws-backup/latest/devguide/recovery-points.html
        name = f"awsbackup:job-{job_id}"
        snapshot = self._databases.take_snapshot(database, name, tags=tags, takes_seconds=takes_seconds)
        return Backed(arn=snapshot.arn, key_arn=database.kms_key_id)

    def transferred_bytes(self, backup: Arn) -> int:
        """What the image occupies."""
        image = self._databases.snapshot(str(backup)).image
        return image.size_bytes if image else 0

    def forget(self, backup: Arn) -> None:
        """The snapshot is removed."""
        self._databases.remove_snapshot(str(backup))
