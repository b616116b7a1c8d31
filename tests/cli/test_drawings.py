"""Drawings say what the workflow says, and boxes do not stand on each other."""

from __future__ import annotations

import itertools
import json
import re
from xml.etree import ElementTree

import pytest

from backup_actions.cli.drawing import graph_of, mermaid, svg
from backup_actions.cli.drawing.labels import placed
from backup_actions.cli.drawing.layout import laid_out
from backup_actions.cli.errors import run
from backup_actions.contract import Action
from backup_actions.plugins import installed

ACTIONS = installed().actions


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_every_state_and_every_way_is_drawn(action: Action) -> None:
    graph = graph_of(action)
    drawn = {(edge.source, edge.target) for edge in graph.edges}
    states = dict(action.workflow.states())
    ways = {
        (name, str(part[field]))
        for name, state in states.items()
        for part in (state, *state.get("Choices", ()))
        for field in ("Next", "Default")
        if field in part and "ItemProcessor" not in state
    }
    caught = {str(each["Next"]) for state in states.values() for each in state.get("Catch", ())}

    assert set(states) <= {node.name for node in graph.nodes}
    assert ways <= drawn
    assert caught == {edge.target for edge in graph.edges if edge.is_error}


def test_the_errors_of_many_states_are_one_arrow() -> None:
    (archive,) = (action for action in ACTIONS if action.name == "ebs-archive")

    assert "any error, to FindJobs" in [edge.source for edge in graph_of(archive).edges]
    assert sum(edge.is_error and edge.target == "FindJobs" for edge in graph_of(archive).edges) == 1


def test_a_map_leads_to_what_is_inside_and_that_to_what_follows() -> None:
    (archive,) = (action for action in ACTIONS if action.name == "ebs-archive")
    edges = {(edge.source, edge.target) for edge in graph_of(archive).edges}

    assert ("StopJobs", "TerminateJob") in edges
    assert ("TerminateJob", "AnotherRound?") in edges


def test_mermaid_has_its_own_signs_escaped() -> None:
    text = mermaid(graph_of(ACTIONS[0]))

    assert text.startswith("flowchart TD\n")
    labels = [part for line in text.splitlines() for part in line.split('"')[1::2]]
    assert not any(sign in label.replace("<br/>", "") for label in labels for sign in "<>")


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_an_svg_is_whole_and_its_boxes_stand_apart(action: Action) -> None:
    root = ElementTree.fromstring(svg(graph_of(action), title=action.title))  # noqa: S314 - our own
    boxes = [each.attrib for each in root.iter("{http://www.w3.org/2000/svg}rect")]
    left, top, width, height = map(float, root.attrib["viewBox"].split())

    for box in boxes:
        assert left <= float(box["x"])
        assert float(box["x"]) + float(box["width"]) <= left + width
        assert top <= float(box["y"]) <= top + height
    for one, other in itertools.combinations(boxes, 2):
        assert (
            one["y"] != other["y"]
            or float(one["x"]) + float(one["width"]) < float(other["x"])
            or float(other["x"]) + float(other["width"]) < float(one["x"])
        )


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)
def test_no_arrow_runs_through_a_box(action: Action) -> None:
    root = ElementTree.fromstring(svg(graph_of(action), title=action.title))  # noqa: S314 - our own
    boxes = [
        (float(each["x"]), float(each["x"]) + float(each["width"]), float(each["y"]), float(each["y"]) + 40)
        for each in (rect.attrib for rect in root.iter("{http://www.w3.org/2000/svg}rect"))
    ]
    for way in (
        path.attrib["d"] for path in root.iter("{http://www.w3.org/2000/svg}path") if "marker-end" in path.attrib
    ):
        start, *steps = re.findall(r"[MCV][^MCV]*", way)
        x, y = map(float, start[1:].split())
        for step in steps:
            *_, to_x, to_y = (x, *map(float, step[1:].split()))
            for left, right, top, bottom in boxes:
                beside = max(x, to_x) <= left or min(x, to_x) >= right
                assert max(y, to_y) <= top or min(y, to_y) >= bottom or (step[0] == "V" and beside)
            x, y = to_x, to_y


def test_words_on_arrows_do_not_hide_each_other() -> None:
    ends = [("otherwise, and for as long as it takes", (0.0, 0.0), (30.0 * number, 56.0)) for number in range(9)]

    labels = placed(ends)

    assert not any(one.is_on(other) for one, other in itertools.combinations(labels, 2))
    assert all(6 <= label.y <= 50 for label in labels), "in the gap between two rows"


def test_many_errors_of_one_arrow_are_counted() -> None:
    (dump,) = (action for action in ACTIONS if action.name == "rds-dump")

    assert "InsufficientDbClusterCapacityException and 2 more" in [edge.label for edge in graph_of(dump).edges]


def test_an_arrow_back_leads_up_and_a_long_one_has_a_place_in_each_row() -> None:
    layout = laid_out([50, 50, 50], [(0, 1), (1, 2), (2, 0)])

    assert [layout.rows[box] for box in range(3)] == [0, 1, 2]
    assert [len(way) for way in layout.ways] == [2, 2, 3]
    assert (layout.ways[2][0], layout.ways[2][-1]) == (2, 0)


@pytest.mark.parametrize(("form", "begin"), [("mermaid", "flowchart TD"), ("svg", "<svg ")])
def test_the_command_draws(form: str, begin: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["actions", "--graph", "rds-export", "--format", form]) == 0
    assert capfd.readouterr().out.startswith(begin)
    assert run(["actions", "--graph", "rds-export", "--format", form, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["drawing"].startswith(begin)


def test_what_is_not_installed_cannot_be_drawn(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["actions", "--graph", "none"]) == 2
    assert "there is no action 'none'" in capfd.readouterr().err


def test_the_list_says_from_which_package_an_action_comes(capfd: pytest.CaptureFixture[str]) -> None:
    run(["actions"])
    assert "aws-backup-actions 0.1.0" in capfd.readouterr().out
    run(["actions", "--json"])
    assert {each["package"] for each in json.loads(capfd.readouterr().out)["actions"]} == {"aws-backup-actions 0.1.0"}
