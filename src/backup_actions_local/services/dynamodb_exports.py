"""Exports of tables to S3, with the manifests and the data files that DynamoDB writes, all with the caller's rights.

Layout: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import secrets
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from backup_actions_local.calls import Caller
from backup_actions_local.services.chores import Chores
from backup_actions_local.services.dynamodb_history import Item

if TYPE_CHECKING:
    import boto3

    from backup_actions_local.clock import SimulatedClock
    from backup_actions_local.services.durations import Durations
    from backup_actions_local.services.mishaps import Mishaps

_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 3})
TOKEN_LIVES = timedelta(hours=8)


@dataclass(eq=False, slots=True, kw_only=True)
class Export:
    """One export; ``asked`` are the parameters that it was asked for with."""

    id: str
    arn: str
    table_id: str
    asked: Mapping[str, Any]
    time: datetime
    items: list[Item]
    caller: Caller
    started: datetime
    writer: Any = None
    """An S3 client with the rights of whoever asked."""
    status: str = "IN_PROGRESS"
    ended: datetime | None = None
    billed_bytes: int = 0
    failure_code: str = ""
    failure_message: str = ""

    @property
    def token(self) -> str:
        """With which it was asked for; the same token asks for the same export."""
        return str(self.asked.get("ClientToken") or "")

    def is_meant_by(self, token: str, now: datetime) -> bool:
        """Whether a request with this token is about this export, and not a new one."""
        return bool(token) and token == self.token and (self.ended is None or now - self.ended < TOKEN_LIVES)

    @property
    def prefix(self) -> str:
        """The folder of everything that it writes, with the prefix that was asked for."""
        asked = str(self.asked.get("S3Prefix") or "").strip("/")
        return "/".join(filter(None, (asked, "AWSDynamoDB", self.id)))

    def summary(self) -> dict[str, Any]:
        """The export as ListExports has it."""
        return {"ExportArn": self.arn, "ExportStatus": self.status, "ExportType": "FULL_EXPORT"}

    def answer(self) -> dict[str, Any]:
        """The export as DescribeExport has it."""
        optional = {
            "EndTime": self.ended,
            "FailureCode": self.failure_code,
            "FailureMessage": self.failure_message,
            "ExportManifest": f"{self.prefix}/manifest-summary.json" if self.status == "COMPLETED" else "",
        }
        counted = {"BilledSizeBytes": self.billed_bytes, "ItemCount": len(self.items)}
        names = ("TableArn", "ClientToken", "S3Bucket", "S3BucketOwner", "S3Prefix", "S3SseAlgorithm", "S3SseKmsKeyId")
        return {
            **self.summary(),
            **{name: self.asked[name] for name in names if self.asked.get(name)},
            "StartTime": self.started,
            "TableId": self.table_id,
            "ExportTime": self.time,
            "ExportFormat": "DYNAMODB_JSON",
            **{name: value for name, value in optional.items() if value},
            **(counted if self.status == "COMPLETED" else {}),
        }


@dataclass(slots=True)
class Exporter:
    """Writes exports, in the background and on the clock."""

    clock: SimulatedClock
    durations: Durations
    mishaps: Mishaps
    session_for: Callable[[str, str], boto3.Session]
    partitions: int = 3
    """Each becomes a data file, also one without items."""
    older_layout: bool = False
    """``.md5`` beside the manifests instead of ``.checksum``, and keys in them that leave out the asked-for prefix.

    Both are found in AWS's own examples.
    """

    def begin(self, chores: Chores, export: Export) -> None:
        """Let the export be made."""
        chores.begin(f"export {export.id}", lambda: self._make(chores, export))

    def _make(self, chores: Chores, export: Export) -> None:
        export.writer = self.session_for(export.caller.role, f"dynamodb-{export.id}").client("s3", config=_CONFIG)
        try:
            self._put(export, "_started", b"")
            chores.sleep(self.durations.table_exported_seconds)
            entries = list(self._write_data(export))
            if self.mishaps.strike("export failure"):  # when its data lies there already
                self._fail(export, "InternalServerError", "The export failed on the server side.")
                return
            export.ended = self.clock.now()
            self._write_manifests(export, entries)
            export.status = "COMPLETED"
        except ClientError as refusal:
            details = refusal.response["Error"]
            self._fail(export, f"S3{details['Code']}", details.get("Message", ""))
        except BotoCoreError as error:
            self._fail(export, "InternalServerError", str(error))
        self.clock.changed()

    def _fail(self, export: Export, code: str, message: str) -> None:
        export.status, export.ended = "FAILED", self.clock.now()
        export.failure_code, export.failure_message = code, message

    def _write_data(self, export: Export) -> Iterator[dict[str, Any]]:
        for number, items in enumerate(_parted(export.items, self.partitions)):
            lines = b"".join(json.dumps({"Item": item}, separators=(",", ":")).encode() + b"\n" for item in items)
            data = gzip.compress(lines, compresslevel=6, mtime=0)
            name = f"data/{_file_name(export.id, number)}.json.gz"
            etag = self._put(export, name, data)
            export.billed_bytes += len(lines)
            yield {
                "itemCount": len(items),
                "md5Checksum": _md5(data),
                "etag": etag.strip('"'),
                "dataFileS3Key": self._stated(export, name),
            }

    def _write_manifests(self, export: Export, entries: Iterable[Mapping[str, Any]]) -> None:
        files = b"".join(json.dumps(entry, separators=(",", ":")).encode() + b"\n" for entry in entries)
        summary = {
            "version": "2020-06-30",
            "exportArn": export.arn,
            "startTime": _text(export.started),
            "endTime": _text(export.ended or export.started),
            "tableArn": export.asked["TableArn"],
            "tableId": export.table_id,
            "exportTime": _text(export.time),
            "s3Bucket": export.asked["S3Bucket"],
            "s3Prefix": export.asked.get("S3Prefix"),
            "s3SseAlgorithm": export.asked.get("S3SseAlgorithm") or "AES256",
            "s3SseKmsKeyId": export.asked.get("S3SseKmsKeyId"),
            "manifestFilesS3Key": self._stated(export, "manifest-files.json"),
            "billedSizeBytes": export.billed_bytes,
            "itemCount": len(export.items),
            "outputFormat": "DYNAMODB_JSON",
            "exportType": "FULL_EXPORT",
        }
        for name, content in (("manifest-files", files), ("manifest-summary", json.dumps(summary).encode())):
            self._put(export, f"{name}.{'md5' if self.older_layout else 'checksum'}", _md5(content).encode())
            self._put(export, f"{name}.json", content)

    def _stated(self, export: Export, name: str) -> str:
        """A key as the manifests state it."""
        return f"AWSDynamoDB/{export.id}/{name}" if self.older_layout else f"{export.prefix}/{name}"

    def _put(self, export: Export, name: str, content: bytes) -> str:
        asked, sse = export.asked, {}
        if asked.get("S3SseAlgorithm") == "KMS":
            sse = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": asked["S3SseKmsKeyId"]}
        answer = export.writer.put_object(
            Bucket=asked["S3Bucket"], Key=f"{export.prefix}/{name}", Body=content, ChecksumAlgorithm="CRC64NVME", **sse
        )
        return str(answer["ETag"])


def export_id(now: datetime) -> str:
    """``01693685827463-2d8752fd``: milliseconds and something random."""
    return f"{int(now.timestamp() * 1000):014d}-{secrets.token_hex(4)}"


def _parted(items: list[Item], partitions: int) -> list[list[Item]]:
    parts: list[list[Item]] = [[] for _ in range(partitions)]
    for item in items:
        parts[zlib.crc32(json.dumps(item, sort_keys=True).encode()) % partitions].append(item)
    return parts


def _file_name(export: str, number: int) -> str:
    """Twenty-six letters and digits that say nothing."""
    digest = hashlib.sha256(f"{export} {number}".encode()).digest()
    return base64.b32encode(digest).decode().lower()[:26]


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _text(moment: datetime) -> str:
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
