"""What AWS Backup does by itself: it makes backups, deletes them, and says so."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions_local.calls import Refused
from backup_actions_local.services import backup_events
from backup_actions_local.services.backup_sources import Volumes
from backup_actions_local.services.chores import Chores
from backup_actions_local.services.identifiers import Identifiers
from backup_actions_local.services.recovery_points import BackupJob, Point, Vault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.backup_sources import BackupSource
    from backup_actions_local.services.block_store import BlockStore
    from backup_actions_local.services.mishaps import Mishaps

START_WINDOW = timedelta(hours=8)
_MOST_TAGS = 50


class Emit(Protocol):
    """Puts an event on the bus."""

    def __call__(
        self, source: str, detail_type: str, detail: Mapping[str, object], resources: Sequence[str] = ()
    ) -> object:
        """Put an event on the bus."""
        ...


class BackupVaults:
    """Vaults with recovery points whose bytes are real. What takes time is an actor on the clock.

    Backups are made of volumes, and of what further ``sources`` hold.
    """

    def __init__(
        self,
        *,
        clock: SimulatedClock,
        store: BlockStore,
        emit: Emit,
        mishaps: Mishaps,
        sources: Sequence[BackupSource] = (),
    ) -> None:
        self.place, self.clock = store.place, clock
        self._store, self._emit, self._mishaps = store, emit, mishaps
        self._durations = store.durations
        self._sources: tuple[BackupSource, ...] = (Volumes(store), *sources)
        self._identifiers = Identifiers("backup")
        self._chores = Chores(clock)
        self._lock = threading.RLock()
        self.vaults: dict[str, Vault] = {}
        self.jobs: dict[str, BackupJob] = {}
        self._points: dict[tuple[str, str], Point] = {}

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Nobody else changes anything meanwhile."""
        with self._lock:
            yield

    def new_id(self) -> str:
        """An identifier that nothing else has."""
        return self._identifiers.uuid()

    def make_vault(
        self,
        name: str,
        *,
        tags: Mapping[str, str] | None = None,
        key_arn: str = "",
        min_retention_days: int | None = None,
    ) -> Vault:
        """Make a vault; a minimal retention locks it. Raises Refused when there is one of this name."""
        with self._lock:
            if name in self.vaults:
                raise Refused("AlreadyExistsException", f"Backup vault with the same name already exists: {name}")
            vault = Vault(
                name=name,
                arn=self.place.arn("backup", f"backup-vault:{name}"),
                created=self.clock.now(),
                key_arn=key_arn or self.place.arn("kms", "key/aws-backup"),
                tags=dict(tags or {}),
                min_retention_days=min_retention_days,
            )
            self.vaults[name] = vault
            return vault

    def plant(
        self,
        recovery_point: RecoveryPoint,
        *,
        status: str = "COMPLETED",
        tags: Mapping[str, str] | None = None,
        size_bytes: int = 1 << 30,
        announce: bool = True,
    ) -> Point:
        """Put a recovery point of any resource type into its vault, and announce it unless told not to."""
        now = self.clock.now()
        point = Point(
            of=recovery_point, vault=self.vaults[recovery_point.vault_name], status=status, created=now, completed=now,
            size_bytes=size_bytes, role_arn=self.place.role_arn("backup"), tags=dict(tags or {}),
        )  # fmt: skip
        with self._lock:
            self._points[point.vault.name, point.arn] = point
        if announce:
            self._tell(point)
        return point

    def points(self, vault_name: str | None = None) -> list[Point]:
        """The recovery points of a vault, or of all."""
        with self._lock:
            return [point for (vault, _), point in self._points.items() if vault_name in {None, vault}]

    def point(self, vault_name: str, arn: str) -> Point | None:
        """The recovery point, if it is there."""
        with self._lock:
            return self._points.get((vault_name, arn))

    def start_backup(
        self,
        resource: Arn,
        vault: Vault,
        role_arn: str,
        tags: Mapping[str, str],
        lifecycle: dict[str, int],
        *,
        start_within: timedelta = START_WINDOW,
    ) -> BackupJob:
        """Begin to back up a resource. Raises Refused for one that no source holds."""
        now = self.clock.now()
        source = next((source for source in self._sources if source.handles(resource)), None)
        if source is None:
            raise Refused("NotEmbedded", f"the embedded AWS makes no backups of {resource}", 501)
        job = BackupJob(
            id=self.new_id(), vault=vault, resource_arn=str(resource), resource_type=source.resource_type,
            role_arn=role_arn, created=now, start_by=now + start_within,
        )  # fmt: skip
        with self._lock:
            self.jobs[job.id] = job
        self._chores.begin(f"backup {job.id}", lambda: self._back_up(job, source, tags, lifecycle))
        return job

    def delete(self, point: Point) -> None:
        """Begin to delete a recovery point; it may stay and be EXPIRED instead."""
        with self._lock:
            point.status = "DELETING"
        self._tell(point)
        self._chores.begin(f"deletion of {point.arn}", lambda: self._delete(point))

    def announce_older(self, job: BackupJob, detail_type: str = "AWS Service Event via CloudTrail") -> None:
        """Announce a finished job as CloudTrail did before there were native events."""
        self._emit("aws.backup", detail_type, backup_events.older_detail(job))

    def close(self) -> None:
        """Nothing goes on: jobs and deletions stay where they are."""
        self._chores.close()

    def _back_up(
        self, job: BackupJob, source: BackupSource, tags: Mapping[str, str], lifecycle: dict[str, int]
    ) -> None:
        self._tell_job(job)
        self._chores.sleep(self._durations.backup_started_seconds)
        try:
            resource = source.resource(Arn.parse(job.resource_arn))
            all_tags = _together(resource.tags, tags)
            job.state, job.size_bytes = "RUNNING", resource.size_bytes
            self._tell_job(job)
            point = self._begun_point(job, source, all_tags, lifecycle)
        except Refused as refusal:
            self._fail(job, refusal.message)
            return
        self._chores.sleep(self._durations.backup_transfer_seconds)
        if self._mishaps.strike("backup failure"):
            self._forget(point)
            self._fail(job, "The backup job failed.")
            return
        self._complete(job, source, point)

    def _begun_point(
        self, job: BackupJob, source: BackupSource, tags: dict[str, str], lifecycle: dict[str, int]
    ) -> Point:
        resource = Arn.parse(job.resource_arn)
        takes = self._durations.backup_transfer_seconds
        backed = source.back_up(resource, job_id=job.id, tags=tags, takes_seconds=takes)
        of = RecoveryPoint(Arn.parse(backed.arn), job.vault.name, resource, source.resource_type)
        point = Point(
            of=of, vault=job.vault, status="CREATING", created=job.created, size_bytes=job.size_bytes,
            role_arn=job.role_arn, tags=tags, lifecycle=lifecycle, key_arn=backed.key_arn,
        )  # fmt: skip
        with self._lock:
            self._points[job.vault.name, backed.arn] = point
        return point

    def _complete(self, job: BackupJob, source: BackupSource, point: Point) -> None:
        now = self.clock.now()
        with self._lock:
            point.status, point.completed = "COMPLETED", now
            job.state, job.completed, job.point_arn = "COMPLETED", now, point.arn
            job.bytes_transferred = source.transferred_bytes(point.of.arn)
        self._tell(point)
        self._tell_job(job)
        self.clock.changed()

    def _fail(self, job: BackupJob, message: str) -> None:
        with self._lock:
            job.state, job.status_message, job.completed = "FAILED", message, self.clock.now()
        self._tell_job(job)
        self.clock.changed()

    def _delete(self, point: Point) -> None:
        self._chores.sleep(self._durations.recovery_point_deleted_seconds)
        if self._mishaps.strike("kept point"):
            with self._lock:
                point.status = "EXPIRED"
                point.status_message = "The recovery point could not be deleted: insufficient permissions or a lock."
            self._tell(point)
        else:
            self._forget(point)
        self.clock.changed()

    def _forget(self, point: Point) -> None:
        with self._lock:
            self._points.pop((point.vault.name, point.arn), None)
        for source in self._sources:
            if source.resource_type == point.of.resource_type:
                source.forget(point.of.arn)

    def _tell(self, point: Point) -> None:
        self._emit("aws.backup", "Recovery Point State Change", backup_events.recovery_point_detail(point), [point.arn])

    def _tell_job(self, job: BackupJob) -> None:
        resources = [job.point_arn] if job.state == "COMPLETED" else []
        self._emit("aws.backup", "Backup Job State Change", backup_events.backup_job_detail(job), resources)


def _together(resource: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """The tags of a recovery point; more than there may be fail the job.

    Source: https://docs.aws.amazon.com/aws-backup/latest/devguide/access-control.html
    """
    tags = {**resource, **added}
    if len(tags) > _MOST_TAGS:
        raise Refused("TooManyTags", f"The number of tags exceeds the limit of {_MOST_TAGS}")
    return tags
