"""The dashboard is valid, whole, and shows only what there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.infrastructure.conftest import Rendered

from backup_actions.estate import metrics

NAME = "backup-actions"


def body_of(rendered: Rendered) -> dict[str, Any]:
    (dashboard,) = rendered.template.of_type("AWS::CloudWatch::Dashboard").values()
    body: dict[str, Any] = json.loads(dashboard["DashboardBody"])
    return body


def lines_of(rendered: Rendered) -> Iterator[list[Any]]:
    """Every line of every graph, without its options."""
    for widget in body_of(rendered)["widgets"]:
        for line in widget["properties"].get("metrics", []):
            yield [part for part in line if isinstance(part, str)] or line


def test_widgets_have_the_form_that_cloudwatch_asks_for(either: Rendered) -> None:
    widgets = body_of(either)["widgets"]

    assert len(widgets) <= 500
    for widget in widgets:
        assert widget["type"] in {"metric", "text", "alarm"}
        assert widget.keys() == {"type", "x", "y", "width", "height", "properties"}
        assert 0 <= widget["x"] <= 23
        assert 1 <= widget["width"] <= 24 - widget["x"]
        assert 1 <= widget["height"] <= 1000
        if widget["type"] == "metric":
            assert widget["properties"]["region"] == "us-east-1"
            assert 1 <= len(widget["properties"]["metrics"]) <= 500


def test_no_widget_lies_over_another(either: Rendered) -> None:
    taken: set[tuple[int, int]] = set()
    for widget in body_of(either)["widgets"]:
        cells = {
            (x, y)
            for x in range(widget["x"], widget["x"] + widget["width"])
            for y in range(widget["y"], widget["y"] + widget["height"])
        }
        assert not cells & taken
        taken |= cells


def test_every_machine_has_a_row_from_its_description_alone(either: Rendered) -> None:
    titles = [widget["properties"].get("title", "") for widget in body_of(either)["widgets"]]
    for number, deployed in enumerate(either.machines):
        shown = {title.partition(": ")[2] for title in titles if title.startswith(f"{deployed.machine.name}: ")}
        assert shown == {"executions", "time in milliseconds", *(["bytes"] if number else [])}


def test_every_metric_that_is_shown_is_of_something_in_the_template_or_is_our_own(either: Rendered) -> None:
    template = either.template
    machines = {
        f"arn:aws:states:us-east-1:{template.account}:stateMachine:{each['StateMachineName']}"
        for each in template.of_type("AWS::StepFunctions::StateMachine").values()
    }
    known = {
        ("AWS/States", "StateMachineArn"): machines,
        ("AWS/Lambda", "FunctionName"): {
            each["FunctionName"] for each in template.of_type("AWS::Lambda::Function").values()
        },
        ("AWS/SQS", "QueueName"): {f"<{name}.QueueName>" for name in template.of_type("AWS::SQS::Queue")},
    }
    ours = {metric.name for metric in metrics.PER_ESTATE}
    per_action = {metric.name for metric in metrics.PER_ACTION}
    actions = {deployed.machine.name for deployed in either.machines}
    for line in lines_of(either):
        match line:
            case [str(namespace), str(metric)] if namespace == f"BackupActions/{NAME}":
                assert metric in ours
            case [str(namespace), str(metric), metrics.ACTION_DIMENSION, str(action)]:
                assert namespace == f"BackupActions/{NAME}"
                assert metric in per_action
                assert action in actions
            case [str(namespace), str(), str(dimension), str(value)]:
                assert value in known[namespace, dimension]
            case [{"expression": expression}]:
                (queue,) = re.findall(r'JobQueueName="([^"]+)"', expression)
                assert queue in {each["JobQueueName"] for each in template.of_type("AWS::Batch::JobQueue").values()}
            case _:
                raise AssertionError(line)


def test_every_metric_of_our_own_is_shown(rendered: Rendered) -> None:
    shown = {line[1] for line in lines_of(rendered) if line[0] == f"BackupActions/{NAME}"}

    assert shown == {metric.name for metric in (*metrics.PER_ESTATE, *metrics.PER_ACTION)}


def test_every_alarm_that_this_module_makes_is_shown(rendered: Rendered) -> None:
    (widget,) = (widget for widget in body_of(rendered)["widgets"] if widget["type"] == "alarm")
    alarms = rendered.template.of_type("AWS::CloudWatch::Alarm")

    assert set(widget["properties"]["alarms"]) == {f"<{name}.Arn>" for name in alarms if name.startswith("Alarms")}


def test_the_names_of_dashboards_are_the_accounts_and_so_hold_the_region(rendered: Rendered) -> None:
    (dashboard,) = rendered.template.of_type("AWS::CloudWatch::Dashboard").values()

    assert dashboard["DashboardName"] == f"{NAME}-us-east-1"
