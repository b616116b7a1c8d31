"""Event patterns as EventBridge matches them.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns-content-based-filtering.html.
An operator that is not known here is refused when the rule is made.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

from backup_actions_local.calls import Refused

Json = Any
Pattern = Mapping[str, Any]
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TEXT_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "prefix": str.startswith,
    "suffix": str.endswith,
    "equals-ignore-case": lambda value, wanted: value.lower() == wanted.lower(),
    "wildcard": lambda value, wanted: _wildcard(wanted).fullmatch(value) is not None,
}
_ABSENT = object()


def check(pattern: object) -> None:
    """Raise Refused unless every part of the pattern is understood."""
    if not isinstance(pattern, Mapping) or not pattern:
        raise _invalid("a pattern is an object with at least one field")
    for field, wanted in pattern.items():
        if field == "$or":
            for alternative in _non_empty_list(wanted, field):
                check(alternative)
        elif isinstance(wanted, Mapping):
            check(wanted)
        else:
            for matcher in _non_empty_list(wanted, field):
                _check_matcher(matcher)


def matches(pattern: Pattern, event: Json) -> bool:
    """Whether the event has, for every field of the pattern, one of the values that it lists."""
    if isinstance(event, list):
        return any(matches(pattern, element) for element in event)
    fields = event if isinstance(event, Mapping) else {}
    for field, wanted in pattern.items():
        if field == "$or":
            if not any(matches(alternative, fields) for alternative in wanted):
                return False
        elif isinstance(wanted, Mapping):
            if not matches(wanted, fields.get(field, {})):
                return False
        elif not any(_accepts(matcher, fields.get(field, _ABSENT)) for matcher in wanted):
            return False
    return True


def _accepts(matcher: Json, value: Json) -> bool:
    if isinstance(matcher, Mapping) and "exists" in matcher:
        return bool((value is not _ABSENT) == matcher["exists"])
    if value is _ABSENT or isinstance(value, Mapping):
        return False
    if isinstance(value, list):
        return any(_accepts(matcher, element) for element in value)
    if not isinstance(matcher, Mapping):
        return _equal(matcher, value)
    ((name, wanted),) = matcher.items()
    if name == "numeric":
        pairs = zip(wanted[::2], wanted[1::2], strict=True)
        return _is_number(value) and all(_COMPARISONS[sign](float(value), bound) for sign, bound in pairs)
    if name == "anything-but":
        return not _excluded(wanted, value)
    return _text_accepts(name, wanted, value)


def _excluded(unwanted: Json, value: Json) -> bool:
    if isinstance(unwanted, Mapping):
        ((name, wanted),) = unwanted.items()
        return any(_text_accepts(name, one, value) for one in (wanted if isinstance(wanted, list) else [wanted]))
    return any(_equal(one, value) for one in (unwanted if isinstance(unwanted, list) else [unwanted]))


def _text_accepts(name: str, wanted: Json, value: Json) -> bool:
    if not isinstance(value, str):
        return False
    if isinstance(wanted, Mapping):  # {"prefix": {"equals-ignore-case": …}}
        return _TEXT_TESTS[name](value.lower(), str(wanted["equals-ignore-case"]).lower())
    return _TEXT_TESTS[name](value, wanted)


def _equal(wanted: Json, value: Json) -> bool:
    if _is_number(wanted) and _is_number(value):
        return bool(wanted == value)
    return type(wanted) is type(value) and bool(wanted == value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _wildcard(pattern: str) -> re.Pattern[str]:
    pieces = re.findall(r"\\.|\*|[^*\\]+", pattern)
    return re.compile("".join(".*" if p == "*" else re.escape(p.removeprefix("\\")) for p in pieces), re.DOTALL)


def _check_matcher(matcher: Json) -> None:
    if not isinstance(matcher, Mapping):
        if isinstance(matcher, list):
            raise _invalid("a list inside a list of values")
        return
    if len(matcher) != 1:
        raise _invalid(f"{dict(matcher)} must have exactly one operator")
    ((name, wanted),) = matcher.items()
    if name == "anything-but":
        _check_unwanted(wanted)
    elif name == "exists":
        _require(isinstance(wanted, bool), "exists takes true or false")
    elif name == "numeric":
        _check_numeric(wanted)
    else:
        _check_text(name, wanted)


def _check_unwanted(wanted: Json) -> None:
    if isinstance(wanted, Mapping):
        _require(len(wanted) == 1, "anything-but takes one operator")
        ((name, values),) = wanted.items()
        for value in values if isinstance(values, list) else [values]:
            _check_text(name, value)
    else:
        values = wanted if isinstance(wanted, list) else [wanted]
        _require(bool(values) and all(isinstance(v, str) or _is_number(v) for v in values), "anything-but takes values")


def _check_numeric(wanted: Json) -> None:
    _require(isinstance(wanted, list) and len(wanted) in {2, 4}, "numeric takes one or two comparisons")
    for sign, bound in zip(wanted[::2], wanted[1::2], strict=True):
        _require(sign in _COMPARISONS and _is_number(bound), f"{sign} {bound} is no comparison")


def _check_text(name: str, wanted: Json) -> None:
    _require(name in _TEXT_TESTS, f"the operator {name} is not known")
    if isinstance(wanted, Mapping):
        _require(name in {"prefix", "suffix"} and list(wanted) == ["equals-ignore-case"], f"{name} takes a text")
    else:
        _require(isinstance(wanted, str), f"{name} takes a text")


def _non_empty_list(wanted: Json, field: str) -> Sequence[Json]:
    _require(isinstance(wanted, list) and bool(wanted), f"{field} must have a list of values")
    values: Sequence[Json] = wanted
    return values


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise _invalid(reason)


def _invalid(reason: str) -> Refused:
    return Refused("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")
