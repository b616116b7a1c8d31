"""Whether Lambda takes the functions of a deployment: what they are called, and what they have to know."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backup_actions.contract import Action
    from backup_actions.settings.deployment import DeploymentSettings
    from backup_actions.settings.mistakes import Place

# https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
_NAME_AT_MOST = 64

# All variables of a function together.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_ENVIRONMENT_AT_MOST_BYTES = 4096
# Whatever else those know that look after the whole deployment: a test holds it.
_KNOWN_BESIDES_BYTES = 1600


def function_misfits(settings: DeploymentSettings, enabled: Sequence[Action]) -> Iterator[tuple[Place, str]]:
    """Where and why Lambda would refuse a function of these settings and actions."""
    for action in enabled:
        yield from _name_too_long(settings, action)
    yield from _too_much_to_know(settings, enabled)


def _name_too_long(settings: DeploymentSettings, action: Action) -> Iterator[tuple[Place, str]]:
    called = [f"{settings.name}-{action.name}-{task}" for task in action.tasks]
    called += [f"{settings.name}-{function.name}" for function in action.functions]
    longest = max(called, key=len, default="")
    if (over := len(longest) - _NAME_AT_MOST) > 0:
        yield (
            ("actions", action.name),
            f"its function {longest} would have {over} characters too many for Lambda: shorten `name` of this file, "
            "or the action's own in its package",
        )


def _too_much_to_know(settings: DeploymentSettings, enabled: Sequence[Action]) -> Iterator[tuple[Place, str]]:
    arn = f"arn:{settings.partition}:states:{settings.region}:{settings.account}:stateMachine:{settings.name}-"
    machines = len(json.dumps({action.name: arn + action.name for action in enabled}))
    testers = len(json.dumps({action.name: arn + action.name for action in enabled if action.restore_test}))
    handled = len(json.dumps(sorted({kind for action in enabled for kind in action.handles})))
    room = _ENVIRONMENT_AT_MOST_BYTES - _KNOWN_BESIDES_BYTES - machines - testers - handled
    names = len(json.dumps(settings.vaults))
    if names > room:
        yield (
            ("vaults",),
            f"their names take {names} bytes, and Lambda leaves {max(room, 0)} to the functions that look after all of "
            "them: watch some of the vaults by a deployment of its own, with another name",
        )
