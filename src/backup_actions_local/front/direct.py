"""Requests of clients in this process, answered in the thread that makes them: as over a socket, but without one."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse, HTTPHeaders

from backup_actions_local.front.exchange import Answer, Incoming, RequestBody

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest

Sender = Callable[..., Any]
"""A handler of botocore's ``before-send``: what it returns is the response, and nothing is sent then."""


def sender(answer: Callable[[Incoming], Answer]) -> Sender:
    """What sends signed requests straight to ``answer``; those whose body streams go over the socket."""

    def send(request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        body = request.body.encode() if isinstance(request.body, str) else request.body or b""
        headers = {name.lower(): _text(value) for name, value in request.headers.items()}
        if not isinstance(body, bytes | bytearray) or "transfer-encoding" in headers:
            return None
        url = urlsplit(request.url)
        headers.setdefault("host", url.netloc)
        headers.setdefault("content-length", str(len(body)))
        incoming = Incoming(
            request.method, url.path or "/", url.query, headers, RequestBody(io.BytesIO(body), headers, _go_on)
        )
        return _response(request, answer(incoming))

    return send


def _response(request: AWSPreparedRequest, answer: Answer) -> AWSResponse:
    headers = HTTPHeaders()
    for name, value in {"Date": formatdate(usegmt=True), **answer.headers}.items():
        headers[name] = value
    if isinstance(answer.body, bytes):
        if "content-length" not in headers:
            headers["Content-Length"] = str(len(answer.body))
        whole = b"" if request.method == "HEAD" else answer.body
        return AWSResponse(request.url, answer.status, headers, _Body(_Pieces(iter((whole,)))))
    response = AWSResponse(request.url, answer.status, headers, _Body(_Pieces(answer.body)))
    if not request.stream_output:
        _ = response.content  # read now, as from a socket, so that the connection behind it can serve again
    return response


class _Pieces(io.RawIOBase):
    """What an answer's pieces are when they are read like a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._rest = pieces, memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        wanted = cast("memoryview", buffer)
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        length = min(len(wanted), len(self._rest))
        wanted[:length], self._rest = self._rest[:length], self._rest[length:]
        return length

    def close(self) -> None:
        if hasattr(self._pieces, "close"):
            self._pieces.close()
        super().close()


class _Body(io.BufferedReader):
    """Has besides a file's methods the one of urllib3 by which botocore reads whole bodies."""

    def stream(self, *_: object) -> Iterator[bytes]:
        yield self.read()


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _go_on() -> None:
    """Nobody waits for the word that a body may be sent."""
