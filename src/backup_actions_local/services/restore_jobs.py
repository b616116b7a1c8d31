"""AWS Backup's restore jobs: under a role that AWS Backup takes on, and no faster than the service that restores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from backup_actions.errors import MalformedArn
from backup_actions.model.arn import Arn
from backup_actions_local.calls import Call, Handler, Refused, one_at_a_time
from backup_actions_local.services.chores import Chores
from backup_actions_local.services.paging import only, page

if TYPE_CHECKING:
    from datetime import datetime

    from backup_actions_local.services.backup_vaults import BackupVaults
    from backup_actions_local.services.durations import Durations
    from backup_actions_local.services.recovery_points import Point

_INVALID = "InvalidParameterValueException"
SERVICE = "backup.amazonaws.com"
MayOnBehalf = Callable[[str, str, str, str], bool]
"""Whether a role lets this service, on behalf of that ARN, do an action on a resource."""


class RestoreSource(Protocol):
    """A kind of backup that can be restored."""

    resource_type: str

    def restore(
        self,
        backup: Arn,
        source: Arn,
        metadata: Mapping[str, str],
        may: Callable[[str, str], bool],
        done: Callable[[], None],
    ) -> str:
        """Begin it; the ARN of what is made. ``done`` is called when that can be used. Raises Refused."""
        ...


@dataclass(eq=False, slots=True, kw_only=True)
class RestoreJob:
    """A restore that is under way or has ended."""

    id: str
    point: Point
    role_arn: str
    created: datetime
    status: str = "PENDING"
    message: str = ""
    created_arn: str = ""
    completed: datetime | None = None

    def answer(self, account: str) -> dict[str, Any]:
        """The job as DescribeRestoreJob and ListRestoreJobs have it."""
        optional = {
            "CreatedResourceArn": self.created_arn,
            "StatusMessage": self.message,
            "CompletionDate": self.completed,
        }
        return {
            "AccountId": account,
            "RestoreJobId": self.id,
            "RecoveryPointArn": self.point.arn,
            "SourceResourceArn": str(self.point.of.resource_arn),
            "BackupVaultArn": self.point.vault.arn,
            "CreationDate": self.created,
            "RecoveryPointCreationDate": self.point.created,
            "Status": self.status,
            "PercentDone": "100.00%" if self.status == "COMPLETED" else "0.00%",
            "BackupSizeInBytes": self.point.size_bytes,
            "IamRoleArn": self.role_arn,
            "ResourceType": self.point.of.resource_type,
            "IsParent": False,
            **{name: value for name, value in optional.items() if value},
        }


class RestoreJobs:
    """The operations."""

    name = "backup"

    def __init__(
        self, vaults: BackupVaults, durations: Durations, sources: Sequence[RestoreSource], may: MayOnBehalf
    ) -> None:
        self._vaults, self._durations, self._may = vaults, durations, may
        self._sources = {source.resource_type: source for source in sources}
        self._chores = Chores(vaults.clock)
        self.jobs: dict[str, RestoreJob] = {}
        self._tokens: dict[str, RestoreJob] = {}

    def close(self) -> None:
        """Restores stay as they are."""
        self._chores.close()

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        operations: Mapping[str, Callable[[Call], Mapping[str, Any]]] = {
            "StartRestoreJob": self._start,
            "DescribeRestoreJob": self._describe,
            "ListRestoreJobs": self._list,
        }
        return one_at_a_time(operations, self._vaults.unchanged)

    def _start(self, call: Call) -> Mapping[str, Any]:
        only(call, "RecoveryPointArn", "Metadata", "IamRoleArn", "IdempotencyToken", "ResourceType")
        params = call.params
        token = params.get("IdempotencyToken") or ""
        if token and token in self._tokens:
            return {"RestoreJobId": self._tokens[token].id}
        point = self._point(params["RecoveryPointArn"])
        kind = params.get("ResourceType") or point.of.resource_type
        if kind != point.of.resource_type or kind not in self._sources:
            raise Refused(_INVALID, f"A recovery point of {point.of.resource_type} cannot be restored as {kind}")
        if not params.get("IamRoleArn"):
            raise Refused("MissingParameterValueException", "IamRoleArn is missing")
        job = RestoreJob(
            id=self._vaults.new_id(), point=point, role_arn=params["IamRoleArn"], created=self._vaults.clock.now()
        )
        self.jobs[job.id] = job
        if token:
            self._tokens[token] = job
        self._chores.begin(f"restore job {job.id}", lambda: self._run(job, dict(params["Metadata"])))
        return {"RestoreJobId": job.id}

    def _run(self, job: RestoreJob, metadata: Mapping[str, str]) -> None:
        self._chores.sleep(self._durations.restore_started_seconds)
        point = job.point
        role = job.role_arn.rpartition("/")[2]
        with self._vaults.unchanged():
            job.status = "RUNNING"

        def may(action: str, resource: str) -> bool:
            return self._may(role, point.vault.arn, action, resource)

        def done() -> None:
            self._end(job, "COMPLETED")

        source = self._sources[point.of.resource_type]
        try:
            job.created_arn = source.restore(point.of.arn, point.of.resource_arn, metadata, may, done)
        except Refused as refusal:
            self._end(job, "FAILED", refusal.message)

    def _end(self, job: RestoreJob, status: str, message: str = "") -> None:
        with self._vaults.unchanged():
            job.status, job.message, job.completed = status, message, self._vaults.clock.now()
        self._vaults.clock.changed()

    def _describe(self, call: Call) -> Mapping[str, Any]:
        only(call, "RestoreJobId")
        job = self.jobs.get(call.params["RestoreJobId"])
        if job is None:
            raise Refused("ResourceNotFoundException", f"Cannot find restore job {call.params['RestoreJobId']}")
        return job.answer(self._vaults.place.account)

    def _list(self, call: Call) -> Mapping[str, Any]:
        only(call, "NextToken", "MaxResults", "ByResourceType", "ByStatus", "ByCreatedAfter", "ByCreatedBefore")
        params = call.params
        found = [
            job.answer(self._vaults.place.account)
            for job in self.jobs.values()
            if params.get("ByResourceType") in {None, job.point.of.resource_type}
            and params.get("ByStatus") in {None, job.status}
            and (params.get("ByCreatedAfter") is None or job.created > params["ByCreatedAfter"])
            and (params.get("ByCreatedBefore") is None or job.created < params["ByCreatedBefore"])
        ]
        part, token = page(found, params.get("NextToken"), params.get("MaxResults"))
        return {"RestoreJobs": list(part)} | ({"NextToken": token} if token else {})

    def _point(self, arn: str) -> Point:
        try:
            Arn.parse(arn)
        except MalformedArn as wrong:
            raise Refused(_INVALID, f"Invalid ARN: {arn}") from wrong
        point = next((point for point in self._vaults.points() if point.arn == arn), None)
        if point is None or point.status not in {"COMPLETED", "AVAILABLE", "PARTIAL"}:
            raise Refused("ResourceNotFoundException", f"Cannot find recovery point {arn}")
        return point
