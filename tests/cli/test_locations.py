"""A place on the command line is a folder or a prefix of a bucket."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from backup_actions.archive import FolderStore, S3Store
from backup_actions.cli.locations import aws_clients, store_at
from backup_actions.errors import AwsNotConfigured, LocationInvalid

if TYPE_CHECKING:
    from backup_actions.aws import Clients


class _Clients:
    """Has the one client that a place may need."""

    s3 = object()


def _clients() -> Clients:
    return cast("Clients", _Clients())


def _no_clients() -> Clients:
    raise AssertionError("a folder needs no AWS")


@pytest.mark.parametrize("location", ["archives", "/var/archives", "./a:b", "s3:/almost"])
def test_a_path_is_a_folder_and_asks_nothing_of_aws(location: str) -> None:
    assert store_at(location, _no_clients) == FolderStore(Path(location))


@pytest.mark.parametrize(
    ("location", "bucket", "prefix"),
    [("s3://b", "b", ""), ("s3://b/", "b", ""), ("s3://b/x/y/", "b", "x/y"), ("S3://b/x", "b", "x")],
)
def test_a_bucket_has_a_prefix_or_none(location: str, bucket: str, prefix: str) -> None:
    store = store_at(location, _clients)

    assert isinstance(store, S3Store)
    assert (store.bucket, store.prefix, store.client) == (bucket, prefix, _Clients.s3)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("", "it is empty"),
        ("s3://", "the bucket is missing"),
        ("gs://b/x", "gs is not a place that this program knows"),
    ],
)
def test_another_place_is_refused_with_the_reason(location: str, reason: str) -> None:
    with pytest.raises(LocationInvalid) as refused:
        store_at(location, _no_clients)

    assert str(refused.value) == f"BA0106: cannot use {location!r} as a place: {reason}"


def test_a_profile_that_does_not_exist_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody-has-this-profile")

    with pytest.raises(AwsNotConfigured, match="nobody-has-this-profile"):
        aws_clients()
