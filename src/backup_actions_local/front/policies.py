"""IAM's decision: a check is allowed if a statement allows it and none denies it. What is not known here is refused.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any

from backup_actions.errors import NotEmbedded

Context = Mapping[str, str | tuple[str, ...]]
"""Condition key → value; a tuple where the key has several (``aws:TagKeys``)."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question to IAM: may the caller do this, on this, under these circumstances."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)


class Decision(Enum):
    """IAM's answer."""

    ALLOWED = "allowed"
    DELEGATED = "allowed if the caller's account allows it, too"
    """Of policies of resources alone."""
    DENIED = "explicitly denied"
    NOT_ALLOWED = "not allowed by any statement"


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator on one key: ``ForAnyValue:StringLikeIfExists`` is the operator with both its decorations."""

    operator: str
    key: str
    values: tuple[str, ...]
    quantifier: str = ""
    if_exists: bool = False

    @classmethod
    def parsed(cls, operator: str, key: str, values: object) -> Condition:
        """Read one entry of a Condition block. Raises NotEmbedded for an operator that is not known here."""
        quantifier, _, bare = operator.rpartition(":")
        name = bare.removesuffix("IfExists")
        if quantifier not in {"", "ForAllValues", "ForAnyValue"} or (name not in _OPERATORS and name != "Null"):
            raise NotEmbedded(what=f"the condition operator {operator}")
        return cls(name, key, _texts(values), quantifier, bare != name)

    def holds(self, context: Context) -> bool:
        """Whether the circumstances satisfy it. Raises NotEmbedded for several values without a quantifier."""
        present = context.get(self.key)
        if self.operator == "Null":
            return self.values == (("true",) if present is None else ("false",))
        negated, matches = _OPERATORS[self.operator]

        def satisfies(value: str) -> bool:
            return any(matches(value, wanted) for wanted in self.values) != negated

        if self.quantifier:
            values = () if present is None else (present,) if isinstance(present, str) else present
            satisfied = (satisfies(value) for value in values)
            return all(satisfied) if self.quantifier == "ForAllValues" else any(satisfied)
        if present is None:
            return self.if_exists or negated
        if not isinstance(present, str):
            raise NotEmbedded(what=f"{self.operator} on {self.key}, which has several values: use ForAnyValue")
        return satisfies(present)


@dataclass(frozen=True, slots=True)
class PolicyStatement:
    """A statement as IAM reads it."""

    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()

    @classmethod
    def from_policy(cls, statement: Mapping[str, Any]) -> PolicyStatement:
        """Read one statement of a policy document. Raises NotEmbedded for elements and variables not known here."""
        unknown = set(statement) - {"Sid", "Effect", "Action", "Resource", "Condition"}
        if unknown:
            raise NotEmbedded(what=f"the policy element {', '.join(sorted(unknown))}")
        conditions = tuple(
            Condition.parsed(operator, key, values)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
        return cls(
            statement["Effect"] == "Allow", _texts(statement["Action"]), _texts(statement["Resource"]), conditions
        )

    def applies_to(self, check: Check) -> bool:
        """Whether the statement speaks about this check."""
        return (
            any(_like(check.action, action) for action in self.actions)
            and any(_like(check.resource, resource) for resource in self.resources)
            and all(condition.holds(check.context) for condition in self.conditions)
        )


def evaluate(statements: Iterable[PolicyStatement], check: Check) -> Decision:
    """Decide one check. An explicit denial wins whatever else allows."""
    decision = Decision.NOT_ALLOWED
    for statement in statements:
        if statement.applies_to(check):
            if not statement.allows:
                return Decision.DENIED
            decision = Decision.ALLOWED
    return decision


def _texts(value: object) -> tuple[str, ...]:
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    texts = tuple(str(each).lower() if isinstance(each, bool) else str(each) for each in values)
    for text in texts:
        if "${" in text:
            raise NotEmbedded(what=f"policy variables such as {text!r}")
    return texts


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in text), re.DOTALL)


def _like(value: str, pattern: str) -> bool:
    return value == pattern or _pattern(pattern).fullmatch(value) is not None


def _arn_like(value: str, pattern: str) -> bool:
    """Each of the six parts is compared by itself, so that a star never reaches over a colon of the first five."""
    parts, patterns = value.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) and all(map(_like, parts, patterns))


def _same(value: str, wanted: str) -> bool:
    return value == wanted


def _numeric(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    def matches(value: str, wanted: str) -> bool:
        return compare(float(value), float(wanted))

    return matches


_OPERATORS: Mapping[str, tuple[bool, Callable[[str, str], bool]]] = {
    # name: (whether it is the negation, what matches a value with one of the policy's)
    "StringEquals": (False, _same),
    "StringNotEquals": (True, _same),
    "StringLike": (False, _like),
    "StringNotLike": (True, _like),
    "ArnEquals": (False, _arn_like),
    "ArnLike": (False, _arn_like),
    "ArnNotEquals": (True, _arn_like),
    "ArnNotLike": (True, _arn_like),
    "Bool": (False, _same),
    "NumericEquals": (False, _numeric(lambda value, wanted: value == wanted)),
    "NumericNotEquals": (True, _numeric(lambda value, wanted: value == wanted)),
    "NumericLessThan": (False, _numeric(lambda value, wanted: value < wanted)),
    "NumericLessThanEquals": (False, _numeric(lambda value, wanted: value <= wanted)),
    "NumericGreaterThan": (False, _numeric(lambda value, wanted: value > wanted)),
    "NumericGreaterThanEquals": (False, _numeric(lambda value, wanted: value >= wanted)),
}
