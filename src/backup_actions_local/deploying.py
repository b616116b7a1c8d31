"""What a deployment becomes in a cloud: roles, vaults, functions, what it exchanges, machines and rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from backup_actions.catalogue import CATALOGUE
from backup_actions.contract import Function, Inbox, Machine, Statement
from backup_actions.estate.description import OUTPUT
from backup_actions.ledger import WAKE
from backup_actions.lifecycle import INTAKE, rules
from backup_actions_local.calls import Refused
from backup_actions_local.services.events import Target
from backup_actions_local.services.input_transformers import InputTransformer

if TYPE_CHECKING:
    from backup_actions.lifecycle import Deployed
    from backup_actions_local.cloud import Cloud
    from backup_actions_local.deployment import Deployment

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_VISIBILITY_IN_TIMEOUTS = 6
_KEPT_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Deploying:
    """One deployment on its way into one cloud."""

    cloud: Cloud
    deployment: Deployment
    watched: bool
    """Whether schedules call the functions that belong to no machine."""

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
            self._make_exchange(deployed)
        for deployed in deployment.machines:
            machine = deployed.machine
            cloud.stepfunctions.register(
                deployment.name_of(machine),
                deployment.definition_of(deployed),
                deployment.role_of(machine, "workflow"),
            )
        self._make_rules()
        cloud.stacks.stand(settings.name, {OUTPUT: deployment.estate.to_text()})

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
            for function in machine.functions:
                self._make_function(function, deployment.environment_of(function, deployed))
        for function in deployment.functions:
            self._make_function(function, deployment.environment_of(function))
            if function.schedule and self.watched:
                self._schedule(function)

    def _make_function(self, function: Function, environment: Mapping[str, str]) -> None:
        name = self.deployment.name_of_function(function)
        self.cloud.functions.register(
            name,
            function.code,
            name,
            timeout_seconds=function.timeout_seconds,
            environment=environment,
            dead_letters=self._bury,
        )

    def _schedule(self, function: Function) -> None:
        name = self.deployment.name_of_function(function)
        self.cloud.schedules.every(function.schedule, name, self._called(function).deliver)

    def _make_exchange(self, deployed: Deployed) -> None:
        """The machine's own keys, topics, inboxes and schedules."""
        cloud, deployment, machine = self.cloud, self.deployment, deployed.machine
        for name, key in machine.keys.items():
            users = tuple(cloud.place.role_arn(deployment.role_of(machine, step)) for step in key.users)
            policy = key.policy(users, deployment.named_in(deployed, key.readers))
            text = deployment.filled_policy(deployed, policy)
            cloud.keys.make(deployment.key_id_of(machine, name), description=key.doc, policy=json.loads(text))
        for name, topic in machine.topics.items():
            made = cloud.messages.make_topic(deployment.name_of(machine, name))
            policy = topic.policy(made.arn, deployment.named_in(deployed, topic.subscribers))
            made.restrict(deployment.filled_policy(deployed, policy))
        for name, inbox in machine.inboxes.items():
            self._make_inbox(deployed, deployment.name_of(machine, name), inbox)
        for function in machine.scheduled:
            self._schedule(function)

    def _make_inbox(self, deployed: Deployed, name: str, inbox: Inbox) -> None:
        """A queue that hears its topics, and a function that is fed from it."""
        cloud, deployment = self.cloud, self.deployment
        topics = deployment.named_in(deployed, inbox.topics)
        queue = cloud.messages.make_queue(name)
        policy = inbox.policy(queue.arn, deployment.named_in(deployed, inbox.senders), topics)
        redrive = {
            "deadLetterTargetArn": deployment.resources["DeadLetterQueueArn"],
            "maxReceiveCount": inbox.attempts,
        }
        queue.change(
            {
                "MessageRetentionPeriod": str(_KEPT_SECONDS),
                "Policy": deployment.filled_policy(deployed, policy),
                "RedrivePolicy": json.dumps(redrive),
                "VisibilityTimeout": str(_VISIBILITY_IN_TIMEOUTS * inbox.function.timeout_seconds),
            }
        )
        function = deployment.name_of_function(inbox.function)
        cloud.messages.feed(queue, lambda event: cloud.functions.invoke(function, event))
        for topic in topics:
            sns = cloud.administrator.client("sns", region_name=topic.split(":")[3])
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue.arn)

    def _make_rules(self) -> None:
        events, deployment, arn = self.cloud.events, self.deployment, self.cloud.place.arn
        if vaults := deployment.settings.vaults:
            intake = self._called(INTAKE)
            vault_arns = [arn("backup", f"backup-vault:{vault}") for vault in vaults]
            events.rule("announced", rules.announced(vaults, vault_arns), intake)
            events.rule("announced-by-cloudtrail", rules.announced_by_cloudtrail(vaults), intake)
        if exporting := [deployment.machine_arn(action) for action in deployment.catalogued]:
            events.rule("exported", rules.exported(exporting), self._called(CATALOGUE))
        for name, awaited in deployment.awaited.items():
            key = InputTransformer('{"key": <key>}', {"key": awaited.key})
            events.rule(name, awaited.pattern, self._called(WAKE, key))
        for deployed in deployment.machines:
            if deployed.cleans_up:
                self._make_clean_up(deployed.machine)
            else:
                notice = self._notice(rules.NOT_FINISHED_TEXT)
                events.rule("not-finished", rules.not_finished(deployment.machine_arn(deployed.machine)), notice)

    def _make_clean_up(self, machine: Machine) -> None:
        """An execution that ended badly is followed by one that removes what it has left behind."""
        events, machine_arn = self.cloud.events, self.deployment.machine_arn(machine)
        starter = f"{self.deployment.name_of(machine)}-cut-short"
        self.cloud.roles.add(starter, [Statement(("states:StartExecution",), on=machine_arn)])
        target = Target(arn=machine_arn, deliver=self._starter(machine_arn, starter), dead_letters=self._bury)
        events.rule(starter, rules.cut_short(machine_arn), target)
        notice = self._notice(rules.NOT_CLEANED_UP_TEXT)
        events.rule(f"{self.deployment.name_of(machine)}-not-cleaned-up", rules.not_cleaned_up(machine_arn), notice)

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
