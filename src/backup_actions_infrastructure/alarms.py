"""Alarms: what is watched, from when on it is wrong, and what a person does then.

docs/monitoring.md has a row for each, and a test compares. Machines and functions have theirs from their descriptions
alone, those of third parties as ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as cloudwatch_actions
from constructs import Construct

from backup_actions.estate import metrics

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs

    from backup_actions.contract import Function, Machine
    from backup_actions.settings import DeploymentSettings

_ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
_BELOW = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD
_Silence = cloudwatch.TreatMissingData

_A_MOMENT, _A_QUARTER, _AN_HOUR = Duration.minutes(5), Duration.minutes(15), Duration.hours(1)

# One failure of an action is told by the main machine, with its cause; several within an hour are something general.
_FAILURES_AN_HOUR = 3

# Lambda tries an event three times within minutes: as many errors mean that it gave up, or that two in a row fail.
_ERRORS_A_QUARTER = 3


# One may take longer than usual, or be put off by a throttled API.
_SWEEPS_MISSED = 2

# What is due waits for its day's share, and where proving was just switched on, all is due at once.
_TURNS_MISSED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One alarm; its description is all that whoever gets the mail knows."""

    name: str
    """After the name of the deployment: ``dead-letters``."""
    description: str
    metric: cloudwatch.IMetric
    limit: float
    goes_off: cloudwatch.ComparisonOperator = _ABOVE
    silence: cloudwatch.TreatMissingData = _Silence.NOT_BREACHING
    tells_when_over: bool = True
    """Not where it is over by itself, because nothing more happened."""


class Alarms(Construct):
    """The alarms, each telling the topic."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        settings: DeploymentSettings,
        topic: sns.ITopic,
        watched: Iterable[Watched],
    ) -> None:
        super().__init__(scope, name)
        tell = cloudwatch_actions.SnsAction(topic)
        self.arns: list[str] = []
        for each in watched:
            alarm = cloudwatch.Alarm(
                self,
                each.name,
                alarm_name=f"{settings.name}-{each.name}",
                alarm_description=each.description,
                metric=each.metric,
                threshold=each.limit,
                comparison_operator=each.goes_off,
                evaluation_periods=1,
                treat_missing_data=each.silence,
            )
            alarm.add_alarm_action(tell)
            if each.tells_when_over:
                alarm.add_ok_action(tell)
            self.arns.append(alarm.alarm_arn)


def own_metric(
    settings: DeploymentSettings, metric: metrics.Metric, *, period: Duration = _A_QUARTER, action: str = ""
) -> cloudwatch.Metric:
    """A metric that MEASURE publishes."""
    return cloudwatch.Metric(
        namespace=metrics.NAMESPACE.format(name=settings.name),
        metric_name=metric.name,
        dimensions_map={metrics.ACTION_DIMENSION: action} if action else None,
        period=period,
        statistic="Sum" if action else "Maximum",
    )


def of_estate(settings: DeploymentSettings) -> Iterator[Watched]:
    """What stands as it should not for too long, by the limits of the settings."""
    watching = settings.watching
    yield _age(
        settings,
        "unarchived",
        metrics.OLDEST_UNARCHIVED_HOURS,
        watching.unarchived_hours,
        "A backup is not archived {hours} hours after it was made. `backup-actions status` names it and says why: it "
        "failed (correct the cause and `backup-actions replay` it), waits for a quota, or is being worked on."
        if not settings.imports
        else "An announced backup is not imported {hours} hours after it was made. `backup-actions imports list` names "
        "it and says why; its source keeps its copy until then.",
    )
    yield _age(
        settings,
        "waiting",
        metrics.LONGEST_WAIT_HOURS,
        watching.waiting_hours,
        "An action has waited {hours} hours for a quota of the account or for capacity. `backup-actions status` says "
        "for which; ask AWS for a higher quota, or name more zones in the settings.",
    )
    if unverified_days := watching.unverified_days or (settings.proving.verify_every_days or 0) * _TURNS_MISSED:
        yield _age(
            settings,
            "unverified",
            metrics.OLDEST_UNVERIFIED_HOURS,
            unverified_days * 24,
            "An archive was last proven, or looked at where it is too cold for that, more than {hours} hours ago. See "
            "why the machine proving does not get to it: its runs fail, or proving.gib_per_day is too little. By hand: "
            "`backup-actions prove --oldest 1`.",
        )
    yield Watched(
        name="damaged",
        description="An archive was read again and is not what was proven. Its own mail names it and says what to do; "
        "`backup-actions report` lists all of them. Prove it again when it is repaired: `backup-actions prove`.",
        metric=own_metric(settings, metrics.DAMAGED_ARCHIVES),
        limit=0,
        silence=_Silence.IGNORE,
    )
    yield _age(
        settings,
        "unswept",
        metrics.SWEEP_AGE_HOURS,
        watching.sweep_hours * _SWEEPS_MISSED,
        "No sweep has come to its end for {hours} hours, so what no event announced is not found. Read the log of the "
        "function sweep; `backup-actions sweep --dry-run` shows how far one comes.",
    )
    if watching.monthly_cost_usd:
        yield Watched(
            name="cost",
            description=f"The runs of this month have cost more than ${watching.monthly_cost_usd}, without storage and "
            "network. `backup-actions cost runs --by resource` says for what; the limit is watching.monthly_cost_usd.",
            metric=own_metric(settings, metrics.MONTH_COST_USD, period=_AN_HOUR),
            limit=watching.monthly_cost_usd,
            silence=_Silence.IGNORE,
            tells_when_over=False,
        )
    if not settings.imports:
        yield _age(
            settings,
            "unacknowledged",
            metrics.UNACKNOWLEDGED_HOURS,
            watching.unacknowledged_hours,
            "An off-site copy has waited {hours} hours to be acknowledged. Look at the imports of the separated "
            "account: `backup-actions imports list` and its dead letters say what keeps them.",
        )


def of_dead_letters(queue: sqs.IQueue) -> Watched:
    """The first message in the queue."""
    return Watched(
        name="dead-letters",
        description="Events or messages about recovery points could not be handled: read them in the queue, correct "
        "the cause, send them again.",
        metric=queue.metric_approximate_number_of_messages_visible(period=_A_MOMENT, statistic="Maximum"),
        limit=0,
    )


def of_main_machine(machine: Machine, arn: str) -> Iterator[Watched]:
    """Each execution that ends badly: the mail that it sends itself may not have gone out."""
    yield Watched(
        name=f"{machine.name}-failed",
        description="An execution of the main machine failed. Its own mail says what, why and what to do; without "
        "one open the execution. Its backup was kept, unless that mail says otherwise.",
        metric=_executions(arn, "ExecutionsFailed", _A_MOMENT),
        limit=0,
        tells_when_over=False,
    )
    yield _cut_short(machine, arn)


def of_action_machine(machine: Machine, arn: str) -> Iterator[Watched]:
    """Failures that are no single backup's."""
    yield Watched(
        name=f"{machine.name}-failing",
        description=f"{_FAILURES_AN_HOUR} or more executions of {machine.name} failed within an hour: look for what "
        "they have in common, a permission, a key, a quota, a region in trouble. Each one's mail has its cause.",
        metric=_executions(arn, "ExecutionsFailed", _AN_HOUR),
        limit=_FAILURES_AN_HOUR - 1,
        tells_when_over=False,
    )
    yield _cut_short(machine, arn)


