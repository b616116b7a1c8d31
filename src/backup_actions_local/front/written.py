"""When objects were written by the clock of the embedded AWS: the S3 server lives by that of the machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backup_actions.model.clock import Clock
    from backup_actions_local.calls import Call
    from backup_actions_local.front.exchange import Answer

_WRITES = frozenset({"CompleteMultipartUpload", "CopyObject", "PutObject"})
_READS = frozenset({"GetObject", "HeadObject"})
_HEADER = "last-modified"


class WritingTimes:
    """Of what went through this front; of anything else, and in listings, the server's own time stays."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._written: dict[tuple[str, str], datetime] = {}

    def told(self, call: Call, answer: Answer) -> Answer:
        """The answer, with the time at which the object was written."""
        if answer.status >= 300:
            return answer
        if call.operation in _WRITES:
            self._written[call.params["Bucket"], call.params["Key"]] = self._clock.now().astimezone(UTC)
        if call.operation not in _READS:
            return answer
        written = self._written.get((call.params["Bucket"], call.params["Key"]))
        if written is None:
            return answer
        headers = {name: value for name, value in answer.headers.items() if name.lower() != _HEADER}
        return replace(answer, headers={**headers, "Last-Modified": format_datetime(written, usegmt=True)})
