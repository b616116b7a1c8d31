"""What takes its time and is wanted later: begun in a thread at once, waited for by whoever needs it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


def soon(work: Callable[[], T]) -> Callable[[], T]:
    """The work has begun; calling what is returned waits for its end, and gives or raises what came of it."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as failure:  # noqa: BLE001 - raised again where the outcome is wanted
            outcome.set_exception(failure)

    # Nobody waits at the end for what was not wanted any more: a call to a service that does not answer takes minutes.
    Thread(target=run, name="soon", daemon=True).start()
    return outcome.result


class ClientSoon:
    """A client that is being made; the first who asks it for anything waits for it."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._made = soon(make)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._made(), name)
