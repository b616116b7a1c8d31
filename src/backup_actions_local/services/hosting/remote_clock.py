"""The embedded AWS's clock, from another process."""

from __future__ import annotations

import http.client
import json
from datetime import datetime
from urllib.parse import urlsplit


class RemoteClock:
    """Implements ``model.clock.Clock`` over the front's ``/_clock/`` routes."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)

    def now(self) -> datetime:
        """Return the time on the embedded AWS's clock."""
        return self._ask("GET", "now", None)

    def sleep(self, seconds: float) -> None:
        """Return when that much time has passed there."""
        self._ask("POST", "sleep", json.dumps({"seconds": seconds}))

    def _ask(self, method: str, what: str, body: str | None) -> datetime:
        connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port)
        try:
            connection.request(method, f"{self._url.path}/{what}", body)
            return datetime.fromisoformat(json.loads(connection.getresponse().read())["now"])
        finally:
            connection.close()
