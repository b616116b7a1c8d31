"""Events as they really come: by several routes, repeated, late, lost, foreign, wrong."""

from __future__ import annotations

import pytest
from tests.flow.flow import MAIN, VAULT, Flow, NewFlow
from tests.flow.invariants import broken

from backup_actions.model.arn import Arn
from backup_actions.model.recovery_point import RecoveryPoint

pytestmark = pytest.mark.root

JOB, POINT = "Backup Job State Change", "Recovery Point State Change"


def _announce_by_cloudtrail(flow: Flow) -> None:
    with flow.cloud.clock.actor():
        for job in flow.cloud.vaults.jobs.values():
            flow.cloud.vaults.announce_older(job)
            flow.cloud.vaults.announce_older(job, "AWS API Call via CloudTrail")
    flow.wait()


def _plant(flow: Flow, arn: str, resource: str, resource_type: str) -> RecoveryPoint:
    point = RecoveryPoint(Arn.parse(arn), VAULT, Arn.parse(resource), resource_type)
    with flow.cloud.clock.actor():
        flow.cloud.vaults.plant(point)
    flow.wait()
    return point


def test_point_announced_by_four_routes_and_repeatedly_is_archived_once(new_flow: NewFlow) -> None:
    flow = new_flow()
    for detail_type in (JOB, POINT):
        flow.cloud.mishaps.repeat_event(detail_type, times=None)

    flow.back_up()
    _announce_by_cloudtrail(flow)

    assert len(flow.executions(MAIN)) == 1
    assert len(flow.cloud.audit.of("stepfunctions", "StartExecution", role="backup-actions-intake")) == 6
    assert len(flow.notices) == 1
    assert broken(flow) == []


def test_event_that_comes_long_after_the_others_changes_nothing(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.cloud.mishaps.delay_event(POINT, 100_000, times=None)

    flow.back_up()

    assert len(flow.executions(MAIN)) == len(flow.notices) == 1
    assert broken(flow) == []


@pytest.mark.parametrize("lost", [JOB, POINT])
def test_one_route_is_enough(new_flow: NewFlow, lost: str) -> None:
    flow = new_flow()
    flow.cloud.mishaps.drop_event(lost, times=None)

    flow.back_up()

    assert flow.main.status == "SUCCEEDED"
    assert broken(flow) == []


def test_event_that_cannot_be_understood_goes_to_the_dead_letters_with_the_reason(new_flow: NewFlow) -> None:
    flow = new_flow()
    detail = {"backupVaultName": VAULT, "status": "COMPLETED", "resourceType": "EBS", "resourceArn": "no ARN"}

    with flow.cloud.clock.actor():
        flow.cloud.events.put("aws.backup", POINT, detail, ["arn:aws:ec2:us-east-1::snapshot/snap-1"])
    flow.wait()

    (letter,) = flow.dead_letters
    assert "no ARN" in letter["Body"]
    assert "'no ARN'" in letter["MessageAttributes"]["reason"]["StringValue"]
    assert flow.executions(MAIN) == []


def test_points_of_other_vaults_are_left_alone(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.cloud.vaults.make_vault("foreign")
    arn = "arn:aws:ec2:us-east-1::snapshot/snap-0123456789abcdef0"
    volume = "arn:aws:ec2:us-east-1:111122223333:volume/vol-0123456789abcdef0"

    with flow.cloud.clock.actor():
        flow.cloud.vaults.plant(RecoveryPoint(Arn.parse(arn), "foreign", Arn.parse(volume), "EBS"))
    flow.wait()

    assert flow.executions(MAIN) == []
    assert flow.dead_letters == []


def test_type_that_no_action_handles_is_recorded_as_skipped_and_disturbs_nobody(new_flow: NewFlow) -> None:
    flow = new_flow()

    point = _plant(
        flow,
        "arn:aws:rds:us-east-1:111122223333:snapshot:awsbackup:job-1",
        "arn:aws:rds:us-east-1:111122223333:db:orders",
        "RDS",
    )

    (entry,) = flow.ledger(str(point.arn))
    assert (entry.status, entry.details["subject"]) == ("skipped", "Skipped: RDS orders (awsbackup:job-1)")
    assert flow.main.status == "SUCCEEDED"
    assert flow.states(MAIN)[-1] == "Skipped"
    assert flow.notices == []
    assert flow.stored() == []


def test_continuous_point_is_skipped_and_never_deleted(new_flow: NewFlow) -> None:
    flow = new_flow()

    point = _plant(
        flow,
        "arn:aws:backup:us-east-1:111122223333:recovery-point:continuous:orders-1",
        "arn:aws:s3:::orders",
        "S3",
    )

    assert point.is_continuous
    assert flow.main.status == "SUCCEEDED"
    assert flow.cloud.vaults.point(VAULT, str(point.arn)) is not None


def test_points_that_the_settings_do_not_select_are_skipped(new_flow: NewFlow) -> None:
    flow = new_flow(archive={"select": {"archive": "yes"}})

    flow.back_up(tags={"archive": "no"})

    (entry,) = flow.ledger()
    assert entry.status == "skipped"
    assert flow.point is not None
    assert flow.notices == []


def test_copy_from_another_vault_is_archived_and_its_source_kept(new_flow: NewFlow) -> None:
    flow = new_flow()
    elsewhere = flow.cloud.vaults.make_vault("elsewhere")
    volume = flow.volume()
    client = flow.cloud.administrator.client("backup")
    with flow.cloud.clock.actor():
        client.start_backup_job(
            BackupVaultName="elsewhere",
            ResourceArn=flow.cloud.place.arn("ec2", f"volume/{volume}"),
            IamRoleArn=flow.cloud.place.role_arn("backup"),
        )
    flow.wait()
    (source,) = flow.cloud.vaults.points("elsewhere")

    with flow.cloud.clock.actor():
        flow.cloud.copies.begin(source, flow.cloud.vaults.vaults[VAULT])
    flow.wait()

    assert flow.main.status == "SUCCEEDED"
    assert flow.cloud.vaults.points(VAULT) == []
    assert flow.cloud.vaults.points(elsewhere.name) == [source]
    assert len(flow.archives()) == len(flow.notices) == 1
