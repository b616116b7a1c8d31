"""Roles: each statement of a description becomes exactly one policy statement, and no construct adds its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam

from backup_actions_infrastructure.findings import acknowledge_stars

if TYPE_CHECKING:
    from constructs import Construct

    from backup_actions.contract import ServiceRole, Statement
    from backup_actions_infrastructure.placeholders import Placeholders

STEPS, SERVICE = "Steps", "Service"
"""Names of a role's two policies: what its steps need, from the description, and what AWS needs to run them."""


def role(
    scope: Construct,
    name: str,
    *,
    service: str,
    description: str,
    placeholders: Placeholders,
    steps: Sequence[Statement] = (),
    grants: Sequence[Statement] = (),
    conditions: Mapping[str, Mapping[str, str | Sequence[str]]] | None = None,
    known_as: str | None = None,
) -> iam.IRole:
    """A role for one thing that runs. What is returned ignores further grants, so the template holds just these.

    Without the name that it is ``known_as`` CloudFormation invents one.
    """
    # Exactly the name that is given: the construct would call EC2 in China what it is called elsewhere.
    trusted = iam.ServicePrincipal.from_static_service_principle_name(service)
    policies = {STEPS: _policy(steps, placeholders), SERVICE: _policy(grants, placeholders)}
    made = iam.Role(
        scope,
        name,
        role_name=known_as,
        assumed_by=trusted.with_conditions(conditions) if conditions else trusted,
        description=description,
        inline_policies={name: policy for name, policy in policies.items() if not policy.is_empty},
    )
    acknowledge_stars(made, [*steps, *grants], placeholders)
    return made.without_policy_updates()


def service_role(
    scope: Construct,
    name: str,
    described: ServiceRole,
    *,
    steps: Sequence[Statement],
    placeholders: Placeholders,
    known_as: str | None = None,
) -> iam.IRole:
    """A role that an AWS service takes on, for resources of this account alone where it says for which."""
    source: dict[str, dict[str, str | Sequence[str]]] = {
        "StringEquals": {"aws:SourceAccount": placeholders.text("Account")},
        "ArnLike": {"aws:SourceArn": [placeholders.fill(arn) for arn in described.on_behalf_of]},
    }
    return role(
        scope,
        name,
        service=described.service,
        description=described.doc,
        placeholders=placeholders,
        steps=steps,
        conditions=source if described.on_behalf_of else None,
        known_as=known_as,
    )


def _policy(statements: Iterable[Statement], placeholders: Placeholders) -> iam.PolicyDocument:
    rendered = [rendered_statement(number, each, placeholders) for number, each in enumerate(statements, start=1)]
    return iam.PolicyDocument(statements=rendered, minimize=False)


def rendered_statement(number: int, statement: Statement, placeholders: Placeholders) -> iam.PolicyStatement:
    """The statement with this stack's names in it; its id says which step needs it."""
    policy = statement.filled(placeholders.text).to_policy()
    return iam.PolicyStatement.from_json({"Sid": _sid(number, statement.for_), **policy})


def _sid(number: int, needed_by: tuple[str, ...]) -> str:
    """Letters and digits only, unique within the policy, and short: a role's policies share 10,240 characters."""
    words = re.findall(r"[A-Za-z0-9]+", needed_by[0].partition(":")[0]) if needed_by else []
    return f"S{number}" + "".join(word[:1].upper() + word[1:] for word in words)
