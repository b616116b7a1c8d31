"""What each placeholder for text stands for in this stack, in one place."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Aws

from backup_actions.contract.placeholders import (
    FUNCTION_PREFIX,
    JOB_PREFIX,
    ROLE_PREFIX,
    fill_text,
    names_in,
    placeholder_of,
)

if TYPE_CHECKING:
    from backup_actions.settings import DeploymentSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all machines and functions of a stack share (CDK tokens where the stack makes it)."""

    bucket: str
    bucket_key_arn: str
    ledger_table: str
    topic_arn: str
    dead_letter_queue_url: str
    dead_letter_queue_arn: str
    database_subnet_group: str
    database_security_group: str
    """Both empty where no enabled action restores databases."""
    main_machine_arn: str
    """With placeholders in it: a machine and a role that names it would otherwise wait for each other."""


class PlaceholderUnset(ValueError):
    """A description uses a placeholder that has no value in this stack."""


@dataclass(frozen=True)
class Placeholders:
    """Values for permissions, environments and definition substitutions."""

    texts: Mapping[str, str]

    @classmethod
    def of(cls, settings: DeploymentSettings, shared: Shared) -> Placeholders:
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
            "DatabaseSubnetGroup": shared.database_subnet_group,
            "DatabaseSecurityGroup": shared.database_security_group,
            "GlueDatabase": settings.glue_database,
            "Vaults": ",".join(settings.vaults),
            "StorageClass": settings.archive_bucket.storage_class,
            "SecurityTagKey": settings.security_tag.key,
            "SecurityTagValue": settings.security_tag.value,
        }
        if tag := settings.deletion.backup_tag:
            texts |= {"BackupTagKey": tag.key, "BackupTagValue": tag.value}
        return cls({**texts, "MainMachineArn": cls(texts).fill(shared.main_machine_arn)})

    def of_machine(
        self, functions: Mapping[str, str], jobs: Mapping[str, str], service_roles: Mapping[str, str]
    ) -> Placeholders:
        """These and a machine's own functions, jobs and roles of services, given as name → ARN."""
        return self.and_texts(
            **{placeholder_of(FUNCTION_PREFIX, name): arn for name, arn in functions.items()},
            **{placeholder_of(JOB_PREFIX, name): arn for name, arn in jobs.items()},
            **{placeholder_of(ROLE_PREFIX, name): arn for name, arn in service_roles.items()},
        )

    def and_texts(self, **texts: str) -> Placeholders:
        """These and more."""
        return dataclasses.replace(self, texts={**self.texts, **texts})

    def text(self, name: str) -> str:
        """What a placeholder stands for. Raises PlaceholderUnset."""
        if name not in self.texts:
            raise PlaceholderUnset(f"${{{name}}} has no value in this stack")
        return self.texts[name]

    def fill(self, text: str) -> str:
        """The text with every placeholder replaced."""
        return fill_text(text, self.text)

    def substitutions(self, definition: str) -> dict[str, str]:
        """The definition substitutions that CloudFormation needs for a definition that still has its placeholders."""
        return {name: self.text(name) for name in sorted(names_in(definition))}
