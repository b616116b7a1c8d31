"""What two accounts say to each other about a snapshot: one announces it, the other acknowledges its import.

A message comes from a place that is not trusted. What is read here is of a known form and size; whether it is true is
asked of AWS by whoever reads it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Self

from backup_actions.errors import MalformedArn, MalformedMessage
from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import EXECUTION_NAME_MAX

ANNOUNCEMENT, ACKNOWLEDGEMENT = "backup-actions/offsite-announcement", "backup-actions/offsite-acknowledgement"
FORMAT_VERSION = 1
MOST_BYTES = 16 << 10
"""No message of ours comes near: 40 tags of 128 and 256 characters would, and are not sent."""

# What of a snapshot's ARN says which kind of backup it is: service and beginning of the resource.
_KINDS = {"RDS": ("rds", "snapshot:"), "Aurora": ("rds", "cluster-snapshot:"), "EBS": ("ec2", "snapshot/")}
_TEXT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{0,512}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RUN = re.compile(rf"[A-Za-z0-9-]{{1,{EXECUTION_NAME_MAX}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A snapshot that was shared. ``resource_type`` is AWS Backup's word: RDS, Aurora or EBS.

    ``engine`` and ``engine_version`` are empty for EBS. ``created_at`` is when the backup was made, in ISO 8601;
    ``key_arn`` the key that the shared snapshot is encrypted with; ``run`` the execution that has shared it.
    """

    snapshot_arn: str
    resource_type: str
    resource_arn: str
    recovery_point_arn: str
    created_at: str
    engine: str
    engine_version: str
    size_gib: int
    key_arn: str
    run: str

    def __post_init__(self) -> None:
        """Raise MalformedMessage."""
        _require(self.resource_type in _KINDS, "resource_type", self.resource_type)
        service, begin = _KINDS[self.resource_type]
        snapshot = _arn("snapshot_arn", self.snapshot_arn)
        _require(snapshot.service == service and snapshot.resource.startswith(begin), "snapshot_arn", self.snapshot_arn)
        _arn("resource_arn", self.resource_arn)
        _arn("recovery_point_arn", self.recovery_point_arn)
        _require(_arn("key_arn", self.key_arn).service == "kms", "key_arn", self.key_arn)
        _require(0 < self.size_gib <= 1 << 20, "size_gib", self.size_gib)
        _require(_RUN.fullmatch(self.run) is not None, "run", self.run)

    def to_bytes(self) -> bytes:
        """The message, the same bytes for the same announcement."""
        return _written(ANNOUNCEMENT, self)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Raise MalformedMessage for anything that is no announcement of this version."""
        return cls(**_read(text, ANNOUNCEMENT, cls))


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """An announced snapshot was imported and found to be what was announced.

    ``announcement_sha256`` is of the very bytes that were announced; ``imported_at`` is in ISO 8601, and so is
    ``kept_until``: the account that imports promises not to let the import go before, whatever else it keeps it for.
    """

    announcement_sha256: str
    snapshot_arn: str
    run: str
    imported_arn: str
    imported_at: str
    kept_until: str
    size_gib: int

    def __post_init__(self) -> None:
        """Raise MalformedMessage."""
        _require(_SHA256.fullmatch(self.announcement_sha256) is not None, "announcement_sha256", "")
        _arn("snapshot_arn", self.snapshot_arn)
        _arn("imported_arn", self.imported_arn)
        for name, time in (("imported_at", self.imported_at), ("kept_until", self.kept_until)):
            _require(_is_time(time), name, time)
        _require(_RUN.fullmatch(self.run) is not None, "run", self.run)

    def to_bytes(self) -> bytes:
        """The message, the same bytes for the same acknowledgement."""
        return _written(ACKNOWLEDGEMENT, self)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Raise MalformedMessage for anything that is no acknowledgement of this version."""
        return cls(**_read(text, ACKNOWLEDGEMENT, cls))


def sha256_of(message: bytes) -> str:
    """By which an acknowledgement names the announcement that it answers."""
    return hashlib.sha256(message).hexdigest()


def _written(form: str, message: Any) -> bytes:
    return json.dumps(
        {"format": form, "format_version": FORMAT_VERSION, **asdict(message)}, sort_keys=True, separators=(",", ":")
    ).encode()


def _read(text: str, form: str, kind: type[Any]) -> dict[str, Any]:
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise MalformedMessage(reason=f"it is longer than {MOST_BYTES} bytes")
    try:
        raw = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as wrong:
        raise MalformedMessage(reason="it is no JSON") from wrong
    if not isinstance(raw, dict) or raw.get("format") != form or raw.get("format_version") != FORMAT_VERSION:
        raise MalformedMessage(reason=f"it is no {form} of version {FORMAT_VERSION}")
    types = {field.name: field.type for field in fields(kind)}
    if raw.keys() != {"format", "format_version", *types}:
        raise MalformedMessage(reason="it has other fields than an announcement or acknowledgement")
    found = {name: raw[name] for name in types}
    for name, value in found.items():
        _require(_CHECKS[types[name]](value), name, value)
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str) and _TEXT.fullmatch(value) is not None


def _is_time(text: str) -> bool:
    """With its zone: what it is compared with has one."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_CHECKS: Mapping[Any, Callable[[object], bool]] = {"str": _is_text, "int": _is_count}
"""By the annotation of the field, which is a text in this module."""


def _arn(name: str, text: str) -> Arn:
    try:
        return Arn.parse(text)
    except MalformedArn as wrong:
        raise MalformedMessage(reason=f"{name} is no ARN") from wrong


def _require(is_so: bool, name: str, value: object) -> None:
    if not is_so:
        raise MalformedMessage(reason=f"{name} cannot be {str(value)[:80]!r}")


def _no_number(word: str) -> float:
    raise ValueError(word)
