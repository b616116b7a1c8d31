"""The stack of the account that has the backups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Environment, Stack, Tags

from backup_actions.catalogue import CATALOGUE
from backup_actions.ledger import WAKE
from backup_actions.lifecycle import INTAKE, awaited_events, catalogued_machines, deployed_machines, machine_arn
from backup_actions_infrastructure import messages, storage
from backup_actions_infrastructure.athena import database, workgroup
from backup_actions_infrastructure.code import function_code
from backup_actions_infrastructure.compute import Compute
from backup_actions_infrastructure.database_network import DatabaseNetwork, database_network
from backup_actions_infrastructure.events import (
    catalogue_rule,
    clean_up_rule,
    cut_short_notice,
    intake_rules,
    left_behind_notice,
    waking_rules,
)
from backup_actions_infrastructure.functions import event_function
from backup_actions_infrastructure.image import worker_image
from backup_actions_infrastructure.machines import RenderedMachine
from backup_actions_infrastructure.network import public_network
from backup_actions_infrastructure.placeholders import Placeholders, Shared

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sns as sns
    from constructs import Construct

    from backup_actions.contract import Action, Awaited, Function
    from backup_actions.lifecycle import Deployed
    from backup_actions.settings import DeploymentSettings


class SourceStack(Stack):
    """Everything that one deployment needs, rendered from its settings and the enabled actions."""

    def __init__(self, scope: Construct, name: str, *, settings: DeploymentSettings, actions: Iterable[Action]) -> None:
        super().__init__(
            scope,
            name,
            # Concrete, so that settings of one account are never deployed into another.
            env=Environment(account=settings.account, region=settings.region),
            description="AWS Backup Actions: archives, verifies and lets go of recovery points",
        )
        self._settings = settings
        actions = tuple(actions)
        main, *enabled = deployed_machines(settings, actions)
        catalogued = catalogued_machines(settings, actions)
        awaited = awaited_events(settings, actions)

        key = storage.stack_key(self, settings)
        bucket_key = storage.archive_key(self, settings, key)
        bucket = storage.archive_bucket(self, settings, bucket_key)
        topic = messages.topic(self, settings, key)
        self._dead_letters = messages.dead_letter_queue(self)
        messages.alarm_of_dead_letters(self, settings, self._dead_letters, topic)
        network = public_network(self, settings, bucket)
        databases = database_network(self, settings, network) if _restores_databases(enabled) else DatabaseNetwork()
        self._placeholders = Placeholders.of(
            settings,
            Shared(
                bucket=bucket.bucket_name,
                bucket_key_arn=bucket_key.key_arn,
                ledger_table=storage.ledger_table(self).table_name,
                topic_arn=topic.topic_arn,
                dead_letter_queue_url=self._dead_letters.queue_url,
                dead_letter_queue_arn=self._dead_letters.queue_arn,
                database_subnet_group=databases.subnet_group,
                database_security_group=databases.security_group,
                main_machine_arn=machine_arn(main.machine),
            ),
        )
        self._image = worker_image(self, settings)
        Compute(
            self,
            "Compute",
            settings=settings,
            network=network,
            image=self._image,
            placeholders=self._placeholders,
        )
        with function_code(_codes(main, *enabled)) as code:
            self._main(main, topic, code)
            for action in enabled:
                self._action(action, topic, code)
            self._intake(code)
            if awaited:
                self._wake(awaited, code)
            if catalogued:
                database(self, settings)
                workgroup(self, settings, bucket.bucket_name, bucket_key)
                self._catalogue(catalogued, code)
        for tag_key, value in {**settings.tags, settings.security_tag.key: settings.security_tag.value}.items():
            Tags.of(self).add(tag_key, value)

    def _main(self, main: Deployed, topic: sns.ITopic, code: lambda_.Code) -> None:
        rendered = self._machine(main, code)
        cut_short_notice(rendered, rendered.machine, topic, self._dead_letters)

    def _action(self, action: Deployed, topic: sns.ITopic, code: lambda_.Code) -> None:
        rendered = self._machine(action, code)
        clean_up_rule(rendered, rendered.machine, self._placeholders, self._dead_letters)
        left_behind_notice(rendered, rendered.machine, topic, self._dead_letters)

    def _machine(self, deployed: Deployed, code: lambda_.Code) -> RenderedMachine:
        return RenderedMachine(
            self,
            deployed,
            settings=self._settings,
            code=code,
            image=self._image,
            placeholders=self._placeholders,
        )

    def _intake(self, code: lambda_.Code) -> None:
        intake_rules(self, self._called_by_events(INTAKE, code), self._settings.vaults, self._dead_letters)

    def _wake(self, awaited: Mapping[str, Awaited], code: lambda_.Code) -> None:
        waking_rules(self, self._called_by_events(WAKE, code), awaited, self._dead_letters)

    def _catalogue(self, exporting: Iterable[Action], code: lambda_.Code) -> None:
        function = self._called_by_events(CATALOGUE, code)
        arns = [self._placeholders.fill(machine_arn(action)) for action in exporting]
        catalogue_rule(self, function, arns, self._dead_letters)

    def _called_by_events(self, function: Function, code: lambda_.Code) -> lambda_.Function:
        return event_function(
            self,
            function,
            code=code,
            settings=self._settings,
            placeholders=self._placeholders,
            failures_to=self._dead_letters,
        )


def _restores_databases(machines: Iterable[Deployed]) -> bool:
    return any("DatabaseSubnetGroup" in deployed.machine.workflow.placeholders() for deployed in machines)


def _codes(*machines: Deployed) -> list[str]:
    return [INTAKE.code, *(task.code for deployed in machines for task in deployed.machine.tasks.values())]
