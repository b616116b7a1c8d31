"""Backups of DynamoDB tables in a vault: advanced ones, which only AWS Backup knows, and classic ones of DynamoDB's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from backup_actions_local.calls import Refused
from backup_actions_local.services.backup_sources import Backed, Resource
from backup_actions_local.services.dynamodb_exports import export_id
from backup_actions_local.services.identifiers import Identifiers

if TYPE_CHECKING:
    from backup_actions.model.arn import Arn
    from backup_actions_local.services.dynamodb_tables import DynamoDbTables, TableContent

# What the role of a restore needs, on the table that is made.
# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForRestores.html
RESTORE_ACTIONS = (
    "dynamodb:RestoreTableFromAwsBackup", "dynamodb:DescribeTable", "dynamodb:Scan", "dynamodb:Query",
    "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem",
)  # fmt: skip


class DynamoDbBackups:
    """Implements ``BackupSource`` and ``RestoreSource``."""

    resource_type = "DynamoDB"

    def __init__(self, tables: DynamoDbTables) -> None:
        self._tables = tables
        self._identifiers = Identifiers("dynamodb backup")
        self._contents: dict[str, TableContent] = {}
        self.advanced = True
        """Whether the account has opted in to AWS Backup's advanced features for DynamoDB, as new ones have."""

    def handles(self, resource: Arn) -> bool:
        """Whether the ARN is a table's."""
        return resource.service == "dynamodb" and resource.resource.startswith("table/")

    def resource(self, resource: Arn) -> Resource:
        """The table's tags and size; a classic backup has no tags at all.

        Source: https://docs.aws.amazon.com/aws-backup/latest/devguide/advanced-ddb-backup.html
        """
        content = self._tables.content(self._tables.name_of(str(resource)))
        tags = self._tables.tags_of(str(resource)) if self.advanced else {}
        return Resource(tags=tags, size_bytes=content.size_bytes)

    def back_up(self, resource: Arn, *, job_id: str, tags: Mapping[str, str], takes_seconds: float) -> Backed:
        """Keep what the table holds at this moment."""
        name, place = self._tables.name_of(str(resource)), self._tables.place
        if self.advanced:
            arn = place.arn("backup", f"recovery-point:{self._identifiers.uuid()}")
        else:
            arn = f"{self._tables.arn_of(name)}/backup/{export_id(self._tables.clock.now())}"
        self._contents[arn] = self._tables.content(name)
        return Backed(arn=arn, key_arn=place.arn("kms", "key/aws-backup") if self.advanced else "")

    def transferred_bytes(self, backup: Arn) -> int:
        """All of it: backups of tables are never incremental."""
        return self._contents[str(backup)].size_bytes

    def forget(self, backup: Arn) -> None:
        """The backup is gone."""
        self._contents.pop(str(backup), None)

    # ------------------------------------------------------------------------------------------------------- restoring

    def restore(
        self,
        backup: Arn,
        source: Arn,
        metadata: Mapping[str, str],
        may: Callable[[str, str], bool],
        done: Callable[[], None],
    ) -> str:
        """Begin to make the table that the metadata names; its ARN. Raises Refused."""
        content, name = self._contents[str(backup)], metadata.get("targetTableName")
        if not name:
            raise Refused("InvalidParameterValueException", "Invalid restore metadata. Missing targetTableName.")
        unknown = metadata.keys() - {"targetTableName", "encryptionType"}
        if unknown or metadata.get("encryptionType", "Default") != "Default":
            raise Refused("NotEmbedded", f"the embedded AWS does not know {dict(metadata)} of a restore", 501)
        arn = self._tables.arn_of(name)
        for action in RESTORE_ACTIONS:
            if not may(action, arn):
                raise Refused("AccessDenied", f"The restore role may not {action} on {arn}")
        if backup.service == "dynamodb" and not may("dynamodb:RestoreTableFromBackup", str(backup)):
            raise Refused("AccessDenied", f"The restore role may not dynamodb:RestoreTableFromBackup on {backup}")
        self._tables.restore(name, content, source_arn=str(source), backup_arn=str(backup), done=done)
        return arn
