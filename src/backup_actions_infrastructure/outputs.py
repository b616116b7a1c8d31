"""What a stack prints: for the command line, and for the settings of the accounts that it exchanges messages with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import Aws, CfnOutput

from backup_actions.estate.description import OUTPUT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from constructs import Construct

    from backup_actions_infrastructure.machines import RenderedMachine


def estate_output(scope: Construct, text: str) -> None:
    """What commands on the whole deployment read: ``backup-actions status --stack …``."""
    CfnOutput(scope, OUTPUT, description="For the command line: what the deployment consists of", value=text)


def exchange_outputs(scope: Construct, machines: Iterable[RenderedMachine]) -> None:
    """Of each machine to whose topics others subscribe: an entry of the list ``imports.sources``, as one line."""
    for rendered in machines:
        exchange = rendered.exchange
        if not exchange.topics:
            continue
        entry = {
            "account": Aws.ACCOUNT_ID,
            **{f"{name}_topic_arn": topic.topic_arn for name, topic in exchange.topics.items()},
            **{f"{name}_queue_url": queue.queue_url for name, queue in exchange.queues.items()},
        }
        CfnOutput(
            scope,
            f"{rendered.node.id.title()}Source",
            description="In the settings of the separated account: an entry of the list imports.sources",
            value=json.dumps(entry),
        )
