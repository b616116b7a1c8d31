"""Rules: what is heard of AWS Backup, and what follows when an execution is cut short."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aws_cdk import Aws, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns

from backup_actions_infrastructure.roles import role
from backup_actions_infrastructure.service_grants import START_CLEAN_UP

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sqs as sqs
    from aws_cdk import aws_stepfunctions as stepfunctions
    from constructs import Construct

    from backup_actions_infrastructure.placeholders import Placeholders

_EXECUTION_CHANGED = "Step Functions Execution Status Change"

# EventBridge's own limits: it tries for a day before the dead-letter queue gets the event.
_TRIES, _TRIES_FOR_HOURS = 185, 24

_RECOVERY_POINT_IS_READY = ["COMPLETED", "AVAILABLE"]


def intake_rules(scope: Construct, intake: lambda_.IFunction, vaults: Iterable[str], dead_letters: sqs.IQueue) -> None:
    """Every way in which a vault says that it has a new recovery point calls the intake."""
    names = list(vaults)
    for name, description, pattern in (
        ("Announced", "A watched vault has a new recovery point", _native(names)),
        ("AnnouncedByCloudTrail", "The same, as CloudTrail tells it", _cloudtrail(names)),
    ):
        rule = events.Rule(scope, name, description=description, event_pattern=pattern)
        rule.add_target(
            targets.LambdaFunction(
                intake,
                dead_letter_queue=dead_letters,
                retry_attempts=_TRIES,
                max_event_age=Duration.hours(_TRIES_FOR_HOURS),
            )
        )


def _native(vaults: list[str]) -> events.EventPattern:
    """A backup job names its vault, a copy job its destination's ARN, a recovery point has a status and not a state."""
    arns = [f"arn:{Aws.PARTITION}:backup:{Aws.REGION}:{Aws.ACCOUNT_ID}:backup-vault:{name}" for name in vaults]
    return events.EventPattern(
        source=["aws.backup"],
        detail_type=["Backup Job State Change", "Copy Job State Change", "Recovery Point State Change"],
        detail={
            "$or": [
                {"state": ["COMPLETED"], "backupVaultName": vaults},
                {"state": ["COMPLETED"], "destinationBackupVaultArn": arns},
                {"status": _RECOVERY_POINT_IS_READY, "backupVaultName": vaults},
            ]
        },
    )


def _cloudtrail(vaults: list[str]) -> events.EventPattern:
    """Without a detail-type: trails have been seen to use two."""
    return events.EventPattern(
        source=["aws.backup"],
        detail={
            "eventName": ["BackupJobCompleted"],
            "serviceEventDetails": {"state": ["COMPLETED"], "backupVaultName": vaults},
        },
    )


def clean_up_rule(
    scope: Construct, machine: stepfunctions.IStateMachine, placeholders: Placeholders, dead_letters: sqs.IQueue
) -> None:
    """An execution that ended badly is followed by one of the same machine, which removes what it left behind."""
    rule = events.Rule(
        scope,
        "CutShort",
        description="Starts the machine again, to clean up, after an execution that failed, timed out or was aborted",
        event_pattern=_ended(
            machine,
            ["FAILED", "TIMED_OUT", "ABORTED"],
            # A clean-up that fails itself is not followed by another: its input is an event like this one.
            {"input": [{"anything-but": {"wildcard": f"*{_EXECUTION_CHANGED}*"}}]},
        ),
    )
    starter = role(
        scope,
        "CutShortRole",
        service="events.amazonaws.com",
        description="Starts the machine again, to clean up",
        placeholders=placeholders.and_texts(MachineArn=machine.state_machine_arn),
        grants=START_CLEAN_UP,
    )
    rule.add_target(
        targets.SfnStateMachine(
            machine,
            role=starter,
            dead_letter_queue=dead_letters,
            retry_attempts=_TRIES,
            max_event_age=Duration.hours(_TRIES_FOR_HOURS),
        )
    )


def cut_short_notice(
    scope: Construct, machine: stepfunctions.IStateMachine, topic: sns.ITopic, dead_letters: sqs.IQueue
) -> None:
    """An execution that could not tell its outcome itself is told of: it timed out or was aborted."""
    rule = events.Rule(
        scope,
        "NotFinished",
        description="Tells people that the life of a recovery point was cut short",
        event_pattern=_ended(machine, ["TIMED_OUT", "ABORTED"], {}),
    )
    field = events.EventField.from_path
    text = (
        f"The execution {field('$.detail.name')} is {field('$.detail.status')}. Its recovery point was not dealt with "
        f"to the end: look at the execution before you trust an archive of it. {field('$.detail.executionArn')}"
    )
    # By its ARN alone: given the topic itself, the target would open the topic's key to rules of anybody.
    by_arn = sns.Topic.from_topic_arn(scope, "Topic", topic.topic_arn)
    rule.add_target(
        targets.SnsTopic(
            by_arn,
            message=events.RuleTargetInput.from_text(text),
            dead_letter_queue=dead_letters,
            retry_attempts=_TRIES,
            max_event_age=Duration.hours(_TRIES_FOR_HOURS),
        )
    )


def _ended(machine: stepfunctions.IStateMachine, statuses: list[str], more: Mapping[str, Any]) -> events.EventPattern:
    return events.EventPattern(
        source=["aws.states"],
        detail_type=[_EXECUTION_CHANGED],
        detail={"stateMachineArn": [machine.state_machine_arn], "status": statuses, **more},
    )
