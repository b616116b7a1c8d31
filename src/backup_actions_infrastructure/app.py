"""The application: settings and installed actions in, a cloud assembly out. ``app.py`` at the root runs it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from backup_actions.plugins import installed
from backup_actions.settings import load_all
from backup_actions_infrastructure import node

if TYPE_CHECKING:
    from aws_cdk import App

    from backup_actions.plugins import Installed
    from backup_actions.settings import DeploymentSettings

_SETTINGS_CONTEXT, _SETTINGS_DEFAULT = "settings", "backup-actions.yaml"


def main() -> None:
    """Synthesize the stacks of ``-c settings=FILE``, or of backup-actions.yaml. Raises BackupActionsError."""
    found = installed()
    if found.broken:
        # Leaving it out would remove its machine from the account, without a word.
        raise found.broken[0]
    app = empty_application()
    asked = app.node.try_get_context(_SETTINGS_CONTEXT)
    for settings in load_all(Path(str(asked or _SETTINGS_DEFAULT)), found.actions):
        add_stack(app, settings, found)
    app.synth()


def empty_application(output: Path | None = None) -> App:
    """A CDK application that will be checked by the AWS Solutions rules. Raises ToolMissing without Node."""
    node.ensure()
    from aws_cdk import App, Validations
    from cdk_nag import AwsSolutionsChecks

    app = App(outdir=str(output) if output else None)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return app


def add_stack(app: App, settings: DeploymentSettings, found: Installed) -> None:
    """The stack of one deployment, and that of its backup plans, the findings that we accept acknowledged."""
    from backup_actions_infrastructure.findings import acknowledge_findings
    from backup_actions_infrastructure.plans_stack import PlansStack
    from backup_actions_infrastructure.separated_stack import SeparatedStack
    from backup_actions_infrastructure.source_stack import SourceStack

    kind = SeparatedStack if settings.imports else SourceStack
    acknowledge_findings(kind(app, settings.name, settings=settings, actions=found.actions))
    if settings.backup_plans:
        PlansStack(app, settings=settings, plans=settings.backup_plans, actions=found.actions)
