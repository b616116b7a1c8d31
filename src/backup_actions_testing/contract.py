"""What every action owes, as tests that a class inherits by naming its action."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import pytest

from backup_actions.contract import Action


class DescriptionContract:
    """What can be told of an action without running it. A subclass names its action: ``action = ACTION``."""

    action: ClassVar[Action]
    not_called: ClassVar[Mapping[tuple[str, str], str]] = {}
    """A step (``task report``) and an IAM action that its code seems to call and never does → why it seems so."""

    def test_the_description_agrees_with_itself_and_is_announced(self) -> None:
        """The plug-in can be installed and found."""
        from backup_actions_testing.descriptions import complaints_about_description

        hold(complaints_about_description(self.action))

    def test_reading_the_description_imports_nothing_heavy(self) -> None:
        """Help texts, synthesis and jobs read every action."""
        from backup_actions_testing.descriptions import complaints_about_weight

        hold(complaints_about_weight(self.action))

    def test_settings_are_the_same_in_schema_example_and_workflow(self) -> None:
        """One truth about each setting."""
        from backup_actions_testing.descriptions import complaints_about_settings

        hold(complaints_about_settings(self.action))

    def test_the_workflow_is_valid(self) -> None:
        """States Language, JSONata, and every API as it is."""
        from backup_actions_testing.workflows import complaints_about_workflow

        hold(complaints_about_workflow(self.action))

    def test_every_wait_and_every_loop_of_the_workflow_ends(self) -> None:
        """Nothing hangs, nothing fills its history."""
        from backup_actions_testing.bounds import complaints_about_bounds

        hold(complaints_about_bounds(self.action))

    def test_what_the_workflow_makes_is_removed_on_every_path(self) -> None:
        """Success, failure, time-out and abort."""
        from backup_actions_testing.clean_ups import complaints_about_clean_up

        hold(complaints_about_clean_up(self.action))

    def test_the_workflow_is_granted_what_it_calls_and_nothing_else(self) -> None:
        """State by state."""
        from backup_actions_testing.grants import complaints_about_workflow_grants

        hold(complaints_about_workflow_grants(self.action))

    def test_tasks_and_jobs_are_granted_what_they_call_and_nothing_else(self) -> None:
        """Read from their source."""
        from backup_actions_testing.grants import complaints_about_code_grants

        hold(complaints_about_code_grants(self.action, self.not_called))

    def test_permissions_agree_with_the_service_authorization_reference(self) -> None:
        """Actions, types of resources and condition keys exist and belong together."""
        from backup_actions_testing.grants import complaints_about_statements

        hold(complaints_about_statements(self.action.permissions))
        for function in self.action.functions:
            hold(complaints_about_statements(function.permissions))


def hold(complaints: Iterable[str]) -> None:
    """Fail with every complaint on a line of its own, if there is one."""
    if told := list(complaints):
        pytest.fail("\n".join(told), pytrace=False)
