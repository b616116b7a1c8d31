"""What is known of all recovery points of a deployment, and what is missing."""

from backup_actions.estate.description import Estate

__all__ = ["Estate"]
