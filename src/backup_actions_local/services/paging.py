"""Answers in pages, and parameters that nobody here knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from backup_actions_local.calls import Call, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


def page(
    items: Sequence[T], token: str | None, size: int | None, *, refusal: str = "InvalidParameterValueException"
) -> tuple[Sequence[T], str | None]:
    """One page of the items and the token of the next, None at the end. Raises Refused for a token of nobody's."""
    if token is not None and not (token.isdigit() and int(token) <= len(items)):
        raise Refused(refusal, f"the token {token!r} is not valid")
    begin = int(token or 0)
    end = begin + (size or len(items))
    return items[begin:end], str(end) if end < len(items) else None


def only(call: Call, *known: str) -> None:
    """Refuse a call with a parameter that would otherwise be ignored in silence."""
    unknown = sorted(name for name, value in call.params.items() if name not in known and not _is_nothing(value))
    if unknown:
        what = f"{', '.join(unknown)} of {call.service}:{call.operation}"
        raise Refused("NotEmbedded", f"the embedded AWS does not know {what}", 501)


def _is_nothing(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})
