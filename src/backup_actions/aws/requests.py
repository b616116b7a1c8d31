"""Counts what AWS was asked, by what it charges for; an answer of any kind counts, a server's own failure does not."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import Any

from backup_actions.model.usage import GIB, Counted, Usage, of_kind

# https://aws.amazon.com/s3/pricing/: to write and to list costs more than to read, to remove costs nothing.
_WRITE_OR_LIST = frozenset(
    {
        "CompleteMultipartUpload",
        "CopyObject",
        "CreateMultipartUpload",
        "ListMultipartUploads",
        "ListObjectVersions",
        "ListObjects",
        "ListObjectsV2",
        "ListParts",
        "PutObject",
        "UploadPart",
        "UploadPartCopy",
    }
)
_FREE = frozenset({"AbortMultipartUpload", "DeleteObject", "DeleteObjects"})
_READ_FOR_A_FEE = frozenset({"STANDARD_IA", "GLACIER_IR"})
_OF_SNAPSHOTS = {"GetSnapshotBlock": Counted.SNAPSHOT_BLOCKS, "ListSnapshotBlocks": Counted.SNAPSHOT_LISTS}


class Requests:
    """A handler of botocore's ``after-call``, for all threads of a process."""

    def __init__(self) -> None:
        self._lock, self._counted = Lock(), Counter[str]()

    def count(self, *, model: Any, parsed: dict[str, Any], **_: object) -> None:
        """One more call has its answer."""
        if parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
            return
        what = _kind(model.service_model.service_name, model.name)
        storage_class = parsed.get("StorageClass") if model.name == "GetObject" else None
        with self._lock:
            if what:
                self._counted[what] += 1
            if storage_class in _READ_FOR_A_FEE:
                self._counted[of_kind(Counted.READ_GIB, storage_class)] += parsed.get("ContentLength", 0)

    def begin_anew(self) -> None:
        """Whoever works with the same clients next has asked for nothing yet."""
        with self._lock:
            self._counted.clear()

    @property
    def usage(self) -> Usage:
        """What was counted until now."""
        with self._lock:
            counted = dict(self._counted)
        return {name: amount / GIB if name.startswith(Counted.READ_GIB) else amount for name, amount in counted.items()}


def _kind(service: str, operation: str) -> str | None:
    if service == "ebs":
        return _OF_SNAPSHOTS.get(operation)
    if service != "s3" or operation in _FREE:
        return None
    return Counted.PUT_REQUESTS if operation in _WRITE_OR_LIST else Counted.GET_REQUESTS
