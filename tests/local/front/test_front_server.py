"""The HTTP server itself: where it listens, what it does with connections and bodies."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from backup_actions.errors import PortInUse
from backup_actions_local.calls import Request, Response
from backup_actions_local.clock import SimulatedClock
from backup_actions_local.front import Audit, Faults, Front, Roles
from backup_actions_local.front.exchange import Answer, BodyTooLarge, Incoming, LoopbackServer
from backup_actions_local.loopback import loopback_only

from .conftest import SetUp, Stage


def echo(incoming: Incoming) -> Answer:
    if incoming.path == "/refuse":
        return Answer(403, body=b"no")
    if incoming.path == "/pieces":
        return Answer(200, body=iter([b"one", b"two"]))
    try:
        return Answer(200, body=incoming.body.whole(limit_mib=1))
    except BodyTooLarge:
        return Answer(413)


@pytest.fixture(name="connection")
def _connection() -> Iterator[http.client.HTTPConnection]:
    server = LoopbackServer(None, echo)
    server.start()
    host, _, port = server.url.removeprefix("http://").partition(":")
    try:
        with closing(http.client.HTTPConnection(host, int(port), timeout=10)) as connection:
            yield connection
    finally:
        server.stop()


def test_it_listens_on_the_loopback_interface_only(stage: Stage) -> None:
    assert stage.front.url.startswith("http://127.0.0.1:")
    assert loopback_only(os.getpid()) == []


def test_a_port_in_use_is_one_clear_error() -> None:
    clock = SimulatedClock()
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        front = Front(clock=clock, roles=Roles(clock), faults=Faults(), audit=Audit(), port=port)

        with pytest.raises(PortInUse, match=str(port)):
            front.start()


def test_it_is_gone_when_the_block_ends_also_for_those_who_are_connected() -> None:
    clock = SimulatedClock()
    with Front(clock=clock, roles=Roles(clock), faults=Faults(), audit=Audit()) as front:
        host, _, port = front.url.removeprefix("http://").partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().read()

    assert connection.sock.recv(1) == b""
    connection.close()
    with closing(socket.socket()) as probe:
        assert probe.connect_ex((host, int(port))) != 0


def test_a_connection_serves_many_requests(connection: http.client.HTTPConnection) -> None:
    for text in (b"one", b"", b"three"):
        connection.request("POST", "/", body=text)
        assert connection.getresponse().read() == text


def test_a_body_that_was_not_wanted_does_not_disturb_the_next_request(connection: http.client.HTTPConnection) -> None:
    connection.request("PUT", "/refuse", body=bytes(100_000))
    assert connection.getresponse().read() == b"no"
    connection.request("PUT", "/", body=b"next")
    assert connection.getresponse().read() == b"next"


def test_bodies_in_chunks_are_read_and_answered(connection: http.client.HTTPConnection) -> None:
    connection.request("PUT", "/", body=iter([b"some", b"thing"]), encode_chunked=True)
    assert connection.getresponse().read() == b"something"
    connection.request("GET", "/pieces")
    assert connection.getresponse().read() == b"onetwo"


def test_a_body_too_large_to_hold_is_refused(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/", body=bytes(3 * 1024 * 1024))

    assert connection.getresponse().status == 413


def test_who_asks_before_sending_is_refused_without_sending(connection: http.client.HTTPConnection) -> None:
    connection.request("PUT", "/refuse", headers={"Expect": "100-continue", "Content-Length": "1000000"})

    response = connection.getresponse()
    assert (response.status, response.will_close) == (403, True)


def test_requests_without_a_signature_are_refused(stage: Stage) -> None:
    host, _, port = stage.front.url.removeprefix("http://").partition(":")
    with closing(http.client.HTTPConnection(host, int(port), timeout=10)) as connection:
        connection.request("GET", "/bucket/key")
        response = connection.getresponse()

        assert response.status == 403
        assert b"MissingAuthenticationToken" in response.read()


def test_routes_answer_what_is_no_api_and_the_longest_prefix_wins(set_up: SetUp) -> None:
    def route(name: str) -> Response:
        return Response(201, name.encode(), "text/x-name")

    seen: list[Request] = []

    def longer(request: Request) -> Response:
        seen.append(request)
        return route("longer")

    stage = set_up(routes={"/_clock": lambda request: route("shorter"), "/_clock/now": longer})
    host, _, port = stage.front.url.removeprefix("http://").partition(":")
    with closing(http.client.HTTPConnection(host, int(port), timeout=10)) as connection:
        connection.request("POST", "/_clock/now?x=1", body=b"body", headers={"X-Token": "t"})
        response = connection.getresponse()

        assert (response.status, response.read()) == (201, b"longer")
        assert (seen[0].method, seen[0].path, seen[0].body, seen[0].headers["x-token"]) == (
            "POST",
            "/_clock/now",
            b"body",
            "t",
        )
        connection.request("GET", "/_clock/sleep")
        assert connection.getresponse().read() == b"shorter"
    assert stage.audit.entries == ()
