"""An archive's place in S3: every byte covered by a checksum of ours, no upload ever left open."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Semaphore
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

from backup_actions.archive.checksums import Crc64Nvme, crc64nvme_base64
from backup_actions.archive.interrupts import uninterrupted
from backup_actions.archive.part_sizes import MAX_PARTS, part_bytes
from backup_actions.archive.store import checked_name
from backup_actions.aws.errors import translated
from backup_actions.errors import ArchiveExists, ArchiveMissing, AwsBusy, AwsCallFailed, UploadFailed
from backup_actions.model.manifest import StoredObject

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_ABSENT = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
# 412 where the object stands already, 409 where another writer is just now putting it there.
_TAKEN = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Store:
    """A prefix of a bucket, as a Store.

    An object being written takes ``(uploads_in_flight + 1) x part_bytes`` of memory: 32 MiB below 78 GiB.
    """

    client: S3Client
    bucket: str
    prefix: str = ""
    kms_key_arn: str | None = None
    """Encrypts what is written; None leaves it to the bucket's default."""
    expected_bucket_owner: str | None = None
    """The account that must own the bucket, so that one of the same name elsewhere is never used."""
    storage_class: str | None = None
    """What data and indexes are stored in; the manifest stays in the bucket's default, where it is found at once."""
    uploads_in_flight: int = 3

    @property
    def location(self) -> str:
        """``s3://bucket/prefix``."""
        return f"s3://{self.bucket}/{self.prefix.strip('/')}".rstrip("/")

    def create(self, name: str, *, expected_bytes: int | None = None) -> S3Writer:
        """Begin an object; nothing is sent before its first part is full."""
        return S3Writer(self, checked_name(name), expected_bytes)

    def put_if_absent(self, name: str, data: bytes) -> StoredObject:
        """Raise ArchiveExists where an object of that name stands with other bytes, UploadFailed where S3 refuses."""
        checksum = crc64nvme_base64(data)
        try:
            with translated(operation="s3:PutObject"):
                self.client.put_object(
                    **self.target(name), **self.encryption(), Body=data, ChecksumCRC64NVME=checksum, IfNoneMatch="*"
                )
        except AwsCallFailed as failure:
            if failure.facts["error_code"] not in _TAKEN:
                raise UploadFailed(what=f"{self.location}/{name}", reason=failure) from failure
            # An answer lost on the way is asked for again: then it is our own object that is in the way.
            if self.read(name) != data:
                raise ArchiveExists(where=self.location) from failure
        except AwsBusy as failure:
            raise UploadFailed(what=f"{self.location}/{name}", reason=failure) from failure
        return StoredObject(name=name, size_bytes=len(data), crc64nvme=checksum)

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        """A ranged GET."""
        if end is not None and end <= start:
            return b""
        whole = start == 0 and end is None
        ranged: dict[str, Any] = {} if whole else {"Range": f"bytes={start}-{'' if end is None else end - 1}"}
        try:
            with translated(operation="s3:GetObject"):
                return self.client.get_object(**self.target(name), **ranged)["Body"].read()
        except AwsCallFailed as failure:
            if failure.facts["error_code"] == "InvalidRange":  # it ends before the range begins
                return b""
            raise self._absent_or(failure, name) from failure

    def describe(self, name: str) -> StoredObject | None:
        """HeadObject: S3's own size and full-object checksum."""
        try:
            with translated(operation="s3:HeadObject"):
                head = self.client.head_object(**self.target(name), ChecksumMode="ENABLED")
        except AwsCallFailed as failure:
            if failure.facts["error_code"] in _ABSENT:
                return None
            raise
        return StoredObject(name=name, size_bytes=head["ContentLength"], crc64nvme=head.get("ChecksumCRC64NVME", ""))

    def target(self, name: str) -> dict[str, Any]:
        """The parameters that every call on an object has."""
        key = "/".join(filter(None, (self.prefix.strip("/"), checked_name(name))))
        owner = {"ExpectedBucketOwner": self.expected_bucket_owner} if self.expected_bucket_owner else {}
        return {"Bucket": self.bucket, "Key": key, **owner}

    def encryption(self) -> dict[str, Any]:
        """How an object is encrypted; a bucket key spares a KMS request for each."""
        if self.kms_key_arn is None:
            return {}
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key_arn, "BucketKeyEnabled": True}

    def beginning(self) -> dict[str, Any]:
        """The parameters that begin an object of data."""
        return {**self.encryption(), **({"StorageClass": self.storage_class} if self.storage_class else {})}

    def _absent_or(self, failure: AwsCallFailed, name: str) -> Exception:
        if failure.facts["error_code"] in _ABSENT:
            return ArchiveMissing(where=self.location, reason=f"{name} is not there")
        return failure


