"""Which version of an engine a dump is loaded into: the one that it was taken from, or the nearest later one."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TRIED_AT_MOST = 5  # RDS is asked for each of them, with each class of instances


def versions_to_try(dumped: str, offered: Iterable[str]) -> tuple[str, ...]:
    """The nearest first. What is older is none: programs of a database write what only their own servers may read."""
    later = {version for version in offered if _numbers(version) >= _numbers(dumped)}
    return tuple(sorted(later, key=_numbers)[:_TRIED_AT_MOST])


def is_same_release(one: str, other: str) -> bool:
    """Whether they differ in corrections alone: the last of their numbers."""
    return _numbers(one)[:-1] == _numbers(other)[:-1]


def _numbers(version: str) -> list[int]:
    """``17.5`` and ``8.0.39``, and of ``5.7.44-rds.20250103`` all four."""
    return [int(number) for number in re.findall(r"\d+", version)]
