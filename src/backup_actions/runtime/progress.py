"""Progress of a job as JSON lines in its log: CloudWatch keeps them, whoever tails the log can draw a bar."""

from __future__ import annotations

import json
import threading
import time
from typing import TextIO

# A line every half second of real time at the most: a log costs money by the byte.
_AT_LEAST_SECONDS = 0.5


class JsonLines:
    """Implements ``model.progress.Progress``."""

    def __init__(self, out: TextIO, *, at_least_seconds: float = _AT_LEAST_SECONDS) -> None:
        self._out, self._at_least_seconds = out, at_least_seconds
        self._lock = threading.Lock()
        self._what, self._total, self._done = "", None, 0  # type: str, int | None, int
        self._last = float("-inf")

    def start(self, what: str, total_bytes: int | None) -> None:
        """Write that a piece of work begins."""
        with self._lock:
            self._what, self._total, self._done = what, total_bytes, 0
            self._write({"start": what, "total_bytes": total_bytes})

    def add(self, source_bytes: int) -> None:
        """Count, and write now and then."""
        with self._lock:
            self._done += source_bytes
            now = time.monotonic()
            if now - self._last >= self._at_least_seconds or self._done == self._total:
                self._last = now
                self._write({"progress": self._what, "done_bytes": self._done, "total_bytes": self._total})

    def note(self, sentence: str) -> None:
        """Write the sentence."""
        with self._lock:
            self._write({"note": sentence})

    def _write(self, line: dict[str, object]) -> None:
        self._out.write(json.dumps(line) + "\n")
        self._out.flush()
