"""Which deployment a command is about: a stack tells what it consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from backup_actions.errors import AwsBusy, AwsCallFailed, AwsNotConfigured, StackUnknown, StackUnlike
from backup_actions.model.commands import DEFAULT_STACK

if TYPE_CHECKING:
    from backup_actions.aws import Clients
    from backup_actions.estate import Estate

DEPLOYMENT_ERRORS = (AwsCallFailed, AwsBusy, AwsNotConfigured, StackUnknown, StackUnlike)
"""What every command on a deployment may fail with."""

of_deployment = click.option(
    "--stack",
    metavar="NAME",
    default=DEFAULT_STACK,
    show_default=True,
    envvar="BACKUP_ACTIONS_STACK",
    show_envvar=True,
    help="The deployment's stack, which is called as the settings file says under `name`.",
)
"""The option of every command on a deployment; account and region are those of the credentials."""

of_file = click.option(
    "--deployment", metavar="NAME", help="Of a settings file that holds several deployments, the one that is meant."
)
"""The option of every command that reads a settings file."""


def estate_of(stack: str, clients: Clients) -> Estate:
    """What the stack's deployment consists of. Raises the DEPLOYMENT_ERRORS."""
    from backup_actions.estate import Estate
    from backup_actions.estate.description import OUTPUT

    outputs = outputs_of(stack, clients)
    if OUTPUT not in outputs:
        raise StackUnlike(stack=stack, reason=f"it has no output {OUTPUT}")
    try:
        return Estate.from_text(outputs[OUTPUT])
    except (ValueError, TypeError, KeyError) as wrong:
        raise StackUnlike(stack=stack, reason=f"its output {OUTPUT} is of another version") from wrong


def outputs_of(stack: str, clients: Clients) -> dict[str, str]:
    """What a stack tells. Raises StackUnknown, AwsCallFailed, AwsBusy."""
    from backup_actions.aws import translated

    try:
        with translated():
            (described,) = clients.cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except AwsCallFailed as refusal:
        if refusal.facts["error_code"] == "ValidationError":  # CloudFormation has no other word for it
            raise StackUnknown(stack=stack) from refusal
        raise
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
