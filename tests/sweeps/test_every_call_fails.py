"""Each AWS call of a run fails in turn, in each of four ways; the promises hold after every one of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.flow.flow import ACTION, Flow, NewFlow
from tests.flow.invariants import broken
from tests.sweeps.grants import CHOICES, IMAGE
from tests.sweeps.outcomes import outcome_of

from backup_actions_local.front.faults import CallSite
from backup_actions_testing.faults import Trial, every_trial, sample_of

if TYPE_CHECKING:
    from backup_actions_local.seaweed import ObjectServer

pytestmark = pytest.mark.root

SHARES = 12
Sites = tuple[CallSite, ...]


@pytest.fixture(name="sites", scope="module")
def _sites(tmp_path_factory: pytest.TempPathFactory, tiny_disk: Path, flow_objects: ObjectServer) -> Sites:
    """Every call of a run in which nothing goes wrong, and those that read a snapshot in one without a volume."""
    found: list[CallSite] = []
    several: tuple[Mapping[str, Any], ...] = ({}, CHOICES[IMAGE])
    for choices in several:
        with Flow.begun(tmp_path_factory.mktemp("good"), tiny_disk, flow_objects, **choices) as flow:
            flow.back_up()
            found += [site for site in flow.cloud.faults.calls if not choices or site.service == "ebs"]
    return tuple(found)


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.timeout(3000)
def test_no_single_fault_breaks_a_promise(
    new_flow: NewFlow,
    sites: Sites,
    share: int,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    trials = every_trial(sites) if pytestconfig.getoption("sweep") else sample_of(tuple(filter(_is_tried_here, sites)))
    results = [_tried(new_flow, trial) for trial in trials[share::SHARES]]

    record_property("faults", json.dumps(results))
    assert [result for result in results if result["broken"]] == []


def _is_tried_here(site: CallSite) -> bool:
    """The action's contract tries a sample of its own roles, in a run that does not read the snapshot."""
    return site.role == IMAGE or not site.role.startswith(ACTION)


def _tried(new_flow: NewFlow, trial: Trial) -> dict[str, object]:
    flow = new_flow(**CHOICES.get(trial.site.role, {}))
    trial.plan(flow)
    flow.back_up()
    flow.cloud.faults.assert_all_happened()
    wrong = broken(flow)
    if trial.must_succeed and (flow.main.status != "SUCCEEDED" or flow.point is not None):
        wrong.append(f"the run did not succeed: {flow.main.error}: {flow.main.cause}")
    return {"trial": str(trial), "group": trial.kind, "outcome": outcome_of(flow), "broken": wrong}
