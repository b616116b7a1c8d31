"""Whatever can go wrong has an alarm that says what to do, and docs/monitoring.md has a row for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.infrastructure.conftest import SETTINGS, Rendered

from backup_actions.estate import metrics
from backup_actions.lifecycle import deployed_functions
from backup_actions.plugins import installed
from backup_actions.settings import from_mapping
from backup_actions_infrastructure import alarms

NAME = "backup-actions"
OURS = metrics.NAMESPACE.format(name=NAME)


def alarms_of(rendered: Rendered) -> dict[str, Mapping[str, Any]]:
    """Name, without that of the deployment → alarm."""
    found = rendered.template.of_type("AWS::CloudWatch::Alarm").values()
    return {alarm["AlarmName"].removeprefix(f"{NAME}-"): alarm for alarm in found}


def metrics_in(alarm: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Namespace, name and dimensions of each metric of an alarm."""
    stats = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
    for metric in stats or [alarm]:
        dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions", [])}
        yield metric["Namespace"], metric["MetricName"], dimensions


def test_every_machine_has_its_alarms_from_its_description_alone(either: Rendered) -> None:
    main, *others = (deployed.machine.name for deployed in either.machines)
    found = alarms_of(either)

    assert {f"{main}-failed", f"{main}-cut-short"} <= found.keys()
    assert {f"{name}-{what}" for name in others for what in ("failing", "cut-short")} <= found.keys()


def test_every_function_that_no_workflow_calls_has_an_alarm(either: Rendered) -> None:
    functions = [
        *deployed_functions(either.settings, installed().actions),
        *(function for deployed in either.machines for function in deployed.machine.functions),
    ]

    assert {f"{function.name}-failing" for function in functions} <= alarms_of(either).keys()


def test_every_alarm_tells_the_topic_and_says_in_a_sentence_or_two_what_to_do(either: Rendered) -> None:
    (topic,) = (f"<{name}>" for name in either.template.of_type("AWS::SNS::Topic") if name[0].isupper())
    for name, alarm in alarms_of(either).items():
        (told,) = alarm["AlarmActions"]
        assert told in (topic, f"arn:aws:sns:us-east-1:{either.settings.account}:{NAME}"), name
        assert 60 < len(alarm["AlarmDescription"]) <= 1024, name  # PutMetricAlarm's limit


def test_what_is_over_is_told_where_it_was_a_state_and_not_where_it_was_an_event(rendered: Rendered) -> None:
    told = {name for name, alarm in alarms_of(rendered).items() if alarm.get("OKActions")}

    assert {
        "dead-letters",
        "unarchived",
        "waiting",
        "unacknowledged",
        "unswept",
        "measure-silent",
        "sweep-silent",
    } <= told
    assert not [name for name in told if name.endswith(("-failed", "-failing", "-cut-short"))]


def test_each_metric_of_an_alarm_is_of_something_in_the_template_or_is_our_own(either: Rendered) -> None:
    template = either.template
    functions = {each["FunctionName"] for each in template.of_type("AWS::Lambda::Function").values()}
    queues = {f"<{name}.QueueName>" for name in template.of_type("AWS::SQS::Queue")}
    machines = {
        f"arn:aws:states:us-east-1:{template.account}:stateMachine:{each['StateMachineName']}"
        for each in template.of_type("AWS::StepFunctions::StateMachine").values()
    }
    known = {"AWS/Lambda": ("FunctionName", functions), "AWS/SQS": ("QueueName", queues)}
    known |= {"AWS/States": ("StateMachineArn", machines)}
    for name, alarm in alarms_of(either).items():
        for namespace, metric, dimensions in metrics_in(alarm):
            if namespace == OURS:
                assert metric in {each.name for each in metrics.PER_ESTATE}, name
            else:
                dimension, values = known[namespace]
                assert dimensions.keys() == {dimension}, name
                assert dimensions[dimension] in values, name


def test_ages_stay_what_they_were_when_nothing_is_measured_and_that_has_its_own_alarm(rendered: Rendered) -> None:
    found = alarms_of(rendered)

    for name in ("unarchived", "waiting", "unacknowledged"):
        assert found[name]["TreatMissingData"] == "ignore"
    assert found["measure-silent"]["TreatMissingData"] == "breaching"
    assert found["measure-silent"]["ComparisonOperator"] == "LessThanThreshold"


