"""The job that looks through an export writes the manifest once, whoever else does the same at the same time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.actions.rds_export.test_reading import PREFIX, TASK, Bucket, good

from backup_actions.actions.rds_export.job import _left_out, verify_export
from backup_actions.actions.rds_export.places import verification_key
from backup_actions.model.progress import Silence
from backup_actions.model.sealed_json import sealed

PLACE = f"{PREFIX}/date=2026-11-01"
POINT = {
    "arn": "arn:aws:rds:us-east-1:111122223333:snapshot:awsbackup:job-1",
    "vaultName": "backups",
    "resourceArn": "arn:aws:rds:us-east-1:111122223333:db:shop",
    "resourceType": "RDS",
}
ASKED = {"engine": "postgres", "family": "postgresql", "snapshot_created": "2026-11-01T00:00:00+00:00"}


class ContestedBucket(Bucket):
    """A bucket in which a manifest stands just before ours is written, made of ours in this way."""

    def __init__(self, old: str, new: str) -> None:
        self.stored = {key.replace(PREFIX, PLACE): data for key, data in good().items()}
        super().__init__(self.stored)
        self._old, self._new = old, new

    def put_object(self, **arguments: Any) -> None:
        """Refused where something stands already."""
        key, body = arguments["Key"], arguments["Body"]
        if arguments.get("IfNoneMatch"):
            self.stored[key] = resealed(body, self._old, self._new)
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self.stored[key] = body


def resealed(manifest: bytes, old: str, new: str) -> bytes:
    """The manifest with other words in it, and the hash that belongs to them."""
    raw = json.loads(manifest.replace(old.encode(), new.encode()))
    del raw["sha256"]
    return sealed(raw)


@pytest.mark.parametrize(
    ("old", "new", "problems"),
    [
        ("12:00", "12:05", []),
        (f"{TASK}/shop", "two/shop", ["another run has written a manifest of other files meanwhile"]),
    ],
)
def test_a_manifest_written_meanwhile_is_as_good_as_ours_if_it_names_the_same_files(
    old: str, new: str, problems: list[str]
) -> None:
    bucket = ContestedBucket(old, new)
    world = SimpleNamespace(
        clients=SimpleNamespace(s3=bucket, requests=SimpleNamespace(usage={})),
        clock=SimpleNamespace(now=lambda: datetime(2026, 11, 1, 12, 0, tzinfo=UTC)),
        progress=Silence(),
    )
    event = {
        "bucket": "bucket",
        "prefix": PLACE,
        "evidencePrefix": "evidence/a",
        "exportTask": TASK,
        "warning": "",
        "source": ASKED,
        "settings": {"export_only": []},
        "recoveryPoint": POINT,
    }

    verify_export(world, event)  # type: ignore[arg-type]

    assert json.loads(bucket.stored[verification_key("evidence/a")])["problems"] == problems


@pytest.mark.parametrize(
    ("exported", "asked", "missing"),
    [
        ([], [], ""),
        ([], ["shop"], ""),
        (["shop"], ["shop.public", "shop.audit.log"], ""),
        (["shop.public", "shop.audit"], ["shop.audit"], ""),
        (["shop"], [], "everything"),
        (["shop.public"], ["shop"], "shop"),
        (["shop.public"], ["shop.public.orders", "shop.audit", "sho"], "shop.audit, sho"),
    ],
)
def test_an_export_that_stands_counts_if_it_has_all_that_the_settings_ask_for(
    exported: list[str], asked: list[str], missing: str
) -> None:
    assert _left_out(exported, asked, "rds-export/a/export.json") == [
        f"an earlier run exported {', '.join(exported)} alone, and the settings ask for {each}: remove "
        "rds-export/a/export.json and replay the recovery point with --again, then it is exported anew"
        for each in ([missing] if missing else [])
    ]
