"""The parser of AWS Backup's events: all shapes, and nothing but completed recovery points."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_actions.errors import MalformedEvent
from backup_actions.model.event import Ignored, parse_event
from backup_actions.model.recovery_point import RecoveryPoint

POINT = "arn:aws:ec2:us-east-1::snapshot/snap-0a1b"
COPY = "arn:aws:ec2:us-east-1::snapshot/snap-0e5f"
VOLUME = "arn:aws:ec2:us-east-1:111122223333:volume/vol-0c2d"
VAULT = "arn:aws:backup:us-east-1:111122223333:backup-vault:backups"
Event = dict[str, Any]


def envelope(detail_type: str, detail: Event, resources: list[str]) -> Event:
    """What EventBridge puts around a detail."""
    return {
        "version": "0", "id": "0f0e", "detail-type": detail_type, "source": "aws.backup", "account": "111122223333",
        "time": "2026-01-15T03:00:00Z", "region": "us-east-1", "resources": resources, "detail": detail,
    }  # fmt: skip


BACKUP_JOB = envelope(
    "Backup Job State Change",
    {
        "backupJobId": "1a", "backupSizeInBytes": "36048", "backupVaultArn": VAULT, "backupVaultName": "backups",
        "bytesTransferred": "36048", "creationDate": "2026-01-15T03:00:00Z", "completionDate": "2026-01-15T03:05:00Z",
        "iamRoleArn": "arn:aws:iam::111122223333:role/b", "resourceArn": VOLUME, "resourceType": "EBS",
        "state": "COMPLETED", "percentDone": "100.0",
    },
    [POINT],
)  # fmt: skip
COPY_JOB = envelope(
    "Copy Job State Change",
    {
        "copyJobId": "2b", "backupSizeInBytes": 36048, "state": "COMPLETED", "resourceType": "EBS",
        "resourceArn": VOLUME, "destinationBackupVaultArn": VAULT, "destinationRecoveryPointArn": COPY,
        "sourceBackupVaultArn": "arn:aws:backup:eu-west-1:111122223333:backup-vault:far",
    },
    [POINT],
)  # fmt: skip
RECOVERY_POINT = envelope(
    "Recovery Point State Change",
    {
        "backupVaultName": "backups", "backupVaultArn": VAULT, "resourceType": "EBS", "resourceArn": VOLUME,
        "status": "COMPLETED", "isEncrypted": "false", "storageClass": "WARM",
    },
    [POINT],
)  # fmt: skip


def cloudtrail(detail_type: str) -> Event:
    """The older announcement, as CloudTrail forwards it."""
    job = {
        "backupJobId": "1a", "backupVaultName": "backups", "backupVaultArn": VAULT, "recoveryPointArn": POINT,
        "resourceArn": VOLUME, "resourceType": "EBS", "state": "COMPLETED",
        "creationDate": {"seconds": 1768446000, "nanos": 0},
    }  # fmt: skip
    return envelope(detail_type, {"eventName": "BackupJobCompleted", "serviceEventDetails": job}, [])


ANNOUNCEMENTS = {
    "backup job": (BACKUP_JOB, POINT),
    "copy job": (COPY_JOB, COPY),
    "recovery point": (RECOVERY_POINT, POINT),
    "service event": (cloudtrail("AWS Service Event via CloudTrail"), POINT),
    "api call": (cloudtrail("AWS API Call via CloudTrail"), POINT),
}


@pytest.mark.parametrize("name", ANNOUNCEMENTS)
def test_every_announcement_of_a_point_is_parsed_into_the_same_words(name: str) -> None:
    event, arn = ANNOUNCEMENTS[name]

    point = parse_event(event)

    assert isinstance(point, RecoveryPoint)
    assert (str(point.arn), point.vault_name, str(point.resource_arn), point.resource_type) == (
        arn, "backups", VOLUME, "EBS",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["backup job", "recovery point", "service event", "api call"])
def test_all_routes_of_one_backup_lead_to_one_execution_name(name: str) -> None:
    direct = parse_event(BACKUP_JOB)
    other = parse_event(ANNOUNCEMENTS[name][0])

    assert isinstance(direct, RecoveryPoint)
    assert isinstance(other, RecoveryPoint)
    assert direct.execution_name == other.execution_name


@pytest.mark.parametrize("state", ["CREATED", "PENDING", "RUNNING", "ABORTED", "FAILED", "EXPIRED", "PARTIAL"])
def test_a_backup_job_that_has_not_completed_is_ignored_with_its_state(state: str) -> None:
    event = copy.deepcopy(BACKUP_JOB)
    event["detail"]["state"] = state
    event["resources"] = []

    assert parse_event(event) == Ignored(f"the backup job is {state}")


def test_a_running_copy_job_has_no_destination_point_yet_and_is_ignored() -> None:
    event = copy.deepcopy(COPY_JOB)
    event["detail"].update(state="RUNNING", destinationRecoveryPointArn={})

    assert parse_event(event) == Ignored("the copy job is RUNNING")


def test_an_available_recovery_point_counts_as_completed() -> None:
    event = copy.deepcopy(RECOVERY_POINT)
    event["detail"]["status"] = "AVAILABLE"

    assert isinstance(parse_event(event), RecoveryPoint)


@pytest.mark.parametrize("status", ["PARTIAL", "DELETING", "EXPIRED", "STOPPED", "CREATING"])
def test_a_recovery_point_that_is_not_whole_is_ignored(status: str) -> None:
    event = copy.deepcopy(RECOVERY_POINT)
    event["detail"]["status"] = status

    assert parse_event(event) == Ignored(f"the recovery point is {status}")


def test_a_failed_job_told_by_cloudtrail_is_ignored() -> None:
    event = cloudtrail("AWS Service Event via CloudTrail")
    event["detail"]["serviceEventDetails"]["state"] = "FAILED"

    assert parse_event(event) == Ignored("the backup job is FAILED")


def test_another_service_is_ignored() -> None:
    assert isinstance(parse_event({"source": "aws.ec2", "detail-type": "x", "detail": {}}), Ignored)


@pytest.mark.parametrize("name", ANNOUNCEMENTS)
@pytest.mark.parametrize("damage", [None, 7, {}, [], "", "not an arn"])
def test_a_damaged_field_is_refused_and_never_half_understood(name: str, damage: object) -> None:
    event = copy.deepcopy(ANNOUNCEMENTS[name][0])
    detail = event["detail"].get("serviceEventDetails", event["detail"])
    detail["resourceArn"] = damage

    with pytest.raises(MalformedEvent):
        parse_event(event)


@pytest.mark.parametrize("resources", [None, [], [POINT, COPY], [None], "x"])
def test_a_completed_job_must_name_exactly_one_recovery_point(resources: object) -> None:
    with pytest.raises(MalformedEvent, match="resources"):
        parse_event({**BACKUP_JOB, "resources": resources})


@pytest.mark.parametrize(
    "event", [None, 1, "text", [], {"source": "aws.backup"}, {"source": "aws.backup", "detail": 1}]
)
def test_what_is_no_event_at_all_is_refused_or_ignored(event: object) -> None:
    with contextlib.suppress(MalformedEvent):
        assert isinstance(parse_event(event), Ignored)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@given(
    name=st.sampled_from(sorted(ANNOUNCEMENTS)),
    key=st.sampled_from(["detail", "resources", "detail-type", "state", "status", "backupVaultName", "resourceType"]),
    value=JSON,
)
def test_whatever_replaces_a_field_the_answer_is_a_point_a_reason_or_a_refusal(
    name: str, key: str, value: object
) -> None:
    event = copy.deepcopy(ANNOUNCEMENTS[name][0])
    (event if key in event else event["detail"])[key] = value

    try:
        assert isinstance(parse_event(event), RecoveryPoint | Ignored)
    except MalformedEvent as refusal:
        assert str(refusal).startswith("BA0201")  # noqa: PT017 - the refusal is one of two good answers
