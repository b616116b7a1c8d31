"""What the archive bucket itself says: of one object, and of how long it keeps what is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backup_actions.aws import translated
from backup_actions.aws.errors import ABSENT
from backup_actions.errors import AwsCallFailed

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

COLD = "InvalidObjectState"
"""What S3 says of an object that has to be thawed first: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""

# A bucket that has none is no refusal.
_NO_SUCH_RULES = frozenset({"ObjectLockConfigurationNotFoundError", "NoSuchLifecycleConfiguration"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """A small object as it lies there now."""

    sha256: str
    """Empty where it cannot be read without being thawed."""
    content: bytes
    storage_class: str
    locked_until: str
    """With the mode; empty where nothing locks it."""

    @property
    def is_cold(self) -> bool:
        """Whether it has to be thawed before it is read."""
        return not self.sha256


def stored_document(s3: S3Client, bucket: str, key: str) -> StoredDocument | None:
    """The object, or None where there is none. Raises AwsBusy and AwsCallFailed."""
    content: bytes | None
    try:
        with translated():
            found: Any = s3.get_object(Bucket=bucket, Key=key)
            content = found["Body"].read()
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] in ABSENT:
            return None
        if refusal.facts["error_code"] != COLD:
            raise
        with translated():
            found, content = s3.head_object(Bucket=bucket, Key=key), None
    return StoredDocument(
        sha256=hashlib.sha256(content).hexdigest() if content is not None else "",
        content=content or b"",
        storage_class=found.get("StorageClass", "STANDARD"),
        locked_until=_locked(found),
    )


def _locked(found: Mapping[str, Any]) -> str:
    hold = ["legal hold"] if found.get("ObjectLockLegalHoldStatus") == "ON" else []
    until = found.get("ObjectLockRetainUntilDate")
    lock = [f"{until.isoformat()} ({str(found.get('ObjectLockMode', '')).lower()})"] if until else []
    return ", ".join([*lock, *hold])


def retention(s3: S3Client, bucket: str, remarks: list[str]) -> Iterator[str]:
    """How long the bucket keeps things, in sentences; what it does not tell becomes a remark."""
    client: Any = s3
    versioning = _asked("its versioning", remarks, lambda: client.get_bucket_versioning(Bucket=bucket))
    if versioning is not None:
        status = str(versioning.get("Status", "never enabled")).lower()
        yield f"Versioning of the bucket is {status}."
    lock = _asked("its object lock", remarks, lambda: client.get_object_lock_configuration(Bucket=bucket))
    if lock is not None:
        yield _lock_in_words(lock.get("ObjectLockConfiguration") or {})
    rules = _asked("its lifecycle rules", remarks, lambda: client.get_bucket_lifecycle_configuration(Bucket=bucket))
    if rules is not None:
        enabled = [rule for rule in rules.get("Rules", []) if rule.get("Status") == "Enabled"]
        sentences = [sentence for rule in enabled for sentence in _rule_in_words(rule)]
        yield from sentences or ["No lifecycle rule ends or moves what is in the bucket."]


def _asked(what: str, remarks: list[str], call: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The answer, an empty one where there is no such rule, None where the answer was refused."""
    try:
        with translated():
            return call()
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] in _NO_SUCH_RULES:
            return {}
        remarks.append(f"The bucket was not asked about {what}: {refusal}.")
        return None


def _lock_in_words(lock: Mapping[str, Any]) -> str:
    if lock.get("ObjectLockEnabled") != "Enabled":
        return "The bucket has no object lock: whoever has the rights can remove what is in it."
    default = (lock.get("Rule") or {}).get("DefaultRetention")
    if not default:
        return "Object lock is enabled, and locks nothing by default."
    span = f"{default['Years']} years" if "Years" in default else f"{default.get('Days')} days"
    return f"Object lock in {str(default['Mode']).lower()} mode keeps each object for {span}."


def _rule_in_words(rule: Mapping[str, Any]) -> Iterator[str]:
    inside = (rule.get("Filter") or {}).get("Prefix") or rule.get("Prefix") or ""
    below = f" below {inside}" if inside else ""
    for move in rule.get("Transitions", []):
        yield f"After {move.get('Days')} days what is stored{below} is moved to {move['StorageClass']}."
    if days := (rule.get("Expiration") or {}).get("Days"):
        yield f"After {days} days what is stored{below} is removed."
    if days := (rule.get("NoncurrentVersionExpiration") or {}).get("NoncurrentDays"):
        yield f"{days} days after it was replaced or removed an older version{below} is removed."
