"""State machines, rendered from descriptions, with the functions and job definitions that their steps need."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from backup_actions_infrastructure.functions import task_function
from backup_actions_infrastructure.jobs import JobDefinition
from backup_actions_infrastructure.logs import log_group
from backup_actions_infrastructure.roles import role, service_role
from backup_actions_infrastructure.service_grants import DELIVER_MACHINE_LOG, TRACE_MACHINE

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_

    from backup_actions.lifecycle import Deployed
    from backup_actions.settings import DeploymentSettings
    from backup_actions_infrastructure.image import WorkerImage
    from backup_actions_infrastructure.placeholders import Placeholders


class RenderedMachine(Construct):
    """One machine with everything that it calls."""

    def __init__(
        self,
        scope: Construct,
        deployed: Deployed,
        *,
        settings: DeploymentSettings,
        code: lambda_.Code,
        image: WorkerImage,
        placeholders: Placeholders,
    ) -> None:
        described = deployed.machine
        super().__init__(scope, described.name)
        functions = {
            name: task_function(
                self,
                title=f"{described.name}-{name}",
                name=name,
                task=task,
                statements=described.permissions.tasks[name],
                code=code,
                settings=settings,
                placeholders=placeholders,
            )
            for name, task in described.tasks.items()
        }
        jobs = {
            name: JobDefinition(
                self,
                f"Job-{name}",
                title=f"{described.name}-{name}",
                job=job,
                statements=described.permissions.jobs[name],
                settings=settings,
                image=image,
                placeholders=placeholders,
            )
            for name, job in described.jobs.items()
        }
        service_roles = {
            name: service_role(
                self,
                f"ServiceRole-{name}",
                described_role,
                steps=described.permissions.services[name],
                placeholders=placeholders,
            )
            for name, described_role in described.service_roles.items()
        }
        own = placeholders.of_machine(
            functions={name: function.function_arn for name, function in functions.items()},
            jobs={name: job.arn for name, job in jobs.items()},
            service_roles={name: made.role_arn for name, made in service_roles.items()},
        )
        self.machine = _state_machine(self, deployed, settings, own)
        # The machine names job definitions by their name, which CloudFormation cannot see.
        self.machine.node.add_dependency(*(job.definition for job in jobs.values()))


def definition_of(deployed: Deployed) -> str:
    """The workflow as JSON: structures are in it, text is left to CloudFormation's substitutions."""
    return json.dumps(deployed.machine.workflow.filled(deployed.structures.get, lambda name: f"${{{name}}}"))


def _state_machine(
    scope: Construct, deployed: Deployed, settings: DeploymentSettings, placeholders: Placeholders
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
        ),
        logs=stepfunctions.LogOptions(
            destination=log,
            level=stepfunctions.LogLevel.ALL,
            # Names and tags of customers' resources stay in the history, which ends after 90 days.
            include_execution_data=False,
        ),
        tracing_enabled=True,
    )
