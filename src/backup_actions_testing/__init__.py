"""The test suite for actions: inherit ``ActionContract``, name the action, and what every action owes is tested."""

from backup_actions_testing.contract import ActionContract, DescriptionContract, RunContract

__all__ = ["ActionContract", "DescriptionContract", "RunContract"]
