"""Pages written from descriptions: of settings, and of an action."""

from backup_actions.cli.pages.action import action_page
from backup_actions.cli.pages.settings import settings_table

__all__ = ["action_page", "settings_table"]
