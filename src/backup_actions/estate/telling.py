"""MEASURE and DIGEST, described as the intake is: what they may do, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backup_actions.contract import Function, Permissions, Statement
from backup_actions.estate.description import VARIABLE
from backup_actions.estate.metrics import NAMESPACE

if TYPE_CHECKING:
    from backup_actions.estate.description import Estate

MEASURE_MINUTES = 15

HOURS = "BACKUP_ACTIONS_DIGEST_HOURS"
"""The environment variable with the hours from one digest to the next."""

_TABLE = "arn:${Partition}:dynamodb:${Region}:${Account}:table/${LedgerTable}"
_NO_RESOURCES = "the call has no resource-level control; the namespace narrows it"


def measure_function(estate: Estate) -> Function:
    """What publishes the metrics of this deployment."""
    return Function(
        name="measure",
        title="Publishes how old what is not archived, verified or acknowledged is, and what waits",
        code="backup_actions.estate.measuring:measure",
        permissions=Permissions(
            tasks={
                "function": (
                    Statement(("dynamodb:Query",), on=(_TABLE, f"{_TABLE}/index/by-standing"), for_=("the ledger",)),
                    Statement(
                        ("dynamodb:GetItem", "dynamodb:PutItem"),
                        on=_TABLE,
                        for_=("the tally of the month; the last sweep",),
                    ),
                    Statement(
                        ("cloudwatch:PutMetricData",),
                        on="*",
                        when={"StringEquals": {"cloudwatch:namespace": NAMESPACE.format(name="${Name}")}},
                        for_=("the metrics",),
                        because=_NO_RESOURCES,
                    ),
                )
            }
        ),
        environment={VARIABLE: estate.to_text()},
        schedule=f"rate({MEASURE_MINUTES} minutes)",
        timeout_seconds=300,
    )


def digest_function(estate: Estate, *, hours: int) -> Function:
    """What sends one mail about all that went well."""
    return Function(
        name="digest",
        title="Sends one mail about all that ended since the last one, and what waits for a person",
        code="backup_actions.estate.digest:digest",
        permissions=Permissions(
            tasks={
                "function": (
                    Statement(("dynamodb:Query",), on=(_TABLE, f"{_TABLE}/index/by-standing"), for_=("the ledger",)),
                    Statement(("dynamodb:GetItem", "dynamodb:PutItem"), on=_TABLE, for_=("which was sent last",)),
                    Statement(("sns:Publish",), on="${TopicArn}", for_=("the digest",)),
                )
            }
        ),
        environment={VARIABLE: estate.to_text(), HOURS: str(hours)},
        schedule=f"rate({hours} hour{'s' if hours > 1 else ''})",
        timeout_seconds=300,
    )
