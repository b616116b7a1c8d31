"""Which blocks of an EBS snapshot were ever written, and the tokens to read them with: asked for when wanted.

Nothing is kept but a few pages: a snapshot of 64 TiB has 134 million blocks, and a token has up to 256 characters.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from backup_actions.aws.patience import PatientCalls
from backup_actions.errors import AwsCallFailed, SourceUnreadable
from backup_actions.model.clock import Clock, growing_waits

if TYPE_CHECKING:
    from types_boto3_ebs import EBSClient
    from types_boto3_ebs.type_defs import BlockTypeDef

# https://docs.aws.amazon.com/general/latest/gr/ebs-service.html: 50 ListSnapshotBlocks requests a second
_LISTS_PER_SECOND = 40
_MOST_RESULTS = 10_000
_PAGES_KEPT = 4
# About two and a half minutes: https://github.com/awslabs/coldsnap/issues/141
_UNTIL_KNOWN = growing_waits(2, 1.5, 9)
_TOKENS_KEPT_BEFORE_EXPIRY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Page:
    """All that is known of the blocks from ``first`` to before ``behind``. Memory: at most 2.6 MiB."""

    first: int
    behind: int
    numbers: array[int]
    """The written ones, in order."""
    tokens: bytes
    token_ends: array[int]
    expires: datetime

    def token_of(self, number: int) -> str | None:
        """What a block is asked for with; None where it was never written."""
        at = bisect_left(self.numbers, number)
        if at == len(self.numbers) or self.numbers[at] != number:
            return None
        return self.tokens[self.token_ends[at - 1] if at else 0 : self.token_ends[at]].decode("ascii")

    def runs(self, first: int, behind: int) -> Iterator[tuple[int, int]]:
        """The written blocks between the two, neighbours together."""
        begin = end = first
        for number in self.numbers[bisect_left(self.numbers, first) : bisect_left(self.numbers, behind)]:
            if number != end:
                if end > begin:
                    yield begin, end
                begin = number
            end = number + 1
        if end > begin:
            yield begin, end


class SnapshotListing:
    """Pages as they are wanted, the last four kept: at most 11 MiB. Tokens about to expire are asked for anew."""

    size_bytes: int
    block_bytes: int

    def __init__(self, client: EBSClient, snapshot_id: str, clock: Clock, *, is_new: bool) -> None:
        self._client, self._snapshot_id, self._clock = client, snapshot_id, clock
        self._calls = PatientCalls(clock, calls_per_second=_LISTS_PER_SECOND)
        self._pages: OrderedDict[int, Page] = OrderedDict()
        self._lock = threading.Lock()
        beginning = self._beginning(_UNTIL_KNOWN if is_new else [])
        self.size_bytes, self.block_bytes = beginning["VolumeSize"] << 30, beginning["BlockSize"]
        self._keep(self._page(0, beginning))

    @property
    def blocks(self) -> int:
        """How many there are, written or not."""
        return -(-self.size_bytes // self.block_bytes)

    def page_at(self, number: int) -> Page:
        """A page in which that block has its place. Raises SourceUnreadable, AwsBusy, AwsCallFailed."""
        with self._lock:
            soon = self._clock.now() + _TOKENS_KEPT_BEFORE_EXPIRY
            for page in self._pages.values():
                if page.first <= number < page.behind and page.expires > soon:
                    self._pages.move_to_end(page.first)
                    return page
            return self._keep(self._page(number, self._asked({"StartingBlockIndex": number})))

    def forget(self, page: Page) -> None:
        """Its tokens were refused: the next one who wants them asks for new ones."""
        with self._lock:
            if self._pages.get(page.first) is page:
                del self._pages[page.first]

    def runs(self, first: int, behind: int) -> Iterator[tuple[int, int]]:
        """The written blocks between the two in order, neighbours together; listed while this is read."""
        while first < behind:
            page = self.page_at(first)
            yield from page.runs(first, min(behind, page.behind))
            first = page.behind

    def end(self) -> None:
        """Nothing is tried again any more."""
        self._calls.end()

    def _beginning(self, waits: list[float]) -> dict[str, Any]:
        """The first answer. A snapshot that has just been completed may not be known everywhere yet."""
        for wait in waits:
            try:
                return self._asked({"StartingBlockIndex": 0})
            except AwsCallFailed as failure:
                if failure.facts["error_code"] != "ResourceNotFoundException":
                    raise
                self._clock.sleep(wait)
        return self._asked({"StartingBlockIndex": 0})

    def _keep(self, page: Page) -> Page:
        self._pages[page.first] = page
        self._pages.move_to_end(page.first)
        while len(self._pages) > _PAGES_KEPT:
            self._pages.popitem(last=False)
        return page

    def _page(self, first: int, answer: dict[str, Any]) -> Page:
        """Pages may be empty although others follow; the token that leads on is good for an hour, and used at once."""
        while not answer["Blocks"] and answer.get("NextToken"):
            answer = self._asked({"NextToken": answer["NextToken"]})
        listed: list[BlockTypeDef] = answer["Blocks"]
        numbers, ends, length = array("Q"), array("Q"), 0
        for block in listed:
            if not (numbers[-1] + 1 if numbers else first) <= block["BlockIndex"] < self.blocks:
                raise SourceUnreadable(what=self._snapshot_id, reason=f"it lists block {block['BlockIndex']} amiss")
            length += len(block["BlockToken"])
            numbers.append(block["BlockIndex"])
            ends.append(length)
        tokens = "".join(block["BlockToken"] for block in listed).encode("ascii")
        behind = numbers[-1] + 1 if answer.get("NextToken") else self.blocks
        return Page(first, max(behind, first + 1), numbers, tokens, ends, answer["ExpiryTime"])

    def _asked(self, where: dict[str, Any]) -> dict[str, Any]:
        def request() -> dict[str, Any]:
            answer = self._client.list_snapshot_blocks(SnapshotId=self._snapshot_id, MaxResults=_MOST_RESULTS, **where)
            return dict(answer)

        return self._calls.call("ebs:ListSnapshotBlocks", request)
