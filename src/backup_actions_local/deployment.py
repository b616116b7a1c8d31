"""Reads descriptions for the embedded AWS: names, filled-in workflows and statements. Starts nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from backup_actions.catalogue import CATALOGUE
from backup_actions.contract import Action, Awaited, Function, Machine, ServiceRole, Statement
from backup_actions.contract.placeholders import FUNCTION_PREFIX, JOB_PREFIX, ROLE_PREFIX, fill_text, placeholder_of
from backup_actions.ledger import WAKE
from backup_actions.lifecycle import (
    INTAKE,
    Deployed,
    awaited_events,
    catalogued_machines,
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
        """The main machine first, then one for each enabled action."""
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
        """What events call."""
        return (INTAKE, *((CATALOGUE,) if self.catalogued else ()), *((WAKE,) if self.awaited else ()))

    def name_of_function(self, function: Function) -> str:
        """The name of such a function and of its role."""
        return f"{self.settings.name}-{function.name}"

    def definition_of(self, deployed: Deployed) -> dict[str, Any]:
        """The machine's workflow with every placeholder replaced."""
        texts = self._texts(deployed.machine)
        return deployed.machine.workflow.filled(deployed.structures.get, texts.__getitem__)

    def environment_of(self, function: Function) -> dict[str, str]:
        """The variables of a function that no workflow calls."""
        texts = self._common()
        return {name: fill_text(text, texts.__getitem__) for name, text in function.environment.items()}

    def roles(self) -> Iterator[tuple[str, tuple[Statement, ...]]]:
        """Every role with its statements, filled in."""
        for deployed in self.machines:
            machine, texts = deployed.machine, self._texts(deployed.machine)
            for step, statements in machine.permissions.roles().items():
                yield self.role_of(machine, step), _filled(statements, texts)
        for function in self.functions:
            yield self.name_of_function(function), _filled(function.permissions.tasks["function"], self._common())

    def service_roles(self) -> Iterator[tuple[str, ServiceRole]]:
        """Every role that a service takes on, for whom filled in."""
        for deployed in self.machines:
            texts = self._texts(deployed.machine)
            for name, described in deployed.machine.service_roles.items():
                patterns = tuple(fill_text(arn, texts.__getitem__) for arn in described.on_behalf_of)
                yield self.role_of(deployed.machine, f"service-{name}"), replace(described, on_behalf_of=patterns)

    def role_of(self, machine: Machine, step: str) -> str:
        """The role of a step: ``workflow``, ``task-<name>``, ``job-<name>`` or ``service-<name>``."""
        return self.name_of(machine, step)

    def machine_arn(self, machine: Machine) -> str:
        """The ARN of a machine."""
        return fill_text(machine_arn(machine), self._common().__getitem__)

    def queue_name(self, zone: str) -> str:
        """The job queue of a zone."""
        return f"{self.settings.name}-{zone}"

    def _texts(self, machine: Machine) -> dict[str, str]:
        arn = self.place.arn
        return {
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
        }

    def _common(self) -> dict[str, str]:
        settings, place = self.settings, self.place
        tag = settings.deletion.backup_tag
        return {
            "Partition": place.partition,
            "Region": place.region,
            "Account": place.account,
            "Name": settings.name,
            "MainMachineArn": place.arn("states", f"stateMachine:{settings.name}-recovery-point"),
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
