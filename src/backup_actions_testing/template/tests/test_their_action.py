"""The action owes what every action does; its own truths are tested below that."""

from __future__ import annotations

from backup_actions_testing import ActionContract

from their_action import ACTION


class TestTheirAction(ActionContract):
    """Run ``pytest --sweep`` now and then: it tries every single fault."""

    action = ACTION


def test_a_backup_is_never_deleted_because_of_this_action() -> None:
    assert not ACTION.restorable
