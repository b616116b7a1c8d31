"""The functions that Step Functions adds to JSONata, and those whose answers depend on the clock or on chance.

https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html (JSONata functions)
"""

from __future__ import annotations

import hashlib
import json
import random
import uuid
from typing import TYPE_CHECKING, Any

from jsonata import Functions, JException

from backup_actions_local.states.values import to_json, to_jsonata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

_DIGESTS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_RANGE_ITEMS = 1000

OWN_FUNCTION_NAMES = frozenset({"hash", "millis", "now", "parse", "partition", "random", "range", "uuid"})
"""What ``own_functions`` gives; $millis, $now and $random replace JSONata's."""


def own_functions(now: Callable[[], datetime], chance: random.Random) -> Mapping[str, Callable[..., Any]]:
    """Name → function. Undefined arguments and results are None; JSON's null is jsonata's own null."""

    def millis() -> int:
        return round(now().timestamp() * 1000)

    def now_text(picture: str | None = None, timezone: str | None = None) -> Any:
        return Functions.datetime_from_millis(millis(), picture, timezone)

    def random_number(seed: int | None = None) -> float:
        return chance.random() if seed is None else random.Random(seed).random()  # noqa: S311 - the same in every run

    def uuid_text() -> str:
        return str(uuid.UUID(int=chance.getrandbits(128), version=4))

    return {
        "hash": _hash,
        "millis": millis,
        "now": now_text,
        "parse": _parse,
        "partition": _partition,
        "random": random_number,
        "range": _range,
        "uuid": uuid_text,
    }


def _hash(data: object = None, algorithm: object = None) -> str | None:
    if data is None or algorithm is None:
        return None
    if not isinstance(algorithm, str) or algorithm not in _DIGESTS:
        raise ValueError(f"$hash: the algorithm is one of {', '.join(_DIGESTS)}, not {algorithm!r}")
    text = data if isinstance(data, str) else json.dumps(to_json(data), separators=(",", ":"), ensure_ascii=False)
    return hashlib.new(_DIGESTS[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _parse(text: object = None) -> Any:
    if text is None:
        return None
    if not isinstance(text, str):
        raise JException("T0410", -1, 1)
    return to_jsonata(json.loads(text))


def _partition(items: object = None, size: object = None) -> list[Any] | None:
    if items is None:
        return None
    if not isinstance(items, list) or not _is_number(size):
        raise ValueError("$partition takes an array and a number")
    length = int(size)  # type: ignore[call-overload]
    if length < 0:
        raise ValueError("$partition: the size must be zero or greater")
    return [list(items[begin : begin + length]) for begin in range(0, len(items), length)] if length and items else None


def _range(first: object = None, last: object = None, step: object = None) -> list[int] | None:
    if not (_is_number(first) and _is_number(last) and _is_number(step)):
        raise ValueError("$range takes three numbers")
    begin, end, stride = int(first), int(last), int(step)  # type: ignore[call-overload]
    if stride == 0:
        return None
    numbers = range(begin, end + (1 if stride > 0 else -1), stride)
    if len(numbers) > _RANGE_ITEMS:
        raise ValueError(f"$range makes at most {_RANGE_ITEMS} items")
    return list(numbers) or None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
