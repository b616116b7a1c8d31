"""AWS Backup's copy jobs: a recovery point appears in another vault of the same account and region."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backup_actions.errors import MalformedArn
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint
from backup_actions_local.calls import Call, Handler, Refused, one_at_a_time
from backup_actions_local.services import backup_events
from backup_actions_local.services.chores import Chores
from backup_actions_local.services.paging import only, page
from backup_actions_local.services.recovery_points import lifecycle_from

if TYPE_CHECKING:
    from datetime import datetime

    from backup_actions_local.services.backup_vaults import BackupVaults, Emit
    from backup_actions_local.services.block_store import BlockStore
    from backup_actions_local.services.mishaps import Mishaps
    from backup_actions_local.services.recovery_points import Point, Vault

_INVALID = "InvalidParameterValueException"
_FILTERS = {
    "BySourceRecoveryPointArn": "SourceRecoveryPointArn",
    "ByDestinationVaultArn": "DestinationBackupVaultArn",
    "ByResourceArn": "ResourceArn",
    "ByState": "State",
}


@dataclass(eq=False, slots=True, kw_only=True)
class CopyJob:
    """A copy that is under way or has ended."""

    id: str
    source: Point
    to: Vault
    role_arn: str
    created: datetime
    lifecycle: dict[str, int] = field(default_factory=dict)
    state: str = "CREATED"
    message: str = ""
    copy: Point | None = None
    completed: datetime | None = None

    def answer(self, account: str) -> dict[str, Any]:
        """The job as DescribeCopyJob and ListCopyJobs have it."""
        optional = {
            "DestinationRecoveryPointArn": self.copy.arn if self.copy else "",
            "DestinationRecoveryPointLifecycle": self.lifecycle,
            "StatusMessage": self.message,
            "CompletionDate": self.completed,
        }
        return {
            "AccountId": account,
            "CopyJobId": self.id,
            "SourceBackupVaultArn": self.source.vault.arn,
            "SourceRecoveryPointArn": self.source.arn,
            "DestinationBackupVaultArn": self.to.arn,
            "ResourceArn": str(self.source.of.resource_arn),
            "ResourceType": self.source.of.resource_type,
            "CreationDate": self.created,
            "State": self.state,
            "BackupSizeInBytes": self.source.size_bytes,
            "IamRoleArn": self.role_arn,
            "IsParent": False,
            **{name: value for name, value in optional.items() if value},
        }


class CopyJobs:
    """The operations. Bytes are copied of snapshots; of what AWS Backup keeps itself there are none here."""

    name = "backup"

    def __init__(self, vaults: BackupVaults, store: BlockStore, *, emit: Emit, mishaps: Mishaps) -> None:
        self._vaults, self._store, self._emit, self._mishaps = vaults, store, emit, mishaps
        self._chores = Chores(vaults.clock)
        self.jobs: dict[str, CopyJob] = {}
        self._tokens: dict[str, CopyJob] = {}

    def close(self) -> None:
        """Copies stay as they are."""
        self._chores.close()

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        operations: Mapping[str, Callable[[Call], Mapping[str, Any]]] = {
            "StartCopyJob": self._start,
            "DescribeCopyJob": self._describe,
            "ListCopyJobs": self._list,
        }
        return one_at_a_time(operations, self._vaults.unchanged)

    def begin(
        self, source: Point, to: Vault, *, role_arn: str = "", lifecycle: dict[str, int] | None = None
    ) -> CopyJob:
        """Begin to copy a recovery point into another vault. Raises Refused for what has no bytes here."""
        if source.of.resource_type != "EBS" and source.of.arn.service != "backup":
            raise Refused("NotEmbedded", f"the embedded AWS makes no copies of {source.arn}", 501)
        job = CopyJob(
            id=self._vaults.new_id(), source=source, to=to, role_arn=role_arn or source.role_arn,
            created=self._vaults.clock.now(), lifecycle=lifecycle or {},
        )  # fmt: skip
        self.jobs[job.id] = job
        self._chores.begin(f"copy job {job.id}", lambda: self._run(job))
        return job

    def _run(self, job: CopyJob) -> None:
        durations = self._store.durations
        self._tell(job)
        self._chores.sleep(durations.backup_started_seconds)
        self._become(job, "RUNNING")
        arn = self._copied(job.source)
        self._chores.sleep(durations.backup_transfer_seconds)
        if self._mishaps.strike("copy job failure"):
            self._store.remove_snapshot(arn.resource.rpartition("/")[2])
            self._become(job, "FAILED", "The copy job failed.")
            return
        source = job.source
        of = RecoveryPoint(arn, job.to.name, source.of.resource_arn, source.of.resource_type)
        job.copy = self._vaults.plant(of, tags=source.tags, size_bytes=source.size_bytes)
        job.copy.lifecycle, job.copy.key_arn = job.lifecycle, source.key_arn
        self._become(job, "COMPLETED")

    def _copied(self, source: Point) -> Arn:
        """The ARN of what is a copy of the source's bytes in a moment."""
        place = self._store.place
        if source.of.arn.service == "backup":
            return Arn.parse(place.arn("backup", f"recovery-point:{self._vaults.new_id()}"))
        snapshot = self._store.copy_snapshot(source.of.native_id, self._store.durations.backup_transfer_seconds)
        return Arn.parse(place.arn("ec2", f"snapshot/{snapshot}", account=""))

    def _become(self, job: CopyJob, state: str, message: str = "") -> None:
        with self._vaults.unchanged():
            job.state, job.message = state, message
            job.completed = self._vaults.clock.now() if state in {"COMPLETED", "FAILED"} else None
        self._tell(job)
        self._vaults.clock.changed()

    def _tell(self, job: CopyJob) -> None:
        detail = backup_events.copy_job_detail(job.id, job.state, job.source, job.to, job.copy, job.created)
        self._emit("aws.backup", "Copy Job State Change", detail, [job.source.arn])

    def _start(self, call: Call) -> Mapping[str, Any]:
        only(
            call, "RecoveryPointArn", "SourceBackupVaultName", "DestinationBackupVaultArn", "IamRoleArn",
            "IdempotencyToken", "Lifecycle",
        )  # fmt: skip
        params = call.params
        token = params.get("IdempotencyToken") or ""
        job = self._tokens.get(token) if token else None
        if job is None:
            to = self._destination(params["DestinationBackupVaultArn"])
            job = self.begin(
                self._source(params["SourceBackupVaultName"], params["RecoveryPointArn"]),
                to,
                role_arn=params["IamRoleArn"],
                lifecycle=lifecycle_from(params.get("Lifecycle"), to),
            )
            if token:
                self._tokens[token] = job
        return {"CopyJobId": job.id, "CreationDate": job.created, "IsParent": False}

    def _describe(self, call: Call) -> Mapping[str, Any]:
        only(call, "CopyJobId")
        job = self.jobs.get(call.params["CopyJobId"])
        if job is None:
            raise Refused("ResourceNotFoundException", f"Cannot find copy job {call.params['CopyJobId']}")
        return {"CopyJob": job.answer(self._vaults.place.account)}

    def _list(self, call: Call) -> Mapping[str, Any]:
        only(call, "NextToken", "MaxResults", *_FILTERS)
        wanted = {member: call.params[name] for name, member in _FILTERS.items() if call.params.get(name)}
        answers = [job.answer(self._vaults.place.account) for job in self.jobs.values()]
        found = [each for each in answers if all(each[member] == value for member, value in wanted.items())]
        part, token = page(found, call.params.get("NextToken"), call.params.get("MaxResults"))
        return {"CopyJobs": list(part)} | ({"NextToken": token} if token else {})

    def _source(self, vault_name: str, arn: str) -> Point:
        point = self._vaults.point(vault_name, arn)
        if point is None:
            raise Refused("ResourceNotFoundException", f"Cannot find recovery point {arn}")
        if point.status != "COMPLETED":
            raise Refused("InvalidRequestException", f"Recovery point {arn} is {point.status}.")
        return point

    def _destination(self, text: str) -> Vault:
        try:
            arn = Arn.parse(text)
        except MalformedArn as wrong:
            raise Refused(_INVALID, f"Invalid ARN: {text}") from wrong
        place = self._vaults.place
        if (arn.account, arn.region) != (place.account, place.region):
            raise Refused("NotEmbedded", f"the embedded AWS makes no copies in another account or region: {text}", 501)
        vault = next((each for each in self._vaults.vaults.values() if each.arn == text), None)
        if vault is None:
            raise Refused("ResourceNotFoundException", f"Cannot find backup vault {text}")
        return vault
