"""A deployment on an embedded AWS, and what can be asked of it when nothing moves any more."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from backup_actions.ledger import Ledger
from backup_actions.ledger.ledger import Entry
from backup_actions_local.cloud import Cloud
from backup_actions_local.deployment import Deployment
from backup_actions_local.seaweed import ObjectServer
from backup_actions_local.services.recovery_points import Point
from backup_actions_local.states.execution import Execution

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@dataclass
class Run:
    """What became of everything; to be asked when all is over."""

    cloud: Cloud
    deployment: Deployment
    directory: Path
    objects: ObjectServer
    arns: list[str] = field(default_factory=list, kw_only=True)
    """The recovery points that were made, in order."""

    def wait(self) -> None:
        """Nothing moves any more."""
        self.cloud.clock.wait_for_rest()
        made = [job.point_arn for job in self.cloud.vaults.jobs.values() if job.point_arn]
        self.arns = list(dict.fromkeys([*self.arns, *made]))

    def left_behind(self) -> Iterable[str]:
        """What of that which a run makes is there, and only its action's package knows of."""
        return ()

    def kept(self) -> Collection[str]:
        """ARNs of what has a run's tag, and keys of objects without a manifest, that are wanted all the same."""
        return ()

    def remove_bucket(self) -> None:
        """The S3 server, which many runs share, has its room back."""
        for upload in self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", []):
            self.s3.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        for key in self.stored():
            self.s3.delete_object(Bucket=self.bucket, Key=key)
        self.s3.delete_bucket(Bucket=self.bucket)
        self.s3.close()

    @property
    def arn(self) -> str:
        """The one recovery point's ARN."""
        (arn,) = self.arns
        return arn

    @property
    def point(self) -> Point | None:
        """The one recovery point, if it is still there."""
        return self.point_of(self.arn)

    def point_of(self, arn: str) -> Point | None:
        """A recovery point, if it is still there."""
        return next((point for point in self.cloud.vaults.points() if point.arn == arn), None)

    @property
    def main_name(self) -> str:
        """The main machine's name."""
        return self.deployment.name_of(self.deployment.machines[0].machine)

    def executions(self, machine: str) -> list[Execution]:
        """All executions of a machine."""
        return [execution for execution in self.cloud.stepfunctions.executions() if execution.machine.name == machine]

    @property
    def main(self) -> Execution:
        """The one execution of the main machine."""
        (execution,) = self.executions(self.main_name)
        return execution

    @cached_property
    def s3(self) -> S3Client:
        """The S3 server itself: what is asked there is in nobody's audit."""
        return boto3.client(
            "s3",
            endpoint_url=self.objects.endpoint,
            aws_access_key_id=self.objects.access_key,
            aws_secret_access_key=self.objects.secret_key,
            region_name="us-east-1",
            config=Config(s3={"payload_signing_enabled": False, "addressing_style": "path"}),
        )

    @property
    def bucket(self) -> str:
        """The archive bucket."""
        return self.deployment.resources["Bucket"]

    def stored(self) -> list[str]:
        """Every object of the archive bucket."""
        return [found["Key"] for found in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])]

    def read(self, key: str) -> bytes:
        """An object of the archive bucket."""
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def open_uploads(self) -> list[str]:
        """The keys of every multipart upload that is neither completed nor aborted."""
        return [upload["Key"] for upload in self.s3.list_multipart_uploads(Bucket=self.bucket).get("Uploads", [])]

    @property
    def has_evidence(self) -> bool:
        """Whether any action was run."""
        return any(key.endswith("/evidence.json") for key in self.stored())

    def evidence(self) -> dict[str, Any]:
        """The one evidence document."""
        (key,) = (key for key in self.stored() if key.endswith("/evidence.json"))
        document: dict[str, Any] = json.loads(self.read(key))
        return document

    def ledger(self, arn: str | None = None) -> list[Entry]:
        """What the ledger says of the point."""
        table = self.deployment.resources["LedgerTable"]
        client = self.cloud.administrator.client("dynamodb")
        return Ledger(client, table, self.cloud.clock).entries(arn or self.arn)

    @cached_property
    def notices(self) -> list[dict[str, Any]]:
        """What people were told; read once, when all is over."""
        return [json.loads(message["Body"]) for message in self._messages(self.deployment.resources["InboxUrl"])]

    @cached_property
    def dead_letters(self) -> list[dict[str, Any]]:
        """What nobody could take, with the attributes that say why; read once, when all is over."""
        return self._messages(self.deployment.resources["DeadLetterQueueUrl"])

    def _messages(self, url: str) -> list[dict[str, Any]]:
        client = self.cloud.administrator.client("sqs")
        found: list[dict[str, Any]] = []
        while batch := client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=0
        ).get("Messages"):
            found += [dict(message) for message in batch]
        return found
