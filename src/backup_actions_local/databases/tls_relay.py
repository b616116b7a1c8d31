"""TLS in front of a PostgreSQL server: the one that comes as a Python package was built without it.

https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
"""

from __future__ import annotations

import asyncio
import ssl
import struct
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter

    from backup_actions_local.databases.engine import Certificate

_TLS_REQUEST, _GSS_REQUEST = 80877103, 80877104
_CHUNK_BYTES = 1 << 18
_GOODBYE_SECONDS = 0.5


class TlsRelay:
    """Listens on loopback for clients who want TLS, and hands what they say to a server that knows none."""

    def __init__(self, server_port: int, shown: Certificate) -> None:
        self._server_port = server_port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(shown.certificate, shown.key)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="TLS of a database", daemon=True)
        self._relays: set[asyncio.Task[None]] = set()
        self.port = 0

    def __enter__(self) -> TlsRelay:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(self, *_error: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _close(self) -> None:
        self._server.close()
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _accept(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._relays.add(task)
            task.add_done_callback(self._relays.discard)
        with suppress(OSError, EOFError, asyncio.CancelledError):
            await self._serve(reader, writer)
        await _closed(writer)

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        while (code := await _asked(reader)) == _GSS_REQUEST:
            writer.write(b"N")
        if code == _TLS_REQUEST:
            writer.write(b"S")
            await writer.start_tls(self._context)
            await self._relay(reader, writer)
        else:
            writer.write(_refusal())

    async def _relay(self, reader: StreamReader, writer: StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        try:
            ways = [asyncio.create_task(_pump(*way)) for way in ((reader, inner_writer), (inner_reader, writer))]
            # Whoever hangs up ends both ways: neither clients nor the server close a connection by half.
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            await _closed(inner_writer)


async def _asked(reader: StreamReader) -> int:
    """The code of a client's first words, which begin with their length."""
    _, code = struct.unpack("!II", await reader.readexactly(8))
    return int(code)


async def _pump(reader: StreamReader, writer: StreamWriter) -> None:
    while data := await reader.read(_CHUNK_BYTES):
        writer.write(data)
        await writer.drain()


async def _closed(writer: StreamWriter) -> None:
    """Everything written is sent; whoever does not say goodbye in turn is not waited for."""
    writer.close()
    try:
        await asyncio.wait_for(writer.wait_closed(), _GOODBYE_SECONDS)
    except (OSError, asyncio.CancelledError, TimeoutError):
        writer.transport.abort()


def _refusal() -> bytes:
    """What RDS says to who does without TLS, where rds.force_ssl is on (the default since PostgreSQL 15)."""
    fields = {"S": "FATAL", "V": "FATAL", "C": "28000", "M": "no pg_hba.conf entry for this host, no encryption"}
    text = b"".join(f"{kind}{value}".encode() + b"\0" for kind, value in fields.items()) + b"\0"
    return b"E" + struct.pack("!I", len(text) + 4) + text
