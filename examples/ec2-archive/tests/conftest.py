"""``--sweep`` comes with the suite."""

pytest_plugins = ["backup_actions_testing.options"]
