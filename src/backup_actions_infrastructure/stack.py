"""What the stacks of both kinds of accounts have in common: everything but what starts the main machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from aws_cdk import Environment, Stack, Tags

from backup_actions.catalogue import CATALOGUE
from backup_actions.ledger import WAKE
from backup_actions.lifecycle import (
    awaited_events,
    catalogued_machines,
    deployed_estate,
    deployed_functions,
    deployed_machines,
    machine_arn,
)
from backup_actions_infrastructure import messages, storage
from backup_actions_infrastructure.athena import database, workgroup
from backup_actions_infrastructure.code import function_code
from backup_actions_infrastructure.compute import Compute
from backup_actions_infrastructure.database_network import DatabaseNetwork, database_network
from backup_actions_infrastructure.events import (
    catalogue_rule,
    clean_up_rule,
    left_behind_notice,
    schedule_rule,
    waking_rules,
)
from backup_actions_infrastructure.exchange import topic_arns
from backup_actions_infrastructure.functions import event_function
from backup_actions_infrastructure.image import worker_image
from backup_actions_infrastructure.machines import RenderedMachine
from backup_actions_infrastructure.network import hosts_network
from backup_actions_infrastructure.network_endpoints import add_endpoints
from backup_actions_infrastructure.outputs import estate_output, exchange_outputs
from backup_actions_infrastructure.placeholders import Placeholders, Shared
from backup_actions_infrastructure.plugin_packages import plugin_packages, refuse_missing_imports
from backup_actions_infrastructure.watching import watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aws_cdk import aws_lambda as lambda_
    from constructs import Construct

    from backup_actions.contract import Action, Function
    from backup_actions.lifecycle import Deployed
    from backup_actions.settings import DeploymentSettings

# Their jobs would end with them. Hosts have the tags from their launch template, and nothing else of one costs.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-batch-computeenvironment.html
_REPLACED_BY_ANOTHER_TAG = ["AWS::Batch::ComputeEnvironment"]


class DeploymentStack(Stack):
    """Everything that one deployment needs, rendered from its settings and the enabled actions."""

    DESCRIPTION: ClassVar[str]

    def __init__(self, scope: Construct, name: str, *, settings: DeploymentSettings, actions: Iterable[Action]) -> None:
        super().__init__(
            scope,
            name,
            # Concrete, so that settings of one account are never deployed into another.
            env=Environment(account=settings.account, region=settings.region),
            description=self.DESCRIPTION,
            # A third of the template would be indentation, and CloudFormation takes a million bytes.
            suppress_template_indentation=True,
        )
        self._settings = settings
        actions = tuple(actions)
        machines = deployed_machines(settings, actions)
        announcing = [arn for each in machines for arn in topic_arns(each.machine, settings)]
        self._key = storage.stack_key(self, settings, announcing)
        self._bucket_key = storage.archive_key(self, settings, self._key)
        self._bucket = storage.archive_bucket(self, settings, self._bucket_key)
        self._topic = messages.topic(self, settings, self._key)
        self._dead_letters = messages.dead_letter_queue(self)
        plugins = plugin_packages(settings.enabled(actions))
        refuse_missing_imports(settings.enabled(actions), plugins)
        self._image = worker_image(self, settings, plugins)
        self._placeholders = self._with_compute(machines)
        with function_code(_codes(*machines), plugins) as code:
            rendered = [self._machine(each, code) for each in machines]
            functions = {each.name: self._function(each, code) for each in deployed_functions(settings, actions)}
            self._main(rendered[0], functions)
            if WAKE.name in functions:
                waking_rules(self, functions[WAKE.name], awaited_events(settings, actions), self._dead_letters)
            if CATALOGUE.name in functions:
                self._catalogue(catalogued_machines(settings, actions), functions[CATALOGUE.name])
        watch(
            self,
            settings,
            machines=[each.machine for each in machines],
            functions=deployed_functions(settings, actions),
            placeholders=self._placeholders,
            topic=self._topic,
            dead_letters=self._dead_letters,
            inboxes=[queue for each in rendered for queue in each.exchange.queues.values()],
        )
        exchange_outputs(self, rendered)
        estate_output(self, self._placeholders.fill(deployed_estate(settings, actions).to_text()))
        for tag_key, value in {**settings.tags, settings.security_tag.key: settings.security_tag.value}.items():
            Tags.of(self).add(tag_key, value, exclude_resource_types=_REPLACED_BY_ANOTHER_TAG)

    def _with_compute(self, machines: Sequence[Deployed]) -> Placeholders:
        """Jobs can run, beside databases where a machine restores such. Returns what every machine knows."""
        settings = self._settings
        network = hosts_network(self, settings)
        databases = database_network(self, settings, network) if _restores_databases(machines) else DatabaseNetwork()
        placeholders = Placeholders.of(
            settings,
            Shared(
                bucket=self._bucket.bucket_name,
                bucket_key_arn=self._bucket_key.key_arn,
                ledger_table=storage.ledger_table(self).table_name,
                topic_arn=self._topic.topic_arn,
                dead_letter_queue_url=self._dead_letters.queue_url,
                dead_letter_queue_arn=self._dead_letters.queue_arn,
                database_subnet_group=databases.subnet_group,
                database_security_group=databases.security_group,
                main_machine_arn=machine_arn(machines[0].machine),
            ),
        )
        add_endpoints(
            self,
            settings,
            [each.machine for each in machines],
            network=network,
            bucket=self._bucket,
            image=self._image,
            placeholders=placeholders,
        )
        Compute(
            self,
            "Compute",
            settings=settings,
            network=network,
            image=self._image,
            placeholders=placeholders,
            jobs=[job for each in machines for job in each.machine.jobs.values()],
        )
        return placeholders

    def _main(self, main: RenderedMachine, functions: Mapping[str, lambda_.Function]) -> None:
        """What only one kind of account has around its main machine."""
        raise NotImplementedError

    def _machine(self, deployed: Deployed, code: lambda_.Code) -> RenderedMachine:
        rendered = RenderedMachine(
            self,
            deployed,
            settings=self._settings,
            code=code,
            image=self._image,
            placeholders=self._placeholders,
            topic_key=self._key,
            dead_letters=self._dead_letters,
        )
        if deployed.cleans_up:
            clean_up_rule(rendered, rendered.machine, self._placeholders, self._dead_letters)
            left_behind_notice(rendered, rendered.machine, self._topic, self._dead_letters)
        return rendered

    def _catalogue(self, exporting: Iterable[Action], function: lambda_.Function) -> None:
        database(self, self._settings)
        workgroup(self, self._settings, self._bucket.bucket_name, self._bucket_key)
        arns = [self._placeholders.fill(machine_arn(action)) for action in exporting]
        catalogue_rule(self, function, arns, self._dead_letters)

    def _function(self, described: Function, code: lambda_.Code) -> lambda_.Function:
        """What an event or a schedule calls."""
        function = event_function(
            self,
            described,
            code=code,
            settings=self._settings,
            placeholders=self._placeholders,
            failures_to=self._dead_letters,
        )
        if described.schedule:
            schedule_rule(self, described, function, self._dead_letters)
        return function


def _restores_databases(machines: Iterable[Deployed]) -> bool:
    return any("DatabaseSubnetGroup" in deployed.machine.workflow.placeholders() for deployed in machines)


def _codes(*machines: Deployed) -> list[str]:
    tasks = [task.code for deployed in machines for task in deployed.machine.tasks.values()]
    return tasks + [function.code for deployed in machines for function in deployed.machine.functions]
