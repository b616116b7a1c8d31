"""What the tests of archives share: a store of each kind, a tree with everything in it, a way to compare trees."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from backup_actions.archive import FolderStore, S3Store, Store
from backup_actions_local.seaweed import object_server

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture(name="s3", scope="session")
def _s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Client]:
    """A client of a real S3 server with the bucket ``archives``."""
    with object_server(tmp_path_factory.mktemp("seaweed")) as server:
        client = boto3.client(
            "s3",
            endpoint_url=server.endpoint,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            region_name="us-east-1",
            config=Config(s3={"payload_signing_enabled": False, "addressing_style": "path"}),
        )
        client.create_bucket(Bucket="archives")
        yield client
        client.close()


@pytest.fixture(name="s3_store")
def _s3_store(s3: S3Client) -> S3Store:
    """An empty prefix."""
    return S3Store(client=s3, bucket="archives", prefix=f"{uuid.uuid4()}/")


@pytest.fixture(name="folder_store")
def _folder_store(tmp_path: Path) -> FolderStore:
    """An empty folder."""
    return FolderStore(tmp_path / "store")


@pytest.fixture(name="store", params=["folder", "s3"])
def _store(request: pytest.FixtureRequest) -> Store:
    """Each kind of store in turn."""
    store: Store = request.getfixturevalue(f"{request.param}_store")
    return store
