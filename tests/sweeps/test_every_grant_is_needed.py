"""Each grant of each role is taken away in turn: something is refused, and the promises hold all the same."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from tests.flow.flow import ACTION, MAIN, NewFlow
from tests.flow.invariants import broken
from tests.sweeps.grants import CHOICES, SCENARIOS, UNUSED_HERE, Grant, every_grant, ordinary
from tests.sweeps.outcomes import outcome_of, refused_to

from backup_actions_local.states.execution import Execution

pytestmark = pytest.mark.root

SHARES = 6
_SAMPLED = 6
"""The suite takes every sixth grant."""


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.timeout(3000)
def test_every_grant_is_needed_and_its_lack_does_no_harm(
    new_flow: NewFlow,
    share: int,
    pytestconfig: pytest.Config,
    record_property: Callable[[str, object], None],
) -> None:
    grants = [grant for grant in every_grant(new_flow()) if (grant.role, grant.action) not in UNUSED_HERE]
    chosen = grants if pytestconfig.getoption("sweep") else grants[::_SAMPLED]
    results = [_tried(new_flow, grant) for grant in chosen[share::SHARES]]

    record_property("grants", json.dumps(results))
    assert [result for result in results if result["broken"]] == []


def _tried(new_flow: NewFlow, grant: Grant) -> dict[str, object]:
    flow = new_flow(**CHOICES.get(grant.role, {}))
    flow.take_away(grant.role, grant.action, grant.statement)
    SCENARIOS.get((grant.role, grant.action), ordinary)(flow)
    wrong = broken(flow)
    if not refused_to(flow, grant.role):
        wrong.append("nothing was refused: the grant is too much")
    failed = _failed_states(flow.executions(MAIN) + flow.executions(ACTION))
    # What Step Functions does after an execution was stopped is in nobody's history.
    in_a_state = grant.role.endswith("-workflow") and grant.action != "states:StopExecution"
    if in_a_state and not failed & set(grant.needed_in):
        wrong.append(f"{sorted(failed)} failed instead of {grant.needed_in}")
    return {"trial": str(grant), "group": grant.role, "outcome": outcome_of(flow), "broken": wrong}


def _failed_states(executions: list[Execution]) -> set[str]:
    return {str(event.state) for execution in executions for event in execution.history if event.type == "TaskFailed"}


def test_grants_without_a_run_that_needs_them_still_exist(new_flow: NewFlow) -> None:
    granted = {(grant.role, grant.action) for grant in every_grant(new_flow())}

    assert granted >= set(UNUSED_HERE)
    assert granted >= set(SCENARIOS)
