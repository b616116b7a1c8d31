"""Processes that convert, and the pipe between each of them and the stores, which stay with whoever called.

Stores never travel: a worker asks for pieces and hands over Parquet, so that any Store serves, with credentials or not.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Protocol, Self, cast

from backup_actions.errors import WorkerDied
from backup_actions.parquet.sharing import Channel, Order, Share, converted


class Worker(Protocol):
    """Carries out one order after the other."""

    def convert(self, order: Order, channel: Channel) -> Share:
        """The order's parts stand in the store behind the channel. Raises CorruptExport, and what the store raises."""
        ...

    def stop(self) -> None:
        """End at once, whatever is being done."""
        ...


class OwnProcess:
    """Works in the process that calls."""

    def convert(self, order: Order, channel: Channel) -> Share:
        """See Worker."""
        return converted(order, channel)

    def stop(self) -> None:
        """Nothing of its own is running."""


class OtherProcess:
    """A process that is started with the first order, as a fresh interpreter: no lock or socket is inherited."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def convert(self, order: Order, channel: Channel) -> Share:
        """See Worker. Raises WorkerDied where the process is gone."""
        try:
            self._connection.send(order)
            return self._answered(channel)
        except (EOFError, OSError) as gone:
            raise WorkerDied(reason=f"{type(gone).__name__}, exit status {self._process.exitcode}") from gone

    def stop(self) -> None:
        """See Worker."""
        self._process.kill()
        self._process.join()
        self._connection.close()

    def _answered(self, channel: Channel) -> Share:
        pieces: Iterator[bytes] = iter(())
        while True:
            match self._connection.recv():
                case ("write", size):
                    data = self._connection.recv_bytes(size)
                    channel.write(data)
                case ("read", None):
                    self._connection.send_bytes(next(pieces, b""))
                case ("read", name):
                    pieces = channel.pieces(name)
                case ("begin", name):
                    channel.begin(name)
                case ("finish", None):
                    channel.finish()
                case ("failed", error):
                    raise error
                case ("done", share):
                    return cast("Share", share)


class _Remote:
    """The channel as the worker's process has it."""

    def __init__(self, connection: Connection[Any, Any]) -> None:
        self._connection = connection

    def pieces(self, name: str) -> Iterator[bytes]:
        self._connection.send(("read", name))
        while True:
            self._connection.send(("read", None))
            piece = self._connection.recv_bytes()
            if not piece:
                return
            yield piece

    def begin(self, name: str) -> None:
        self._connection.send(("begin", name))

    def write(self, data: bytes) -> None:
        if data:
            self._connection.send(("write", len(data)))
            self._connection.send_bytes(data)

    def finish(self) -> None:
        self._connection.send(("finish", None))


def _serve(connection: Connection[Any, Any]) -> None:
    """Carry out orders until nobody is there to give any."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the caller decides what ends
    while True:
        try:
            order = connection.recv()
        except (EOFError, OSError):
            return
        try:
            connection.send(("done", converted(order, _Remote(connection))))
        except (EOFError, OSError):
            return
        except Exception as failure:  # noqa: BLE001 - it is raised again by whoever gave the order
            connection.send(("failed", failure))


class Crew:
    """Workers that end with the block, also when it fails."""

    def __init__(self, count: int) -> None:
        self.workers: list[Worker] = [OwnProcess()] if count == 1 else [OtherProcess() for _ in range(count)]

    def stop(self) -> None:
        """All of them have ended; those at work end with WorkerDied."""
        for worker in self.workers:
            worker.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
