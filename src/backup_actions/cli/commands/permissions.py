"""``permissions``: what an action's roles may do, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backup_actions.cli.command import command
from backup_actions.errors import ActionBroken, ActionUnknown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backup_actions.cli.output import Output
    from backup_actions.contract import Statement
    from backup_actions.model.json_types import JsonObject


@command(
    "permissions",
    examples=("backup-actions permissions ebs-archive", "backup-actions permissions ebs-archive --json"),
    fails_with=(ActionUnknown, ActionBroken),
)
@click.argument("action")
def permissions(output: Output, action: str) -> None:
    """Print what each role of ACTION may do, and why.

    Below each statement stand the steps that need it; ${…} is filled in by the deployment.
    """
    from backup_actions.cli.pages.action import roles_of
    from backup_actions.plugins import installed

    roles = roles_of(installed().action(action))
    if output.as_json:
        document = {role: [_described(statement) for statement in statements] for role, statements in roles.items()}
        output.answer({"action": action, "roles": document})
        return
    for number, (role, statements) in enumerate(roles.items()):
        output.data(f"{chr(10) if number else ''}role {role}")
        for statement in statements:
            for line in _lines(statement):
                output.data(f"  {line}")


def _described(statement: Statement) -> JsonObject:
    return {**statement.to_policy(), "For": list(statement.for_), "Because": statement.because}


def _lines(statement: Statement) -> Iterator[str]:
    verb = "" if statement.effect == "Allow" else f"{statement.effect} "
    yield verb + ", ".join(statement.actions)
    for resource in statement.resources:
        yield f"    on       {resource}"
    for operator, keys in statement.when.items():
        for key, value in keys.items():
            yield f"    when     {key} {operator} {value if isinstance(value, str) else ' or '.join(value)}"
    if statement.for_:
        yield f"    for      {', '.join(statement.for_)}"
    if statement.because:
        yield f"    because  {statement.because}"
