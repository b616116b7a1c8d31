"""The stack of backup plans: a vault, what AWS Backup does by itself, and the role under which it does it.

It refers to nothing of the deployment's stack, nor that to it: either may be deployed first, or without the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Aws, CfnOutput, Environment, Stack, Tags
from aws_cdk import aws_backup as backup
from aws_cdk import aws_iam as iam
from constructs import Construct

from backup_actions.contract.placeholders import fill_text
from backup_actions.lifecycle.on_demand import OUTPUT, Planned
from backup_actions.settings.backup_types import BACKUP_TYPES
from backup_actions_infrastructure.plans_role import backup_role
from backup_actions_infrastructure.plans_vault import vault

if TYPE_CHECKING:
    from collections.abc import Iterable

    from backup_actions.contract import Action
    from backup_actions.settings import DeploymentSettings
    from backup_actions.settings.backup_plans import BackupPlans, Plan, Selection

_MINUTES = 60


class PlansStack(Stack):
    """The settings' section ``backup_plans``."""

    def __init__(
        self, scope: Construct, *, settings: DeploymentSettings, plans: BackupPlans, actions: Iterable[Action]
    ) -> None:
        super().__init__(
            scope,
            f"{settings.name}-plans",
            env=Environment(account=settings.account, region=settings.region),
            description="AWS Backup Actions: backup plans and their vault",
        )
        made = None if plans.vault.existing else vault(self, settings, actions, plans.vault)
        role = (
            iam.Role.from_role_arn(self, "BackupRole", plans.role_arn)
            if plans.role_arn
            else backup_role(self, settings, plans)
        )
        for plan in plans.plans:
            rendered = RenderedPlan(self, settings, plan, plans.vault.name, role)
            if made:
                rendered.node.add_dependency(made)
        told = Planned(vault=plans.vault.name, role_arn=role.role_arn)
        CfnOutput(self, OUTPUT, description="For the command line: backup-actions backup", value=told.to_text())
        for tag_key, value in {**settings.tags, settings.security_tag.key: settings.security_tag.value}.items():
            Tags.of(self).add(tag_key, value)


class RenderedPlan(Construct):
    """One plan with its one rule and its one selection."""

    def __init__(
        self, scope: Construct, settings: DeploymentSettings, plan: Plan, vault_name: str, role: iam.IRole
    ) -> None:
        super().__init__(scope, f"Plan-{plan.name}")
        made = backup.CfnBackupPlan(
            self,
            "Plan",
            backup_plan=backup.CfnBackupPlan.BackupPlanResourceTypeProperty(
                backup_plan_name=f"{settings.name}-{plan.name}", backup_plan_rule=[_rule(plan, vault_name)]
            ),
        )
        backup.CfnBackupSelection(
            self,
            "Selection",
            backup_plan_id=made.attr_backup_plan_id,
            backup_selection=_selection(plan, role.role_arn),
        )


def _rule(plan: Plan, vault_name: str) -> backup.CfnBackupPlan.BackupRuleResourceTypeProperty:
    return backup.CfnBackupPlan.BackupRuleResourceTypeProperty(
        rule_name=plan.name,
        target_backup_vault=vault_name,
        schedule_expression=plan.schedule,
        schedule_expression_timezone=plan.timezone,
        start_window_minutes=plan.start_within_hours * _MINUTES,
        completion_window_minutes=plan.complete_within_hours * _MINUTES,
        enable_continuous_backup=plan.continuous,
        lifecycle=_lifecycle(plan.keep_days, plan.cold_after_days, plan.select),
        recovery_point_tags=plan.recovery_point_tags or None,
        copy_actions=[
            backup.CfnBackupPlan.CopyActionResourceTypeProperty(
                destination_backup_vault_arn=copy.vault_arn,
                lifecycle=_lifecycle(copy.keep_days, copy.cold_after_days, plan.select),
            )
            for copy in plan.copies
        ]
        or None,
    )


def _lifecycle(
    keep_days: int | None, cold_after_days: int | None, select: Selection
) -> backup.CfnBackupPlan.LifecycleResourceTypeProperty | None:
    if keep_days is None and cold_after_days is None:
        return None
    return backup.CfnBackupPlan.LifecycleResourceTypeProperty(
        delete_after_days=keep_days,
        move_to_cold_storage_after_days=cold_after_days,
        # Snapshots of volumes stay where they are without it; all other types move by the days alone.
        opt_in_to_archive_for_supported_resources=True if cold_after_days and "EBS" in select.resource_types else None,
    )


def _selection(plan: Plan, role_arn: str) -> backup.CfnBackupSelection.BackupSelectionResourceTypeProperty:
    """Of these types, and with all of the one tags, and with any of the other.

    https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupSelection.html
    """
    select = plan.select
    partition = {"Partition": Aws.PARTITION}.__getitem__
    all_of = [
        {"ConditionKey": f"aws:ResourceTag/{key}", "ConditionValue": value} for key, value in select.all_of.items()
    ]
    any_of = [
        backup.CfnBackupSelection.ConditionResourceTypeProperty(
            condition_type="STRINGEQUALS", condition_key=tag.key, condition_value=tag.value
        )
        for tag in select.any_of
    ]
    return backup.CfnBackupSelection.BackupSelectionResourceTypeProperty(
        selection_name=plan.name,
        iam_role_arn=role_arn,
        resources=[fill_text(BACKUP_TYPES[name].arns, partition) for name in select.resource_types],
        conditions={"StringEquals": all_of} if all_of else None,
        list_of_tags=any_of or None,
    )
