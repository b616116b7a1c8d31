"""What two accounts say to each other is read strictly: whatever is not exactly of the form is refused."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from backup_actions.errors import MalformedMessage
from backup_actions.model.offsite import MOST_BYTES, Acknowledgement, Announcement, sha256_of

ANNOUNCED = Announcement(
    snapshot_arn="arn:aws:rds:us-east-1:111122223333:snapshot:backup-actions-1",
    resource_type="RDS",
    resource_arn="arn:aws:rds:us-east-1:111122223333:db:shop",
    recovery_point_arn="arn:aws:rds:us-east-1:111122223333:snapshot:awsbackup:job-1",
    created_at="2026-11-22T05:00:00+00:00",
    engine="postgres",
    engine_version="17.6",
    size_gib=20,
    key_arn="arn:aws:kms:us-east-1:111122223333:key/1",
    run="rds-awsbackup-job-1-0123456789ab",
)
ACKNOWLEDGED = Acknowledgement(
    announcement_sha256=sha256_of(ANNOUNCED.to_bytes()),
    snapshot_arn=ANNOUNCED.snapshot_arn,
    run=ANNOUNCED.run,
    imported_arn="arn:aws:rds:us-east-1:444455556666:snapshot:backup-actions-1",
    imported_at="2026-11-22T06:00:00+00:00",
    kept_until="2026-12-27T06:00:00+00:00",
    size_gib=20,
)


def changed(**fields: Any) -> str:
    """The announcement's text with other values; None takes a field away."""
    raw = {**json.loads(ANNOUNCED.to_bytes()), **fields}
    return json.dumps({name: value for name, value in raw.items() if value is not None})


def test_messages_come_back_as_they_were_sent() -> None:
    assert Announcement.from_text(ANNOUNCED.to_bytes().decode()) == ANNOUNCED
    assert Acknowledgement.from_text(ACKNOWLEDGED.to_bytes().decode()) == ACKNOWLEDGED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "null",
        "NaN",
        "[" * 100_000,
        "{}",
        changed(format="another"),
        changed(format_version=2),
        changed(more="than that"),
        changed(run=None),
        changed(run="a b"),
        changed(run="a" * 81),
        changed(size_gib="20"),
        changed(size_gib=True),
        changed(size_gib=0),
        changed(size_gib=10**12),
        changed(size_gib=float("nan")),
        changed(engine="postgres\n"),
        changed(engine="x" * 513),
        changed(engine=["postgres"]),
        changed(resource_type="EFS"),
        changed(resource_type="EBS"),
        changed(resource_type="Aurora"),
        changed(snapshot_arn="snapshot"),
        changed(snapshot_arn="arn:aws:s3:::bucket"),
        changed(key_arn="arn:aws:s3:::bucket"),
        changed(engine="\udc80"),
        ANNOUNCED.to_bytes().decode() + " " * MOST_BYTES,
        ACKNOWLEDGED.to_bytes().decode(),
    ],
)
def test_what_is_no_announcement_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessage):
        Announcement.from_text(text)


def test_an_acknowledgement_names_the_bytes_that_it_answers() -> None:
    assert ACKNOWLEDGED.announcement_sha256 != sha256_of(replace(ANNOUNCED, size_gib=21).to_bytes())
    with pytest.raises(MalformedMessage):
        replace(ACKNOWLEDGED, announcement_sha256="0" * 63)


@pytest.mark.parametrize("time", ["", "for ever", "2026-12-27", "2026-12-27T06:00:00"])
@pytest.mark.parametrize("name", ["imported_at", "kept_until"])
def test_a_time_without_its_zone_promises_nothing(name: str, time: str) -> None:
    with pytest.raises(MalformedMessage, match=name):
        Acknowledgement(**{**asdict(ACKNOWLEDGED), name: time})