class S3Writer:
    """One object on its way: parts go up from a few threads while the next one fills."""

    def __init__(self, store: S3Store, name: str, expected_bytes: int | None) -> None:
        self._store = store
        self._name = name
        self._expected_bytes = expected_bytes
        self._buffer = bytearray()
        self._size_bytes = 0
        self._checksum = Crc64Nvme()
        self._upload_id = ""
        self._parts: list[Future[dict[str, Any]]] = []
        self._pool = ThreadPoolExecutor(store.uploads_in_flight, thread_name_prefix="upload")
        self._free = Semaphore(store.uploads_in_flight)
        self._failed: BaseException | None = None

    def write(self, data: bytes | memoryview) -> None:
        """Append; blocks while all uploaders are busy and a part is full."""
        self._checksum.update(data)
        self._size_bytes += len(data)
        view = memoryview(data)
        while view:
            room = part_bytes(len(self._parts) + 1, self._expected_bytes) - len(self._buffer)
            self._buffer += view[:room]
            if len(view) >= room:
                self._send_part()
            view = view[room:]

    def finish(self) -> StoredObject:
        """Complete the upload; S3 compares the whole object with the checksum of all that was written."""
        if self._upload_id:
            if self._buffer:
                self._send_part()
            self._complete([self._sent(part.result) for part in self._parts])
        else:
            self._put()
        self._pool.shutdown()
        self._upload_id = ""
        self._buffer = bytearray()
        return StoredObject(name=self._name, size_bytes=self._size_bytes, crc64nvme=self._checksum.base64())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with uninterrupted():
            self._pool.shutdown(cancel_futures=True)  # a part that arrives after the abort would stay and cost
            if self._upload_id:
                with translated(operation="s3:AbortMultipartUpload"):
                    self._store.client.abort_multipart_upload(
                        **self._store.target(self._name), UploadId=self._upload_id
                    )
                self._upload_id = ""

    def _put(self) -> None:
        self._sent(
            lambda: self._store.client.put_object(
                **self._store.target(self._name),
                **self._store.beginning(),
                Body=cast("bytes", self._buffer),
                ChecksumCRC64NVME=self._checksum.base64(),
            )
        )

    def _send_part(self) -> None:
        if not self._upload_id:
            with uninterrupted():
                self._upload_id = self._begin()
        if len(self._parts) == MAX_PARTS:
            raise UploadFailed(what=self._what, reason=f"it is longer than {MAX_PARTS} parts can be")
        self._free.acquire()
        if self._failed:
            raise UploadFailed(what=self._what, reason=self._failed) from self._failed
        body, self._buffer = self._buffer, bytearray()
        self._parts.append(self._pool.submit(self._upload_part, len(self._parts) + 1, body))

    def _begin(self) -> str:
        answer = self._sent(
            lambda: self._store.client.create_multipart_upload(
                **self._store.target(self._name),
                **self._store.beginning(),
                ChecksumAlgorithm="CRC64NVME",
                ChecksumType="FULL_OBJECT",
            )
        )
        return str(answer["UploadId"])

    def _upload_part(self, number: int, body: bytearray) -> dict[str, Any]:
        checksum = crc64nvme_base64(body)
        try:
            with translated(operation="s3:UploadPart"):
                answer = self._store.client.upload_part(
                    **self._store.target(self._name),
                    UploadId=self._upload_id,
                    PartNumber=number,
                    Body=cast("bytes", body),  # botocore takes a bytearray too; a copy would cost a part of memory
                    ChecksumCRC64NVME=checksum,
                )
            return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumCRC64NVME": checksum}
        except BaseException as failure:
            self._failed = failure
            raise
        finally:
            self._free.release()

    def _complete(self, parts: list[Any]) -> None:
        self._sent(
            lambda: self._store.client.complete_multipart_upload(
                **self._store.target(self._name),
                UploadId=self._upload_id,
                MultipartUpload={"Parts": parts},
                ChecksumType="FULL_OBJECT",
                ChecksumCRC64NVME=self._checksum.base64(),
                MpuObjectSize=self._size_bytes,
            )
        )

    def _sent(self, call: Callable[[], Any]) -> Any:
        try:
            with translated(operation=f"storing {self._what}"):
                return call()
        except (AwsCallFailed, AwsBusy) as failure:
            raise UploadFailed(what=self._what, reason=failure) from failure

    @property
    def _what(self) -> str:
        return f"{self._store.location}/{self._name}"
