"""What archiving would cost if it were nothing but its stages: each is run by itself, on the same data."""

from __future__ import annotations

import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from typing import IO

import zstandard
from awscrt.checksums import crc64nvme
from blake3 import blake3

from benchmarks.sink import Sink

_FRAME_BYTES = 4 << 20
_PART_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Stages:
    """Processor seconds."""

    read: float
    compress: float
    checksum: float
    send: float

    @property
    def total(self) -> float:
        """All of them."""
        return self.read + self.compress + self.checksum + self.send


def stages(source: Path, sink: Sink) -> Stages:
    """tar alone; then its stream in frames of 4 MiB at level 1; BLAKE3 of it and CRC64NVME of what is stored; TLS."""
    with tempfile.TemporaryFile(dir=sink.folder) as tar, tempfile.TemporaryFile(dir=sink.folder) as stored:
        read = _children_seconds(lambda: subprocess.run(["tar", "-C", source, "-c", "."], stdout=tar, check=True))
        compressor = zstandard.ZstdCompressor(level=1)
        compress = checksum = 0.0
        for frame in _pieces(tar, _FRAME_BYTES):
            began = time.process_time()
            small = compressor.compress(frame)
            compressed = time.process_time()
            blake3(frame).digest()
            crc64nvme(small)
            compress += compressed - began
            checksum += time.process_time() - compressed
            stored.write(small)
        return Stages(read, compress, checksum, _send_seconds(stored, sink))


def _send_seconds(stored: IO[bytes], sink: Sink) -> float:
    """As few calls as there can be: one connection, each part in one go."""
    context = ssl.create_default_context(cafile=str(sink.folder / "certificate.pem"))
    seconds = 0.0
    with (
        socket.create_connection(("127.0.0.1", sink.port)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        for part in _pieces(stored, _PART_BYTES):
            began = time.process_time()
            connection.sendall(b"PUT /benchmark/part HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(part))
            connection.sendall(part)
            connection.recv(4096)
            seconds += time.process_time() - began
    return seconds


def _pieces(file: IO[bytes], length: int) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(length):
        yield piece


def _children_seconds(run: Callable[[], object]) -> float:
    before = getrusage(RUSAGE_CHILDREN)
    run()
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
