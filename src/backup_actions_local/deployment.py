"""Reads descriptions for the embedded AWS: names, filled-in workflows and statements. Starts nothing."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from backup_actions.contract import Action, Awaited, Function, Machine, ServiceRole, Statement
from backup_actions.contract.exchange import Policy, accounts_in
from backup_actions.contract.placeholders import (
    FUNCTION_PREFIX,
    JOB_PREFIX,
    KEY_PREFIX,
    QUEUE_ARN_PREFIX,
    QUEUE_PREFIX,
    ROLE_PREFIX,
    TOPIC_PREFIX,
    fill_text,
    placeholder_of,
)
from backup_actions.estate import Estate
from backup_actions.lifecycle import (
    Deployed,
    awaited_events,
    catalogued_machines,
    deployed_estate,
    deployed_functions,
    deployed_machines,
    machine_arn,
)
from backup_actions.settings import DeploymentSettings
from backup_actions_local.services.place import Place


@dataclass(frozen=True)
class Deployment:
    """One settings file with the actions that it enables, in one place. ``resources`` are what it was given."""

    settings: DeploymentSettings
    actions: tuple[Action, ...]
    place: Place
    resources: Mapping[str, str]
    """Bucket, BucketKeyArn, LedgerTable, TopicArn, DeadLetterQueueUrl, DeadLetterQueueArn, and those of databases."""

    @property
    def machines(self) -> tuple[Deployed, ...]:
        """The main machine first, that of imports in a separated account, then one for each enabled action."""
        return deployed_machines(self.settings, self.actions)

    def name_of(self, machine: Machine, *step: str) -> str:
        """``backup-actions-ebs-archive`` and, for a step of it, ``backup-actions-ebs-archive-report``."""
        return "-".join((self.settings.name, machine.name, *step))

    @property
    def catalogued(self) -> tuple[Action, ...]:
        """The actions whose exports become tables of Glue."""
        return catalogued_machines(self.settings, self.actions)

    @property
    def awaited(self) -> Mapping[str, Awaited]:
        """The events that end waits, by the names of their rules."""
        return awaited_events(self.settings, self.actions)

    @property
    def functions(self) -> tuple[Function, ...]:
        """What events and schedules call."""
        return deployed_functions(self.settings, self.actions)

    @property
    def estate(self) -> Estate:
        """The deployment for those who look after all of it."""
        text = deployed_estate(self.settings, self.actions).to_text()
        return Estate.from_text(fill_text(text, self._common().__getitem__))

    def name_of_function(self, function: Function) -> str:
        """The name of such a function and of its role."""
        return f"{self.settings.name}-{function.name}"

    def definition_of(self, deployed: Deployed) -> dict[str, Any]:
        """The machine's workflow with every placeholder replaced."""
        texts = self._texts(deployed)
        return deployed.machine.workflow.filled(deployed.structures.get, texts.__getitem__)

    def environment_of(self, function: Function, deployed: Deployed | None = None) -> dict[str, str]:
        """The variables of a function that no workflow calls, of a machine's own or of none."""
        texts = self._texts(deployed) if deployed else self._common()
        return {name: fill_text(text, texts.__getitem__) for name, text in function.environment.items()}

    def named_in(self, deployed: Deployed, setting: str) -> tuple[str, ...]:
        """The accounts, or the ARNs, that a setting of the machine holds; none without a setting."""
        return accounts_in(deployed.structures["Settings"][setting]) if setting else ()

    def filled_policy(self, deployed: Deployed, policy: Policy) -> str:
        """A resource's policy as text, with every placeholder replaced."""
        return fill_text(json.dumps(policy), self._texts(deployed).__getitem__)

    def roles(self) -> Iterator[tuple[str, tuple[Statement, ...]]]:
        """Every role with its statements, filled in."""
        for deployed in self.machines:
            machine, texts = deployed.machine, self._texts(deployed)
            for step, statements in machine.permissions.roles().items():
                yield self.role_of(machine, step), _filled(statements, texts)
            for function in machine.functions:
                yield self.name_of_function(function), _filled(function.permissions.tasks["function"], texts)
        for function in self.functions:
            yield self.name_of_function(function), _filled(function.permissions.tasks["function"], self._common())

    def service_roles(self) -> Iterator[tuple[str, ServiceRole]]:
        """Every role that a service takes on, for whom filled in."""
        for deployed in self.machines:
            texts = self._texts(deployed)
            for name, described in deployed.machine.service_roles.items():
                patterns = tuple(fill_text(arn, texts.__getitem__) for arn in described.on_behalf_of)
                yield self.role_of(deployed.machine, f"service-{name}"), replace(described, on_behalf_of=patterns)

    def role_of(self, machine: Machine, step: str) -> str:
        """The role of a step: ``workflow``, ``task-<name>``, ``job-<name>`` or ``service-<name>``."""
        return self.name_of(machine, step)

    def machine_arn(self, machine: Machine) -> str:
        """The ARN of a machine."""
        return fill_text(machine_arn(machine), self._common().__getitem__)

    def key_id_of(self, machine: Machine, name: str) -> str:
        """The id of a machine's own key, which is a UUID: the same wherever it is asked for."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.place.account} {self.name_of(machine, name)}"))

    def queue_name(self, zone: str) -> str:
        """The job queue of a zone."""
        return f"{self.settings.name}-{zone}"

    def _texts(self, deployed: Deployed) -> dict[str, str]:
        machine, arn = deployed.machine, self.place.arn
        texts = {
            **self._common(),
            **{
                placeholder_of(FUNCTION_PREFIX, task): arn("lambda", f"function:{self.name_of(machine, task)}")
                for task in machine.tasks
            },
            **{
                placeholder_of(JOB_PREFIX, job): arn("batch", f"job-definition/{self.name_of(machine, job)}")
                for job in machine.jobs
            },
            **{
                placeholder_of(ROLE_PREFIX, name): self.place.role_arn(self.role_of(machine, f"service-{name}"))
                for name in machine.service_roles
            },
            **self._exchanged(machine),
        }
        return texts | {name: fill_text(text, texts.__getitem__) for name, text in deployed.texts.items()}

    def _exchanged(self, machine: Machine) -> dict[str, str]:
        """The machine's own keys, topics and inboxes."""
        queues, arn = self.resources["DeadLetterQueueUrl"].rpartition("/")[0], self.place.arn
        texts: dict[str, str] = {}
        for name in machine.keys:
            texts[placeholder_of(KEY_PREFIX, name)] = arn("kms", f"key/{self.key_id_of(machine, name)}")
        for name in machine.topics:
            texts[placeholder_of(TOPIC_PREFIX, name)] = arn("sns", self.name_of(machine, name))
        for name in machine.inboxes:
            texts[placeholder_of(QUEUE_PREFIX, name)] = f"{queues}/{self.name_of(machine, name)}"
            texts[placeholder_of(QUEUE_ARN_PREFIX, name)] = arn("sqs", self.name_of(machine, name))
        return texts

    def _common(self) -> dict[str, str]:
        settings, place = self.settings, self.place
        tag = settings.deletion.backup_tag
        return {
            "Partition": place.partition,
            "Region": place.region,
            "Account": place.account,
            "Name": settings.name,
            "MainMachineArn": place.arn("states", f"stateMachine:{self.name_of(self.machines[0].machine)}"),
            "GlueDatabase": settings.glue_database,
            "Vaults": ",".join(settings.vaults),
            "StorageClass": settings.archive_bucket.storage_class,
            "SecurityTagKey": settings.security_tag.key,
            "SecurityTagValue": settings.security_tag.value,
            "BackupTagKey": tag.key if tag else "",
            "BackupTagValue": tag.value if tag else "",
            **self.resources,
        }


def _filled(statements: Iterable[Statement], texts: Mapping[str, str]) -> tuple[Statement, ...]:
    return tuple(statement.filled(texts.__getitem__) for statement in statements)
