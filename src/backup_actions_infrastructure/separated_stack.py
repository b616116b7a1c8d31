"""The stack of a separated account, which takes in what others share with it and trusts none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, CfnOutput

from backup_actions_infrastructure.stack import DeploymentStack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_lambda as lambda_

    from backup_actions_infrastructure.machines import RenderedMachine


class SeparatedStack(DeploymentStack):
    """Messages in the import machine's own inbox start it: no vault is watched."""

    DESCRIPTION = "AWS Backup Actions: imports what other accounts share, verifies it and keeps it"

    def _main(self, main: RenderedMachine, functions: Mapping[str, lambda_.Function]) -> None:
        CfnOutput(
            self,
            "SeparatedAccount",
            description="In the settings of each source: actions.offsite-copy.separated_account",
            value=Aws.ACCOUNT_ID,
        )
        CfnOutput(
            self,
            "LedgerTable",
            description="For the command line: backup-actions imports list --ledger",
            value=self._placeholders.text("LedgerTable"),
        )
