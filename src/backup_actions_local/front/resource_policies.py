"""Policies of queues, topics and keys: who may use them, besides what IAM says at the caller's own account.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from backup_actions.errors import NotEmbedded
from backup_actions_local.front.policies import Check, Decision, PolicyStatement

_ACCOUNT = re.compile(r"(?:arn:[a-z-]+:iam::)?([0-9]{12})(?::root)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks for the use of a resource: a session of a role, or a service of AWS on somebody's behalf."""

    account: str = ""
    role_arn: str = ""
    session_arn: str = ""
    service: str = ""
    """``sns.amazonaws.com``, for instance; a service has no account of its own."""


@dataclass(frozen=True, slots=True)
class Principals:
    """Whom a statement concerns: everybody, accounts by their ids, roles and sessions by their ARNs, services."""

    everybody: bool
    accounts: frozenset[str]
    named: frozenset[str]

    @classmethod
    def parsed(cls, element: object) -> Principals:
        """Read a Principal element. Raises NotEmbedded for kinds that are not known here."""
        if element == "*":
            return cls(True, frozenset(), frozenset())
        if not isinstance(element, Mapping) or set(element) - {"AWS", "Service"}:
            raise NotEmbedded(what=f"the policy's principal {element}")
        names = [name for names in element.values() for name in ([names] if isinstance(names, str) else names)]
        accounts = {name: match[1] for name in names if (match := _ACCOUNT.fullmatch(name))}
        return cls("*" in names, frozenset(accounts.values()), frozenset(names) - set(accounts))

    def allow(self, asker: Asker) -> Decision:
        """What a permission of theirs means to this one: an account is only allowed to allow it."""
        if self.everybody or self.named & {asker.role_arn, asker.session_arn, asker.service} - {""}:
            return Decision.ALLOWED
        return Decision.DELEGATED if asker.account in self.accounts else Decision.NOT_ALLOWED


@dataclass(frozen=True, slots=True)
class ResourcePolicy:
    """The statements of a resource's policy, each with those whom it concerns; without statements the policy of none.

    ``rules_alone`` is true of keys: nobody uses one whom its policy does not let, whatever IAM says.
    https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
    """

    statements: tuple[tuple[Principals, PolicyStatement], ...] = ()
    rules_alone: bool = False

    @classmethod
    def from_document(cls, document: str | Mapping[str, Any], *, rules_alone: bool = False) -> ResourcePolicy:
        """Read a policy document. Raises NotEmbedded for what is not known here, ValueError for what is no policy."""
        content = json.loads(document) if isinstance(document, str) else document
        statements = content.get("Statement") if isinstance(content, Mapping) else None
        listed = [statements] if isinstance(statements, Mapping) else statements
        if isinstance(listed, list | tuple) and all(isinstance(each, Mapping) for each in listed):
            return cls(tuple(_read(statement) for statement in listed), rules_alone)
        raise ValueError("a policy document is an object with statements")


PolicyOf = Callable[[str], ResourcePolicy | None]
"""The policy of the resource with this ARN; None where resources of its kind have none that counts here."""


def evaluate_resource(policy: ResourcePolicy, asker: Asker, check: Check) -> Decision:
    """What the resource's policy says to one check. DELEGATED: yes, if the caller's own account says so too."""
    decision = Decision.NOT_ALLOWED
    for principals, statement in policy.statements:
        allowed = principals.allow(asker)
        if allowed is Decision.NOT_ALLOWED or not statement.applies_to(check):
            continue
        if not statement.allows:
            return Decision.DENIED
        if decision is not Decision.ALLOWED:
            decision = allowed
    return decision


def joined(identity: Decision, resource: Decision, *, at_home: bool, rules_alone: bool = False) -> Decision:
    """IAM's word at the caller's account and the resource's, put together.

    A denial wins. At home one permission is enough, unless the resource's policy rules alone; else both are needed.
    """
    if Decision.DENIED in {identity, resource}:
        return Decision.DENIED
    if resource is Decision.NOT_ALLOWED:
        return identity if at_home and not rules_alone else Decision.NOT_ALLOWED
    return Decision.ALLOWED if at_home and resource is Decision.ALLOWED else identity


def _read(statement: Mapping[str, Any]) -> tuple[Principals, PolicyStatement]:
    rest = {name: value for name, value in statement.items() if name != "Principal"}
    return Principals.parsed(statement.get("Principal")), PolicyStatement.from_policy(rest)
