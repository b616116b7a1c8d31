"""AWS Backup's API: vaults, backup jobs, recovery points and legal holds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from backup_actions.errors import MalformedArn
from backup_actions.model.arn import Arn
from backup_actions_local.calls import Call, Handler, Refused, one_at_a_time
from backup_actions_local.services.backup_vaults import START_WINDOW
from backup_actions_local.services.paging import only, page
from backup_actions_local.services.recovery_points import BackupJob, LegalHold, Point, Vault, lifecycle_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backup_actions_local.services.backup_vaults import BackupVaults

_START_WINDOW_AT_LEAST_MINUTES = 60
_READY = {"COMPLETED", "PARTIAL", "AVAILABLE", "EXPIRED", "STOPPED"}


class Backup:
    """The operations. A vault that is not there is refused as if it were somebody else's, as AWS does.

    Error codes: the botocore model, and for vaults https://github.com/hashicorp/terraform-provider-aws/issues/11840.
    """

    name = "backup"

    def __init__(self, vaults: BackupVaults) -> None:
        self._vaults = vaults
        self._place = vaults.place
        self._holds: dict[str, LegalHold] = {}
        self._tokens: dict[str, BackupJob] = {}

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of a vault or a recovery point; none of what does not exist."""
        found = self._tagged(arn)
        return dict(found) if found is not None else {}

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        operations: Mapping[str, Callable[[Call], Mapping[str, Any]]] = {
            "CreateBackupVault": self._create_vault,
            "DescribeBackupVault": self._describe_vault,
            "ListBackupVaults": self._list_vaults,
            "StartBackupJob": self._start_job,
            "DescribeBackupJob": self._describe_job,
            "DescribeRecoveryPoint": self._describe_point,
            "ListRecoveryPointsByBackupVault": self._list_points,
            "DeleteRecoveryPoint": self._delete_point,
            "UpdateRecoveryPointLifecycle": self._update_lifecycle,
            "ListTags": self._list_tags,
            "TagResource": self._tag,
            "CreateLegalHold": self._create_hold,
            "CancelLegalHold": self._cancel_hold,
            "ListLegalHolds": self._list_holds,
            "ListRecoveryPointsByLegalHold": self._list_held,
        }
        return one_at_a_time(operations, self._vaults.unchanged)

    # ---------------------------------------------------------------------------------------------------- vaults, jobs

    def _create_vault(self, call: Call) -> Mapping[str, Any]:
        only(call, "BackupVaultName", "BackupVaultTags", "EncryptionKeyArn", "CreatorRequestId")
        vault = self._vaults.make_vault(
            call.params["BackupVaultName"],
            tags=call.params.get("BackupVaultTags"),
            key_arn=call.params.get("EncryptionKeyArn") or "",
        )
        return {"BackupVaultName": vault.name, "BackupVaultArn": vault.arn, "CreationDate": vault.created}

    def _describe_vault(self, call: Call) -> Mapping[str, Any]:
        only(call, "BackupVaultName")
        vault = self._vault(call)
        return vault.answer(len(self._vaults.points(vault.name)))

    def _list_vaults(self, call: Call) -> Mapping[str, Any]:
        only(call, "NextToken", "MaxResults")
        part, token = page(
            list(self._vaults.vaults.values()), call.params.get("NextToken"), call.params.get("MaxResults")
        )
        described = [vault.answer(len(self._vaults.points(vault.name))) for vault in part]
        return {"BackupVaultList": described} | _next(token)

    def _start_job(self, call: Call) -> Mapping[str, Any]:
        only(
            call, "BackupVaultName", "ResourceArn", "IamRoleArn", "IdempotencyToken", "RecoveryPointTags", "Lifecycle",
            "StartWindowMinutes",
        )  # fmt: skip
        token = call.params.get("IdempotencyToken") or ""
        if token not in self._tokens:
            vault = self._vaults.vaults.get(call.params["BackupVaultName"])
            if vault is None:
                raise Refused("ResourceNotFoundException", f"Backup vault {call.params['BackupVaultName']} not found")
            job = self._vaults.start_backup(
                _resource(call.params["ResourceArn"]),
                vault,
                call.params["IamRoleArn"],
                call.params.get("RecoveryPointTags") or {},
                lifecycle_from(call.params.get("Lifecycle"), vault),
                start_within=_start_window(call.params.get("StartWindowMinutes")),
            )
            if not token:
                return _started(job)
            self._tokens[token] = job
        return _started(self._tokens[token])

    def _describe_job(self, call: Call) -> Mapping[str, Any]:
        only(call, "BackupJobId")
        job = self._vaults.jobs.get(call.params["BackupJobId"])
        if job is None:
            raise Refused("ResourceNotFoundException", f"Backup job {call.params['BackupJobId']} not found")
        return job.answer(self._place.account)

    # ------------------------------------------------------------------------------------------------- recovery points

    def _describe_point(self, call: Call) -> Mapping[str, Any]:
        only(call, "BackupVaultName", "RecoveryPointArn")
        return self._point(call).answer() | {"StorageClass": "WARM"}

    def _list_points(self, call: Call) -> Mapping[str, Any]:
        only(
            call, "BackupVaultName", "NextToken", "MaxResults", "ByResourceArn", "ByResourceType", "ByCreatedBefore",
            "ByCreatedAfter",
        )  # fmt: skip
        params = call.params
        chosen = [
            point
            for point in self._vaults.points(self._vault(call).name)
            if params.get("ByResourceArn") in {None, str(point.of.resource_arn)}
            and params.get("ByResourceType") in {None, point.of.resource_type}
            and (params.get("ByCreatedBefore") is None or point.created < params["ByCreatedBefore"])
            and (params.get("ByCreatedAfter") is None or point.created > params["ByCreatedAfter"])
        ]
        part, token = page(chosen, params.get("NextToken"), params.get("MaxResults"))
        return {"RecoveryPoints": [point.answer() for point in part]} | _next(token)

    def _delete_point(self, call: Call) -> Mapping[str, Any]:
        only(call, "BackupVaultName", "RecoveryPointArn")
        point = self._point(call)
        if point.status not in _READY:
            raise Refused("InvalidResourceStateException", f"Recovery point {point.arn} is {point.status}.")
        if point.vault.is_locked:
            message = f"Recovery point {point.arn} cannot be deleted: vault {point.vault.name} is locked."
            raise Refused("InvalidRequestException", message)
        if any(point in hold.points for hold in self._holds.values() if hold.status == "ACTIVE"):
            message = f"Recovery point {point.arn} cannot be deleted: it is under a legal hold."
            raise Refused("InvalidRequestException", message)
        self._vaults.delete(point)
        return {}

    def _update_lifecycle(self, call: Call) -> Mapping[str, Any]:
        only(call, "BackupVaultName", "RecoveryPointArn", "Lifecycle")
        point = self._point(call)
        if point.status not in _READY:
            raise Refused("InvalidRequestException", f"Recovery point {point.arn} is {point.status}.")
        point.lifecycle = lifecycle_from(call.params.get("Lifecycle"), point.vault)
        return {
            "BackupVaultArn": point.vault.arn,
            "RecoveryPointArn": point.arn,
            "Lifecycle": point.lifecycle,
            "CalculatedLifecycle": point.calculated_lifecycle,
        }

    def _list_tags(self, call: Call) -> Mapping[str, Any]:
        only(call, "ResourceArn", "NextToken", "MaxResults")
        tags = list(self._tags(call).items())
        part, token = page(tags, call.params.get("NextToken"), call.params.get("MaxResults"))
        return {"Tags": dict(part)} | _next(token)

    def _tag(self, call: Call) -> Mapping[str, Any]:
        only(call, "ResourceArn", "Tags")
        self._tags(call).update(call.params["Tags"])
        return {}

    # ----------------------------------------------------------------------------------------------------- legal holds

    def _create_hold(self, call: Call) -> Mapping[str, Any]:
        only(call, "Title", "Description", "RecoveryPointSelection", "IdempotencyToken")
        selection = call.params.get("RecoveryPointSelection") or {}
        token = call.params.get("IdempotencyToken")
        for hold in self._holds.values():
            if token and hold.token == token:
                return hold.answer()
        hold_id = self._vaults.new_id()
        hold = LegalHold(
            id=hold_id,
            arn=self._place.arn("backup", f"legal-hold:{hold_id}"),
            title=call.params["Title"],
            description=call.params["Description"],
            created=self._vaults.clock.now(),
            points=tuple(point for point in self._vaults.points() if _is_selected(point, selection)),
            token=token or "",
        )
        self._holds[hold_id] = hold
        return hold.answer() | ({"RecoveryPointSelection": selection} if selection else {})

    def _cancel_hold(self, call: Call) -> Mapping[str, Any]:
        only(call, "LegalHoldId", "CancelDescription")
        hold = self._holds.get(call.params["LegalHoldId"])
        if hold is None:
            raise Refused("ResourceNotFoundException", f"Legal hold {call.params['LegalHoldId']} not found")
        hold.status = "CANCELED"
        return {}

    def _list_holds(self, call: Call) -> Mapping[str, Any]:
        only(call, "NextToken", "MaxResults")
        part, token = page(list(self._holds.values()), call.params.get("NextToken"), call.params.get("MaxResults"))
        return {"LegalHolds": [hold.answer() for hold in part]} | _next(token)

    def _list_held(self, call: Call) -> Mapping[str, Any]:
        only(call, "LegalHoldId", "NextToken", "MaxResults")
        hold = self._holds.get(call.params["LegalHoldId"])
        if hold is None:
            raise Refused("InvalidParameterValueException", f"Legal hold {call.params['LegalHoldId']} not found")
        part, token = page(hold.points, call.params.get("NextToken"), call.params.get("MaxResults"))
        names = "RecoveryPointArn", "ResourceArn", "ResourceType", "BackupVaultName"
        answers = [point.answer() for point in part]
        return {"RecoveryPoints": [{name: answer[name] for name in names} for answer in answers]} | _next(token)

    # ---------------------------------------------------------------------------------------------------- what is meant

    def _vault(self, call: Call) -> Vault:
        vault = self._vaults.vaults.get(call.params["BackupVaultName"])
        if vault is None:
            raise Refused("AccessDeniedException", "Insufficient privileges to perform this action.", 403)
        return vault

    def _point(self, call: Call) -> Point:
        arn = call.params["RecoveryPointArn"]
        try:
            Arn.parse(arn)
        except MalformedArn as wrong:
            raise Refused("InvalidParameterValueException", f"Invalid ARN: {arn}") from wrong
        point = self._vaults.point(self._vault(call).name, arn)
        if point is None:
            raise Refused("ResourceNotFoundException", f"Cannot find recovery point {arn}")
        return point

    def _tagged(self, arn: str) -> dict[str, str] | None:
        with self._vaults.unchanged():
            vaults = self._vaults.vaults.values()
            tagged: list[Vault | Point | None] = [*vaults, *(self._vaults.point(vault.name, arn) for vault in vaults)]
            return next((one.tags for one in tagged if one is not None and one.arn == arn), None)

    def _tags(self, call: Call) -> dict[str, str]:
        tags = self._tagged(call.params["ResourceArn"])
        if tags is None:
            raise Refused("ResourceNotFoundException", f"Cannot find resource {call.params['ResourceArn']}")
        return tags


