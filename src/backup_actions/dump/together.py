"""Work on several sections at the same time, which ends as a whole: with all results, or with the first failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from typing import Generic, TypeVar

from backup_actions.dump.programs import Crew

_LOOK_SECONDS = 0.2
"""A signal may reach any thread, and the main one, which has to act on it, sees it when it next wakes up."""
Item = TypeVar("Item")
Result = TypeVar("Result")


class Running(Generic[Result]):
    """Work that was begun on each of some items."""

    def __init__(self, futures: Sequence[Future[Result]]) -> None:
        self._futures = futures
        self._waiting = set(futures)

    def look(self, wait_seconds: float = 0) -> None:
        """Raise what the first to fail has raised, if any has by now."""
        done, self._waiting = wait(self._waiting, timeout=wait_seconds, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()

    def results(self) -> list[Result]:
        """All results, in the order of the items, once they are there. Raises what the first to fail raises."""
        while self._waiting:
            self.look(_LOOK_SECONDS)
        return [future.result() for future in self._futures]


@contextmanager
def together(work: Callable[[Item], Result], items: Sequence[Item], *, at_a_time: int) -> Iterator[Running[Result]]:
    """Work is done on the items while the block lasts; left by an exception, it ends the programs of all of them."""
    crew = Crew()
    with ThreadPoolExecutor(at_a_time, thread_name_prefix="section") as pool, crew.work():
        futures: list[Future[Result]] = []
        try:
            futures.extend(pool.submit(copy_context().run, work, item) for item in items)
            yield Running(futures)
        except BaseException:
            for future in futures:
                future.cancel()
            crew.end()
            raise


def all_together(work: Callable[[Item], Result], items: Sequence[Item], *, at_a_time: int) -> list[Result]:
    """The results in the order of the items. Raises what the first to fail raises, and what interrupts the caller."""
    with together(work, items, at_a_time=at_a_time) as running:
        return running.results()
