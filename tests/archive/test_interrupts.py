"""Signals wait while something has to be finished, and are never lost."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import pytest

from backup_actions.archive.interrupts import uninterrupted


def test_ctrl_c_comes_when_the_block_has_ended() -> None:
    finished = []

    def work() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            finished.append(True)
        pytest.fail("the signal was lost")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert finished == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_program_is_called_once_and_put_back() -> None:
    calls: list[int] = []

    def handler(number: int, _: FrameType | None) -> None:
        calls.append(number)

    before = signal.signal(signal.SIGTERM, handler)
    try:
        with uninterrupted(), uninterrupted():
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            assert calls == []
        assert calls == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_an_error_inside_is_not_hidden() -> None:
    def work() -> None:
        with uninterrupted():
            raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        work()


def test_in_another_thread_nothing_is_held_back() -> None:
    handlers: list[object] = []

    def work() -> None:
        with uninterrupted():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert handlers == [signal.default_int_handler]
