"""Backup plans are accepted as AWS Backup would carry them out, or refused with its rule."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from backup_actions.errors import SettingsInvalid
from backup_actions.plugins import installed_action
from backup_actions.settings import DeploymentSettings, from_mapping, load
from backup_actions.settings.backup_plans import BackupPlans
from backup_actions.settings.cron import cron_complaint
from backup_actions.settings.names import backup_role_arn

EXAMPLE = Path(__file__).parents[2] / "examples" / "backup-plans.yaml"
ELSEWHERE = "arn:aws:backup:eu-west-1:111122223333:backup-vault:backups"
PLAN: Mapping[str, Any] = {
    "name": "daily",
    "schedule": "cron(0 3 ? * * *)",
    "keep_days": 35,
    "select": {"all_of": {"backup": "daily"}},
}
SETTINGS: Mapping[str, Any] = {
    "account": "111122223333",
    "region": "us-east-1",
    "zones": ["us-east-1a"],
    "vaults": ["backups"],
}


def settings(
    *plans: Mapping[str, Any], vault: Mapping[str, Any] | None = None, role_arn: str | None = None, **sections: Any
) -> DeploymentSettings:
    section = {
        "vault": {"name": "backups", **(vault or {})},
        "role_arn": role_arn,
        "plans": [{**PLAN, **plan} for plan in plans or ({},)],
    }
    return from_mapping({**SETTINGS, "backup_plans": section, **sections}, [])


def accepted(*plans: Mapping[str, Any], **more: Any) -> BackupPlans:
    found = settings(*plans, **more).backup_plans
    assert found is not None
    return found


def mistake(*plans: Mapping[str, Any], **more: Any) -> str:
    """The one mistake that is reported."""
    with pytest.raises(SettingsInvalid) as refused:
        settings(*plans, **more)
    assert refused.value.facts["count"] == 1, refused.value
    return str(refused.value.facts["mistakes"])


def test_without_the_section_there_are_no_plans() -> None:
    found = from_mapping(SETTINGS, [])

    assert (found.backup_plans, backup_role_arn(found)) == (None, None)


def test_a_plan_has_the_windows_that_aws_backup_has_by_default() -> None:
    (plan,) = accepted().plans

    assert (plan.start_within_hours, plan.complete_within_hours, plan.timezone) == (8, 168, "Etc/UTC")


@pytest.mark.parametrize(
    ("plan", "place", "why"),
    [
        ({"cold_after_days": 30, "keep_days": 119}, "cold_after_days", "keep_days must then be at least 120"),
        ({"continuous": True, "keep_days": 36}, "continuous", "keep_days must then be at most 35"),
        ({"continuous": True, "keep_days": None}, "continuous", "keep_days must then be at most 35"),
        ({"schedule": "rate(1 day)"}, "schedule", "it must read cron("),
        ({"timezone": "Europe/Madird"}, "timezone", "IANA"),
        ({"start_within_hours": 0}, "start_within_hours", "it must be at least 1"),
        ({"complete_within_hours": 8}, "complete_within_hours", "more than start_within_hours"),
        ({"name": "daily backups"}, "name", "a plan's name is"),
        ({"select": {}}, "select.any_of", "everything in the account"),
        ({"select": {"resource_types": [], "all_of": {"a": "b"}}}, "select.resource_types", "at least one"),
        ({"select": {"resource_types": ["Disk"], "all_of": {"a": "b"}}}, "select.resource_types[0]", "one of EBS, EC2"),
        ({"recovery_point_tags": {f"t{n}": "" for n in range(11)}}, "recovery_point_tags", "at most 10"),
        ({"copies": [{"vault_arn": ELSEWHERE, "keep_days": None}]}, "copies", "write keep_days: 36500"),
        ({"copies": [{"vault_arn": ELSEWHERE, "keep_days": 7}] * 2}, "copies", "twice"),
        ({"copies": [{"vault_arn": "backups", "keep_days": 7}]}, "copies[0].vault_arn", "the ARN of a vault"),
        (
            {"copies": [{"vault_arn": ELSEWHERE, "keep_days": 100, "cold_after_days": 30}]},
            "copies[0].cold_after_days",
            "at least 120",
        ),
        (
            {"copies": [{"vault_arn": ELSEWHERE.replace("eu-west-1", "us-east-1"), "keep_days": 7}]},
            "copies[0].vault_arn",
            "the vault that the backup is made in",
        ),
        (
            {"copies": [{"vault_arn": ELSEWHERE.replace("aws:", "aws-cn:", 1), "keep_days": 7}]},
            "copies[0].vault_arn",
            "within its partition, aws",
        ),
        (
            {"cold_after_days": 30, "keep_days": 400, "select": {"resource_types": ["RDS"], "all_of": {"a": "b"}}},
            "select",
            "no meaning for RDS",
        ),
        (
            {"continuous": True, "select": {"resource_types": ["EBS", "DynamoDB"], "all_of": {"a": "b"}}},
            "continuous",
            "no continuous backups of EBS and DynamoDB",
        ),
    ],
)
def test_a_plan_that_aws_backup_would_not_carry_out_is_refused(plan: Mapping[str, Any], place: str, why: str) -> None:
    found = mistake(plan)

    assert found.startswith(f"backup_plans.plans[0].{place}: ")
    assert why in found


def test_how_long_backups_are_kept_has_to_be_said() -> None:
    data: Any = {**SETTINGS, "backup_plans": {"vault": {"name": "backups"}, "plans": [dict(PLAN)]}}
    del data["backup_plans"]["plans"][0]["keep_days"]

    with pytest.raises(SettingsInvalid, match=r"backup_plans.plans\[0\].keep_days: it is required"):
        from_mapping(data, [])


@pytest.mark.parametrize(
    "plan",
    [
        {"keep_days": None, "copies": [{"vault_arn": ELSEWHERE, "keep_days": None}]},
        {"keep_days": None, "cold_after_days": 30},
        {"continuous": True, "keep_days": 35},
        {"select": {"any_of": [{"key": "backup", "value": "daily"}, {"key": "backup", "value": "always"}]}},
    ],
)
def test_what_aws_backup_carries_out_is_accepted(plan: Mapping[str, Any]) -> None:
    assert accepted(plan)


@pytest.mark.parametrize(
    ("vault", "place", "why"),
    [
        ({"lock": {"mode": "compliance"}}, "lock.changeable_days", "it is required with mode: compliance"),
        ({"lock": {"mode": "compliance", "changeable_days": 2}}, "lock.changeable_days", "at least 3"),
        ({"lock": {"mode": "governance", "changeable_days": 3}}, "lock.changeable_days", "make the lock one of"),
        ({"lock": {"mode": "governance", "min_days": 30, "max_days": 29}}, "lock.max_days", "at least min_days, 30"),
        ({"existing": True, "lock": {"mode": "governance"}}, "lock", "not the stack's to configure"),
        ({"existing": True, "deny_deletion_except": ["arn:aws:iam::111122223333:role/a"]}, "deny_deletion_except", ""),
        (
            {"deny_deletion": False, "deny_deletion_except": ["arn:aws:iam::111122223333:role/a"]},
            "deny_deletion_except",
            "nothing is denied",
        ),
        ({"deny_deletion_except": ["*"]}, "deny_deletion_except[0]", "the ARN of a role or user"),
        ({"key_arn": "arn:aws:kms:eu-west-1:111122223333:key/1"}, "key_arn", "one of its own region, us-east-1"),
        ({"name": "others"}, "name", "the backups of daily: add it to vaults"),
    ],
)
def test_a_vault_that_would_not_do_is_refused(vault: Mapping[str, Any], place: str, why: str) -> None:
    found = mistake(vault=vault)

    assert found.startswith(f"backup_plans.vault.{place}: ")
    assert why in found


@pytest.mark.parametrize(
    ("keep_days", "why"),
    [(6, "kept for less than 7"), (401, "kept for more than 400"), (None, "for ever, and the vault's lock")],
)
def test_a_plan_whose_every_backup_the_lock_would_refuse_is_named(keep_days: int | None, why: str) -> None:
    lock = {"mode": "governance", "min_days": 7, "max_days": 400}

    found = mistake({"name": "weekly", "keep_days": keep_days}, vault={"lock": lock})

    assert found.startswith("backup_plans.plans: weekly keeps backups")
    assert why in found


@pytest.mark.parametrize("keep_days", [7, 400])
def test_a_plan_within_the_bounds_of_the_lock_is_accepted(keep_days: int) -> None:
    assert accepted({"keep_days": keep_days}, vault={"lock": {"mode": "governance", "min_days": 7, "max_days": 400}})


def test_a_lock_without_a_maximum_takes_what_is_kept_for_ever() -> None:
    assert accepted({"keep_days": None}, vault={"lock": {"mode": "compliance", "min_days": 7, "changeable_days": 3}})


def test_a_lock_and_a_policy_that_lets_backups_go_contradict_each_other() -> None:
    found = mistake(vault={"lock": {"mode": "governance"}}, deletion={"policy": "delete"})

    assert found.startswith("backup_plans.vault.lock: deletion.policy is delete, and a locked vault lets no backup go")


def test_a_role_of_another_account_is_refused() -> None:
    assert "roles of the account itself" in mistake(role_arn="arn:aws:iam::444455556666:role/backup")


def test_a_given_role_is_the_role_of_backups() -> None:
    own = "arn:aws:iam::111122223333:role/service-role/AWSBackupDefaultServiceRole"

    assert backup_role_arn(settings(role_arn=own)) == own
    assert str(backup_role_arn(settings())).startswith("arn:aws:iam::111122223333:role/backup-actions-plans-backup-")


def test_two_plans_have_two_names() -> None:
    assert mistake({}, {}) == "backup_plans.plans: two plans are called daily"


def test_an_empty_list_of_plans_is_refused() -> None:
    with pytest.raises(SettingsInvalid, match=r"backup_plans\.plans: it needs at least one"):
        from_mapping({**SETTINGS, "backup_plans": {"vault": {"name": "backups"}, "plans": []}}, [])


def test_an_account_that_imports_plans_no_backups() -> None:
    source = {
        "account": "444455556666",
        "announcements_topic_arn": "arn:aws:sns:us-east-1:444455556666:announcements",
        "acknowledgements_queue_url": "https://sqs.us-east-1.amazonaws.com/444455556666/acknowledgements",
    }

    found = mistake(imports={"sources": [source]}, vaults=[])

    assert found.startswith("backup_plans: a deployment that imports watches no vaults")


def test_a_misspelt_setting_of_one_in_a_list_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "backup-actions.yaml"
    path.write_text(EXAMPLE.read_text().replace("schedule: cron(0 12", "shedule: cron(0 12"))

    with pytest.raises(SettingsInvalid) as refused:
        load(path, [installed_action("offsite-copy")])

    lines = path.read_text().splitlines()
    number = next(number for number, line in enumerate(lines, start=1) if "shedule" in line)
    said = str(refused.value.facts["mistakes"])
    assert f"backup_plans.plans[1].shedule (line {number}): there is no such setting; did you mean schedule?" in said


def test_the_example_marks_what_its_own_settings_let_go_and_copy_off_site() -> None:
    action = installed_action("offsite-copy")
    found = load(EXAMPLE, [action])
    assert found.backup_plans is not None
    assert found.deletion.backup_tag is not None
    daily, monthly = found.backup_plans.plans

    wanted = {found.deletion.backup_tag.key: found.deletion.backup_tag.value, **found.selection_of(action)}
    assert daily.recovery_point_tags == wanted
    assert not monthly.recovery_point_tags.keys() & wanted.keys()


def test_the_example_stands_in_its_page() -> None:
    page = (EXAMPLE.parents[1] / "docs" / "backup-plans.md").read_text(encoding="utf-8")
    section = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))["backup_plans"]

    (shown,) = [block.partition("```")[0] for block in page.split("```yaml\n") if block.startswith("backup_plans:")]
    assert yaml.safe_load(shown)["backup_plans"] == copy.deepcopy(section)


@pytest.mark.parametrize(
    "text",
    [
        "cron(0 3 ? * * *)",
        "cron(30 2 1 * ? *)",
        "cron(0/15 8-18 ? JAN-MAR MON-FRI 2026-2030)",
        "cron(0 5 L * ? *)",
        "cron(0 5 15W 1,7 ? *)",
        "cron(0 5 ? * FRIL *)",
        "cron(0 5 ? * 2#1 *)",
    ],
)
def test_a_schedule_that_aws_knows_is_accepted(text: str) -> None:
    assert cron_complaint(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cron(0 3 * * *)", "it must read cron(minutes hours"),
        ("0 3 ? * * *", "it must read cron(minutes hours"),
        ("cron(60 3 ? * * *)", "'60' cannot stand for its minutes"),
        ("cron(0 24 ? * * *)", "'24' cannot stand for its hours"),
        ("cron(0 3 0 * ? *)", "'0' cannot stand for its day-of-month"),
        ("cron(0 3 ? 13 * *)", "'13' cannot stand for its month"),
        ("cron(0 3 ? * 0 *)", "'0' cannot stand for its day-of-week"),
        ("cron(0 3 ? * FOO *)", "'FOO' cannot stand for its day-of-week"),
        ("cron(0/0 3 ? * * *)", "'0/0' cannot stand for its minutes"),
        ("cron(0 3-? ? * * *)", "'3-?' cannot stand for its hours"),
        ("cron(0 3 * * * *)", "one of its day-of-month and day-of-week must be ?"),
        ("cron(0 3 ? * ? *)", "one of its day-of-month and day-of-week must be ?"),
    ],
)
def test_a_schedule_that_aws_would_refuse_is_refused_with_the_field(text: str, why: str) -> None:
    assert why in str(cron_complaint(text))
