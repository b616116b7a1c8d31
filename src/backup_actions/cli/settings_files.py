"""The settings file for commands that need one of its deployments, and the actions that are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from backup_actions.cli.output import Output
    from backup_actions.plugins import Installed
    from backup_actions.settings import DeploymentSettings


def usable_actions(output: Output) -> Installed:
    """What is installed; of broken actions is told, because what the settings say of them is unknown then."""
    from backup_actions.plugins import installed

    found = installed()
    for broken in found.broken:
        output.warn(broken)
    return found


def loaded_settings(output: Output, path: Path, deployment: str | None) -> DeploymentSettings:
    """The deployment of that name, or the only one. Raises SettingsInvalid, SettingsUnreadable, DeploymentUnknown."""
    from backup_actions.settings import load

    return load(path, usable_actions(output).actions, deployment)
