"""Small JSON documents in S3, and what S3 itself says of an object."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from backup_actions.aws.errors import ABSENT, TAKEN, error_code, translated
from backup_actions.errors import AwsCallFailed
from backup_actions.model.report import Artifact

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from backup_actions.model.json_types import JsonObject

# x-amz-expiration of https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
_EXPIRY_DATE = re.compile(r'expiry-date="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Since when S3 has an object, and when its bucket's lifecycle ends it; None where no rule does."""

    written_at: datetime
    ends_at: datetime | None


def read_object(s3: S3Client, bucket: str, key: str) -> bytes | None:
    """The whole of a small object, or None where there is none."""
    found = read_with_notes(s3, bucket, key)
    return found[0] if found else None


def read_with_notes(s3: S3Client, bucket: str, key: str) -> tuple[bytes, Mapping[str, str]] | None:
    """The whole of a small object and what its writer had S3 keep with it, or None where there is none."""
    with translated():
        try:
            found = s3.get_object(Bucket=bucket, Key=key)
            return found["Body"].read(), found.get("Metadata", {})
        except ClientError as error:
            if error_code(error) in ABSENT:
                return None
            raise


def read_document(s3: S3Client, bucket: str, key: str) -> dict[str, Any] | None:
    """A JSON object, or None where there is none or it is not one."""
    data = read_object(s3, bucket, key)
    try:
        document = json.loads(data) if data is not None else None
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def write_document(s3: S3Client, bucket: str, key: str, document: JsonObject) -> None:
    """The document stands there, readable for people too."""
    body = json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"
    with translated():
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json", ChecksumAlgorithm="CRC64NVME")


def stand_once(s3: S3Client, bucket: str, key: str, content: bytes) -> bytes:
    """What stands there now: the JSON that was given, or what stood there before it."""
    try:
        with translated():
            s3.put_object(
                Bucket=bucket,
                Key=key,
                Body=content,
                ContentType="application/json",
                ChecksumAlgorithm="CRC64NVME",
                IfNoneMatch="*",
            )
    except AwsCallFailed as refusal:
        there = read_object(s3, bucket, key) if refusal.facts["error_code"] in TAKEN else None
        if there is None:
            raise
        return there
    return content


def describe_object(s3: S3Client, bucket: str, key: str) -> Artifact | None:
    """Size and whole-object checksum as S3 states them, or None where there is no such object."""
    with translated():
        try:
            head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error_code(error) in ABSENT:
                return None
            raise
    return Artifact(key=key, size_bytes=head["ContentLength"], crc64nvme=head.get("ChecksumCRC64NVME", ""))


def lifetime_of(s3: S3Client, bucket: str, key: str) -> Lifetime | None:
    """From when until when the object is there, as S3 states it, or None where there is no such object."""
    with translated():
        try:
            head = s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error_code(error) in ABSENT:
                return None
            raise
    return Lifetime(head["LastModified"], _expiry(head.get("Expiration", ""), head["LastModified"]))


def _expiry(stated: str, written_at: datetime) -> datetime | None:
    """The date of ``expiry-date="…", rule-id="…"``; an end that cannot be read may be any: it counts as long past."""
    if not stated:
        return None
    found = _EXPIRY_DATE.search(stated)
    try:
        return parsedate_to_datetime(found[1]).astimezone(UTC) if found else written_at
    except ValueError:
        return written_at