def of_function(settings: DeploymentSettings, function: Function) -> Watched:
    """A function that events, messages or a schedule call fails again and again."""
    return Watched(
        name=f"{function.name}-failing",
        description=f"The function {settings.name}-{function.name} fails again and again. {function.title}: that does "
        "not happen. Read its log; what it could not handle is among the dead letters.",
        metric=_calls(settings, function, "Errors", _A_QUARTER),
        limit=_ERRORS_A_QUARTER - 1,
        tells_when_over=False,
    )


def of_silence(settings: DeploymentSettings, function: Function, *, hours: int) -> Watched:
    """A function without which nobody would hear of anything is not called any more."""
    return Watched(
        name=f"{function.name}-silent",
        description=f"The function {settings.name}-{function.name} was not called for {hours} hours. {function.title}: "
        "that does not happen. See whether its rule in EventBridge is enabled, and whether the account's limit of "
        "concurrent functions is used up. Soon after the first deployment this is no trouble and ends by itself.",
        metric=_calls(settings, function, "Invocations", Duration.hours(hours)),
        limit=1,
        goes_off=_BELOW,
        silence=_Silence.BREACHING,
    )


def _age(
    settings: DeploymentSettings, name: str, metric: metrics.Metric, limit_hours: int, description: str
) -> Watched:
    return Watched(
        name=name,
        description=description.format(hours=limit_hours),
        metric=own_metric(settings, metric),
        limit=limit_hours,
        # Nothing measured says nothing about ages; there is an alarm of its own for that.
        silence=_Silence.IGNORE,
    )


def _cut_short(machine: Machine, arn: str) -> Watched:
    ended = {"timed_out": "ExecutionsTimedOut", "aborted": "ExecutionsAborted"}
    return Watched(
        name=f"{machine.name}-cut-short",
        description=f"An execution of {machine.name} timed out or was aborted. What it had made is removed by another "
        "execution of the same machine: see that it succeeded. Then `backup-actions replay` the recovery point.",
        metric=cloudwatch.MathExpression(
            # Only what happened is published: what did not is no zero.
            expression=" + ".join(f"FILL({name}, 0)" for name in ended),
            using_metrics={name: _executions(arn, metric, _A_MOMENT) for name, metric in ended.items()},
            label="timed out or aborted",
            period=_A_MOMENT,
        ),
        limit=0,
        tells_when_over=False,
    )


def _executions(arn: str, name: str, period: Duration) -> cloudwatch.Metric:
    """https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html"""
    return cloudwatch.Metric(
        namespace="AWS/States",
        metric_name=name,
        dimensions_map={"StateMachineArn": arn},
        period=period,
        statistic="Sum",
    )


def _calls(settings: DeploymentSettings, function: Function, name: str, period: Duration) -> cloudwatch.Metric:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html"""
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=name,
        dimensions_map={"FunctionName": f"{settings.name}-{function.name}"},
        period=period,
        statistic="Sum",
    )
