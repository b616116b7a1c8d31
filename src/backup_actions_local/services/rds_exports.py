"""Exports of snapshots to S3: from a database restored from the snapshot, under the role that was handed over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import ClientError

from backup_actions_local.calls import Refused
from backup_actions_local.services import rds_export_files as files
from backup_actions_local.services.chores import Chores
from backup_actions_local.services.rds_events import SOURCE, snapshot_event
from backup_actions_local.services.rds_records import DatabaseSnapshot, ExportTask

if TYPE_CHECKING:
    import boto3

    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.databases.engine import Table
    from backup_actions_local.services.backup_vaults import Emit
    from backup_actions_local.services.durations import Durations
    from backup_actions_local.services.mishaps import Mishaps

SERVICE = "export.rds.amazonaws.com"
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html: five at a time in an account
_AT_ONCE = 5
_SERVER_STOPS_WITHIN_SECONDS = 120.0
# The end of an export → the event of an instance's snapshot, of a cluster's, and what it says.
_EVENTS = {
    "COMPLETE": ("RDS-EVENT-0161", "RDS-EVENT-0164", "The snapshot export task completed."),
    "FAILED": ("RDS-EVENT-0159", "RDS-EVENT-0162", "The snapshot export task failed."),
    "CANCELED": ("RDS-EVENT-0160", "RDS-EVENT-0163", "The snapshot export task was canceled."),
}
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 3})


class Exports:
    """The tasks of the account. ``take_on`` gives a session of a role, None if the role trusts nobody for that ARN."""

    def __init__(
        self,
        *,
        clock: SimulatedClock,
        durations: Durations,
        mishaps: Mishaps,
        take_on: Callable[[str, str, str], boto3.Session | None],
        emit: Emit,
    ) -> None:
        self._clock, self._durations, self._mishaps, self._take_on = clock, durations, mishaps, take_on
        self._emit = emit
        # One that reads a database stops its server first.
        self._chores = Chores(clock, end_within_seconds=_SERVER_STOPS_WITHIN_SECONDS)
        self._lock = threading.RLock()
        self.tasks: dict[str, ExportTask] = {}

    def start(self, asked: dict[str, Any], snapshot: DatabaseSnapshot) -> ExportTask:
        """Begin an export. Raises Refused."""
        with self._lock:
            self._refuse_too_many(asked, snapshot)
            session = self._take_on(asked["IamRoleArn"], SERVICE, snapshot.arn)
            if session is None:
                raise Refused("IamRoleMissingPermissions", f"RDS can't assume the role {asked['IamRoleArn']}.")
            task = ExportTask(asked=asked, snapshot=snapshot, started=self._clock.now())
            self.tasks[task.id] = task
        self._chores.begin(f"export {task.id}", lambda: self._run(task, session))
        return task

    def cancel(self, identifier: str) -> ExportTask:
        """Begin to end a task; what it has written stays. Raises Refused."""
        with self._lock:
            task = self.task(identifier)
            if task.status not in {"STARTING", "IN_PROGRESS"}:
                raise Refused("InvalidExportTaskStateFault", f"The export task {task.id} is {task.status}.")
            task.status = "CANCELING"
        self._clock.changed()
        return task

    def task(self, identifier: str) -> ExportTask:
        """Raise Refused when there is none."""
        if identifier not in self.tasks:
            raise Refused("ExportTaskNotFound", f"The export task {identifier} doesn't exist.", 404)
        return self.tasks[identifier]

    def close(self) -> None:
        """No task goes on."""
        self._chores.close()

    def _refuse_too_many(self, asked: dict[str, Any], snapshot: DatabaseSnapshot) -> None:
        if asked["ExportTaskIdentifier"] in self.tasks:
            raise Refused("ExportTaskAlreadyExists", "An export task with this identifier exists.")
        active = [task for task in self.tasks.values() if task.is_active]
        if any(task.snapshot is snapshot for task in active):
            raise Refused("InvalidExportSourceState", f"Another export task of {snapshot.id} is in progress.")
        if len(active) >= _AT_ONCE:
            # No error of the API's model says it, so its code is a guess: workflows see but Rds.RdsException.
            raise Refused("ExportTaskLimitReached", f"There are {_AT_ONCE} export tasks in progress already.")

    def _run(self, task: ExportTask, session: boto3.Session) -> None:
        try:
            self._sleep(task, self._durations.database_export_started_seconds)
            self._write(task, _Folder(session, task))
        except _Canceled:
            self._chores.sleep(self._durations.database_export_canceled_seconds)
            self._end(task, "CANCELED")
        except ClientError as refusal:
            # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.Monitoring.html
            cause = "The IAM policy or the KMS key of the export task isn't compatible with S3 actions"
            self._end(task, "FAILED", f"{cause}: {refusal.response['Error']['Message']}")

    def _write(self, task: ExportTask, folder: _Folder) -> None:
        with self._lock:
            task.status = "IN_PROGRESS"
        found = task.snapshot.image.tables() if task.snapshot.image else ()
        tables, skipped = files.sorted_out(found, task.asked.get("ExportOnly") or ())
        for number, table in enumerate(tables):
            for name, data in self._spoilt(files.files_of(task, table)):
                folder.put(name, data)
            task.percent = 100 * number // len(tables)
            self._sleep(task, self._durations.database_export_table_seconds)
            if self._mishaps.strike("database export failure"):
                self._end(task, "FAILED", "An unknown internal error occurred")
                return
        warned = self._mishaps.strike("database export warning")
        general = [warned.what] if warned else []
        task.warning_message = files.warning(skipped, general)
        self._finish(task, folder, tables)

    def _finish(self, task: ExportTask, folder: _Folder, tables: list[Table]) -> None:
        for name, data in files.tables_infos(task, tables):
            folder.put(name, data)
        task.percent, task.ended = 100, self._clock.now()
        folder.put(f"export_info_{task.id}.json", files.info(task, folder.path))
        self._end(task, "COMPLETE")

    def _spoilt(self, written: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
        """The files as they are stored: one may be lost on its way, another one damaged."""
        for name, data in written:
            if name.endswith(".parquet") and self._mishaps.strike("lost file"):
                continue
            if name.endswith(".parquet") and self._mishaps.strike("damaged file"):
                yield name, data[: len(data) // 2]
            else:
                yield name, data

    def _sleep(self, task: ExportTask, seconds: float) -> None:
        def is_canceled() -> bool:
            return task.status == "CANCELING"

        self._chores.sleep(seconds, unless=is_canceled)
        if is_canceled():
            raise _Canceled

    def _end(self, task: ExportTask, status: str, cause: str = "") -> None:
        with self._lock:
            task.status, task.failure_cause, task.ended = status, cause, self._clock.now()
        self._clock.changed()
        self._tell(task)

    def _tell(self, task: ExportTask) -> None:
        """Source: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html"""
        snapshot = task.snapshot
        number, clusters_number, message = _EVENTS[task.status]
        event = snapshot_event(
            snapshot,
            clusters_number if snapshot.of.is_cluster else number,
            message,
            category="notification",
            now=self._clock.now(),
        )
        self._emit(SOURCE, *event)


class _Canceled(Exception):
    """Somebody has canceled the task."""


class _Folder:
    """Where a task writes."""

    def __init__(self, session: boto3.Session, task: ExportTask) -> None:
        self._s3 = session.client("s3", config=_CONFIG)
        self._bucket = task.asked["S3BucketName"]
        prefix = (task.asked.get("S3Prefix") or "").strip("/")
        self.path = "/".join(filter(None, (prefix, task.id)))

    def put(self, name: str, data: bytes) -> None:
        """The object stands there. Raises ClientError."""
        key = f"{self.path}/{name}"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=data, ChecksumAlgorithm="CRC64NVME")
