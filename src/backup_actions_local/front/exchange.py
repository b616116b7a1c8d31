"""HTTP on the loopback interface: keep-alive, bodies that stream both ways, asked for only when they are wanted."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from backup_actions.errors import PortInUse

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 512 * 1024
"""What is held of a streaming body at a time."""

_log = logging.getLogger(__name__)


class BodyTooLarge(Exception):
    """The body of a call that must be parsed exceeds what is held in memory."""


class RequestBody:
    """A body of known length or in chunks; whoever waits with ``Expect`` is answered at the first read."""

    def __init__(self, stream: BufferedIOBase, headers: Mapping[str, str], go_on: Callable[[], None]) -> None:
        self.is_chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        self._stream = stream
        self._left = 0 if self.is_chunked else int(headers.get("content-length") or 0)
        self._at_end = not self.is_chunked and self._left == 0
        self._go_on: Callable[[], None] | None = go_on if headers.get("expect", "").lower() == "100-continue" else None

    @property
    def is_awaited(self) -> bool:
        """Whether the client still waits for permission to send it."""
        return self._go_on is not None and not self._at_end

    def read(self, size: int) -> bytes:
        """Return up to so many bytes, none at its end. Raises ConnectionAbortedError if it breaks off."""
        if self._at_end:
            return b""
        if self._go_on is not None:
            self._go_on()
            self._go_on = None
        if self.is_chunked and self._left == 0:
            self._begin_chunk()
            if self._at_end:
                return b""
        try:
            data = self._stream.read(min(size, self._left))
        except OSError as error:  # not to be mistaken for trouble with whoever the body is passed on to
            raise ConnectionAbortedError("the request's body broke off") from error
        if not data:
            raise ConnectionAbortedError("the request's body broke off")
        self._left -= len(data)
        if self.is_chunked and self._left == 0:
            self._stream.readline()
        self._at_end = not self.is_chunked and self._left == 0
        return data

    def whole(self, limit_mib: int = 16) -> bytes:
        """Return all of it. Raises BodyTooLarge."""
        pieces, length = [], 0
        while data := self.read(CHUNK_BYTES):
            length += len(data)
            if length > limit_mib * 1024 * 1024:
                raise BodyTooLarge
            pieces.append(data)
        return b"".join(pieces)

    def drain(self) -> None:
        """Read what nobody wanted, so that the next request can be found behind it."""
        while self.read(CHUNK_BYTES):
            pass

    def _begin_chunk(self) -> None:
        self._left = int(self._stream.readline().split(b";")[0], 16)
        if self._left == 0:
            while self._stream.readline() not in {b"\r\n", b"\n", b""}:
                pass
            self._at_end = True


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request as it came in."""

    method: str
    path: str
    """Still percent-encoded."""
    query: str
    headers: Mapping[str, str]
    """Names in lower case; several of one name are joined with a comma."""
    body: RequestBody


@dataclass(frozen=True, slots=True)
class Answer:
    """A response; an iterator as body is sent as it comes and closed afterwards."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""

    def discard(self) -> None:
        """Read a streaming body to its end, so that its connection can serve again."""
        if not isinstance(self.body, bytes):
            for _ in self.body:
                pass


class LoopbackServer(ThreadingMixIn, TCPServer):
    """Serves on 127.0.0.1, each connection in a thread of its own, until it is stopped."""

    daemon_threads = True
    allow_reuse_address = True  # a port that has just been given back can be asked for again
    request_queue_size = 128

    def __init__(self, port: int | None, answer: Callable[[Incoming], Answer]) -> None:
        self.answer = answer
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        try:
            super().__init__((LOOPBACK, port or 0), _Handler)
        except OSError as error:
            raise PortInUse(port=port) from error
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="embedded-aws", daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close every connection."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._open_lock:
            for connection in self._open:
                _hang_up(connection)

    def process_request(self, request: socket.socket, client_address: Any) -> None:  # type: ignore[override]
        """Remember the connection, so that it can be closed."""
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        """Forget the connection and close it."""
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Log what went wrong; a client that hangs up (a killed job) is no error."""
        level = logging.DEBUG if isinstance(sys.exception(), OSError) else logging.ERROR
        _log.log(level, "connection from %s ended early", client_address, exc_info=True)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        _log.debug("the connection was closed already")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LoopbackServer

    def _serve(self) -> None:
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            lower = name.lower()
            headers[lower] = f"{headers[lower]},{value}" if lower in headers else value
        path, _, query = self.path.partition("?")
        body = RequestBody(self.rfile, headers, self._go_on)
        answer = self.server.answer(Incoming(self.command, path, query, headers, body))
        if body.is_awaited:
            self.close_connection = True  # it was refused before it was sent, and may be sent all the same
        else:
            body.drain()
        self._send(answer)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = _serve  # noqa: N815 - names of the base class

    def _go_on(self) -> None:
        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def handle_expect_100(self) -> bool:
        """Wait with it until the body is read."""
        return True

    def _send(self, answer: Answer) -> None:
        headers = {"Date": self.date_time_string(), **answer.headers}
        names = {name.lower() for name in headers}
        in_chunks = not isinstance(answer.body, bytes) and "content-length" not in names
        if in_chunks and self.command != "HEAD":
            headers["Transfer-Encoding"] = "chunked"
        elif "content-length" not in names and isinstance(answer.body, bytes):
            headers["Content-Length"] = str(len(answer.body))
        if self.close_connection:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status} {_phrase(answer.status)}", *(f"{k}: {v}" for k, v in headers.items())]
        head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
        if isinstance(answer.body, bytes):
            self.wfile.write(head if self.command == "HEAD" else head + answer.body)
            return
        self.wfile.write(head)
        for piece in answer.body:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if in_chunks else piece)
        if in_chunks and self.command != "HEAD":
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing: the audit does."""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
