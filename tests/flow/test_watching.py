"""What looks after a deployment, with its own role on the embedded AWS."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from tests.flow.flow import NAME, Flow, NewFlow

from backup_actions_local.services.hosting.orders import FunctionError

pytestmark = pytest.mark.root

HOUR = timedelta(hours=1)


def called(flow: Flow, function: str) -> Mapping[str, Any]:
    """What the function answers to its schedule, a while after the last run."""
    now = flow.cloud.clock.now() + HOUR
    with flow.cloud.clock.actor():  # else its time-out would pass meanwhile
        answer = flow.cloud.functions.invoke(f"{NAME}-{function}", {"time": now.strftime("%Y-%m-%dT%H:%M:%SZ")})
    assert isinstance(answer, Mapping)
    return answer


def granted(flow: Flow, function: str) -> list[tuple[str, int]]:
    """Each action of each statement of the function's role."""
    statements = dict(flow.deployment.roles())[f"{NAME}-{function}"]
    return [(action, number) for number, statement in enumerate(statements) for action in statement.actions]


def test_a_success_is_told_by_the_digest_alone_and_once(new_flow: NewFlow) -> None:
    flow = new_flow(success="digest")
    flow.back_up()

    for function in ("measure", "digest"):
        role = f"{NAME}-{function}"
        for action, number in granted(flow, function):
            flow.take_away(role, action, number)
            with pytest.raises(FunctionError, match=action):
                called(flow, function)
            flow.cloud.roles.add(role, dict(flow.deployment.roles())[role])
    refused = len(flow.cloud.audit.refused())

    assert called(flow, "measure")["OldestUnarchivedHours"] == 0
    assert [called(flow, "digest")["sent"] for _ in range(2)] == [True, False]
    (notice,) = flow.notices
    assert notice["Subject"] == f"{NAME} in us-east-1: 1 archived"
    assert "Archived and verified: 1 (backups: 1 deleted)" in notice["Message"]
    assert len(flow.cloud.audit.refused()) == refused
