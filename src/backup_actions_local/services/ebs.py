"""EBS direct APIs, reading: which blocks of a snapshot were ever written, what changed, and the blocks themselves.

https://docs.aws.amazon.com/ebs/latest/userguide/ebsapi-faq.html (what is listed, limits, how long tokens are good)
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from backup_actions_local.calls import Call, Handler, Refused
from backup_actions_local.services import images
from backup_actions_local.services.ebs_tokens import Token
from backup_actions_local.services.paging import only

if TYPE_CHECKING:
    from backup_actions_local.services.block_store import BlockStore
    from backup_actions_local.services.volumes import Snapshot

BLOCK_BYTES = 512 << 10
_MOST_RESULTS = 10_000
_BLOCK_TOKENS_GOOD_FOR = timedelta(days=7)
_PAGE_TOKENS_GOOD_FOR = timedelta(minutes=60)

Operation = Callable[[Call, datetime], Mapping[str, Any]]


class Ebs:
    """The operations. Errors: https://docs.aws.amazon.com/ebs/latest/APIReference/CommonErrors.html and the model's."""

    name = "ebs"

    def __init__(self, store: BlockStore) -> None:
        self._store = store

    def handlers(self) -> Mapping[str, Handler]:
        """Operation name → what answers it."""
        operations: Mapping[str, Operation] = {
            "ListSnapshotBlocks": self._list_blocks,
            "ListChangedBlocks": self._list_changed,
            "GetSnapshotBlock": self._get_block,
        }
        return {name: partial(self._at_one_moment, operation) for name, operation in operations.items()}

    def _at_one_moment(self, operation: Operation, call: Call) -> Mapping[str, Any]:
        with self._store.settled() as now:
            return operation(call, now)

    def _list_blocks(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "SnapshotId", "StartingBlockIndex", "MaxResults", "NextToken")
        snapshot = self._completed(call.params["SnapshotId"], now)
        expiry = now + _BLOCK_TOKENS_GOOD_FOR
        begin = self._begin(call, snapshot, now)
        answer = self._page(call, snapshot, images.written_blocks(snapshot.image, BLOCK_BYTES, begin), now)
        blocks = [{"BlockIndex": n, "BlockToken": _block_token(snapshot, n, expiry)} for n in answer.pop("found")]
        return answer | {"Blocks": blocks, "ExpiryTime": expiry}

    def _list_changed(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "FirstSnapshotId", "SecondSnapshotId", "StartingBlockIndex", "MaxResults", "NextToken")
        if not call.params.get("FirstSnapshotId"):
            raise _invalid("INVALID_PARAMETER_VALUE", "FirstSnapshotId is required")
        first, second = (self._completed(call.params[f"{each}SnapshotId"], now) for each in ("First", "Second"))
        if first.volume_id != second.volume_id:
            raise _invalid("UNRELATED_SNAPSHOTS", f"{first.id} and {second.id} are of different volumes")
        expiry = now + _BLOCK_TOKENS_GOOD_FOR
        answer = self._page(call, second, _changed(first, second, self._begin(call, second, now)), now)
        changed = [_changed_block(first, second, number, expiry) for number in answer.pop("found")]
        return answer | {"ChangedBlocks": changed, "ExpiryTime": expiry}

    def _get_block(self, call: Call, now: datetime) -> Mapping[str, Any]:
        only(call, "SnapshotId", "BlockIndex", "BlockToken")
        snapshot, index = self._completed(call.params["SnapshotId"], now), call.params["BlockIndex"]
        token = Token.parse(call.params["BlockToken"])
        if token is None or (token.kind, token.subject, token.number) != ("block", snapshot.id, index):
            raise _invalid("INVALID_BLOCK_TOKEN", f"the token is not that of block {index} of {snapshot.id}")
        if now >= token.expires:
            raise _invalid("INVALID_BLOCK_TOKEN", f"the token of block {index} of {snapshot.id} has expired")
        data = _block(snapshot, index)
        return {
            "BlockData": data,
            "DataLength": len(data),
            "Checksum": base64.b64encode(hashlib.sha256(data).digest()).decode(),
            "ChecksumAlgorithm": "SHA256",
        }

    def _completed(self, snapshot_id: str, now: datetime) -> Snapshot:
        try:
            snapshot = self._store.snapshot(snapshot_id)
        except Refused as unknown:
            message = f"The snapshot '{snapshot_id}' does not exist."
            raise Refused("ResourceNotFoundException", message, 404, reason="SNAPSHOT_NOT_FOUND") from unknown
        if snapshot.state(now) != "completed":
            raise _invalid("INVALID_SNAPSHOT_ID", f"The snapshot '{snapshot_id}' is {snapshot.state(now)}.")
        return snapshot

    def _begin(self, call: Call, snapshot: Snapshot, now: datetime) -> int:
        """The index that the page begins at: the token's word goes before the parameter's."""
        text = call.params.get("NextToken")
        if not text:
            return int(call.params.get("StartingBlockIndex") or 0)
        token = Token.parse(text)
        if token is None or (token.kind, token.subject) != (call.operation, snapshot.id) or now >= token.expires:
            raise _invalid("INVALID_PAGE_TOKEN", "the page token is not valid, or has expired")
        return token.number

    def _page(self, call: Call, snapshot: Snapshot, numbers: Iterator[int], now: datetime) -> dict[str, Any]:
        """What both lists have in common, and under ``found`` the blocks of this page."""
        found = list(islice(numbers, call.params.get("MaxResults") or _MOST_RESULTS))
        following = next(numbers, None)
        answer = {"VolumeSize": snapshot.size_gib, "BlockSize": BLOCK_BYTES, "found": found}
        if following is not None:
            token = Token(call.operation, snapshot.id, following, now + _PAGE_TOKENS_GOOD_FOR)
            answer["NextToken"] = str(token)
        return answer


def _changed(first: Snapshot, second: Snapshot, begin: int) -> Iterator[int]:
    """Every block from there on whose bytes differ."""
    written = (images.written_blocks(each.image, BLOCK_BYTES, begin) for each in (first, second))
    for number in sorted(set().union(*written)):
        if _block(first, number).ljust(BLOCK_BYTES, b"\0") != _block(second, number).ljust(BLOCK_BYTES, b"\0"):
            yield number


def _changed_block(first: Snapshot, second: Snapshot, number: int, expiry: datetime) -> dict[str, Any]:
    """A token for each side on which the block was ever written."""
    sides = {"FirstBlockToken": first, "SecondBlockToken": second}
    return {"BlockIndex": number} | {
        name: _block_token(snapshot, number, expiry)
        for name, snapshot in sides.items()
        if next(images.written_blocks(snapshot.image, BLOCK_BYTES, number), None) == number
    }


def _block_token(snapshot: Snapshot, number: int, expiry: datetime) -> str:
    return str(Token("block", snapshot.id, number, expiry))


def _block(snapshot: Snapshot, number: int) -> bytes:
    """Its bytes, fewer where the image ends."""
    descriptor = os.open(snapshot.image, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(descriptor, BLOCK_BYTES, number * BLOCK_BYTES)
    finally:
        os.close(descriptor)


def _invalid(reason: str, message: str) -> Refused:
    return Refused("ValidationException", message, 400, reason=reason)