def test_limits_are_those_of_the_settings(rendered: Rendered) -> None:
    watching, found = rendered.settings.watching, alarms_of(rendered)

    assert found["unarchived"]["Threshold"] == watching.unarchived_hours
    assert found["waiting"]["Threshold"] == watching.waiting_hours
    assert found["unacknowledged"]["Threshold"] == watching.unacknowledged_hours


def test_no_alarm_looks_further_back_than_cloudwatch_allows(either: Rendered) -> None:
    for name, alarm in alarms_of(either).items():
        periods = [each["MetricStat"]["Period"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
        for seconds in periods or [alarm["Period"]]:
            assert seconds % 60 == 0, name
            assert seconds * alarm["EvaluationPeriods"] <= 86_400, name


def test_one_failure_of_an_action_is_left_to_the_main_machine(rendered: Rendered) -> None:
    found = alarms_of(rendered)

    assert (found["recovery-point-failed"]["Threshold"], found["recovery-point-failed"]["Period"]) == (0, 300)
    assert (found["ebs-archive-failing"]["Threshold"], found["ebs-archive-failing"]["Period"]) == (2, 3600)


@pytest.fixture(name="rows", scope="module")
def _rows(repository: Path) -> dict[str, str]:
    """Of the table of alarms: the name in the first column → the rest."""
    text = (repository / "docs" / "monitoring.md").read_text(encoding="utf-8")
    return dict(
        re.findall(r"^\| `([^`]+)` \| (.+) \|$", text.partition("## Alarms")[2].partition("## ")[0], re.MULTILINE)
    )


def as_documented(rendered: Rendered) -> set[str]:
    """The alarms as the table names them: all machines and all functions by one name."""
    main, *others = (deployed.machine.name for deployed in rendered.machines)
    functions = deployed_functions(rendered.settings, installed().actions)
    names = {function.name for function in functions}
    names |= {function.name for deployed in rendered.machines for function in deployed.machine.functions}
    inboxes = {f"{each.machine.name}-{inbox}" for each in rendered.machines for inbox in each.machine.inboxes}

    kinds = {
        "cut-short": {"<machine>": {main, *others}},
        "failed": {"<main>": {main}},
        "failing": {"<action>": set(others), "<function>": names},
        "age": {"<inbox>": inboxes},
    }

    def general(name: str) -> str:
        for what, known in kinds.items():
            subject = name.removesuffix(f"-{what}")
            for kind, subjects in known.items():
                if subject != name and subject in subjects:
                    return f"{kind}-{what}"
        return name

    return {general(name) for name in alarms_of(rendered)}


def test_every_alarm_has_its_row_in_the_documentation_and_every_row_its_alarm(
    rendered: Rendered, separated: Rendered, rows: Mapping[str, str]
) -> None:
    only_where_set = {"unverified", "cost"}

    assert rows.keys() == as_documented(rendered) | as_documented(separated) | only_where_set


def test_every_metric_of_our_own_has_its_row(repository: Path) -> None:
    text = (repository / "docs" / "monitoring.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)`(?:, by `Action`)? \| (.+) \|$", text.partition("## Metrics")[2], re.MULTILINE))

    assert rows == {metric.name: metric.doc for metric in (*metrics.PER_ESTATE, *metrics.PER_ACTION)}


def test_where_archives_are_proven_again_one_whose_turn_does_not_come_raises_an_alarm() -> None:
    settings = from_mapping({**SETTINGS, "actions": {}, "proving": {"verify_every_days": 30}}, [])

    assert {each.name: each.limit for each in alarms.of_estate(settings)}["unverified"] == 60 * 24


def test_what_only_some_want_to_hear_of_is_watched_where_the_settings_say_so() -> None:
    settings = from_mapping(
        {**SETTINGS, "actions": {}, "watching": {"unverified_days": 90, "monthly_cost_usd": 500}}, []
    )
    limits = {each.name: each.limit for each in alarms.of_estate(settings)}

    assert (limits["unverified"], limits["cost"]) == (90 * 24, 500)
