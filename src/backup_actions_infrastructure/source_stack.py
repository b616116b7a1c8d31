"""The stack of the account that has the backups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backup_actions.lifecycle import INTAKE
from backup_actions_infrastructure.events import cut_short_notice, intake_rules
from backup_actions_infrastructure.stack import DeploymentStack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_lambda as lambda_

    from backup_actions_infrastructure.machines import RenderedMachine


class SourceStack(DeploymentStack):
    """AWS Backup's events start the main machine, once per recovery point."""

    DESCRIPTION = "AWS Backup Actions: archives, verifies and lets go of recovery points"

    def _main(self, main: RenderedMachine, functions: Mapping[str, lambda_.Function]) -> None:
        cut_short_notice(main, main.machine, self._topic, self._dead_letters)
        intake_rules(self, functions[INTAKE.name], self._settings.vaults, self._dead_letters)
