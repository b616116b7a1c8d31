"""Runs that read the snapshot itself: without any volume, or because its file system cannot be mounted."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.flow.disks import unmountable
from tests.flow.flow import ACTION, Flow, NewFlow
from tests.flow.invariants import broken

from backup_actions.actions.ebs_archive import ACTION as DESCRIBED
from backup_actions.archive import Archive
from backup_actions.model.manifest import Member
from backup_actions_local.services.hosting.orders import Report

pytestmark = pytest.mark.root

SNAPSHOT = {"read_from": "snapshot"}
IMAGE, ARCHIVE = f"{ACTION}-job-image", f"{ACTION}-job-archive"


def _key(flow: Flow) -> str:
    return flow.cloud.place.arn("kms", "key/customer")


def _asked(flow: Flow, service: str, operation: str) -> list[str]:
    """The roles that called it."""
    return [entry.caller.role for entry in flow.cloud.audit.of(service, operation) if entry.caller]


def _members(flow: Flow) -> tuple[Member, ...]:
    (archive,) = flow.archives()
    return Archive.open(archive).manifest.members


def test_an_encrypted_snapshot_is_archived_without_a_volume(new_flow: NewFlow, tmp_path: Path) -> None:
    flow = new_flow(archive=SNAPSHOT)
    flow.back_up(kms_key_id=_key(flow))
    (archive,) = flow.archives()
    Archive.open(archive).rebuild_disk(tmp_path / "back.img")

    assert (flow.main.status, flow.point) == ("SUCCEEDED", None)
    assert flow.cloud.audit.refused() == ()
    assert _asked(flow, "ec2", "CreateVolume") == _asked(flow, "ec2", "AttachVolume") == []
    read = _asked(flow, "ebs", "GetSnapshotBlock")
    assert set(read) == {IMAGE}
    assert flow.evidence()["actions"][0]["usage"]["snapshot_blocks"] == len(read)
    assert broken(flow) == []
    subprocess.run(["cmp", "-n", str(16 << 20), flow.disk, tmp_path / "back.img"], check=True)


def test_without_a_volume_the_job_is_not_privileged_and_may_do_nothing_in_ec2() -> None:
    actions = {action for statement in DESCRIBED.permissions.jobs["image"] for action in statement.actions}

    assert not DESCRIBED.jobs["image"].mounts_devices
    assert not [action for action in actions if action.startswith("ec2:")]


def test_what_cannot_be_mounted_is_read_from_the_snapshot_and_is_the_volume_s_image(new_flow: NewFlow) -> None:
    images, notes, asked = [], [], []
    for read_from in ("auto", "volume"):
        flow = new_flow(archive={"read_from": read_from})
        flow.disk = unmountable(flow.disk, flow.directory)
        flow.back_up(kms_key_id=_key(flow))
        assert flow.main.status == "SUCCEEDED"
        assert broken(flow) == []
        (member,) = _members(flow)
        images.append((member.kind, member.stream_bytes, member.stream_blake3))
        notes.append(" ".join(member.notes))
        asked.append(set(_asked(flow, "ebs", "GetSnapshotBlock")))

    assert images[0] == images[1]
    assert asked == [{ARCHIVE}, set()]
    assert "it was read from ebs:snap-" in notes[0]
    assert "it was read from" not in notes[1]


def test_a_volume_with_product_codes_is_not_attached_and_its_snapshot_is_read(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.back_up(flow.volume(product_codes=("aw0evgkw8e5c1q413zgy5pjce",)))

    assert (flow.main.status, flow.point) == ("SUCCEEDED", None)
    assert {member.kind for member in _members(flow)} == {"device"}
    assert all(any("product codes" in note for note in member.notes) for member in _members(flow))
    assert broken(flow) == []


def test_a_volume_with_product_codes_that_alone_may_be_read_keeps_the_backup_and_says_why(new_flow: NewFlow) -> None:
    flow = new_flow(archive={"read_from": "volume"})
    flow.back_up(flow.volume(product_codes=("aw0evgkw8e5c1q413zgy5pjce",)))
    (job,) = [each for each in flow.cloud.jobs.jobs.values() if "_archive_" in each.name]

    assert (flow.main.status, flow.child.error) == ("FAILED", "JobFailed")
    assert "Set `read_from` of `ebs-archive` to auto or snapshot" in flow.cloud.jobs.log_of(job.id)
    assert flow.point is not None
    assert broken(flow) == []


@pytest.mark.parametrize("operation", ["ListSnapshotBlocks", "GetSnapshotBlock"])
def test_where_the_snapshot_may_not_be_read_the_volume_is(new_flow: NewFlow, operation: str) -> None:
    said: list[str] = []

    def hear(_job: str, report: Report) -> None:
        said.append(report.text)

    flow = new_flow(on_report=hear)
    flow.disk = unmountable(flow.disk, flow.directory)
    flow.cloud.faults.on("ebs", operation).fail("AccessDeniedException", status=403)
    flow.back_up()

    flow.cloud.faults.assert_all_happened()
    assert flow.main.status == "SUCCEEDED"
    assert any("AccessDeniedException" in text and text.endswith("is read instead") for text in said)
    assert not any("it was read from" in note for member in _members(flow) for note in member.notes)
    assert broken(flow) == []


def test_snapshots_that_backup_did_not_make_may_not_be_read(new_flow: NewFlow) -> None:
    flow = new_flow(archive=SNAPSHOT)

    def forget() -> None:
        for snapshot in flow.cloud.store.snapshots():
            snapshot.tags.clear()

    flow.when(ACTION, "BeginArchive", forget)
    flow.back_up()

    assert flow.child.error == "JobFailed"
    assert flow.point is not None
    assert broken(flow) == []


def test_throttled_calls_are_made_again(new_flow: NewFlow) -> None:
    flow = new_flow(archive=SNAPSHOT)
    for operation in ("ListSnapshotBlocks", "GetSnapshotBlock"):
        flow.cloud.faults.on("ebs", operation).fail("RequestThrottledException").times(5)
    flow.back_up()

    flow.cloud.faults.assert_all_happened()
    assert flow.main.status == "SUCCEEDED"
    assert broken(flow) == []


def test_blocks_that_are_refused_for_good_keep_the_backup(new_flow: NewFlow) -> None:
    flow = new_flow(archive=SNAPSHOT)
    flow.cloud.faults.on("ebs", "GetSnapshotBlock").fail("AccessDeniedException", status=403).always()
    flow.back_up()

    assert (flow.main.status, flow.child.error) == ("FAILED", "JobFailed")
    assert flow.point is not None
    assert flow.archives() == []
    assert broken(flow) == []


def test_the_next_attempt_goes_on_after_a_host_lost(new_flow: NewFlow) -> None:
    flow = new_flow(archive=SNAPSHOT)
    lost = flow.lose_host("ebs", "GetSnapshotBlock", job="image", number=5)
    flow.back_up()

    assert lost.times == 1
    assert (flow.main.status, flow.point) == ("SUCCEEDED", None)
    assert broken(flow) == []
