"""Whether objects are there as a manifest has them: many looked at at once, and within a time."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

from backup_actions.aws.documents import describe_object

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from backup_actions.model.clock import Clock
    from backup_actions.model.report import Artifact

_AT_A_TIME = 16  # S3 answers in some 20 ms, and a function with 256 MiB asks a hundred times a second at best
_IN_A_ROW = 200  # between two looks at the clock; what is asked already is waited for


def first_objection(
    s3: S3Client, bucket: str, artifacts: Sequence[Artifact], *, clock: Clock, until: datetime
) -> str | None:
    """What is wrong with one of the objects: it is not there, or has another size or checksum; None where all are good.

    Each is looked at, none is read. Those for which there was no time are an objection.
    """

    def look(artifact: Artifact) -> str | None:
        return _objection(s3, bucket, artifact)

    with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="present") as pool:
        for start in range(0, len(artifacts), _IN_A_ROW):
            if start and clock.now() > until:
                return f"there was time to look at {start} of its {len(artifacts)} objects, and not at the others"
            found = pool.map(look, artifacts[start : start + _IN_A_ROW])
            if objection := next(filter(None, found), None):
                return objection
    return None


def _objection(s3: S3Client, bucket: str, artifact: Artifact) -> str | None:
    found = describe_object(s3, bucket, artifact.key)
    if found is None:
        return f"{artifact.key} is not there"
    if found.size_bytes != artifact.size_bytes:
        return f"{artifact.key} has {found.size_bytes} bytes instead of {artifact.size_bytes}"
    if found.crc64nvme != artifact.crc64nvme:
        return f"{artifact.key} has checksum {found.crc64nvme or 'none'} instead of {artifact.crc64nvme}"
    return None
