"""A backup goes only after all that was made of it was looked at, and was found to be of this backup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.flow import databases, dumps, tables
from tests.flow.flow import ACTION, MAIN, Flow, NewFlow

from backup_actions.aws.executions import begin_life
from backup_actions.model.recovery_point import RecoveryPoint

if TYPE_CHECKING:
    from backup_actions_local.databases import DatabaseImage

UNRESTORABLE = {"after_unrestorable": True}


def name_one_artifact(patch: pytest.MonkeyPatch, action: str) -> None:
    """The action's report names the manifest and nothing else: what else there is stands in the manifest alone."""
    patch.setattr(f"backup_actions.actions.{action}.tasks._MOST_NAMED", 0)


def lose(flow: Flow, name: str) -> str:
    """The object is gone; its key."""
    (key,) = (key for key in flow.stored() if key.endswith(f"/{name}"))
    flow.s3.delete_object(Bucket=flow.bucket, Key=key)
    return key


def assert_missed(flow: Flow, lost: list[str]) -> None:
    """The backup is there, and people were told which object is not."""
    assert (flow.main.status, flow.main.error) == ("FAILED", "NotProven")
    assert flow.point is not None
    assert f"{lost[0]} is not there" in flow.notices[0]["Message"]
    assert flow.cloud.audit.of("backup", "DeleteRecoveryPoint") == ()


def test_a_member_of_a_dump_is_missed_that_the_report_does_not_name(
    new_dump_flow: NewFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_one_artifact(monkeypatch, "rds_dump")
    flow, lost = new_dump_flow(), list[str]()
    flow.when(dumps.DUMP, "Succeeded", lambda: lost.append(lose(flow, dumps.manifest(flow).members[-1].object.name)))

    dumps.back_up(flow)

    assert_missed(flow, lost)


def test_a_file_of_an_export_is_missed_that_the_report_does_not_name(
    new_database_flow: NewFlow, postgresql_shop: DatabaseImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_one_artifact(monkeypatch, "rds_export")
    flow, lost = new_database_flow(deletion=UNRESTORABLE), list[str]()

    def lose_one() -> None:
        (manifest,) = databases.manifests(flow).values()
        lost.append(lose(flow, manifest.files[-1].name))

    flow.when(databases.EXPORT, "Succeeded", lose_one)

    databases.back_up(flow, postgresql_shop)

    assert_missed(flow, lost)


def test_a_file_of_a_table_is_missed_that_the_report_does_not_name(
    new_table_flow: NewFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    name_one_artifact(monkeypatch, "dynamodb_export")
    flow, lost = new_table_flow(deletion=UNRESTORABLE), list[str]()
    tables.make_table(flow, remember=True)
    flow.when(tables.EXPORT, "Succeeded", lambda: lost.append(lose(flow, tables.manifest(flow).files[-1].name)))

    tables.back_up(flow)

    assert_missed(flow, lost)


# ------------------------------------------------------------------------------------------------------ of which backup


def put_in_place(flow: Flow, action: str, of: RecoveryPoint, instead: RecoveryPoint) -> None:
    """Whatever lies in the folder of one backup is gone, and what lies in the folder of the other lies there too."""

    def folder(point: RecoveryPoint) -> str:
        found = {key.partition(point.key_id)[0] + point.key_id for key in flow.stored() if point.key_id in key}
        (place,) = (each for each in found if each.startswith(f"{action}/"))
        return place

    here, there = folder(of), folder(instead)
    for key in flow.stored():
        if key.startswith(f"{here}/"):
            flow.s3.delete_object(Bucket=flow.bucket, Key=key)
    for key in flow.stored():
        if key.startswith(f"{there}/"):
            body = flow.s3.get_object(Bucket=flow.bucket, Key=key)["Body"].read()
            target = here + key.removeprefix(there)
            flow.s3.put_object(Bucket=flow.bucket, Key=target, Body=body, ChecksumAlgorithm="CRC64NVME")


def backups(flow: Flow) -> list[RecoveryPoint]:
    """Those that the main machine was at, in order."""
    given: list[Any] = [execution.input for execution in flow.executions(MAIN)]
    return [RecoveryPoint.from_json(each["recoveryPoint"]) for each in given]


def replay(flow: Flow, point: RecoveryPoint) -> None:
    """The backup is dealt with a second time."""
    machine = flow.executions(MAIN)[0].machine.arn
    with flow.cloud.clock.actor():
        client = flow.cloud.administrator.client("stepfunctions")
        begin_life(client, machine, point, point.next_run(point.execution_name))
    flow.wait()


def assert_foreign(flow: Flow, machine: str, other: RecoveryPoint) -> None:
    """The second run of the action has failed, and says of which backup it is what it found."""
    (ended,) = (each for each in flow.executions(machine) if each.name.endswith("-2"))
    assert (ended.status, ended.error) == ("FAILED", "NotVerified")
    assert f"is of another recovery point, {other.arn}" in str(ended.cause)


@pytest.mark.root
def test_an_archive_of_another_backup_is_not_taken_for_this_one_s(new_flow: NewFlow) -> None:
    flow = new_flow(policy="keep")
    flow.back_up_together(flow.volume(), flow.volume())
    this, other = backups(flow)
    put_in_place(flow, "ebs-archive", this, other)

    replay(flow, this)

    assert_foreign(flow, ACTION, other)


def test_an_export_of_another_day_is_not_taken_for_this_one_s(new_table_flow: NewFlow) -> None:
    flow = new_table_flow(policy="keep")
    tables.make_table(flow, remember=True)
    tables.back_up(flow)
    tables.back_up(flow)
    this, other = backups(flow)
    put_in_place(flow, "dynamodb-export", this, other)

    replay(flow, this)

    assert_foreign(flow, tables.EXPORT, other)
