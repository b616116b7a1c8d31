"""How long things take on the simulated clock."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """Plausible times, none of them measured on AWS: what matters is that nothing is final at once."""

    volume_created_seconds: float = 4.0
    volume_attached_seconds: float = 3.0
    volume_detached_seconds: float = 3.0
    volume_deleted_seconds: float = 2.0
    snapshot_seconds: float = 30.0
    instance_lost_seconds: float = 120.0
    """How long a lost host still holds its volumes."""
    instance_idle_seconds: float = 600.0
    """How long a host stays after its job has ended."""
    backup_started_seconds: float = 60.0
    backup_transfer_seconds: float = 120.0
    recovery_point_deleted_seconds: float = 45.0
    restore_started_seconds: float = 60.0
    table_restored_seconds: float = 900.0
    table_deleted_seconds: float = 20.0
    table_exported_seconds: float = 300.0
    database_export_started_seconds: float = 600.0
    """A database is restored from the snapshot, which may take long."""
    database_export_table_seconds: float = 60.0
    database_export_canceled_seconds: float = 30.0
    database_restored_seconds: float = 600.0
    cluster_restored_seconds: float = 300.0
    database_backed_up_seconds: float = 120.0
    """The first automated backup of an instance that has them."""
    database_storage_seconds: float = 6 * 3600.0
    """How long RDS goes on with storage that is greater than the snapshot's."""
    database_modification_seen_seconds: float = 20.0
    """How long an instance that is to be modified still looks available."""
    database_password_seconds: float = 30.0
    database_deleted_seconds: float = 180.0
    database_snapshot_copied_seconds: float = 240.0
    database_snapshot_deleted_seconds: float = 15.0
    snapshot_copied_seconds: float = 180.0
    job_accepted_seconds: float = 1.0
    job_placed_seconds: float = 40.0
    """From RUNNABLE to STARTING: a host is launched."""
    job_started_seconds: float = 15.0
    """From STARTING to RUNNING: the image is pulled."""
    event_delivered_seconds: float = 1.0
    delivery_retry_seconds: float = 30.0
    """The wait before the first repetition of a delivery; each further one is twice as long."""
