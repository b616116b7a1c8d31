"""What is looked at before a backup may go: all that a manifest names, and whether it is of this backup."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.estate.ledgers import point
from tests.model.test_export_manifest import MANIFEST as EXPORT
from tests.model.test_export_manifest import ORDERS
from tests.model.test_manifest_contents import archive, member
from tests.moto_clients import moto_clients

from backup_actions.aws import Clients
from backup_actions.aws.documents import describe_object
from backup_actions.aws.proof import Outcome, prove
from backup_actions.aws.stored_archives import verdict_on
from backup_actions.errors import NotVerified
from backup_actions.model.clock import Clock, SystemClock
from backup_actions.model.manifest import StoredObject
from backup_actions.model.offsite import Announcement
from backup_actions.model.recovery_point import RecoveryPoint

POINT, OTHER = point("snap-1"), point("snap-2")
BUCKET, DAY = "archive", "2026-05-04"
PREFIX, EVIDENCE = POINT.prefix("an-action", DAY), POINT.prefix("evidence", DAY)
VERIFICATION = f"{EVIDENCE}/verification.json"
NUMBER = 8
LAST = f"run/file-{NUMBER - 1}"


class SlowClock:
    """On which a minute passes whenever somebody looks at it."""

    def __init__(self) -> None:
        self._now = datetime(2026, 5, 4, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(minutes=1)
        return self._now

    def sleep(self, seconds: float) -> None:
        raise NotImplementedError


@pytest.fixture(name="clients", scope="module")
def _clients() -> Iterator[Clients]:
    with moto_clients() as clients:
        clients.s3.create_bucket(Bucket=BUCKET)
        yield clients


def put(clients: Clients, name: str, content: bytes) -> StoredObject:
    """It lies in the folder of the backup; as manifests name it."""
    clients.s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}/{name}", Body=content, ChecksumAlgorithm="CRC64NVME")
    described = describe_object(clients.s3, BUCKET, f"{PREFIX}/{name}")
    assert described is not None
    return StoredObject(name=name, size_bytes=described.size_bytes, crc64nvme=described.crc64nvme)


@pytest.fixture(name="stored")
def _stored(clients: Clients) -> tuple[StoredObject, ...]:
    return tuple(put(clients, f"run/file-{number}", b"rows %d" % number) for number in range(NUMBER))


def as_archive(stored: tuple[StoredObject, ...], backup: RecoveryPoint | None = POINT) -> bytes:
    source = {"kind": "image", "name": "disk", **({"recovery_point": backup.to_json()} if backup else {})}
    return archive(*(member(f"m-{n}", object=each) for n, each in enumerate(stored)), source=source)


def as_export(stored: tuple[StoredObject, ...], backup: RecoveryPoint | None = POINT) -> bytes:
    source = {"recovery_point": backup.to_json()} if backup else {}
    return replace(EXPORT, source=source, tables=(replace(ORDERS, files=stored),)).to_bytes()


def as_somebody_elses(stored: tuple[StoredObject, ...], backup: RecoveryPoint | None = POINT) -> bytes:
    objects = [{"key": f"{PREFIX}/{e.name}", "size_bytes": e.size_bytes, "crc64nvme": e.crc64nvme} for e in stored]
    return json.dumps({**({"recovery_point": backup.to_json()} if backup else {}), "objects": objects}).encode()


def proven(
    clients: Clients,
    manifest: bytes,
    *,
    clock: Clock | None = None,
    named: int = 1,
    stored_bytes: int = 1,
    meanwhile: Callable[[], object] = lambda: None,
) -> Outcome:
    """What is proven with that manifest, and a good verification of it; the report names the first of the objects."""
    kept = put(clients, "manifest", manifest)
    digest = hashlib.sha256(manifest).hexdigest()
    verification = json.dumps({"verified": True, "manifest_sha256": digest}).encode()
    clients.s3.put_object(Bucket=BUCKET, Key=VERIFICATION, Body=verification)
    names = ["manifest", *(f"run/file-{number}" for number in range(named))]
    objects = [describe_object(clients.s3, BUCKET, f"{PREFIX}/{name}") for name in names]
    report: dict[str, Any] = {
        "verified": True, "reason": "", "manifest_key": f"{PREFIX}/{kept.name}", "manifest_sha256": digest,
        "verification_key": VERIFICATION, "source_bytes": 1, "stored_bytes": stored_bytes,
        "artifacts": [{"key": e.key, "size_bytes": e.size_bytes, "crc64nvme": e.crc64nvme} for e in objects if e],
    }  # fmt: skip
    told = {"action": "an-action", "succeeded": True, "restorable": True, "report": report}
    result = {**told, "prefix": PREFIX, "evidencePrefix": EVIDENCE}
    meanwhile()
    return prove(clients.s3, BUCKET, result, clock=clock or SystemClock())


FORMS = pytest.mark.parametrize("form", [as_archive, as_export, as_somebody_elses])


@FORMS
def test_all_that_is_there_is_proven(clients: Clients, stored: tuple[StoredObject, ...], form: Any) -> None:
    outcome = proven(clients, form(stored))

    assert (outcome.proven, outcome.reason) == (True, "")


@FORMS
def test_an_object_is_missed_that_the_manifest_names_and_the_report_does_not(
    clients: Clients, stored: tuple[StoredObject, ...], form: Any
) -> None:
    clients.s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/{LAST}")

    outcome = proven(clients, form(stored))

    assert (outcome.proven, outcome.reason) == (False, f"{PREFIX}/{LAST} is not there")


@FORMS
@pytest.mark.parametrize(("content", "complaint"), [(b"rowz 7", "has checksum"), (b"rows", "has 4 bytes instead of")])
def test_an_object_is_another_that_the_manifest_names_and_the_report_does_not(
    clients: Clients, stored: tuple[StoredObject, ...], form: Any, content: bytes, complaint: str
) -> None:
    put(clients, LAST, content)

    outcome = proven(clients, form(stored))

    assert f"{PREFIX}/{LAST} {complaint}" in outcome.reason


def test_what_the_report_alone_names_is_looked_at_too(clients: Clients, stored: tuple[StoredObject, ...]) -> None:
    def lose() -> None:
        clients.s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}/run/file-1")

    outcome = proven(clients, as_archive(stored[2:]), named=2, meanwhile=lose)

    assert outcome.reason == f"{PREFIX}/run/file-1 is not there"


@FORMS
def test_objects_for_which_there_is_no_time_are_an_objection(
    clients: Clients, stored: tuple[StoredObject, ...], form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backup_actions.aws.present._IN_A_ROW", 2)

    outcome = proven(clients, form(stored), clock=SlowClock())

    assert not outcome.proven
    assert outcome.reason == "there was time to look at 8 of its 9 objects, and not at the others"


@pytest.mark.parametrize("content", [b"\x00", b'{"objects": "in another document"}', b'{"objects": []}'])
def test_a_cut_list_proves_nothing_where_the_manifest_names_nothing(
    clients: Clients, stored: tuple[StoredObject, ...], content: bytes
) -> None:
    all_bytes = len(content) + sum(each.size_bytes for each in stored)

    assert proven(clients, content, named=NUMBER, stored_bytes=all_bytes).proven
    cut = proven(clients, content, named=7, stored_bytes=all_bytes)
    assert cut.reason.endswith(f"name objects of {all_bytes - 6} bytes, of {all_bytes} that it stored")


def test_a_manifest_of_somebody_elses_names_nothing_elsewhere(clients: Clients) -> None:
    elsewhere = {"key": "elsewhere/1", "size_bytes": 1, "crc64nvme": ""}

    outcome = proven(clients, json.dumps({"objects": [elsewhere]}).encode())

    assert outcome.reason == f"its manifest names objects that do not lie under {PREFIX}/"


def test_a_manifest_of_a_newer_version_is_no_proof(clients: Clients, stored: tuple[StoredObject, ...]) -> None:
    newer = as_export(stored).replace(b'"format_version": 1', b'"format_version": 2')

    assert "backup-actions/export 2" in proven(clients, newer).reason


# ------------------------------------------------------------------------------------------------------ of which backup


@FORMS
def test_what_is_of_another_backup_proves_nothing_of_this_one(
    clients: Clients, stored: tuple[StoredObject, ...], form: Any
) -> None:
    outcome = proven(clients, form(stored, OTHER))

    assert not outcome.proven
    assert outcome.reason == f"what lies under {PREFIX} is of another recovery point, {OTHER.arn}: move it away"


@pytest.mark.parametrize("form", [as_archive, as_export])
def test_a_manifest_of_ours_that_names_no_backup_is_of_none(
    clients: Clients, stored: tuple[StoredObject, ...], form: Any
) -> None:
    assert proven(clients, form(stored, None)).reason == "its manifest names no recovery point"


def test_a_manifest_of_somebody_elses_need_not_name_the_backup(
    clients: Clients, stored: tuple[StoredObject, ...]
) -> None:
    assert proven(clients, as_somebody_elses(stored, None)).proven


@pytest.mark.parametrize(("backup", "is_proven"), [(POINT, True), (OTHER, False)])
def test_an_announcement_is_of_the_backup_that_it_names(
    clients: Clients, backup: RecoveryPoint, is_proven: bool
) -> None:
    announced = Announcement(
        snapshot_arn="arn:aws:ec2:us-east-1::snapshot/snap-2", resource_type=backup.resource_type,
        resource_arn=str(backup.resource_arn), recovery_point_arn=str(backup.arn), engine="", engine_version="",
        created_at=f"{DAY}T00:00:00+00:00", size_gib=1, key_arn="arn:aws:kms:us-east-1:111122223333:key/1", run="run",
    )  # fmt: skip

    assert proven(clients, announced.to_bytes(), named=0).proven is is_proven


@pytest.mark.parametrize(
    ("backup", "complaint"),
    [(POINT, ""), (OTHER, "is of another recovery point"), (None, "names no recovery point")],
    ids=["this", "another", "none"],
)
def test_a_verdict_is_on_an_archive_of_the_backup_whose_place_it_lies_in(
    clients: Clients, stored: tuple[StoredObject, ...], backup: RecoveryPoint | None, complaint: str
) -> None:
    proven(clients, as_archive(stored, backup))

    if complaint:
        with pytest.raises(NotVerified, match=complaint):
            verdict_on(clients.s3, BUCKET, f"{PREFIX}/manifest", VERIFICATION)
    else:
        assert verdict_on(clients.s3, BUCKET, f"{PREFIX}/manifest", VERIFICATION).verified