def _resource(text: str) -> Arn:
    try:
        return Arn.parse(text)
    except MalformedArn as wrong:
        raise Refused("InvalidParameterValueException", f"Invalid ARN: {text}") from wrong


def _start_window(minutes: int | None) -> timedelta:
    """https://docs.aws.amazon.com/aws-backup/latest/devguide/API_StartBackupJob.html"""
    if minutes is not None and minutes < _START_WINDOW_AT_LEAST_MINUTES:
        reason = f"Start window must be at least {_START_WINDOW_AT_LEAST_MINUTES} minutes"
        raise Refused("InvalidParameterValueException", reason)
    return START_WINDOW if minutes is None else timedelta(minutes=minutes)


def _started(job: BackupJob) -> Mapping[str, Any]:
    return {"BackupJobId": job.id, "CreationDate": job.created, "IsParent": False}


def _is_selected(point: Point, selection: Mapping[str, Any]) -> bool:
    vaults, resources = selection.get("VaultNames"), selection.get("ResourceIdentifiers")
    dates = selection.get("DateRange")
    return (
        (not vaults or point.vault.name in vaults)
        and (not resources or str(point.of.resource_arn) in resources)
        and (not dates or dates["FromDate"] <= point.created <= dates["ToDate"])
    )


def _next(token: str | None) -> dict[str, Any]:
    return {"NextToken": token} if token else {}
