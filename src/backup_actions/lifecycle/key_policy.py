"""What the policy of a key needs that the settings name: archives of this deployment are encrypted with it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from backup_actions.lifecycle.deployed import deployed_functions, deployed_machines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from backup_actions.contract import Action, Statement
    from backup_actions.settings import DeploymentSettings

PolicyStatement = dict[str, Any]
"""One statement of a policy, as IAM has it."""

_KEY = "${BucketKeyArn}"


def key_policy_needed(settings: DeploymentSettings, actions: Iterable[Action]) -> tuple[PolicyStatement, ...]:
    """The statements that let the roles of this deployment use the key, and nobody do more with it.

    The roles are named by CloudFormation, so a pattern stands for them: they begin with the stack's name. A principal
    that is the account leaves the last word to the roles' own policies, also where the key is another account's.
    """
    under = _actions_by_condition(settings, tuple(actions))
    anyway = under.pop("{}", frozenset())
    least = {"{}": anyway, **{condition: allowed - anyway for condition, allowed in under.items()}}
    wanted = [(json.loads(condition), allowed) for condition, allowed in sorted(least.items()) if allowed]
    account = f"arn:{settings.partition}:iam::{settings.account}"
    ours = {"aws:PrincipalArn": f"{account}:role/{settings.name}-*"}
    return tuple(
        {
            "Sid": f"BackupActions{number}",
            "Effect": "Allow",
            "Principal": {"AWS": f"{account}:root"},
            "Action": sorted(allowed),
            "Resource": "*",
            "Condition": {**condition, "ArnLike": {**condition.get("ArnLike", {}), **ours}},
        }
        for number, (condition, allowed) in enumerate(wanted, start=1)
    )


def _actions_by_condition(settings: DeploymentSettings, actions: tuple[Action, ...]) -> dict[str, frozenset[str]]:
    """The condition, as JSON, under which roles have actions on the key → these actions."""
    found: dict[str, frozenset[str]] = {}
    for statement in _on_the_key(settings, actions):
        condition = json.dumps(statement.to_policy().get("Condition", {}), sort_keys=True)
        found[condition] = found.get(condition, frozenset()) | frozenset(statement.actions)
    return found


def _on_the_key(settings: DeploymentSettings, actions: tuple[Action, ...]) -> Iterator[Statement]:
    known: Mapping[str, str] = {
        "Partition": settings.partition,
        "Region": settings.region,
        "Account": settings.account,
        "Name": settings.name,
    }
    for statement in _granted(settings, actions):
        if _KEY in statement.resources and statement.effect == "Allow":
            yield statement.filled(lambda name: known.get(name, f"${{{name}}}"))


def _granted(settings: DeploymentSettings, actions: tuple[Action, ...]) -> Iterator[Statement]:
    """Everything that is granted to roles of the deployment by its descriptions."""
    machines = [each.machine for each in deployed_machines(settings, actions)]
    for machine in machines:
        for statements in machine.permissions.roles().values():
            yield from statements
    for function in (
        *deployed_functions(settings, actions),
        *(each for machine in machines for each in machine.functions),
    ):
        yield from function.permissions.tasks["function"]
