"""The metadata service of an instance, which does not always answer at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from backup_actions.aws.host import instance_id
from backup_actions.aws.world import Host
from backup_actions.errors import AwsBusy
from backup_actions_local.clock import SimulatedClock


class _Metadata(BaseHTTPRequestHandler):
    refusals = 0
    asked: list[str]

    def _answer(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        if len(self.asked) <= self.refusals:
            self.send_error(503)
            return
        body = b"token" if self.command == "PUT" else b"i-0123"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_GET = _answer  # noqa: N815 - the names that the library looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
        pass


@contextmanager
def served(handler: type[_Metadata]) -> Iterator[Host]:
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Host(metadata_endpoint=f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _refusing(times: int) -> type[_Metadata]:
    return type("Refusing", (_Metadata,), {"refusals": times, "asked": []})


def _on_a_clock(work: Callable[[SimulatedClock], str]) -> tuple[str, float]:
    clock = SimulatedClock()
    began = clock.now()
    with clock.actor():
        answer = work(clock)
    return answer, (clock.now() - began).total_seconds()


def test_it_is_asked_again_until_it_answers() -> None:
    handler = _refusing(2)
    with served(handler) as host:
        assert _on_a_clock(lambda clock: instance_id(host, clock)) == ("i-0123", 0.5 + 1)
    assert handler.asked == [*["PUT /latest/api/token"] * 3, "GET /latest/meta-data/instance-id"]


def test_one_that_never_answers_is_told() -> None:
    with served(_refusing(99)) as host, pytest.raises(AwsBusy, match="instance metadata"):
        _on_a_clock(lambda clock: instance_id(host, clock))
