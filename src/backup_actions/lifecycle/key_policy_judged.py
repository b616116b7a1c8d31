"""Whether a key's policy gives what is needed. What cannot be told from the policy alone counts as an objection."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from backup_actions.lifecycle.key_policy import PolicyStatement

_PRINCIPAL = "aws:principalarn"
"""Names of condition keys know no capital letters: they are compared, and known here, without."""

# Operator → whether it asks for the opposite. Names and ARNs are compared alike: both are texts with stars here.
_OPERATORS = {
    "ArnEquals": False,
    "ArnLike": False,
    "ArnNotEquals": True,
    "ArnNotLike": True,
    "Bool": False,
    "StringEquals": False,
    "StringLike": False,
    "StringNotEquals": True,
    "StringNotLike": True,
}
_WITHOUT_STARS = {"Bool", "StringEquals", "StringNotEquals"}


def key_policy_objections(policy: Mapping[str, Any], needed: Iterable[PolicyStatement]) -> tuple[str, ...]:
    """What stands between the policy and each of the needed statements; empty where it gives all of them."""
    statements = _many(policy.get("Statement", ()))
    return tuple(dict.fromkeys(objection for need in needed for objection in _objections(statements, need)))


def denials(policy: Mapping[str, Any], action: str, role_arn: str) -> tuple[list[str], list[str]]:
    """The statements that deny the action to roles of this ARN, and those that may; it may end in a star."""
    account = role_arn.split(":")[4]
    context = {"aws:principalaccount": account, "aws:securetransport": "true", _PRINCIPAL: role_arn}
    answers = _answers(_many(policy.get("Statement", ())), "Deny", action, context)
    return [sid for sid, applies in answers if applies], [sid for sid, applies in answers if applies is None]


def _objections(statements: Sequence[PolicyStatement], need: PolicyStatement) -> Iterator[str]:
    context = _context(need)
    roles = f"roles {context[_PRINCIPAL]}"
    if service := context.get("kms:viaservice"):
        roles += f" through {service}"
    for action in need["Action"]:
        found = {effect: _answers(statements, effect, action, context) for effect in ("Allow", "Deny")}
        denying = [sid for sid, applies in found["Deny"] if applies is not False]
        if denying:
            yield f"{action}: {', '.join(denying)} denies it, or may deny it, to {roles}"
        elif not any(applies for _, applies in found["Allow"]):
            perhaps = [sid for sid, applies in found["Allow"] if applies is None]
            but = f"; {', '.join(perhaps)} allows it under conditions that cannot be judged here" if perhaps else ""
            yield f"{action}: no statement allows it to {roles}{but}"


def _answers(
    statements: Sequence[PolicyStatement], effect: str, action: str, context: Mapping[str, str]
) -> list[tuple[str, bool | None]]:
    """Of each statement of this effect about the action: its name, and whether it applies (None: nobody can tell)."""
    return [
        (str(each.get("Sid") or f"statement {number}"), _all([_principal(each, context), _conditions(each, context)]))
        for number, each in enumerate(statements, start=1)
        if each.get("Effect") == effect and _is_about(each, action)
    ]


def _context(need: PolicyStatement) -> dict[str, str]:
    """What a request of our roles looks like, as far as that is known."""
    known = {key: _many(value) for keys in need["Condition"].values() for key, value in keys.items()}
    account = str(need["Principal"]["AWS"]).split(":")[4]
    return {
        "aws:principalaccount": account,
        "aws:securetransport": "true",
        "kms:calleraccount": account,
        **{key.lower(): str(values[0]) for key, values in known.items() if len(values) == 1},
    }


def _is_about(statement: PolicyStatement, action: str) -> bool:
    if "NotAction" in statement:
        return not any(_covers(str(each), action) for each in _many(statement["NotAction"]))
    return any(_covers(str(each).lower(), action.lower()) for each in _many(statement.get("Action", ())))


def _principal(statement: PolicyStatement, context: Mapping[str, str]) -> bool | None:
    """Whether our roles are among the principals: by their account, or by everybody."""
    if "NotPrincipal" in statement:
        return None
    named = statement.get("Principal", {})
    if named == "*":
        return True
    principals = [str(each) for each in _many(named.get("AWS", ()))] if isinstance(named, Mapping) else []
    account = context["aws:principalaccount"]
    if any(each in {"*", account} or each.endswith(f":iam::{account}:root") for each in principals):
        return True
    stem = context[_PRINCIPAL].rstrip("*")
    return None if any(each.startswith(stem) for each in principals) else False


def _conditions(statement: PolicyStatement, context: Mapping[str, str]) -> bool | None:
    return _all(
        [
            _condition(operator, key, _texts(operator, value), context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, value in keys.items()
        ]
    )


def _texts(operator: str, value: Any) -> list[str]:
    """JSON's true and "true" are the same to a Bool."""
    return [str(each).lower() if operator == "Bool" else str(each) for each in _many(value)]


def _condition(operator: str, key: str, wanted: Sequence[str], context: Mapping[str, str]) -> bool | None:
    if operator not in _OPERATORS or (value := context.get(key.lower())) is None:
        return None
    if operator in _WITHOUT_STARS:
        holds = value in wanted
    elif any(_covers(each, value) for each in wanted):
        holds = True
    elif key.lower() == _PRINCIPAL and any(each.startswith(value.rstrip("*")) for each in wanted):
        return None  # some of the roles that our pattern stands for
    else:
        holds = False
    return holds is not _OPERATORS[operator]


def _all(answers: Sequence[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True


def _covers(pattern: str, text: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None


def _many(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]
