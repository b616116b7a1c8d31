"""RDS as far as backups go: what its API says of databases and snapshots, and exports of these.

Error codes: the botocore model, and the pages of each operation below
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services.paging import only, page
from backup_actions_local.services.rds_records import Database, tag_list
from backup_actions_local.services.rds_servers import Cluster, Instance

if TYPE_CHECKING:
    from backup_actions_local.services.rds_databases import Databases
    from backup_actions_local.services.rds_exports import Exports
    from backup_actions_local.services.rds_restored import RestoredDatabases

# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.Exporting.html
_IDENTIFIER = re.compile(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{0,58}(?<!-)")
_EXPORT_ONLY = re.compile(r"[A-Za-z0-9$_]+(\.[A-Za-z0-9$_]+){0,2}")
_EXPORTABLE = frozenset({"mariadb", "mysql", "postgres", "aurora-mysql", "aurora-postgresql"})


class Rds:
    """The operations."""

    name = "rds"
    everywhere = frozenset({"ListTagsForResource"})

    def __init__(
        self,
        databases: Databases,
        restored: RestoredDatabases,
        exports: Exports,
        *,
        has_bucket: Callable[[str], bool],
    ) -> None:
        self._databases, self._restored = databases, restored
        self._exports, self._has_bucket = exports, has_bucket

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        return {
            "DescribeDBInstances": self._describe_instances,
            "DescribeDBClusters": self._describe_clusters,
            "DescribeOptionGroups": self._describe_option_groups,
            "ListTagsForResource": self._list_tags,
            "StartExportTask": self._start_export,
            "DescribeExportTasks": self._describe_exports,
            "CancelExportTask": self._cancel_export,
        }

    def _describe_instances(self, call: Call) -> Mapping[str, Any]:
        only(call, "DBInstanceIdentifier", "Filters", "Marker", "MaxRecords")
        found: list[Database | Instance] = [
            *self._databases.all(clusters=False),
            *list(self._restored.instances.values()),
        ]
        return self._described(call, "DBInstance", found, "DBInstanceNotFound")

    def _describe_clusters(self, call: Call) -> Mapping[str, Any]:
        only(call, "DBClusterIdentifier", "Filters", "Marker", "MaxRecords")
        found: list[Database | Cluster] = [*self._databases.all(clusters=True), *list(self._restored.clusters.values())]
        return self._described(call, "DBCluster", found, "DBClusterNotFoundFault")

    def _described(self, call: Call, kind: str, found: Sequence[Any], missing: str) -> Mapping[str, Any]:
        wanted = call.params.get(f"{kind}Identifier")
        if wanted:
            found = [each for each in found if wanted.lower() in {each.id.lower(), each.arn.lower()}]
            if not found:
                raise Refused(missing, f"{kind} {wanted} not found.", 404)
        answers = [each.answer() for each in found]
        for wish in call.params.get("Filters") or ():
            answers = [answer for answer in answers if _matches(answer, wish["Name"], wish["Values"])]
        part, marker = _page(call, answers)
        return {f"{kind}s": list(part)} | marker

    def _describe_option_groups(self, call: Call) -> Mapping[str, Any]:
        only(call, "OptionGroupName")
        return {"OptionGroupsList": [self._databases.option_group(call.params["OptionGroupName"]).answer()]}

    def _list_tags(self, call: Call) -> Mapping[str, Any]:
        only(call, "ResourceName")
        tags = self._restored.tagged(call.params["ResourceName"])
        if tags is None:
            tags = self._databases.tagged(call.params["ResourceName"])
        if tags is None:
            raise Refused("DBSnapshotNotFound", f"{call.params['ResourceName']} not found.", 404)
        return {"TagList": tag_list(tags)}

    def _start_export(self, call: Call) -> Mapping[str, Any]:
        only(
            call, "ExportTaskIdentifier", "SourceArn", "S3BucketName", "IamRoleArn", "KmsKeyId", "S3Prefix",
            "ExportOnly",
        )  # fmt: skip
        asked = dict(call.params)
        if not _IDENTIFIER.fullmatch(asked["ExportTaskIdentifier"]):
            raise Refused("InvalidParameterValue", f"Invalid export task identifier {asked['ExportTaskIdentifier']}")
        if ":" in (asked.get("S3Prefix") or ""):
            raise Refused("InvalidParameterValue", "S3Prefix must not contain a colon")
        if wrong := [name for name in asked.get("ExportOnly") or () if not _EXPORT_ONLY.fullmatch(name)]:
            raise Refused("InvalidExportOnly", f"The export is invalid: {wrong}")
        snapshot = self._databases.snapshot(asked["SourceArn"])
        if not self._has_bucket(asked["S3BucketName"]):
            raise Refused("InvalidS3BucketFault", "The specified S3 bucket doesn't exist or is in another Region.")
        can_be_exported = snapshot.of.engine in _EXPORTABLE and snapshot.of.storage_type != "standard"
        if not can_be_exported or snapshot.status(self._databases.clock.now()) != "available":
            raise Refused("InvalidExportSourceState", f"The snapshot {snapshot.id} can't be exported.")
        return self._exports.start(asked, snapshot).answer()

    def _describe_exports(self, call: Call) -> Mapping[str, Any]:
        only(call, "ExportTaskIdentifier", "SourceArn", "Filters", "Marker", "MaxRecords")
        identifier, source = call.params.get("ExportTaskIdentifier"), call.params.get("SourceArn")
        tasks = [self._exports.task(identifier)] if identifier else list(self._exports.tasks.values())
        for wanted in call.params.get("Filters") or ():
            if wanted["Name"] != "status":
                raise Refused("NotEmbedded", f"the embedded AWS does not know the filter {wanted['Name']}", 501)
            tasks = [task for task in tasks if task.status.lower() in wanted["Values"]]
        part, marker = _page(call, [task for task in tasks if source in {None, task.snapshot.arn}])
        return {"ExportTasks": [task.answer() for task in part]} | marker

    def _cancel_export(self, call: Call) -> Mapping[str, Any]:
        only(call, "ExportTaskIdentifier")
        return self._exports.cancel(call.params["ExportTaskIdentifier"]).answer()


def _page(call: Call, found: list[Any]) -> tuple[Any, dict[str, str]]:
    part, marker = page(
        found, call.params.get("Marker"), call.params.get("MaxRecords"), refusal="InvalidParameterValue"
    )
    return part, {"Marker": marker} if marker else {}


# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html: there is none for tags
_FILTERS = {
    "db-cluster-id": ("DBClusterIdentifier", "DBClusterArn"),
    "db-instance-id": ("DBInstanceIdentifier", "DBInstanceArn"),
    "dbi-resource-id": ("DbiResourceId",),
    "engine": ("Engine",),
}


def _matches(answer: Mapping[str, Any], name: str, values: Sequence[str]) -> bool:
    if name not in _FILTERS:
        raise Refused("InvalidParameterValue", f"Unrecognized filter name: {name}")
    return bool({answer.get(member) for member in _FILTERS[name]} & set(values))
