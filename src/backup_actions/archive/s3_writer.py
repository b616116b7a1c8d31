"""One object on its way to S3: parts of whole frames go up from a few threads while the next one fills."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock, Semaphore
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, NoReturn, Self, cast

from backup_actions.archive.checksums import Crc64Nvme
from backup_actions.archive.interrupts import uninterrupted
from backup_actions.archive.part_body import BodyInMemory, BodyOnDisk, PartBody
from backup_actions.archive.part_sizes import MAX_PARTS, closes, part_bytes
from backup_actions.archive.store import KeptObject
from backup_actions.aws.errors import translated
from backup_actions.errors import AwsBusy, AwsCallFailed, BackupActionsError, UploadFailed
from backup_actions.model.manifest import StoredObject

if TYPE_CHECKING:
    from backup_actions.archive.s3_store import S3Store


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part that S3 has."""

    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True)
class _Sent:
    """A part that S3 has just got: its own checksum, and how many calls of ``write`` there were up to its end."""

    part: SentPart
    crc64nvme: int
    writes: int


def parts_sha256(parts: Iterable[SentPart]) -> str:
    """Tells these parts from any others; see KeptObject."""
    lines = (f"{number} {part.size_bytes} {part.etag}\n" for number, part in enumerate(parts, start=1))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class S3Writer:
    """An ObjectWriter. Memory, or disk: ``(uploads_in_flight + 1) x (part + one write)``."""

    def __init__(
        self,
        store: S3Store,
        name: str,
        *,
        expected_bytes: int | None,
        memory_bytes: int | None,
        kept: KeptObject | None = None,
        sent: Iterable[SentPart] = (),
    ) -> None:
        self._store = store
        self._name = name
        self._expected_bytes = expected_bytes
        self._memory_bytes = memory_bytes
        self._pool = ThreadPoolExecutor(store.uploads_in_flight, thread_name_prefix="upload")
        self._free = Semaphore(store.uploads_in_flight)
        self._failed: BaseException | None = None
        self._upload: Future[str] | None = None
        self._ended = False
        # What S3 has without a gap from the first part on: its parts, its length, its checksum, its calls of write.
        self._lock = Lock()
        self._arrived = list(sent)
        self._arrived_bytes = kept.size_bytes if kept else 0
        self._arrived_writes = kept.writes if kept else 0
        self._checksum = Crc64Nvme.from_base64(kept.crc64nvme) if kept else Crc64Nvme()
        self._sending: deque[Future[_Sent]] = deque()
        if kept:
            self._upload = Future()
            self._upload.set_result(kept.handle)
        self._number = len(self._arrived)
        self._writes = self._arrived_writes
        self._begin_part()

    def write(self, data: bytes | memoryview) -> None:
        """Append; blocks while all uploaders are busy and a part is full."""
        if closes(self._body.size_bytes, len(data), self._planned_bytes):
            self._send_part()
        try:
            self._body.append(data if isinstance(data, bytes) else bytes(data))
        except OSError as full:
            raise UploadFailed(what=self._what, reason=f"a part cannot be kept on the disk: {full}") from full
        self._writes += 1
        if self._body.size_bytes >= self._planned_bytes:
            self._send_part()

    def seal(self) -> StoredObject:
        """All parts have arrived; an object of a single one waits for ``finish``."""
        if self._upload:
            if self._body.size_bytes:
                self._send_part()
            for sending in tuple(self._sending):
                self._sent(sending.result)
            self._gather()
        else:
            self._checksum, self._arrived_bytes = self._body.checksum(), self._body.size_bytes
        return StoredObject(name=self._name, size_bytes=self._arrived_bytes, crc64nvme=self._checksum.base64())

    def finish(self) -> StoredObject:
        """Complete the upload; S3 compares the whole object with the checksum of all that was written."""
        sealed = self.seal()
        if self._upload:
            self._complete(self._upload.result())
        else:
            self._put()
        self._pool.shutdown()
        self._ended = True
        return sealed

    def kept(self) -> KeptObject | None:
        """The parts that S3 has, up to the first that it lacks."""
        self._gather()
        with self._lock:
            if not self._arrived or self._upload is None:
                return None
            return KeptObject(
                handle=self._upload.result(),
                size_bytes=self._arrived_bytes,
                writes=self._arrived_writes,
                crc64nvme=self._checksum.base64(),
                parts=len(self._arrived),
                parts_sha256=parts_sha256(self._arrived),
            )

    def hold(self) -> KeptObject | None:
        """Wait for the parts on their way; the one that was filling is lost."""
        with uninterrupted():
            self._pool.shutdown()
            kept = self.kept()
            self._ended = kept is not None
        return kept

    def let_go(self) -> None:
        """The upload will be aborted."""
        self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with uninterrupted():
            self._pool.shutdown(cancel_futures=True)  # a part that arrives after the abort would stay and cost
            self._body.close()
            if self._upload and not self._ended and not self._upload.cancelled() and not self._upload.exception():
                self._store.abort(self._name, self._upload.result())
            self._ended = True

    def _begin_part(self) -> None:
        self._planned_bytes = part_bytes(self._number + 1, self._expected_bytes)
        in_memory = self._planned_bytes * (self._store.uploads_in_flight + 1)
        on_disk = self._memory_bytes is not None and in_memory > self._memory_bytes
        self._body: PartBody = BodyOnDisk() if on_disk else BodyInMemory()

    def _send_part(self) -> None:
        if self._upload is None:
            self._upload = self._pool.submit(self._begin)  # the next part fills while S3 answers
        if self._number == MAX_PARTS:
            raise UploadFailed(what=self._what, reason=f"it is longer than {MAX_PARTS} parts can be")
        self._free.acquire()
        if self._failed:
            self._fail(self._failed)
        self._number += 1
        self._sending.append(self._pool.submit(self._send, self._upload, self._number, self._body, self._writes))
        self._gather()
        self._begin_part()

    def _begin(self) -> str:
        self._store.before_writing()
        # A try whose answer is lost may leave another upload. Without parts it costs nothing; to look for it would take
        # a permission on the whole bucket. A journal, an action's clean-up or a rule of the bucket removes it.
        answer = self._sent(
            lambda: self._store.client.create_multipart_upload(
                **self._store.target(self._name),
                **self._store.beginning(),
                ChecksumAlgorithm="CRC64NVME",
                ChecksumType="FULL_OBJECT",
            )
        )
        return str(answer["UploadId"])

    def _send(self, upload: Future[str], number: int, body: PartBody, writes: int) -> _Sent:
        try:
            checksum, upload_id = body.checksum(), upload.result()
            body.seek(0)
            with translated(operation="s3:UploadPart"):
                answer = self._store.client.upload_part(
                    **self._store.target(self._name),
                    UploadId=upload_id,
                    PartNumber=number,
                    Body=cast("IO[bytes]", body),
                    ChecksumCRC64NVME=checksum.base64(),
                )
            return _Sent(SentPart(body.size_bytes, answer["ETag"]), checksum.value, writes)
        except BaseException as failure:
            self._failed = failure
            raise
        finally:
            body.close()
            self._free.release()

    def _gather(self) -> None:
        """Count what has arrived without a gap."""
        with uninterrupted(), self._lock:
            while self._sending and self._sending[0].done() and not self._sending[0].exception():
                sent = self._sending.popleft().result()
                self._arrived.append(sent.part)
                self._arrived_bytes += sent.part.size_bytes
                self._arrived_writes = sent.writes
                self._checksum.join(sent.crc64nvme, sent.part.size_bytes)

    def _put(self) -> None:
        self._store.before_writing()
        self._body.seek(0)
        self._sent(
            lambda: self._store.client.put_object(
                **self._store.target(self._name),
                **self._store.beginning(),
                Body=cast("IO[bytes]", self._body),
                ChecksumCRC64NVME=self._checksum.base64(),
            )
        )

    def _complete(self, upload_id: str) -> None:
        parts: list[Any] = [{"PartNumber": number, "ETag": part.etag} for number, part in enumerate(self._arrived, 1)]
        self._sent(
            lambda: self._store.client.complete_multipart_upload(
                **self._store.target(self._name),
                UploadId=upload_id,
                MultipartUpload={"Parts": parts},
                ChecksumType="FULL_OBJECT",
                ChecksumCRC64NVME=self._checksum.base64(),
                MpuObjectSize=self._arrived_bytes,
            )
        )

    def _sent(self, call: Callable[[], Any]) -> Any:
        try:
            with translated(operation=f"storing {self._what}"):
                return call()
        except (AwsCallFailed, AwsBusy) as failure:
            self._fail(failure)

    def _fail(self, cause: BaseException) -> NoReturn:
        """Raise UploadFailed for what went wrong with a call or the disk; our other errors say enough."""
        if isinstance(cause, BackupActionsError) and not isinstance(cause, (AwsCallFailed, AwsBusy)):
            raise cause
        raise UploadFailed(what=self._what, reason=cause) from cause

    @property
    def _what(self) -> str:
        return f"{self._store.location}/{self._name}"
