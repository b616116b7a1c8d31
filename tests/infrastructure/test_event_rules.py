"""The rules hear what the intake understands, and what follows when an execution is cut short."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.infrastructure.template import Template

from backup_actions.model.event import Ignored, parse_event
from backup_actions_local.services.event_patterns import check, matches
from backup_actions_local.services.input_transformers import InputTransformer

VAULT_ARN = "arn:aws:backup:us-east-1:111122223333:backup-vault:backups"
POINT = "arn:aws:ec2:us-east-1::snapshot/snap-0123456789abcdef0"
VOLUME = "arn:aws:ec2:us-east-1:111122223333:volume/vol-0123456789abcdef0"
MACHINE = "arn:aws:states:us-east-1:111122223333:stateMachine:backup-actions-ebs-archive"


def backup_event(detail_type: str, resources: list[str], **detail: Any) -> dict[str, Any]:
    common = {"resourceArn": VOLUME, "resourceType": "EBS"}
    return {
        "source": "aws.backup",
        "detail-type": detail_type,
        "resources": resources,
        "detail": {**common, **detail},
    }


BACKUP_JOB = backup_event(
    "Backup Job State Change", [POINT], state="COMPLETED", backupVaultName="backups", backupVaultArn=VAULT_ARN
)
COPY_JOB = backup_event(
    "Copy Job State Change",
    [POINT],
    state="COMPLETED",
    destinationBackupVaultArn=VAULT_ARN,
    destinationRecoveryPointArn=POINT,
)
RECOVERY_POINT = backup_event(
    "Recovery Point State Change", [POINT], status="COMPLETED", backupVaultName="backups", backupVaultArn=VAULT_ARN
)


def cloudtrail(detail_type: str = "AWS Service Event via CloudTrail", **job: Any) -> dict[str, Any]:
    details = {
        "backupVaultName": "backups",
        "resourceType": "EBS",
        "resourceArn": VOLUME,
        "recoveryPointArn": POINT,
        "state": "COMPLETED",
        **job,
    }
    return {
        "source": "aws.backup",
        "detail-type": detail_type,
        "resources": [],
        "detail": {"eventName": "BackupJobCompleted", "serviceEventDetails": details},
    }


HEARD = {
    "backup job": BACKUP_JOB,
    "copy job": COPY_JOB,
    "recovery point": RECOVERY_POINT,
    "available recovery point": {**RECOVERY_POINT, "detail": {**RECOVERY_POINT["detail"], "status": "AVAILABLE"}},
    "CloudTrail service event": cloudtrail(),
    "CloudTrail API call": cloudtrail("AWS API Call via CloudTrail"),
}
NOT_HEARD = {
    "running job": {**BACKUP_JOB, "detail": {**BACKUP_JOB["detail"], "state": "RUNNING"}},
    "copy that goes elsewhere": {
        **COPY_JOB,
        "detail": {**COPY_JOB["detail"], "destinationBackupVaultArn": VAULT_ARN.replace("backups", "others")},
    },
    "vault that is not watched": {**BACKUP_JOB, "detail": {**BACKUP_JOB["detail"], "backupVaultName": "others"}},
    "expired recovery point": {**RECOVERY_POINT, "detail": {**RECOVERY_POINT["detail"], "status": "EXPIRED"}},
    "restore": {**BACKUP_JOB, "detail-type": "Restore Job State Change"},
    "failed job by CloudTrail": cloudtrail(state="FAILED"),
}


def intake_patterns(template: Template) -> list[Mapping[str, Any]]:
    (intake,) = [
        f"<{name}.Arn>"
        for name, function in template.of_type("AWS::Lambda::Function").items()
        if function["FunctionName"].endswith("-intake")
    ]
    rules = template.of_type("AWS::Events::Rule").values()
    return [rule["EventPattern"] for rule in rules if any(target["Arn"] == intake for target in rule["Targets"])]


def rule_that(template: Template, description: str) -> Mapping[str, Any]:
    (rule,) = rules_that(template, description)
    return rule


def rules_that(template: Template, description: str) -> list[Mapping[str, Any]]:
    """One for each action, where actions have such a rule."""
    found = [each for each in template.of_type("AWS::Events::Rule").values() if description in each["Description"]]
    assert found
    return found


@pytest.mark.parametrize("event", HEARD.values(), ids=HEARD)
def test_what_announces_a_recovery_point_is_heard_once_and_understood(
    template: Template, event: dict[str, Any]
) -> None:
    assert [matches(pattern, event) for pattern in intake_patterns(template)].count(True) == 1
    assert not isinstance(parse_event(event), Ignored)


@pytest.mark.parametrize("event", NOT_HEARD.values(), ids=NOT_HEARD)
def test_what_announces_none_starts_nothing(template: Template, event: dict[str, Any]) -> None:
    assert not any(matches(pattern, event) for pattern in intake_patterns(template))


def test_every_pattern_is_one_that_eventbridge_accepts(template: Template) -> None:
    for rule in template.of_type("AWS::Events::Rule").values():
        if "ScheduleExpression" not in rule:
            check(rule["EventPattern"])


def ended(status: str, given: str) -> dict[str, Any]:
    detail = {"stateMachineArn": "<machine>", "status": status, "name": "run-1", "input": given}
    return {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}


def pattern_of(rule: Mapping[str, Any], machine: str) -> Mapping[str, Any]:
    """The rule's pattern with the machine of the sample events."""
    written = json.dumps(rule["EventPattern"])
    arn = rule["EventPattern"]["detail"]["stateMachineArn"][0]
    found: Mapping[str, Any] = json.loads(written.replace(arn, machine))
    return found


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_action_that_ended_badly_is_cleaned_up_after_by_itself(template: Template, status: str) -> None:
    for rule in rules_that(template, "Starts the machine again"):
        (target,) = rule["Targets"]
        assert target["Arn"] == rule["EventPattern"]["detail"]["stateMachineArn"][0]
        assert "Input" not in target
        assert "InputTransformer" not in target
        assert matches(pattern_of(rule, "<machine>"), ended(status, '{"recoveryPoint": {}}'))


