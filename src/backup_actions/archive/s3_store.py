"""An archive's place in S3: every byte covered by a checksum of ours, no upload ever left open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from backup_actions.archive.checksums import crc64nvme_base64
from backup_actions.archive.part_sizes import LARGEST_OBJECT_BYTES
from backup_actions.archive.s3_writer import S3Writer, SentPart, parts_sha256
from backup_actions.archive.store import CannotResumeError, KeptObject, checked_name
from backup_actions.aws.errors import ABSENT, TAKEN, translated
from backup_actions.aws.objects import abort_upload, abort_uploads, bucket_of, delete_objects, object_keys
from backup_actions.errors import ArchiveExists, ArchiveMissing, AwsBusy, AwsCallFailed, UploadFailed
from backup_actions.model.manifest import StoredObject

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_ABSENT = ABSENT | {"NoSuchBucket"}


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
    before_writing: Callable[[], object] = lambda: None
    """Has returned before anything is written; see ``after``."""
    notes: Callable[[], Mapping[str, str]] = dict
    """What S3 keeps with an object that may stand once, as it is known when that is written."""

    @property
    def location(self) -> str:
        """``s3://bucket/prefix``."""
        return f"s3://{self.bucket}/{self.prefix.strip('/')}".rstrip("/")

    def folder(self, name: str) -> S3Store:
        """The prefix with the name behind it."""
        return replace(self, prefix=self._key(name))

    def after(self, check: Callable[[], object]) -> S3Store:
        """Parts fill, and wait in memory for the check."""
        return replace(self, before_writing=check)

    def create(self, name: str, *, expected_bytes: int | None = None, memory_bytes: int | None = None) -> S3Writer:
        """Begin an object; nothing is sent before its first part is full. Raises UploadFailed for one too large."""
        if expected_bytes is not None and expected_bytes > LARGEST_OBJECT_BYTES:
            reason = f"it may have {expected_bytes} bytes, and S3 takes {LARGEST_OBJECT_BYTES}"
            raise UploadFailed(what=f"{self.location}/{name}", reason=reason)
        return S3Writer(self, checked_name(name), expected_bytes=expected_bytes, memory_bytes=memory_bytes)

    def resume(
        self, name: str, kept: KeptObject, *, expected_bytes: int | None = None, memory_bytes: int | None = None
    ) -> S3Writer:
        """Go on with an upload. Raises CannotResumeError unless S3 has the parts that were kept."""
        sent = self._sent_parts(checked_name(name), kept)
        return S3Writer(self, name, expected_bytes=expected_bytes, memory_bytes=memory_bytes, kept=kept, sent=sent)

    def put(self, name: str, data: bytes) -> None:
        """A PUT without a condition. Raises UploadFailed."""
        self._put(name, data)

    def put_if_absent(self, name: str, data: bytes) -> StoredObject:
        """Raise ArchiveExists where an object of that name stands with other bytes, UploadFailed where S3 refuses."""
        try:
            return self._put(name, data, IfNoneMatch="*", **self._noted())
        except UploadFailed as failed:
            refusal = failed.__cause__
            if not (isinstance(refusal, AwsCallFailed) and refusal.facts["error_code"] in TAKEN):
                raise
            # An answer lost on the way is asked for again: then it is our own object that is in the way.
            if self.read(name) != data:
                raise ArchiveExists(where=self.location) from refusal
        return StoredObject(name=name, size_bytes=len(data), crc64nvme=crc64nvme_base64(data))

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

    def remove(self, name: str) -> None:
        """S3 does not say whether there was one."""
        with translated():
            self.client.delete_object(**self.target(name))

    def remove_folder(self, name: str) -> None:
        """All that a listing gives. Raises AwsBusy where S3 could not remove one."""
        found = object_keys(self.client, self.bucket, f"{self._key(name)}/", owner=self.expected_bucket_owner)
        delete_objects(self.client, self.bucket, found, owner=self.expected_bucket_owner)

    def give_up_unfinished(self, *, besides: KeptObject | None = None) -> int:
        """Abort the uploads below the prefix; S3 cannot tell whether anybody still sends to them."""
        prefix = self.prefix.strip("/")
        return abort_uploads(
            self.client,
            self.bucket,
            f"{prefix}/" if prefix else "",
            besides=besides.handle if besides else None,
            owner=self.expected_bucket_owner,
        )

    def abort(self, name: str, upload_id: str) -> None:
        """The upload is gone with its parts."""
        abort_upload(self.client, self.bucket, self._key(name), upload_id, owner=self.expected_bucket_owner)

    def target(self, name: str) -> dict[str, Any]:
        """The parameters that every call on an object has."""
        return {"Key": self._key(name), **self._bucket()}

    def encryption(self) -> dict[str, Any]:
        """How an object is encrypted; a bucket key spares a KMS request for each."""
        if self.kms_key_arn is None:
            return {}
        return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self.kms_key_arn, "BucketKeyEnabled": True}

    def beginning(self) -> dict[str, Any]:
        """The parameters that begin an object of data."""
        return {**self.encryption(), **({"StorageClass": self.storage_class} if self.storage_class else {})}

    def _key(self, name: str) -> str:
        return "/".join(filter(None, (self.prefix.strip("/"), checked_name(name))))

    def _noted(self) -> dict[str, Any]:
        notes = self.notes()
        return {"Metadata": dict(notes)} if notes else {}

    def _bucket(self) -> dict[str, Any]:
        return bucket_of(self.bucket, self.expected_bucket_owner)

    def _put(self, name: str, data: bytes, **condition: Any) -> StoredObject:
        """Raises UploadFailed, whose cause says why."""
        self.before_writing()
        checksum = crc64nvme_base64(data)
        place = {**self.target(name), **self.encryption(), **condition}
        try:
            with translated(operation="s3:PutObject"):
                self.client.put_object(**place, Body=data, ChecksumCRC64NVME=checksum)
        except (AwsCallFailed, AwsBusy) as failure:
            raise UploadFailed(what=f"{self.location}/{name}", reason=failure) from failure
        return StoredObject(name=name, size_bytes=len(data), crc64nvme=checksum)

    def _sent_parts(self, name: str, kept: KeptObject) -> list[SentPart]:
        try:
            with translated():
                pages = self.client.get_paginator("list_parts").paginate(**self.target(name), UploadId=kept.handle)
                found = {part["PartNumber"]: part for page in pages for part in page.get("Parts", [])}
        except AwsCallFailed as failure:
            raise CannotResumeError(f"the upload of {name} cannot be asked for: {failure}") from failure
        # What was sent behind the kept parts is sent again under the same numbers.
        known = [found[number] for number in range(1, kept.parts + 1) if number in found]
        sent = [SentPart(part["Size"], part["ETag"]) for part in known]
        if parts_sha256(sent) != kept.parts_sha256 or sum(part.size_bytes for part in sent) != kept.size_bytes:
            raise CannotResumeError(f"the upload of {name} has other parts than were kept")
        return sent

    def _absent_or(self, failure: AwsCallFailed, name: str) -> Exception:
        if failure.facts["error_code"] in _ABSENT:
            return ArchiveMissing(where=self.location, reason=f"{name} is not there")
        return failure
