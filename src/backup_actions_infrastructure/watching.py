"""What watches a deployment: its alarms and its dashboard, from what it consists of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from backup_actions.lifecycle import machine_arn
from backup_actions_infrastructure import alarms
from backup_actions_infrastructure.alarms import Alarms, Watched
from backup_actions_infrastructure.dashboard import dashboard

if TYPE_CHECKING:
    from aws_cdk import aws_sns as sns
    from aws_cdk import aws_sqs as sqs
    from constructs import Construct

    from backup_actions.contract import Function, Machine
    from backup_actions.settings import DeploymentSettings
    from backup_actions_infrastructure.placeholders import Placeholders

# Of those that find what nobody told: every quarter of an hour, and every hour.
_SILENT_AFTER_HOURS = {"measure": 1, "sweep": 3}


def watch(
    scope: Construct,
    settings: DeploymentSettings,
    *,
    machines: Sequence[Machine],
    functions: Sequence[Function],
    placeholders: Placeholders,
    topic: sns.ITopic,
    dead_letters: sqs.IQueue,
    inboxes: Sequence[sqs.IQueue],
) -> None:
    """The topic hears of what is wrong, and the dashboard shows it. The main machine comes first."""
    by_arn = {placeholders.fill(machine_arn(machine)): machine for machine in machines}
    called = [*functions, *(function for machine in machines for function in machine.functions)]
    watched = Alarms(
        scope, "Alarms", settings=settings, topic=topic, watched=_watched(settings, by_arn, called, dead_letters)
    )
    dashboard(
        scope,
        settings,
        machines=by_arn,
        functions=called,
        queues=[queue.queue_name for queue in (dead_letters, *inboxes)],
        alarm_arns=watched.arns,
    )


def _watched(
    settings: DeploymentSettings,
    machines: Mapping[str, Machine],
    functions: Sequence[Function],
    dead_letters: sqs.IQueue,
) -> Iterator[Watched]:
    yield from alarms.of_estate(settings)
    yield alarms.of_dead_letters(dead_letters)
    (main_arn, main), *others = machines.items()
    yield from alarms.of_main_machine(main, main_arn)
    for arn, machine in others:
        yield from alarms.of_action_machine(machine, arn)
    for function in functions:
        yield alarms.of_function(settings, function)
        if hours := _SILENT_AFTER_HOURS.get(function.name):
            yield alarms.of_silence(settings, function, hours=hours)
