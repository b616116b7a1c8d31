"""Moments in which Ctrl-C has to wait: something exists that nobody has noted yet, or is just being removed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back until the block has ended, then let them do what they would have done.

    Python delivers signals to the main thread only, so elsewhere there is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[tuple[int, FrameType | None]] = []
    held = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in held:
        signal.signal(number, lambda number, frame: arrived.append((number, frame)))
    try:
        yield
    finally:
        for held_number, handler in held.items():
            signal.signal(held_number, handler if handler is not None else signal.SIG_DFL)
        for arrived_number, frame in arrived[:1]:
            first = held[signal.Signals(arrived_number)]
            if callable(first):
                first(arrived_number, frame)
            elif first == signal.SIG_DFL:
                signal.raise_signal(arrived_number)
