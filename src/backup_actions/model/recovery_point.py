"""A recovery point: one backup in a vault, whatever kind of resource it is of."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Self

from backup_actions.errors import MalformedEvent
from backup_actions.model.arn import Arn
from backup_actions.model.json_types import JsonObject

# Step Functions: 80 characters, and a short list of characters that CloudWatch and the console accept.
# https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
EXECUTION_NAME_MAX = 80
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """What every event and every listing says of a backup, in our words.

    ``resource_type`` is AWS Backup's own word: EBS, EC2, RDS, Aurora, DynamoDB, EFS, S3, …
    """

    arn: Arn
    vault_name: str
    resource_arn: Arn
    resource_type: str

    @property
    def native_id(self) -> str:
        """The identifier that the native service knows the backup by: ``snap-…``, ``ami-…``, ``awsbackup:job-…``.

        For points that only AWS Backup knows (``arn:aws:backup:…:recovery-point:…``) it is the recovery point's own id.
        """
        kind, separator, name = self.arn.resource.partition("/")
        if not separator:  # snapshot:awsbackup:job-… and recovery-point:…
            kind, _, name = self.arn.resource.partition(":")
        return name.rsplit("/", 1)[-1] or kind

    @property
    def resource_id(self) -> str:
        """The last part of the resource's own ARN: ``vol-…``, the table's or the database's name."""
        return re.split(r"[:/]", self.resource_arn.resource)[-1]

    @property
    def is_continuous(self) -> bool:
        """A continuous (point-in-time) backup: deleting it also stops the protection of the resource.

        Source: https://docs.aws.amazon.com/aws-backup/latest/devguide/point-in-time-recovery.html
        """
        return self.arn.resource.startswith("recovery-point:continuous:")

    def prefix(self, kind: str, date: str) -> str:
        """Where in the archive bucket something of this point lies: Hive-style, so that Athena can partition by it.

        ``kind`` is the action's name or ``evidence``; ``date`` is the day of the backup, YYYY-MM-DD.
        """
        account = self.resource_arn.account or self.arn.account or "unknown"
        resource = _NOT_IN_A_NAME.sub("-", self.resource_id).strip("-")
        return (
            f"{kind}/resource_type={self.resource_type.replace(' ', '-')}/account={account}/region={self.arn.region}"
            f"/resource={resource}/date={date}/{self.key_id}"
        )

    def is_place(self, prefix: str) -> bool:
        """Whether that is where something of this point lies, of whatever kind and day."""
        kind, *steps = prefix.split("/")
        date = next((step.removeprefix("date=") for step in steps if step.startswith("date=")), "")
        return self.prefix(kind, date) == prefix

    @property
    def key_id(self) -> str:
        """The native id in characters that are safe in an S3 key and a file name."""
        return _NOT_IN_A_NAME.sub("-", self.native_id).strip("-")

    @property
    def execution_name(self) -> str:
        """The one name that all announcements of this point lead to, so that it is processed once."""
        return self._named("")

    def next_run(self, run: str) -> str:
        """The name under which it is processed again after that run: the same, whoever asks for it."""
        return self._named(f"-{self.number_of(run) + 1}")

    def number_of(self, run: str) -> int:
        """Which of the point's runs this is, from 1; one of a name that somebody thought of counts as the first."""
        again = re.fullmatch(rf".*-{self._digest}-([0-9]+)", run)
        return int(again[1]) if again else 1

    @property
    def _digest(self) -> str:
        return hashlib.sha256(f"{self.vault_name} {self.arn}".encode()).hexdigest()[:12]

    def _named(self, ending: str) -> str:
        readable = _NOT_IN_A_NAME.sub("-", f"{self.resource_type}-{self.native_id}").strip("-").lower()
        room = EXECUTION_NAME_MAX - len(self._digest) - len(ending) - 1
        return f"{readable[:room].rstrip('-')}-{self._digest}{ending}"

    def to_json(self) -> JsonObject:
        """The form that travels through workflows and evidence."""
        return {
            "arn": str(self.arn),
            "vaultName": self.vault_name,
            "resourceArn": str(self.resource_arn),
            "resourceType": self.resource_type,
            "nativeId": self.native_id,
            "resourceId": self.resource_id,
            "account": self.resource_arn.account or self.arn.account,
            "region": self.arn.region,
        }

    @classmethod
    def from_json(cls, data: JsonObject) -> Self:
        """Raise MalformedEvent when a field is missing, MalformedArn when an ARN is none."""
        try:
            arn, vault, resource, kind = (data[k] for k in ("arn", "vaultName", "resourceArn", "resourceType"))
        except (KeyError, TypeError) as missing:
            raise MalformedEvent(reason=f"a recovery point without {missing}") from missing
        if not isinstance(vault, str) or not isinstance(kind, str):
            raise MalformedEvent(reason="vaultName and resourceType must be texts")
        return cls(Arn.parse(str(arn)), vault, Arn.parse(str(resource)), kind)
