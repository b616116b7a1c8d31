"""S3: every request is signed anew and streamed to a real S3 server, and its answer streamed back."""

from __future__ import annotations

import contextlib
import http.client
import select
import socket
import threading
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from backup_actions_local.calls import Refused
from backup_actions_local.front.exchange import CHUNK_BYTES, Answer, Incoming, RequestBody
from backup_actions_local.front.signatures import CONTENT_HASH
from backup_actions_local.seaweed import ObjectServer

_KEPT_HERE = frozenset(
    {
        "authorization", "connection", "expect", "host", "transfer-encoding", "x-amz-date", "x-amz-security-token",
        "x-amz-expected-bucket-owner", "x-amz-server-side-encryption", "x-amz-server-side-encryption-aws-kms-key-id",
        "x-amz-server-side-encryption-bucket-key-enabled",
    }
)  # fmt: skip
"""Headers that are for this side alone: the S3 server knows neither the client's keys nor KMS."""
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "date"})
_TIMEOUT_SECONDS = 120


class _KeepsPayloadHash(S3SigV4Auth):
    """Signs with the hash that the client gave: the body is verified where it is stored."""

    def payload(self, request: AWSRequest) -> str:
        return str(request.context["payload_hash"])


class Objects:
    """A pool of connections to the S3 server. Holds no more than one piece of each body in memory."""

    def __init__(self, server: ObjectServer) -> None:
        self._endpoint = server.endpoint
        address = urlsplit(server.endpoint)
        self._host, self._port = str(address.hostname), int(address.port or 80)
        self._credentials = Credentials(server.access_key, server.secret_key)
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()

    def answer(self, incoming: Incoming, body: bytes | None, *, key_arn: str | None) -> Answer:
        """Ask the S3 server; ``key_arn`` is the bucket's KMS key, which the answer then names as S3's would.

        Raises Refused for what cannot be passed on, and when the server does not answer.
        """
        headers = self._signed(incoming)
        connection = self._connection()
        try:
            response = _exchange(connection, incoming, headers, body)
        except ConnectionAbortedError as error:
            connection.close()
            raise Refused("IncompleteBody", str(error), 400) from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Refused("ServiceUnavailable", f"the S3 server does not answer: {error!r}", 503) from error
        answered = {name: value for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP}
        if key_arn and response.status < 300 and "/" in incoming.path.strip("/") and incoming.method != "DELETE":
            answered["x-amz-server-side-encryption"] = "aws:kms"
            answered["x-amz-server-side-encryption-aws-kms-key-id"] = key_arn
        length = response.length
        if length is not None and length <= CHUNK_BYTES:
            whole = response.read()
            self._give_back(connection, response)
            return Answer(response.status, answered, whole)
        return Answer(response.status, answered, self._pieces(connection, response))

    def _signed(self, incoming: Incoming) -> Mapping[str, str]:
        payload_hash = incoming.headers.get(CONTENT_HASH, "UNSIGNED-PAYLOAD")
        if payload_hash.startswith("STREAMING-AWS4"):
            raise Refused("NotImplemented", "bodies signed piece by piece are not embedded", 501)
        if "x-amz-server-side-encryption-customer-algorithm" in incoming.headers:
            raise Refused("NotImplemented", "encryption with customer keys is not embedded", 501)
        headers = {name: value for name, value in incoming.headers.items() if name not in _KEPT_HERE}
        if incoming.body.is_chunked:
            headers["transfer-encoding"] = "chunked"
        url = (
            f"{self._endpoint}{incoming.path}?{incoming.query}"
            if incoming.query
            else f"{self._endpoint}{incoming.path}"
        )
        request = AWSRequest(method=incoming.method, url=url, headers=headers)
        request.context["payload_hash"] = payload_hash
        _KeepsPayloadHash(self._credentials, "s3", "us-east-1").add_auth(request)
        return {**dict(request.headers.items()), "host": f"{self._host}:{self._port}"}

    def _connection(self) -> http.client.HTTPConnection:
        with self._lock:
            while self._idle:
                connection = self._idle.pop()
                if connection.sock is not None and not _can_be_read(connection.sock):
                    return connection
                connection.close()  # the server has closed it meanwhile
        return http.client.HTTPConnection(self._host, self._port, timeout=_TIMEOUT_SECONDS)

    def _give_back(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        if response.will_close or not response.isclosed():
            connection.close()
            return
        with self._lock:
            self._idle.append(connection)

    def _pieces(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> Iterator[bytes]:
        try:
            while piece := response.read(CHUNK_BYTES):
                yield piece
        finally:
            self._give_back(connection, response)


def _exchange(
    connection: http.client.HTTPConnection, incoming: Incoming, headers: Mapping[str, str], body: bytes | None
) -> http.client.HTTPResponse:
    """Send the request and its body, read before or streaming, and begin to read the answer."""
    # The S3 server would keep an empty object if the client died after its headers.
    begin = incoming.body.read(CHUNK_BYTES) if body is None else body
    target = f"{incoming.path}?{incoming.query}" if incoming.query else incoming.path
    connection.putrequest(incoming.method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused half-way: the answer says why
        _send(connection, begin, incoming.body)
    return connection.getresponse()


def _send(connection: http.client.HTTPConnection, piece: bytes, rest: RequestBody) -> None:
    while piece:
        connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if rest.is_chunked else piece)
        piece = rest.read(CHUNK_BYTES)
    if rest.is_chunked:
        connection.send(b"0\r\n\r\n")


def _can_be_read(sock: socket.socket) -> bool:
    """Whether it has something to say, if only that it is closed; of any number, for which ``select`` has no room."""
    asked = select.poll()
    asked.register(sock, select.POLLIN)
    return bool(asked.poll(0))
