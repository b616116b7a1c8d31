"""Rules: what is heard of AWS Backup, and what follows when an execution is cut short."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from aws_cdk import Aws, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sns as sns

from backup_actions.lifecycle import rules
from backup_actions_infrastructure.roles import role
from backup_actions_infrastructure.service_grants import START_CLEAN_UP

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_
    from aws_cdk import aws_sqs as sqs
    from aws_cdk import aws_stepfunctions as stepfunctions
    from constructs import Construct

    from backup_actions.contract import Awaited, Function
    from backup_actions_infrastructure.placeholders import Placeholders

# EventBridge's own limits: it tries for a day before the dead-letter queue gets the event.
_TRIES, _TRIES_FOR_HOURS = 185, 24

# Each is in the pattern three times, once with an ARN around it, and EventBridge takes 2048 characters.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
_VAULTS_IN_A_PATTERN = 7


def intake_rules(scope: Construct, intake: lambda_.IFunction, vaults: Sequence[str], dead_letters: sqs.IQueue) -> None:
    """Every way in which a vault says that it has a new recovery point calls the intake."""
    for first in range(0, len(vaults), _VAULTS_IN_A_PATTERN):
        names = list(vaults[first : first + _VAULTS_IN_A_PATTERN])
        arns = [f"arn:{Aws.PARTITION}:backup:{Aws.REGION}:{Aws.ACCOUNT_ID}:backup-vault:{name}" for name in names]
        for name, description, pattern in (
            ("Announced", "A watched vault has a new recovery point", rules.announced(names, arns)),
            ("AnnouncedByCloudTrail", "The same, as CloudTrail tells it", rules.announced_by_cloudtrail(names)),
        ):
            rule = events.Rule(
                scope,
                f"{name}-{first}" if first else name,
                description=description,
                event_pattern=_rendered(pattern),
            )
            rule.add_target(_calling(intake, dead_letters))


def schedule_rule(scope: Construct, described: Function, function: lambda_.IFunction, dead_letters: sqs.IQueue) -> None:
    """The function is called as often as its description says."""
    rule = events.Rule(
        scope,
        f"Schedule-{described.name}",
        description=f"Calls {described.name}",
        schedule=events.Schedule.expression(described.schedule),
    )
    rule.add_target(_calling(function, dead_letters))


def catalogue_rule(
    scope: Construct, catalogue: lambda_.IFunction, machine_arns: Iterable[str], dead_letters: sqs.IQueue
) -> None:
    """An export that is complete is made known to Athena."""
    rule = events.Rule(
        scope,
        "Exported",
        description="An export is complete",
        event_pattern=_rendered(rules.exported(list(machine_arns))),
    )
    rule.add_target(_calling(catalogue, dead_letters))


def waking_rules(
    scope: Construct, wake: lambda_.IFunction, awaited: Mapping[str, Awaited], dead_letters: sqs.IQueue
) -> None:
    """An event that ends a wait wakes those who wait for what it names."""
    for name, event in awaited.items():
        rule = events.Rule(
            scope,
            f"Awaited-{name}",
            description=f"Ends the wait {name}",
            event_pattern=_rendered(event.pattern),
        )
        key = events.RuleTargetInput.from_object({"key": events.EventField.from_path(event.key)})
        rule.add_target(_calling(wake, dead_letters, key))


def clean_up_rule(
    scope: Construct, machine: stepfunctions.IStateMachine, placeholders: Placeholders, dead_letters: sqs.IQueue
) -> None:
    """An execution that ended badly is followed by one of the same machine, which removes what it left behind."""
    rule = events.Rule(
        scope,
        "CutShort",
        description="Starts the machine again, to clean up, after an execution that failed, timed out or was aborted",
        event_pattern=_rendered(rules.cut_short(machine.state_machine_arn)),
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
        event_pattern=_rendered(rules.not_finished(machine.state_machine_arn)),
    )
    _tell(rule, rules.NOT_FINISHED_TEXT, topic, dead_letters)


def left_behind_notice(
    scope: Construct, machine: stepfunctions.IStateMachine, topic: sns.ITopic, dead_letters: sqs.IQueue
) -> None:
    """A clean-up that did not come to its end is told of: nothing follows it."""
    rule = events.Rule(
        scope,
        "NotCleanedUp",
        description="Says that something may have been left behind",
        event_pattern=_rendered(rules.not_cleaned_up(machine.state_machine_arn)),
    )
    _tell(rule, rules.NOT_CLEANED_UP_TEXT, topic, dead_letters)


def _calling(
    function: lambda_.IFunction, dead_letters: sqs.IQueue, told: events.RuleTargetInput | None = None
) -> targets.LambdaFunction:
    """The function is told the event, or the part of it that is given."""
    return targets.LambdaFunction(
        function,
        event=told,
        dead_letter_queue=dead_letters,
        retry_attempts=_TRIES,
        max_event_age=Duration.hours(_TRIES_FOR_HOURS),
    )


def _tell(rule: events.Rule, sentence: str, topic: sns.ITopic, dead_letters: sqs.IQueue) -> None:
    text = sentence.format(**{name: events.EventField.from_path(at) for name, at in rules.NOTICE_FIELDS.items()})
    # By its ARN alone: given the topic itself, the target would open the topic's key to rules of anybody.
    by_arn = sns.Topic.from_topic_arn(rule, "Topic", topic.topic_arn)
    rule.add_target(
        targets.SnsTopic(
            by_arn,
            message=events.RuleTargetInput.from_text(text),
            dead_letter_queue=dead_letters,
            retry_attempts=_TRIES,
            max_event_age=Duration.hours(_TRIES_FOR_HOURS),
        )
    )


def _rendered(pattern: rules.Pattern) -> events.EventPattern:
    return events.EventPattern(
        source=list(pattern["source"]), detail_type=pattern.get("detail-type"), detail=dict(pattern["detail"])
    )
