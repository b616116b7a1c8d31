"""What a deployment becomes in a cloud: roles, queues of jobs, vaults, functions, machines and rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from backup_actions.catalogue import CATALOGUE
from backup_actions.contract import Function, Statement
from backup_actions.ledger import WAKE
from backup_actions.lifecycle import INTAKE, rules
from backup_actions_local.calls import Refused
from backup_actions_local.services.events import Target
from backup_actions_local.services.input_transformers import InputTransformer

if TYPE_CHECKING:
    from backup_actions_local.cloud import Cloud
    from backup_actions_local.deployment import Deployment


@dataclass(frozen=True, slots=True)
class Deploying:
    """One deployment on its way into one cloud."""

    cloud: Cloud
    deployment: Deployment

    def make(self) -> None:
        """Everything that the deployment describes is there."""
        cloud, deployment = self.cloud, self.deployment
        settings = deployment.settings
        for role, statements in deployment.roles():
            cloud.roles.add(role, statements)
        for role, described in deployment.service_roles():
            cloud.roles.trust(role, described.service, described.on_behalf_of)
        tags = {**settings.tags, settings.security_tag.key: settings.security_tag.value}
        for zone in settings.zones:
            cloud.jobs.queue(deployment.queue_name(zone), zone, host_tags=tags)
        for vault in settings.vaults:
            if vault not in cloud.vaults.vaults:
                cloud.vaults.make_vault(vault)
        self._make_functions()
        for deployed in deployment.machines:
            machine = deployed.machine
            cloud.stepfunctions.register(
                deployment.name_of(machine),
                deployment.definition_of(deployed),
                deployment.role_of(machine, "workflow"),
            )
        self._make_rules()

    def _make_functions(self) -> None:
        cloud, deployment = self.cloud, self.deployment
        for deployed in deployment.machines:
            machine = deployed.machine
            for name, task in machine.tasks.items():
                cloud.functions.register(
                    deployment.name_of(machine, name),
                    task.code,
                    deployment.role_of(machine, f"task-{name}"),
                    timeout_seconds=task.timeout_seconds,
                )
            for name, job in machine.jobs.items():
                cloud.jobs.define(deployment.name_of(machine, name), job, deployment.role_of(machine, f"job-{name}"))
        for function in deployment.functions:
            name = deployment.name_of_function(function)
            cloud.functions.register(
                name,
                function.code,
                name,
                timeout_seconds=function.timeout_seconds,
                environment=deployment.environment_of(function),
                dead_letters=self._bury,
            )

    def _make_rules(self) -> None:
        events, deployment, arn = self.cloud.events, self.deployment, self.cloud.place.arn
        settings = deployment.settings
        intake = self._called(INTAKE)
        vault_arns = [arn("backup", f"backup-vault:{vault}") for vault in settings.vaults]
        events.rule("announced", rules.announced(settings.vaults, vault_arns), intake)
        events.rule("announced-by-cloudtrail", rules.announced_by_cloudtrail(settings.vaults), intake)
        if exporting := [deployment.machine_arn(action) for action in deployment.catalogued]:
            events.rule("exported", rules.exported(exporting), self._called(CATALOGUE))
        for name, awaited in deployment.awaited.items():
            key = InputTransformer('{"key": <key>}', {"key": awaited.key})
            events.rule(name, awaited.pattern, self._called(WAKE, key))
        main, *actions = (deployed.machine for deployed in deployment.machines)
        for action in actions:
            machine_arn = deployment.machine_arn(action)
            starter = f"{deployment.name_of(action)}-cut-short"
            self.cloud.roles.add(starter, [Statement(("states:StartExecution",), on=machine_arn)])
            target = Target(arn=machine_arn, deliver=self._starter(machine_arn, starter), dead_letters=self._bury)
            events.rule(starter, rules.cut_short(machine_arn), target)
            notice = self._notice(rules.NOT_CLEANED_UP_TEXT)
            events.rule(f"{deployment.name_of(action)}-not-cleaned-up", rules.not_cleaned_up(machine_arn), notice)
        notice = self._notice(rules.NOT_FINISHED_TEXT)
        events.rule("not-finished", rules.not_finished(deployment.machine_arn(main)), notice)

    def _called(self, function: Function, transformer: InputTransformer | None = None) -> Target:
        functions, name = self.cloud.functions, self.deployment.name_of_function(function)
        return Target(
            arn=self.cloud.place.arn("lambda", f"function:{name}"),
            deliver=lambda event: functions.invoke_later(name, event),
            transformer=transformer,
            dead_letters=self._bury,
        )

    def _notice(self, text: str) -> Target:
        """People are told this of an execution; the names in it stand for fields of the event."""
        topic, cloud = self.deployment.resources["TopicArn"], self.cloud
        sentence = text.format(**{name: f"<{name}>" for name in rules.NOTICE_FIELDS})
        return Target(
            arn=topic,
            deliver=lambda message: cloud.administrator.client("sns").publish(TopicArn=topic, Message=str(message)),
            transformer=InputTransformer(f'"{sentence}"', rules.NOTICE_FIELDS),
            dead_letters=self._bury,
        )

    def _starter(self, machine_arn: str, role: str) -> Callable[[Any], object]:
        def start(event: Any) -> object:
            client = self.cloud.session(role, "events").client("stepfunctions")
            try:
                return client.start_execution(stateMachineArn=machine_arn, input=json.dumps(event))
            except ClientError as error:  # EventBridge tries again, or buries the event
                raise Refused(error.response["Error"]["Code"], error.response["Error"]["Message"]) from error

        return start

    def _bury(self, event: str, attributes: Mapping[str, str]) -> None:
        self.cloud.administrator.client("sqs").send_message(
            QueueUrl=self.deployment.resources["DeadLetterQueueUrl"],
            MessageBody=event,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value[:1024]} for name, value in attributes.items()
            },
        )
