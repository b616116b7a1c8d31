"""What the tests of archives share: a store of each kind, a tree with everything in it, a way to compare trees."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from backup_actions.archive import FolderStore, S3Store, Store, files
from backup_actions.archive.tree_reader import tree_reader
from backup_actions_local.seaweed import ObjectServer, object_server

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


@pytest.fixture(name="s3_server", scope="session")
def _s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    """A real S3 server."""
    with object_server(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture(name="s3", scope="session")
def _s3(s3_server: ObjectServer) -> Iterator[S3Client]:
    """A client of a real S3 server with the bucket ``archives``."""
    client = boto3.client(
        "s3",
        endpoint_url=s3_server.endpoint,
        aws_access_key_id=s3_server.access_key,
        aws_secret_access_key=s3_server.secret_key,
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


@pytest.fixture(name="by_gnu_tar")
def _by_gnu_tar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees are read as where there is no tree reader."""
    monkeypatch.setattr(files, "tree_reader", lambda: None)


@pytest.fixture(name="each_reader", params=["tree-reader", "gnu-tar"])
def _each_reader(request: pytest.FixtureRequest) -> None:
    """Each reader of trees in turn."""
    if request.param == "gnu-tar":
        request.getfixturevalue("by_gnu_tar")
    elif tree_reader() is None:
        pytest.skip("the tree reader is not built: make builds it where there is a C compiler")
