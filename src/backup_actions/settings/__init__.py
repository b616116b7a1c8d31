"""The one settings file, ``backup-actions.yaml``: read, checked whole, described."""

from backup_actions.settings.deployment import DeploymentSettings
from backup_actions.settings.description import example, json_schema
from backup_actions.settings.loading import from_mapping, load, load_all

__all__ = ["DeploymentSettings", "example", "from_mapping", "json_schema", "load", "load_all"]
