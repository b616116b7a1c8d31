"""What the clean-up of a run removes of its archive, and what belongs to others."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.config import Config

from backup_actions.actions.ebs_archive.tasks import discard
from backup_actions.archive import S3Store, archive, verify
from backup_actions.aws import World
from backup_actions.model.manifest import MANIFEST_NAME

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

    from backup_actions.aws import Clients
    from backup_actions_local.seaweed import ObjectServer


@pytest.fixture(name="store")
def _store(flow_objects: ObjectServer) -> S3Store:
    """The prefix of a recovery point, in a bucket of a real S3 server."""
    client: S3Client = boto3.client(
        "s3",
        endpoint_url=flow_objects.endpoint,
        aws_access_key_id=flow_objects.access_key,
        aws_secret_access_key=flow_objects.secret_key,
        region_name="us-east-1",
        config=Config(s3={"payload_signing_enabled": False, "addressing_style": "path"}),
    )
    bucket = f"discarding-{uuid.uuid4()}"
    client.create_bucket(Bucket=bucket)
    return S3Store(client=client, bucket=bucket, prefix="ebs-archive/point")


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"content")
    return tmp_path


def discarded(store: S3Store, run: str) -> Mapping[str, int]:
    world = World(cast("Clients", type("OneClient", (), {"s3": store.client})()))
    return discard(world, {"bucket": store.bucket, "prefix": store.prefix, "run": run})


def leave_unfinished(store: S3Store, run: str) -> None:
    """An object, a note and an open upload of a run."""
    folder = store.folder(run)
    folder.put("p1/files.tar.zst", b"whole")
    folder.put("resume/checkpoint.json", b"{}")
    store.client.create_multipart_upload(**folder.target("p2/files.tar.zst"))


def there(store: S3Store) -> list[str]:
    """The keys of objects and of open uploads."""
    objects: list[Any] = [*store.client.list_objects_v2(Bucket=store.bucket).get("Contents", [])]
    uploads = store.client.list_multipart_uploads(Bucket=store.bucket).get("Uploads", [])
    return [found["Key"].removeprefix(f"{store.prefix}/") for found in (*objects, *uploads)]


def test_nothing_is_left_of_a_run_that_made_no_archive(store: S3Store) -> None:
    leave_unfinished(store, "one")

    assert discarded(store, "one") == {"aborted": 1, "removed": 2}

    assert there(store) == []


def test_what_another_run_of_the_same_backup_has_under_way_is_not_touched(store: S3Store) -> None:
    leave_unfinished(store, "one")
    leave_unfinished(store, "two")

    discarded(store, "one")

    assert there(store) == ["two/p1/files.tar.zst", "two/resume/checkpoint.json", "two/p2/files.tar.zst"]


def test_an_archive_loses_nothing_but_the_notes_for_a_resume(store: S3Store, tree: Path) -> None:
    archive(tree, store, run="one")
    store.put("one/resume/checkpoint.json", b"{}")

    assert discarded(store, "one") == {"aborted": 0, "removed": 1}

    assert verify(store).ok
    assert sorted(there(store)) == ["manifest.json", "one/files.tar.zst", "one/index.parquet"]


def test_what_a_run_stored_beside_the_archive_of_another_is_removed(store: S3Store, tree: Path) -> None:
    archive(tree, store, run="one")
    leave_unfinished(store, "two")

    discarded(store, "two")

    assert verify(store).ok
    assert sorted(there(store)) == ["manifest.json", "one/files.tar.zst", "one/index.parquet"]


def test_nothing_that_a_damaged_manifest_may_name_is_removed(store: S3Store) -> None:
    store.put(MANIFEST_NAME, b"{")
    store.put("one/files.tar.zst", b"whole")

    assert discarded(store, "one") == {"aborted": 0, "removed": 0}
