"""State machines, rendered from descriptions, with the functions and job definitions that their steps need."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from backup_actions_infrastructure.events import schedule_rule
from backup_actions_infrastructure.exchange import ExchangeRenderer, role_names
from backup_actions_infrastructure.functions import event_function, inbox_function, task_function
from backup_actions_infrastructure.jobs import JobDefinition
from backup_actions_infrastructure.logs import log_group
from backup_actions_infrastructure.roles import role, service_role
from backup_actions_infrastructure.service_grants import DELIVER_MACHINE_LOG, TRACE_MACHINE

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_kms as kms
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sqs as sqs

    from backup_actions.lifecycle import Deployed
    from backup_actions.settings import DeploymentSettings
    from backup_actions_infrastructure.image import WorkerImage
    from backup_actions_infrastructure.placeholders import Placeholders


class RenderedMachine(Construct):
    """One machine with everything that it calls, and what it exchanges with other accounts."""

    def __init__(
        self,
        scope: Construct,
        deployed: Deployed,
        *,
        settings: DeploymentSettings,
        code: lambda_.Code,
        image: WorkerImage,
        placeholders: Placeholders,
        topic_key: kms.IKey,
        dead_letters: sqs.IQueue,
    ) -> None:
        super().__init__(scope, deployed.machine.name)
        self._described, self._settings, self._code = deployed.machine, settings, code
        exchange = ExchangeRenderer(self, deployed, settings, placeholders)
        self.exchange = exchange.rendered(topic_key, dead_letters)
        known = placeholders.and_texts(**self.exchange.texts)
        self._placeholders = known.and_texts(**{name: known.fill(text) for name, text in deployed.texts.items()})
        self._role_names = role_names(self._described, settings)
        functions, jobs, roles = self._tasks(), self._jobs(image), self._service_roles()
        own = self._placeholders.of_machine(
            functions={name: function.function_arn for name, function in functions.items()},
            jobs={name: job.arn for name, job in jobs.items()},
            service_roles={name: made.role_arn for name, made in roles.items()},
        )
        self.machine = _state_machine(self, deployed, settings, own, self._role_names.get("workflow"))
        # The machine names job definitions by their name, which CloudFormation cannot see.
        self.machine.node.add_dependency(*(job.definition for job in jobs.values()))
        self._inboxes(exchange)
        self._schedules(dead_letters)

    def _tasks(self) -> dict[str, lambda_.Function]:
        return {
            name: task_function(
                self,
                title=f"{self._described.name}-{name}",
                name=name,
                task=task,
                statements=self._described.permissions.tasks[name],
                code=self._code,
                settings=self._settings,
                placeholders=self._placeholders,
                role_known_as=self._role_names.get(f"task-{name}"),
            )
            for name, task in self._described.tasks.items()
        }

    def _jobs(self, image: WorkerImage) -> dict[str, JobDefinition]:
        return {
            name: JobDefinition(
                self,
                f"Job-{name}",
                title=f"{self._described.name}-{name}",
                job=job,
                statements=self._described.permissions.jobs[name],
                settings=self._settings,
                image=image,
                placeholders=self._placeholders,
                role_known_as=self._role_names.get(f"job-{name}"),
            )
            for name, job in self._described.jobs.items()
        }

    def _service_roles(self) -> dict[str, iam.IRole]:
        return {
            name: service_role(
                self,
                f"ServiceRole-{name}",
                described,
                steps=self._described.permissions.services[name],
                placeholders=self._placeholders,
                known_as=self._role_names.get(f"service-{name}"),
            )
            for name, described in self._described.service_roles.items()
        }

    def _inboxes(self, exchange: ExchangeRenderer) -> None:
        for name, queue in self.exchange.queues.items():
            function = inbox_function(
                self,
                self._described.inboxes[name].function,
                code=self._code,
                settings=self._settings,
                placeholders=self._placeholders,
                inbox=queue,
            )
            exchange.deliver(name, queue, function)

    def _schedules(self, dead_letters: sqs.IQueue) -> None:
        for described in self._described.scheduled:
            function = event_function(
                self,
                described,
                code=self._code,
                settings=self._settings,
                placeholders=self._placeholders,
                failures_to=dead_letters,
            )
            schedule_rule(self, described, function, dead_letters)


def definition_of(deployed: Deployed) -> str:
    """The workflow as JSON: structures are in it, text is left to CloudFormation's substitutions."""
    return json.dumps(deployed.machine.workflow.filled(deployed.structures.get, lambda name: f"${{{name}}}"))


def _state_machine(
    scope: Construct,
    deployed: Deployed,
    settings: DeploymentSettings,
    placeholders: Placeholders,
    role_known_as: str | None,
) -> stepfunctions.StateMachine:
    described = deployed.machine
    name = f"{settings.name}-{described.name}"
    definition = definition_of(deployed)
    log = log_group(
        scope,
        "Log",
        retention_days=settings.log_retention_days,
        # Under this prefix deliveries share one resource policy; others count against its limit of 5120 characters.
        log_group_name=f"/aws/vendedlogs/states/{name}",
    )
    return stepfunctions.StateMachine(
        scope,
        "Machine",
        state_machine_name=name,
        # In the template as text, so that linters and reviewers see it.
        definition_body=stepfunctions.DefinitionBody.from_string(definition),
        definition_substitutions=placeholders.substitutions(definition),
        role=role(
            scope,
            "Role",
            service="states.amazonaws.com",
            description=described.title,
            placeholders=placeholders,
            steps=described.permissions.workflow,
            grants=(*DELIVER_MACHINE_LOG, *TRACE_MACHINE),
            known_as=role_known_as,
        ),
        logs=stepfunctions.LogOptions(
            destination=log,
            level=stepfunctions.LogLevel.ALL,
            # Names and tags of customers' resources stay in the history, which ends after 90 days.
            include_execution_data=False,
        ),
        tracing_enabled=True,
    )
