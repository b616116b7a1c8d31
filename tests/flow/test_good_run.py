"""The run in which nothing goes wrong, told from its outcome."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from tests.flow.flow import Flow, NewFlow
from tests.flow.invariants import broken

from backup_actions.archive import verify
from backup_actions.model.usage import Counted

if TYPE_CHECKING:
    from backup_actions_local.seaweed import ObjectServer
    from backup_actions_local.services.hosting.orders import Report

pytestmark = pytest.mark.root


@pytest.fixture(name="good", scope="module")
def _good(tmp_path_factory: pytest.TempPathFactory, tiny_disk: Path, flow_objects: ObjectServer) -> Iterator[Flow]:
    with Flow.begun(tmp_path_factory.mktemp("good"), tiny_disk, flow_objects) as flow:
        flow.back_up()
        yield flow


def test_good_run_succeeds_and_breaks_no_promise(good: Flow) -> None:
    assert good.main.status == good.child.status == "SUCCEEDED"
    assert broken(good) == []


def test_archive_stands_and_verifies(good: Flow) -> None:
    (archive,) = good.archives()

    assert verify(archive).ok


def test_customer_s_volume_is_the_only_one_left(good: Flow) -> None:
    assert [volume.snapshot_id for volume in good.cloud.store.volumes()] == [""]


def test_recovery_point_is_gone_and_the_evidence_has_the_proof(good: Flow) -> None:
    deletion = good.evidence()["deletion"]

    assert good.point is None
    assert deletion["outcome"] == "deleted"
    assert deletion["proof"] == "DescribeRecoveryPoint: Backup.ResourceNotFoundException"
    assert deletion["askedAt"] < deletion["goneAt"]


def test_evidence_says_what_was_made_compared_and_decided(good: Flow) -> None:
    evidence = good.evidence()
    (action,) = evidence["actions"]

    assert evidence["run"] == good.main.name
    assert evidence["recovery_point"]["arn"] == good.arn
    assert (action["action"], action["succeeded"], action["proven"]) == ("ebs-archive", True, True)
    assert {artifact["key"].rpartition("/")[2] for artifact in action["result"]["report"]["artifacts"]} == {
        "files.tar.zst",
        "index.parquet",
    }
    assert all(a["crc64nvme"] and a["size_bytes"] for a in action["result"]["report"]["artifacts"])
    assert evidence["decision"]["verdict"] == "delete"
    assert (evidence["outcome"], evidence["problem"]) == ("deleted", None)
    assert evidence["settings"]["policy"] == "delete"
    assert evidence["decided_at"] < evidence["finished_at"]


def test_ledger_has_the_point_and_its_action(good: Flow) -> None:
    assert [(entry.item, entry.status) for entry in good.ledger()] == [
        ("point", "deleted"),
        ("action#ebs-archive", "verified"),
    ]


def test_ledger_has_what_the_run_used(good: Flow) -> None:
    _, action = good.ledger()
    usage = cast("dict[str, float]", action.details["usage"])

    assert usage == good.evidence()["actions"][0]["result"]["report"]["usage"]
    assert usage["job_attempts"] == 2
    assert "job_hours" not in usage  # the clock of this run stands still while a job works
    assert usage["volume_gib_hours"] > 0
    assert usage["put_requests"] >= 5  # the files in parts, their index, the manifest
    assert usage["get_requests"] > 0
    assert not usage.keys() - set(Counted)


def test_people_are_told_once_and_the_truth(good: Flow) -> None:
    (notice,) = good.notices

    assert notice["Subject"].startswith("Archived and deleted: EBS vol-")
    assert "read back in whole" in notice["Message"]
    assert good.dead_letters == []


def test_nothing_is_refused_in_a_good_run(good: Flow) -> None:
    assert good.cloud.audit.refused() == ()


def test_runs_of_an_encrypted_backup_use_its_key_and_break_no_promise(new_flow: NewFlow) -> None:
    flow = new_flow()
    flow.back_up(kms_key_id=flow.cloud.place.arn("kms", "key/customer"))

    assert flow.main.status == "SUCCEEDED"
    assert broken(flow) == []


def test_processes_of_their_own_do_the_same_and_get_no_secret(new_flow: NewFlow) -> None:
    environments: list[bytes] = []

    def look(_job: str, report: Report) -> None:
        if report.kind == "start":
            for process in Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    environments.append((process / "environ").read_bytes() + (process / "cmdline").read_bytes())

    flow = new_flow(mode="subprocess", on_report=look)
    flow.back_up()

    issued = flow.cloud.roles._issued.values()
    secrets = {secret.encode() for keys in issued for secret in (keys.secret_access_key, keys.session_token)}
    assert flow.main.status == "SUCCEEDED"
    assert broken(flow) == []
    assert any(b"AWS_CONTAINER_CREDENTIALS_FULL_URI" in environment for environment in environments)
    assert not any(secret in environment for secret in secrets for environment in environments)
