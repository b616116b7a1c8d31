"""Which events matter: EventBridge patterns, the same for the CDK application and the embedded AWS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Pattern = Mapping[str, Any]

EXECUTION_CHANGED = "Step Functions Execution Status Change"

# What a recovery point is called when it is whole; AVAILABLE is the word of newer vault types.
_READY = ("COMPLETED", "AVAILABLE")


def announced(vaults: Sequence[str], vault_arns: Sequence[str]) -> Pattern:
    """The native events. A backup job names its vault, a copy job its destination's ARN; a point has a status."""
    return {
        "source": ["aws.backup"],
        "detail-type": ["Backup Job State Change", "Copy Job State Change", "Recovery Point State Change"],
        "detail": {
            "$or": [
                {"state": ["COMPLETED"], "backupVaultName": list(vaults)},
                {"state": ["COMPLETED"], "destinationBackupVaultArn": list(vault_arns)},
                {"status": list(_READY), "backupVaultName": list(vaults)},
            ]
        },
    }


def announced_by_cloudtrail(vaults: Sequence[str]) -> Pattern:
    """The older announcement. Without a detail-type: trails have been seen to use two."""
    return {
        "source": ["aws.backup"],
        "detail": {
            "eventName": ["BackupJobCompleted"],
            "serviceEventDetails": {"state": ["COMPLETED"], "backupVaultName": list(vaults)},
        },
    }


def cut_short(machine_arn: str) -> Pattern:
    """An execution of an action machine that ended badly: the same machine then cleans up after it.

    A clean-up that fails itself is not followed by another: its input is an event like this one.
    """
    clean_up = {"anything-but": {"wildcard": f"*{EXECUTION_CHANGED}*"}}
    return _ended(machine_arn, ["FAILED", "TIMED_OUT", "ABORTED"], {"input": [clean_up]})


def not_cleaned_up(machine_arn: str) -> Pattern:
    """An execution of an action machine that should have cleaned up after another one, and ended badly itself."""
    clean_up = {"wildcard": f"*{EXECUTION_CHANGED}*"}
    return _ended(machine_arn, ["FAILED", "TIMED_OUT", "ABORTED"], {"input": [clean_up]})


def exported(machine_arns: Sequence[str]) -> Pattern:
    """An execution of one of these action machines that has made its export, and not one that cleaned up."""
    no_clean_up = {"anything-but": {"wildcard": f"*{EXECUTION_CHANGED}*"}}
    return {
        "source": ["aws.states"],
        "detail-type": [EXECUTION_CHANGED],
        "detail": {"stateMachineArn": list(machine_arns), "status": ["SUCCEEDED"], "input": [no_clean_up]},
    }


def not_finished(machine_arn: str) -> Pattern:
    """An execution of the main machine that could not tell its outcome itself."""
    return _ended(machine_arn, ["TIMED_OUT", "ABORTED"], {})


NOTICE_FIELDS = {"name": "$.detail.name", "status": "$.detail.status", "arn": "$.detail.executionArn"}
"""What the names in the two texts below stand for in the event."""

NOT_FINISHED_TEXT = (
    "The execution {name} is {status}. Its recovery point was not dealt with to the end: look at the execution before "
    "you trust an archive of it. {arn}"
)
"""What people are told then."""

NOT_CLEANED_UP_TEXT = (
    "The execution {name}, which had to remove what an earlier one left behind, is {status}. Look at it for what could "
    "not be removed: it may go on costing money. {arn}"
)
"""The same for a clean-up that did not come to its end."""


def _ended(machine_arn: str, statuses: Sequence[str], more: Mapping[str, Any]) -> Pattern:
    return {
        "source": ["aws.states"],
        "detail-type": [EXECUTION_CHANGED],
        "detail": {"stateMachineArn": [machine_arn], "status": list(statuses), **more},
    }
