"""Finds the installed actions, ours and third parties' by one path, and names the culprit when one is broken."""

from backup_actions.plugins.discovery import GROUP, Installed, installed, installed_action

__all__ = ["GROUP", "Installed", "installed", "installed_action"]
