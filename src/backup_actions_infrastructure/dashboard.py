"""The dashboard: the estate at a glance, a row for each machine, queues, functions and jobs.

All of it is rendered from descriptions; the form is that of
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aws_cdk import Aws, Stack
from aws_cdk import aws_cloudwatch as cloudwatch

from backup_actions.estate import metrics
from backup_actions.estate.telling import MEASURE_MINUTES

if TYPE_CHECKING:
    from constructs import Construct

    from backup_actions.contract import Function, Machine
    from backup_actions.settings import DeploymentSettings

Widget = dict[str, Any]
Line = list[Any]

_COLUMNS = 24
_HIGH = 6
_SECONDS = 300


def dashboard(
    scope: Construct,
    settings: DeploymentSettings,
    *,
    machines: Mapping[str, Machine],
    functions: Sequence[Function],
    queues: Sequence[str],
    alarm_arns: Sequence[str],
) -> cloudwatch.CfnDashboard:
    """Its body; ``machines`` by the ARNs of the machines, the main one first, ``queues`` by their names.

    Names of dashboards are the whole account's, whatever the region.
    """
    rows = [
        [_title(settings)],
        [_alarms(alarm_arns)],
        _estate(settings),
        *(
            _machine(settings, machine, arn, is_main=not number)
            for number, (arn, machine) in enumerate(machines.items())
        ),
        _around(settings, functions, queues),
    ]
    return cloudwatch.CfnDashboard(
        scope,
        "Dashboard",
        dashboard_name=f"{settings.name}-{settings.region}",
        dashboard_body=Stack.of(scope).to_json_string({"widgets": list(_placed(rows))}),
    )


def _placed(rows: Iterable[list[Widget]]) -> Iterator[Widget]:
    """Rows below each other, the widgets of each side by side in equal widths."""
    top = 0
    for row in rows:
        width = _COLUMNS // len(row)
        height = max(widget["height"] for widget in row)
        for number, widget in enumerate(row):
            yield {**widget, "x": number * width, "y": top, "width": width, "height": height}
        top += height


def _title(settings: DeploymentSettings) -> Widget:
    text = (
        f"# {settings.name}\n"
        "What each alarm means and what to do about it: docs/monitoring.md. By resource and backup: "
        "`backup-actions status`."
    )
    return {"type": "text", "height": 2, "properties": {"markdown": text}}


def _alarms(arns: Sequence[str]) -> Widget:
    return {"type": "alarm", "height": 3, "properties": {"title": "Alarms", "alarms": list(arns)}}


def _estate(settings: DeploymentSettings) -> list[Widget]:
    watching = settings.watching
    limits = {"not archived": watching.unarchived_hours, "waiting": watching.waiting_hours}
    ages = (metrics.OLDEST_UNARCHIVED_HOURS, metrics.LONGEST_WAIT_HOURS, metrics.UNACKNOWLEDGED_HOURS)
    counts = (metrics.FAILED_POINTS, metrics.DAMAGED_ARCHIVES, metrics.POINTS_AT_WORK, metrics.WAITING_ACTIONS)
    proofs = (metrics.OLDEST_UNVERIFIED_HOURS, metrics.SWEEP_AGE_HOURS)
    return [
        _graph("Oldest, in hours", [_own(settings, metric) for metric in ages], limits=limits),
        _graph("Backups", [_own(settings, metric) for metric in counts]),
        _graph("Cost of the month so far, in US dollars", [_own(settings, metrics.MONTH_COST_USD)]),
        _graph("Oldest proof and last sweep, in hours", [_own(settings, metric) for metric in proofs]),
    ]


def _machine(settings: DeploymentSettings, machine: Machine, arn: str, *, is_main: bool) -> list[Widget]:
    """Started and ended, how long they took, and of an action what it read and stored."""
    ends = ("Started", "Succeeded", "Failed", "TimedOut", "Aborted")
    executions = [["AWS/States", f"Executions{end}", "StateMachineArn", arn, {"stat": "Sum"}] for end in ends]
    times = [
        ["AWS/States", "ExecutionTime", "StateMachineArn", arn, {"stat": stat, "label": label}]
        for stat, label in (("p50", "half of them"), ("Maximum", "longest"))
    ]
    row = [
        _graph(f"{machine.name}: executions", executions),
        _graph(f"{machine.name}: time in milliseconds", times),
    ]
    if is_main:
        return row
    figures = [_own(settings, metric, action=machine.name) for metric in metrics.PER_ACTION]
    return [*row, _graph(f"{machine.name}: bytes", figures)]


def _around(settings: DeploymentSettings, functions: Sequence[Function], queues: Sequence[str]) -> list[Widget]:
    waiting = [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue] for queue in queues]
    names = [f"{settings.name}-{function.name}" for function in functions]
    errors = [["AWS/Lambda", "Errors", "FunctionName", name, {"stat": "Sum"}] for name in names]
    jobs = [
        # All that Batch publishes of a queue: https://docs.aws.amazon.com/batch/latest/userguide/using_cloudwatch_metrics.html
        [{"expression": f"SEARCH('{{AWS/Batch,JobQueueName}} JobQueueName=\"{settings.name}-{zone}\"', 'Sum', 300)"}]
        for zone in settings.zones
    ]
    return [
        _graph("Messages that wait", waiting),
        _graph("Errors of functions", errors),
        _graph("Jobs", jobs),
    ]


def _own(settings: DeploymentSettings, metric: metrics.Metric, *, action: str = "") -> Line:
    dimension = [metrics.ACTION_DIMENSION, action] if action else []
    options = {"stat": "Sum" if action else "Maximum", "period": MEASURE_MINUTES * 60}
    return [metrics.NAMESPACE.format(name=settings.name), metric.name, *dimension, options]


def _graph(title: str, lines: Sequence[Line], *, limits: Mapping[str, float] | None = None) -> Widget:
    annotations = [{"label": label, "value": value} for label, value in (limits or {}).items()]
    return {
        "type": "metric",
        "height": _HIGH,
        "properties": {
            "title": title,
            "metrics": list(lines),
            "view": "timeSeries",
            "region": Aws.REGION,
            "stat": "Maximum",
            "period": _SECONDS,
            **({"annotations": {"horizontal": annotations}} if annotations else {}),
        },
    }
