"""What each placeholder of workflows and permissions stands for in this stack, in one place."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_cdk import Aws

from backup_actions.contract.placeholders import (
    FUNCTION_PREFIX,
    JOB_PREFIX,
    fill_text,
    names_in,
    placeholder_of,
)

if TYPE_CHECKING:
    from backup_actions.contract import Action, Settings
    from backup_actions.settings import DeploymentSettings

MAIN_MACHINE = "recovery-point"
"""The main machine's name behind the prefix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the whole stack shares, as names and ARNs (CDK tokens where the stack makes it)."""

    bucket: str
    bucket_key_arn: str
    ledger_table: str
    topic_arn: str
    dead_letter_queue_url: str
    dead_letter_queue_arn: str


class PlaceholderUnset(ValueError):
    """A description uses a placeholder that has no value in this stack."""


@dataclass(frozen=True)
class Placeholders:
    """Values of placeholders: text for permissions, environments and definition substitutions, structures as JSON."""

    texts: Mapping[str, str]
    structures: Mapping[str, Any]

    @classmethod
    def of(cls, settings: DeploymentSettings, actions: Iterable[Action], shared: Shared) -> Placeholders:
        """The placeholders that every machine and function knows."""
        texts = {
            "Partition": Aws.PARTITION,
            "Region": Aws.REGION,
            "Account": Aws.ACCOUNT_ID,
            "Name": settings.name,
            "Bucket": shared.bucket,
            "BucketKeyArn": shared.bucket_key_arn,
            "LedgerTable": shared.ledger_table,
            "TopicArn": shared.topic_arn,
            "DeadLetterQueueUrl": shared.dead_letter_queue_url,
            "DeadLetterQueueArn": shared.dead_letter_queue_arn,
            "MainMachineArn": machine_arn(settings.name, MAIN_MACHINE),
            "Vaults": ",".join(settings.vaults),
            "SecurityTagKey": settings.security_tag.key,
            "SecurityTagValue": settings.security_tag.value,
        }
        if tag := settings.deletion.backup_tag:
            texts |= {"BackupTagKey": tag.key, "BackupTagValue": tag.value}
        structures = {
            "Zones": [{"name": zone, "queue": queue_name("${Name}", zone)} for zone in settings.zones],
            "Actions": [_announced(action, settings) for action in actions],
        }
        return cls(texts, structures)

    def of_machine(self, settings: Settings, functions: Mapping[str, str], jobs: Mapping[str, str]) -> Placeholders:
        """These and a machine's own: its settings, its functions and jobs as name → ARN."""
        own = {placeholder_of(FUNCTION_PREFIX, name): arn for name, arn in functions.items()}
        own |= {placeholder_of(JOB_PREFIX, name): arn for name, arn in jobs.items()}
        return dataclasses.replace(
            self, texts={**self.texts, **own}, structures={**self.structures, "Settings": dict(settings.to_json())}
        )

    def and_texts(self, **texts: str) -> Placeholders:
        """These and more text."""
        return dataclasses.replace(self, texts={**self.texts, **texts})

    def text(self, name: str) -> str:
        """What a placeholder for text stands for. Raises PlaceholderUnset."""
        if name not in self.texts:
            raise PlaceholderUnset(f"${{{name}}} has no value in this stack")
        return self.texts[name]

    def structure(self, name: str) -> Any | None:
        """What a placeholder for a structure stands for, with placeholders for text left in it; None for the others."""
        return self.structures.get(name)

    def fill(self, text: str) -> str:
        """The text with every placeholder replaced."""
        return fill_text(text, self.text)

    def substitutions(self, definition: str) -> dict[str, str]:
        """The definition substitutions that CloudFormation needs for a definition that still has its placeholders."""
        return {name: self.text(name) for name in sorted(names_in(definition))}


def machine_arn(prefix: str, name: str) -> str:
    """A machine's ARN, written out: a machine and a role that names it would otherwise wait for each other."""
    return f"arn:{Aws.PARTITION}:states:{Aws.REGION}:{Aws.ACCOUNT_ID}:stateMachine:{prefix}-{name}"


def job_arn(prefix: str, machine: str, job: str) -> str:
    """A job definition's ARN without a revision: whoever submits it gets the newest one."""
    return f"arn:{Aws.PARTITION}:batch:{Aws.REGION}:{Aws.ACCOUNT_ID}:job-definition/{prefix}-{machine}-{job}"


def queue_name(prefix: str, zone: str) -> str:
    """The job queue of a zone."""
    return f"{prefix}-{zone}"


def _announced(action: Action, settings: DeploymentSettings) -> dict[str, Any]:
    """What the main machine is told about an action."""
    return {
        "name": action.name,
        "machineArn": "arn:${Partition}:states:${Region}:${Account}:stateMachine:${Name}-" + action.name,
        "handles": list(action.handles),
        "restorable": action.restorable,
        "tags": dict(settings.selection_of(action)),
    }
