"""JSON, and the form of it that jsonata works on: there, null is an object of its own and None means undefined."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, TypeAlias

from jsonata import Utils

from backup_actions_local.states.failures import DATA_LIMIT_EXCEEDED, StateFailed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from backup_actions.model.json_types import JsonValue

JsonataValue: TypeAlias = Any
"""What ``to_jsonata`` makes, or None for undefined."""

PAYLOAD_LIMIT_BYTES = 256 * 1024
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html (task, state or execution)"""


def to_jsonata(value: object) -> JsonataValue:
    """A copy of a JSON value in which null survives as jsonata's null and whole numbers are integers."""
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return {key: to_jsonata(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_jsonata(inner) for inner in value]
    return _number(value) if isinstance(value, float) else value


def to_json(value: JsonataValue) -> Any:
    """A plain copy: jsonata's sequences become lists, its null becomes None. Raises TypeError for what is not JSON."""
    if value is Utils.NULL_VALUE:
        return None
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, dict):
        return {str(key): to_json(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [to_json(inner) for inner in value if inner is not None]
    raise TypeError(f"a result must be JSON, and {type(value).__name__} is not")


def _number(value: float) -> int | float:
    if not math.isfinite(value):
        raise TypeError("a result must be JSON, and JSON has no infinite numbers")
    return int(value) if value.is_integer() else value


def dump(value: JsonValue | Mapping[str, Any], *, sort_keys: bool = False) -> str:
    """The value as AWS writes it: compact, characters as they are."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=sort_keys)


def check_size(value: JsonValue, what: str) -> None:
    """Raise StateFailed(States.DataLimitExceeded) if the value is larger than a state may pass on."""
    size_bytes = len(dump(value).encode())
    if size_bytes > PAYLOAD_LIMIT_BYTES:
        excess = f"{what} has {size_bytes} bytes; the limit is {PAYLOAD_LIMIT_BYTES}"
        raise StateFailed(DATA_LIMIT_EXCEEDED, excess)


def timestamp(moment: datetime) -> str:
    """A moment as the context object has it: milliseconds, UTC, a Z at the end."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
