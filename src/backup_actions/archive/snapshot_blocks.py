"""An EBS snapshot as blocks, read through the EBS direct APIs: no volume, and nothing of what was never written.

https://docs.aws.amazon.com/ebs/latest/userguide/readsnapshots.html
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING

from backup_actions.archive.allocation import Extent
from backup_actions.archive.device import Blocks
from backup_actions.archive.snapshot_listing import SnapshotListing
from backup_actions.aws.patience import PatientCalls
from backup_actions.errors import AwsBusy, AwsCallFailed, SourceUnreadable
from backup_actions.model.clock import Clock, SystemClock

if TYPE_CHECKING:
    from types_boto3_ebs import EBSClient

SCHEME = "ebs:"

# 1,000 GetSnapshotBlock requests a second for a snapshot and for an account: somebody else may need the rest.
# https://docs.aws.amazon.com/general/latest/gr/ebs-service.html
_READS_PER_SECOND = 900
_REQUESTS_IN_FLIGHT = 32
_SHARED_BLOCKS_KEPT = 40  # one for each request in flight, and some that smaller looks come back to
_TRIES_OF_A_BLOCK = 3
_INVALID = "ValidationException"


class _NotUsableError(Exception):
    """A block did not come as it should, and may the next time: its token had expired, or bytes were damaged."""


class SnapshotBlocks(Blocks):
    """Every block that was written is read once, checked with its checksum; all others are zeros and cost nothing.

    Memory, whatever the snapshot's size: 16 MiB for requests in flight, 20 MiB for blocks that neighbouring reads
    share, 11 MiB for the listing. A snapshot that is new is waited for while nobody knows it. Raises SourceUnreadable
    where one cannot be listed: not there, not yet complete, not permitted.
    """

    is_device = False
    path = None
    reads_in_flight = _REQUESTS_IN_FLIGHT

    def __init__(
        self, client: EBSClient, snapshot_id: str, *, clock: Clock | None = None, is_new: bool = False
    ) -> None:
        clock = clock or SystemClock()
        self._client, self._snapshot_id = client, snapshot_id
        self.name = SCHEME + snapshot_id
        self._calls = PatientCalls(clock, calls_per_second=_READS_PER_SECOND)
        try:
            self._listing = SnapshotListing(client, snapshot_id, clock, is_new=is_new)
        except (AwsBusy, AwsCallFailed) as failure:
            raise SourceUnreadable(what=self.name, reason=failure) from failure
        self.size_bytes = self._listing.size_bytes
        self._block_bytes = self._listing.block_bytes
        self._shared: OrderedDict[int, Future[bytes]] = OrderedDict()
        self._shared_lock = threading.Lock()

    def sector_size_bytes(self) -> int | None:
        """A snapshot says nothing of it."""
        return None

    def read_into(self, offset: int, buffer: memoryview) -> None:
        """Block after block: whoever wants several at a time reads in several threads."""
        if offset + len(buffer) > self.size_bytes:
            what = f"bytes {offset} to {offset + len(buffer)} of {self.name}"
            raise SourceUnreadable(what=what, reason=f"it ends at byte {self.size_bytes}")
        for number in range(offset // self._block_bytes, -(-(offset + len(buffer)) // self._block_bytes)):
            self._fill(offset, buffer, number)

    def written(self, start: int, end: int) -> Iterator[Extent]:
        """What the snapshot lists, in whole blocks as far as they lie between the two."""
        block_bytes = self._block_bytes
        try:
            for first, behind in self._listing.runs(start // block_bytes, -(-end // block_bytes)):
                yield max(start, first * block_bytes), min(end, behind * block_bytes)
        except (AwsBusy, AwsCallFailed) as failure:
            raise SourceUnreadable(what=self.name, reason=failure) from failure

    def give_up(self) -> None:
        """No request is tried again."""
        self._calls.end()
        self._listing.end()

    def close(self) -> None:
        """No request is tried again."""
        self.give_up()

    def _fill(self, offset: int, buffer: memoryview, number: int) -> None:
        """That block's part of the buffer."""
        begins = number * self._block_bytes
        start, end = max(offset, begins), min(offset + len(buffer), begins + self._block_bytes)
        whole = end - start == self._block_bytes
        data = self._block(number) if whole else self._shared_block(number)
        wanted = memoryview(data)[start - begins : end - begins]
        part = buffer[start - offset : end - offset]
        part[: len(wanted)] = wanted
        part[len(wanted) :] = bytes(len(part) - len(wanted))

    def _shared_block(self, number: int) -> bytes:
        """A block of which others will want another part soon: a few are kept, and read once."""
        with self._shared_lock:
            known = self._shared.get(number)
            block: Future[bytes] = known or Future()
            self._shared[number] = block
            self._shared.move_to_end(number)
            while len(self._shared) > _SHARED_BLOCKS_KEPT:
                self._shared.popitem(last=False)
        if known is None:
            try:
                block.set_result(self._block(number))
            except BaseException as failure:
                with self._shared_lock:
                    self._shared.pop(number, None)
                block.set_exception(failure)
                raise
        return block.result()

    def _block(self, number: int) -> bytes:
        """Its bytes as far as the snapshot has them, none where it was never written. Raises SourceUnreadable."""
        what = f"block {number} of {self.name}"
        reason: object = None
        for _ in range(_TRIES_OF_A_BLOCK):
            try:
                page = self._listing.page_at(number)
                token = page.token_of(number)
                if token is None:
                    return b""
                return self._answered(number, token)
            except _NotUsableError as unusable:
                reason = unusable
                self._listing.forget(page)
            except (AwsBusy, AwsCallFailed) as failure:
                raise SourceUnreadable(what=what, reason=failure) from failure
        raise SourceUnreadable(what=what, reason=reason)

    def _answered(self, number: int, token: str) -> bytes:
        """What the API gives for the token. Raises _NotUsableError, AwsBusy, AwsCallFailed."""

        def request() -> tuple[bytes, str]:
            answer = self._client.get_snapshot_block(SnapshotId=self._snapshot_id, BlockIndex=number, BlockToken=token)
            return answer["BlockData"].read(), answer["Checksum"]

        try:
            data, checksum = self._calls.call("ebs:GetSnapshotBlock", request)
        except AwsCallFailed as failure:
            if failure.facts["error_code"] != _INVALID:
                raise
            raise _NotUsableError(str(failure)) from failure
        if base64.b64decode(checksum) != hashlib.sha256(data).digest():
            raise _NotUsableError("its bytes do not have the checksum that came with them")
        return data