def test_every_action_has_a_rule_that_cleans_up_and_one_that_tells(template: Template) -> None:
    machines = {f"<{name}>" for name in template.of_type("AWS::StepFunctions::StateMachine")}

    for description in ("Starts the machine again", "may have been left behind"):
        heard = [rule["EventPattern"]["detail"]["stateMachineArn"][0] for rule in rules_that(template, description)]
        assert len(set(heard)) == len(heard) == len(machines) - 1, "all but the main machine"


def test_an_action_that_succeeded_is_left_alone(template: Template) -> None:
    for rule in rules_that(template, "Starts the machine again"):
        assert not matches(pattern_of(rule, "<machine>"), ended("SUCCEEDED", "{}"))


def test_a_clean_up_that_fails_is_not_followed_by_another(template: Template) -> None:
    for rule in rules_that(template, "Starts the machine again"):
        assert not matches(pattern_of(rule, "<machine>"), ended("FAILED", json.dumps(ended("TIMED_OUT", "{}"))))


@pytest.mark.parametrize(("status", "told"), [("TIMED_OUT", True), ("ABORTED", True), ("FAILED", False)])
def test_people_hear_of_a_main_execution_that_could_not_speak_for_itself(
    template: Template, status: str, told: bool
) -> None:
    rule = rule_that(template, "Tells people")
    (target,) = rule["Targets"]

    assert target["Arn"] == f"<{template.id_of('AWS::SNS::Topic')}>"
    assert set(target["InputTransformer"]["InputPathsMap"].values()) == {
        "$.detail.name",
        "$.detail.status",
        "$.detail.executionArn",
    }
    assert matches(pattern_of(rule, "<machine>"), ended(status, "{}")) is told


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_people_hear_of_a_clean_up_that_did_not_end_well_and_of_nothing_else(template: Template, status: str) -> None:
    for rule in rules_that(template, "may have been left behind"):
        pattern = pattern_of(rule, "<machine>")
        assert matches(pattern, ended(status, json.dumps(ended("TIMED_OUT", "{}"))))
        assert not matches(pattern, ended(status, '{"recoveryPoint": {}}'))
        assert not matches(pattern, ended("SUCCEEDED", json.dumps(ended("TIMED_OUT", "{}"))))


SNAPSHOT = "arn:aws:rds:us-east-1:111122223333:snapshot:awsbackup:job-1"


def exported(number: str, detail_type: str = "RDS DB Snapshot Event") -> dict[str, Any]:
    detail = {"EventID": number, "SourceArn": SNAPSHOT}
    return {"source": "aws.rds", "detail-type": detail_type, "time": "2026-01-15T03:00:00Z", "detail": detail}


@pytest.mark.parametrize(
    ("event", "heard"),
    [
        (exported("RDS-EVENT-0161"), True),
        (exported("RDS-EVENT-0164", "RDS DB Cluster Snapshot Event"), True),
        (exported("RDS-EVENT-0042"), False),
        (exported("RDS-EVENT-0161", "RDS DB Instance Event"), False),
    ],
    ids=["an instance's", "a cluster's", "a new snapshot", "of another type"],
)
def test_the_end_of_an_export_wakes_those_who_wait_for_the_snapshot(
    template: Template, event: dict[str, Any], heard: bool
) -> None:
    rule = rule_that(template, "Ends the wait rds-export-WaitForExport")
    (target,) = rule["Targets"]
    told = InputTransformer(
        target["InputTransformer"]["InputTemplate"], target["InputTransformer"]["InputPathsMap"]
    ).render(event, rule_name="rule", rule_arn="arn")

    assert matches(rule["EventPattern"], event) is heard
    assert told == {"key": SNAPSHOT}
