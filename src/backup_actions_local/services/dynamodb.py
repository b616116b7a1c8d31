"""DynamoDB's own operations here: tables that take time, point-in-time recovery and exports; moto has the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Call, Handler, Refused, one_at_a_time
from backup_actions_local.services.chores import Chores
from backup_actions_local.services.dynamodb_exports import Export, Exporter, export_id
from backup_actions_local.services.paging import only, page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from backup_actions_local.services.dynamodb_tables import DynamoDbTables

_INVALID = "ValidationException"
_LONGEST_PERIOD_DAYS = 35
_SAME_REQUEST = ("TableArn", "ExportTime", "S3Bucket", "S3BucketOwner", "S3Prefix", "S3SseAlgorithm", "S3SseKmsKeyId")


class DynamoDb:
    """The operations that moto does not have, or has without their states."""

    name = "dynamodb"

    def __init__(self, tables: DynamoDbTables, exporter: Exporter) -> None:
        self._tables, self.exporter = tables, exporter
        self._chores = Chores(tables.clock)
        self.exports: dict[str, Export] = {}

    def close(self) -> None:
        """Exports stay as they are."""
        self._chores.close()

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        operations: Mapping[str, Callable[[Call], Mapping[str, Any]]] = {
            "DescribeTable": self._describe_table,
            "DeleteTable": self._delete_table,
            "DescribeContinuousBackups": self._describe_continuous_backups,
            "UpdateContinuousBackups": self._update_continuous_backups,
            "ExportTableToPointInTime": self._export,
            "DescribeExport": self._describe_export,
            "ListExports": self._list_exports,
        }
        return one_at_a_time(operations, self._tables.unchanged)

    def _describe_table(self, call: Call) -> Mapping[str, Any]:
        only(call, "TableName")
        return {"Table": self._tables.describe(self._name(call))}

    def _delete_table(self, call: Call) -> Mapping[str, Any]:
        only(call, "TableName")
        return {"TableDescription": self._tables.delete(self._name(call))}

    # -------------------------------------------------------------------------------------------------- point in time

    def _describe_continuous_backups(self, call: Call) -> Mapping[str, Any]:
        only(call, "TableName")
        return self._continuous_backups(self._existing(self._name(call)))

    def _update_continuous_backups(self, call: Call) -> Mapping[str, Any]:
        only(call, "TableName", "PointInTimeRecoverySpecification")
        name, wanted = self._existing(self._name(call)), call.params["PointInTimeRecoverySpecification"]
        period_days = wanted.get("RecoveryPeriodInDays") or _LONGEST_PERIOD_DAYS
        if not 1 <= period_days <= _LONGEST_PERIOD_DAYS:
            raise Refused(_INVALID, f"RecoveryPeriodInDays must be between 1 and {_LONGEST_PERIOD_DAYS}")
        if wanted["PointInTimeRecoveryEnabled"]:
            self._tables.remember(name, period_days)
        else:
            self._tables.forget(name)
        return self._continuous_backups(name)

    def _continuous_backups(self, name: str) -> Mapping[str, Any]:
        """Until something can be restored, no time is stated."""
        history = self._tables.history(name)
        description: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
        if history is not None:
            description = {"PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": history.period_days}
            if window := history.window(self._tables.clock.now()):
                earliest, latest = window
                description |= {"EarliestRestorableDateTime": earliest, "LatestRestorableDateTime": latest}
        return {
            "ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "ENABLED",
                "PointInTimeRecoveryDescription": description,
            }
        }

    # -------------------------------------------------------------------------------------------------------- exports

    def _export(self, call: Call) -> Mapping[str, Any]:
        only(call, *_SAME_REQUEST, "ClientToken", "ExportFormat", "ExportType")
        params, now = call.params, self._tables.clock.now()
        self._refuse_unknown_kinds(params)
        name = self._existing(self._tables.name_of(params["TableArn"]))
        token = params.get("ClientToken") or ""
        earlier = next((export for export in self.exports.values() if export.is_meant_by(token, now)), None)
        if earlier is not None:
            if any(earlier.asked.get(member) != params.get(member) for member in _SAME_REQUEST):
                raise Refused("ExportConflictException", f"ClientToken {token} was used with other parameters")
            return {"ExportDescription": earlier.answer()}
        time = self._export_time(name, params.get("ExportTime"), now)
        history = self._tables.history(name)
        assert history is not None  # noqa: S101 - _export_time has refused
        export = Export(
            id=(new := export_id(now)), arn=f"{self._tables.arn_of(name)}/export/{new}",
            table_id=self._tables.id_of(name), asked=dict(params), time=time, items=history.at(time),
            caller=call.caller, started=now,
        )  # fmt: skip
        self.exports[export.arn] = export
        self.exporter.begin(self._chores, export)
        return {"ExportDescription": export.answer()}

    def _refuse_unknown_kinds(self, params: Mapping[str, Any]) -> None:
        kind = params.get("ExportType") or "FULL_EXPORT", params.get("ExportFormat") or "DYNAMODB_JSON"
        if kind != ("FULL_EXPORT", "DYNAMODB_JSON"):
            raise Refused("NotEmbedded", f"the embedded AWS makes full exports in DynamoDB JSON only, not {kind}", 501)
        if params.get("S3SseAlgorithm") == "KMS" and not params.get("S3SseKmsKeyId"):
            raise Refused("NotEmbedded", "the embedded AWS encrypts with named keys only", 501)

    def _export_time(self, name: str, asked: object, now: datetime) -> datetime:
        history = self._tables.history(name)
        if history is None:
            message = f"Point in time recovery is not enabled for table '{name}'"
            raise Refused("PointInTimeRecoveryUnavailableException", message)
        window = history.window(now)
        time = _moment(asked) if asked is not None else (window[1] if window else now)
        # The API counts whole seconds; so the second in which the window begins is in it.
        if window is None or not window[0].replace(microsecond=0) <= time <= window[1]:
            raise Refused("InvalidExportTimeException", f"The specified ExportTime {time} is outside of the window")
        return time

    def _describe_export(self, call: Call) -> Mapping[str, Any]:
        only(call, "ExportArn")
        export = self.exports.get(call.params["ExportArn"])
        if export is None:
            raise Refused("ExportNotFoundException", f"Export not found: {call.params['ExportArn']}")
        return {"ExportDescription": export.answer()}

    def _list_exports(self, call: Call) -> Mapping[str, Any]:
        only(call, "TableArn", "MaxResults", "NextToken")
        table = call.params.get("TableArn")
        found = [each.summary() for each in self.exports.values() if table in {None, each.asked["TableArn"]}]
        part, token = page(found, call.params.get("NextToken"), call.params.get("MaxResults") or 25, refusal=_INVALID)
        return {"ExportSummaries": list(part)} | ({"NextToken": token} if token else {})

    def _name(self, call: Call) -> str:
        return self._tables.name_of(call.params["TableName"])

    def _existing(self, name: str) -> str:
        if not self._tables.exists(name):
            raise Refused("TableNotFoundException", f"Table not found: {name}")
        return name


def _moment(value: object) -> datetime:
    """Whole seconds, however the request wrote them."""
    moment = value if isinstance(value, datetime) else datetime.fromtimestamp(float(str(value)), UTC)
    return moment.astimezone(UTC).replace(microsecond=0)
