"""Functions, rendered from the ``Task`` and ``Function`` of descriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_destinations as destinations
from constructs import Construct

from backup_actions_infrastructure.logs import log_group
from backup_actions_infrastructure.roles import role
from backup_actions_infrastructure.service_grants import BURY_WHAT_FAILED, TAKE_MESSAGES, TRACE_FUNCTION, WRITE_LOG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_sqs as sqs

    from backup_actions.contract import Function, Statement, Task
    from backup_actions.settings import DeploymentSettings
    from backup_actions_infrastructure.placeholders import Placeholders

_HANDLER = "backup_actions.runtime.task.handler"

# Lambda keeps trying for six hours before it gives an event up; a throttled API has recovered by then.
_EVENT_LIVES_HOURS = 6


class _Function(Construct):
    """One function: its code, its role, its log."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        title: str,
        doc: str,
        described: Task | Function,
        environment: Mapping[str, str],
        steps: Sequence[Statement],
        grants: Sequence[Statement],
        code: lambda_.Code,
        settings: DeploymentSettings,
        placeholders: Placeholders,
        role_known_as: str | None = None,
    ) -> None:
        super().__init__(scope, name)
        log = log_group(self, "Log", retention_days=settings.log_retention_days)
        own_role = role(
            self,
            "Role",
            service="lambda.amazonaws.com",
            description=doc,
            placeholders=placeholders.and_texts(LogGroupArn=log.log_group_arn),
            steps=steps,
            grants=grants,
            known_as=role_known_as,
        )
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=f"{settings.name}-{title}",
            description=doc,
            runtime=lambda_.Runtime.PYTHON_3_14,
            # Nothing is compiled for it, so the cheaper architecture costs no care.
            architecture=lambda_.Architecture.ARM_64,
            handler=_HANDLER,
            code=code,
            environment={
                "BACKUP_ACTIONS_CODE": described.code,
                **{variable: placeholders.fill(text) for variable, text in environment.items()},
            },
            timeout=Duration.seconds(described.timeout_seconds),
            memory_size=described.memory_mib,
            role=own_role,
            log_group=log,
            tracing=lambda_.Tracing.ACTIVE,
        )


def task_function(
    scope: Construct,
    *,
    title: str,
    name: str,
    task: Task,
    statements: Sequence[Statement],
    code: lambda_.Code,
    settings: DeploymentSettings,
    placeholders: Placeholders,
    role_known_as: str | None,
) -> lambda_.Function:
    """The function of a machine's task; the machine hands it everything it needs to know."""
    return _Function(
        scope,
        f"Task-{name}",
        title=title,
        doc=task.doc,
        described=task,
        environment={},
        steps=statements,
        grants=(*WRITE_LOG, *TRACE_FUNCTION),
        code=code,
        settings=settings,
        placeholders=placeholders,
        role_known_as=role_known_as,
    ).function


def event_function(
    scope: Construct,
    described: Function,
    *,
    code: lambda_.Code,
    settings: DeploymentSettings,
    placeholders: Placeholders,
    failures_to: sqs.IQueue,
) -> lambda_.Function:
    """A function that events or a schedule call: what it fails on, again and again, goes to the queue."""
    function = _called_from_outside(
        scope, described, BURY_WHAT_FAILED, code=code, settings=settings, placeholders=placeholders
    )
    function.configure_async_invoke(
        on_failure=destinations.SqsDestination(failures_to),
        max_event_age=Duration.hours(_EVENT_LIVES_HOURS),
        retry_attempts=2,
    )
    return function


def inbox_function(
    scope: Construct,
    described: Function,
    *,
    code: lambda_.Code,
    settings: DeploymentSettings,
    placeholders: Placeholders,
    inbox: sqs.IQueue,
) -> lambda_.Function:
    """A function that is called with the messages of a queue, which keeps what it fails on."""
    return _called_from_outside(
        scope,
        described,
        TAKE_MESSAGES,
        code=code,
        settings=settings,
        placeholders=placeholders.and_texts(InboxArn=inbox.queue_arn),
    )


def _called_from_outside(
    scope: Construct,
    described: Function,
    grants: Sequence[Statement],
    *,
    code: lambda_.Code,
    settings: DeploymentSettings,
    placeholders: Placeholders,
) -> lambda_.Function:
    """No machine hands it anything: what it has to know is in its environment."""
    return _Function(
        scope,
        f"Function-{described.name}",
        title=described.name,
        doc=described.title,
        described=described,
        environment=described.environment,
        steps=described.permissions.tasks["function"],
        grants=(*WRITE_LOG, *TRACE_FUNCTION, *grants),
        code=code,
        settings=settings,
        placeholders=placeholders,
    ).function
