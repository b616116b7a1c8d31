"""The words in ``${…}`` that workflows and permissions may use, and what each stands for.

A placeholder that fills a whole YAML value may stand for a structure (``Settings``, ``Zones``); all others are text.
CDK turns the text ones into definition substitutions, the embedded AWS into its own names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

PATTERN = re.compile(r"\$\{([A-Za-z][A-Za-z0-9_]*)\}")

TEXT: Mapping[str, str] = {
    "Partition": "aws, aws-cn or aws-us-gov",
    "Region": "the region of the stack",
    "Account": "the account of the stack",
    "Name": "the prefix of everything that the stack makes",
    "Bucket": "the archive bucket's name",
    "BucketKeyArn": "the KMS key that encrypts the archive bucket",
    "StorageClass": "the S3 storage class that archives are written in",
    "LedgerTable": "the ledger's DynamoDB table",
    "DatabaseSubnetGroup": "the RDS subnet group in which a run restores databases, where an action needs one",
    "DatabaseSecurityGroup": "the id of the security group that lets the hosts of jobs, and nobody else, reach those",
    "GlueDatabase": "the Glue database of exports, where the settings have one",
    "TopicArn": "the SNS topic of notifications",
    "DeadLetterQueueUrl": "the queue of events that could not be understood",
    "DeadLetterQueueArn": "the same queue's ARN",
    "MainMachineArn": "the main state machine",
    "Vaults": "the names of the watched vaults, joined by commas",
    "SecurityTagKey": "the key of the tag on everything that a workflow makes",
    "SecurityTagValue": "its value",
    "BackupTagKey": "the key of the tag that a backup must carry to be deleted",
    "BackupTagValue": "its value",
    "SettingsJson": "the machine's own settings as JSON, for functions that no workflow calls",
}
"""Placeholders that stand for text."""

STRUCTURES: Mapping[str, str] = {
    "Settings": "the machine's own settings, an object",
    "Zones": "the zones in which volumes and jobs may be placed: a list of {name, queue}",
    "Actions": "the installed and enabled actions: a list of {name, machineArn, handles, restorable, tags}",
}
"""Placeholders that stand for a structure and fill a whole value."""

FUNCTION_PREFIX, JOB_PREFIX, ROLE_PREFIX = "Function_", "Job_", "Role_"
"""``${Function_<task>}``: the ARN of a task's function; ``${Job_<job>}``: that of a job's definition (no revision);
``${Role_<name>}``: that of a role which a service takes on."""

KEY_PREFIX, TOPIC_PREFIX, QUEUE_PREFIX, QUEUE_ARN_PREFIX = "Key_", "Topic_", "Queue_", "QueueArn_"
"""The ARNs of a machine's own keys and topics, the URLs and ARNs of its inboxes."""

SETTING_PREFIX = "Setting_"
"""``${Setting_<name>}``: what ``Settings.placeholders`` says of one of the machine's own settings, in permissions."""


def placeholder_of(prefix: str, name: str) -> str:
    """``Function_`` and ``check-volume`` make ``Function_check_volume``."""
    return prefix + name.replace("-", "_")


def names_in(text: str) -> frozenset[str]:
    """The placeholders that a text uses."""
    return frozenset(PATTERN.findall(text))


def fill_text(text: str, value_of: Callable[[str], str]) -> str:
    """Replace every placeholder of a text."""
    return PATTERN.sub(lambda match: value_of(match[1]), text)
