"""Log groups, kept as long as the settings say."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs

if TYPE_CHECKING:
    from constructs import Construct


def log_group(scope: Construct, name: str, *, retention_days: int, log_group_name: str | None = None) -> logs.LogGroup:
    """A log group that goes with the stack: what must outlive it is evidence, and that lies in the archive bucket."""
    group = logs.LogGroup(scope, name, log_group_name=log_group_name, removal_policy=RemovalPolicy.DESTROY)
    # The construct takes a member of an enum; the settings have checked the number itself.
    cast("logs.CfnLogGroup", group.node.default_child).retention_in_days = retention_days
    return group
