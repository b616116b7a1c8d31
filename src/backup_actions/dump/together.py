"""Work on several sections at the same time, which ends as a whole: with all results, or with the first failure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import TypeVar

from backup_actions.dump.programs import Crew

_LOOK_SECONDS = 0.2
"""A signal may reach any thread, and the main one, which has to act on it, sees it when it next wakes up."""
Item = TypeVar("Item")
Result = TypeVar("Result")


def all_together(work: Callable[[Item], Result], items: Sequence[Item], *, at_a_time: int) -> list[Result]:
    """The results in the order of the items.

    Raises what the first to fail raises, and what interrupts the caller; the programs of all others are ended before.
    """
    crew = Crew()
    with ThreadPoolExecutor(at_a_time, thread_name_prefix="section") as pool, crew.work():
        futures: list[Future[Result]] = []
        try:
            futures.extend(pool.submit(copy_context().run, work, item) for item in items)
            waiting = set(futures)
            while waiting:
                done, waiting = wait(waiting, timeout=_LOOK_SECONDS, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            crew.end()
            raise
        return [future.result() for future in futures]
