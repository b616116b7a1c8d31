"""What becomes of snapshots that are restored: instances and clusters, from their making to their end, on the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Refused
from backup_actions_local.databases.certificates import Authority
from backup_actions_local.services.chores import Chores
from backup_actions_local.services.identifiers import Identifiers
from backup_actions_local.services.rds_parameters import ParameterGroups
from backup_actions_local.services.rds_servers import Cluster, Instance, SubnetGroup

if TYPE_CHECKING:
    from pathlib import Path

    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.databases import DatabaseImage, Engine
    from backup_actions_local.databases.managed import ManagedServer
    from backup_actions_local.services.durations import Durations
    from backup_actions_local.services.mishaps import Mishaps
    from backup_actions_local.services.place import Place

_SERVER_STOPS_WITHIN_SECONDS = 120.0
_LONG_SECONDS = 24 * 3600.0


class RestoredDatabases:
    """Every instance and cluster that the API has made, and the networks that they may be made in."""

    def __init__(
        self, *, clock: SimulatedClock, place: Place, durations: Durations, mishaps: Mishaps, directory: Path
    ) -> None:
        self.clock, self.place = clock, place
        self._durations, self._mishaps, self._directory = durations, mishaps, directory
        self.authority = Authority(directory / "authority")
        self._chores = Chores(clock, end_within_seconds=_SERVER_STOPS_WITHIN_SECONDS)
        self._identifiers = Identifiers("rds")
        self._lock = threading.RLock()
        self._servers: list[ManagedServer] = []
        self._empty: dict[str, DatabaseImage] = {}
        self.instances: dict[str, Instance] = {}
        self.clusters: dict[str, Cluster] = {}
        self.parameter_groups = ParameterGroups()
        self.subnet_groups: dict[str, SubnetGroup] = {}
        self.security_groups: set[str] = set()
        self.instances_at_most = 40
        """https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html"""

    def make_subnet_group(self, name: str, zones: tuple[str, ...]) -> SubnetGroup:
        """A DB subnet group over subnets in these zones."""
        self.subnet_groups[name] = SubnetGroup(name=name, arn=self.place.arn("rds", f"subgrp:{name}"), zones=zones)
        return self.subnet_groups[name]

    def make_security_group(self) -> str:
        """The id of a new security group."""
        group = self._identifiers.resource("sg")
        self.security_groups.add(group)
        return group

    def new_id(self, prefix: str) -> str:
        """What RDS itself calls a thing."""
        return self._identifiers.resource(prefix)

    def server_for(self, image: DatabaseImage | None, parameters: Mapping[str, str]) -> ManagedServer | None:
        """A server that has not started yet; none for a product that does not run here."""
        if image is None:
            return None
        from backup_actions_local.databases import MariaDb
        from backup_actions_local.databases.managed import ManagedServer

        engine = MariaDb(parameters=parameters) if parameters else image.engine
        with self._lock:
            folder = self._directory / f"server-{len(self._servers) + 1}"
            self._servers.append(ManagedServer(image, folder, self.authority, engine=engine))
            return self._servers[-1]

    def empty_server(self, engine: str, parameters: Mapping[str, str]) -> ManagedServer | None:
        """A server with nothing in it, which has not started yet; none for a product that does not run here."""
        from backup_actions_local.databases import DatabaseImage, MariaDb, PostgreSql

        products: Mapping[str, Callable[[], Engine]] = {"postgres": PostgreSql, "mysql": MariaDb, "mariadb": MariaDb}
        if engine not in products:
            return None
        path = self._directory / f"empty-{engine}.tar"
        with self._lock:
            if engine not in self._empty:
                self._empty[engine] = DatabaseImage.empty(products[engine](), path)
            return self.server_for(self._empty[engine], parameters)

    def instance(self, identifier: str) -> Instance:
        """By its name, in whatever case, or ARN. Raises Refused when there is none."""
        name = identifier.rpartition(":")[2].lower()
        if name not in self.instances:
            raise Refused("DBInstanceNotFound", f"DBInstance {identifier} not found.", 404)
        return self.instances[name]

    def cluster(self, identifier: str) -> Cluster:
        """By its name, in whatever case, or ARN. Raises Refused when there is none."""
        name = identifier.rpartition(":")[2].lower()
        if name not in self.clusters:
            raise Refused("DBClusterNotFoundFault", f"DBCluster {identifier} not found.", 404)
        return self.clusters[name]

    def tagged(self, arn: str) -> dict[str, str] | None:
        """The tags of an instance or a cluster; None of what does not exist."""
        found: Mapping[str, Instance | Cluster] = self.clusters if ":cluster:" in arn else self.instances
        thing = next((each for each in list(found.values()) if each.arn == arn), None)
        return thing.tags if thing else None

    def key_of(self, arn: str) -> str | None:
        """The key that encrypts a cluster; None if none does."""
        cluster = next((each for each in list(self.clusters.values()) if each.arn == arn), None)
        return (cluster.kms_key_id or None) if cluster else None

    def kill(self, identifier: str) -> None:
        """The server of an instance dies in the middle of what it does, and nobody starts it again."""
        server = self.instance(identifier).server
        if server:
            server.kill()

    def close(self) -> None:
        """No server runs, and nothing of their data is left."""
        self._chores.close()
        for server in self._servers:
            server.remove()

    # ----------------------------------------------------------------------------------------------------- what happens

    def begin_instance(self, instance: Instance) -> None:
        """The instance is being created. Raises Refused when there is one of this name."""
        with self._lock:
            if instance.id in self.instances:
                raise Refused("DBInstanceAlreadyExists", "DB instance already exists")
            self.instances[instance.id] = instance
            if instance.cluster:
                instance.cluster.members.append(instance)
        self._chores.begin(f"creation of {instance.id}", lambda: self._create_instance(instance))

    def begin_cluster(self, cluster: Cluster) -> None:
        """The cluster is being created. Raises Refused when there is one of this name."""
        with self._lock:
            if cluster.id in self.clusters:
                raise Refused("DBClusterAlreadyExistsFault", "DB Cluster already exists")
            self.clusters[cluster.id] = cluster
        self._chores.begin(f"creation of {cluster.id}", lambda: self._create_cluster(cluster))

    def begin_password(self, thing: Instance | Cluster, password: str) -> None:
        """The password changes after a while, in which the instance or the cluster first looks as before."""
        thing.password_is_pending = True
        self._chores.begin(f"password of {thing.id}", lambda: self._change_password(thing, password))

    def begin_end(self, thing: Instance | Cluster) -> None:
        """The instance or the cluster is being deleted, if it was not already."""
        with self._lock:
            if thing.is_going:
                return
            thing.status = "deleting"
        self.clock.changed()
        self._chores.begin(f"deletion of {thing.id}", lambda: self._end(thing))

    def _create_instance(self, instance: Instance) -> None:
        self._pass(instance, self._durations.database_restored_seconds)
        if instance.is_going:
            return
        ends_as = self._mishaps.strike("database status")
        if ends_as is not None:
            self._set(instance, ends_as.what)
            return
        if instance.server:
            instance.server.start()
        if instance.wishes.backup_retention_days and not instance.cluster:
            self._set(instance, "backing-up")
            self._pass(instance, self._durations.database_backed_up_seconds)
        self._set(instance, instance.status_in_use)
        if instance.storage_is_growing:
            self._pass(instance, self._durations.database_storage_seconds)
            instance.storage_is_growing = False
            if instance.status == "storage-optimization":
                self._set(instance, instance.status_in_use)

    def _create_cluster(self, cluster: Cluster) -> None:
        self._pass(cluster, self._durations.cluster_restored_seconds)
        self._set(cluster, "available")

    def _change_password(self, thing: Instance | Cluster, password: str) -> None:
        self._pass(thing, self._durations.database_modification_seen_seconds)
        self._set(thing, "resetting-master-credentials")
        self._pass(thing, self._durations.database_password_seconds)
        with self._lock:
            if thing.server and not thing.is_going:
                thing.server.set_password(password)
            thing.password_is_pending = False
        self._set(thing, thing.status_in_use)

    def _end(self, thing: Instance | Cluster) -> None:
        self._chores.sleep(self._durations.database_deleted_seconds)
        if isinstance(thing, Cluster):
            self._chores.sleep(_LONG_SECONDS, unless=lambda: not thing.members)
        with self._lock:
            if isinstance(thing, Cluster):
                self._forget(thing, self.clusters)
            elif thing.cluster:
                thing.cluster.members.remove(thing)
                if thing.server and not thing.cluster.members:
                    thing.server.stop()
                del self.instances[thing.id]
            else:
                self._forget(thing, self.instances)
        self.clock.changed()

    def _forget(self, thing: Instance | Cluster, among: dict[str, Any]) -> None:
        if thing.server:
            thing.server.remove()
        del among[thing.id]

    def _pass(self, thing: Instance | Cluster, seconds: float) -> None:
        self._chores.sleep(seconds, unless=lambda: thing.is_going)

    def _set(self, thing: Instance | Cluster, status: str) -> None:
        with self._lock:
            if not thing.is_going:
                thing.status = status
        self.clock.changed()
