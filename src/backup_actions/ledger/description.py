"""What wakes those who wait for an event, described as the intake is: what it may do, and why."""

from __future__ import annotations

from backup_actions.contract import Function, Permissions, Statement

WAKE = Function(
    name="wake",
    title="Ends the waits of runs for what an event says has happened",
    code="backup_actions.ledger.wait_tasks:wake",
    permissions=Permissions(
        tasks={
            "function": (
                Statement(
                    ("dynamodb:Query", "dynamodb:DeleteItem"),
                    on="arn:${Partition}:dynamodb:${Region}:${Account}:table/${LedgerTable}",
                    for_=("who waits for it",),
                ),
                Statement(
                    ("states:SendTaskSuccess",),
                    on="*",
                    for_=("their tokens",),
                    because="the call has no resource-level control; it ends only a Task whose token one has, tokens "
                    "cannot be guessed, and this role can read those in the ledger and no others",
                ),
            )
        }
    ),
    environment={"BACKUP_ACTIONS_LEDGER": "${LedgerTable}"},
)
