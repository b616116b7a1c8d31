"""Requests are counted by what they cost, as botocore answers them."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber

from backup_actions.aws import Clients
from backup_actions.aws.requests import Requests

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

PLACE = {"Bucket": "archives", "Key": "a"}


@pytest.fixture(name="clients", scope="module")
def _clients() -> Clients:
    return Clients(boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1"))


@pytest.fixture(name="s3")
def _s3(clients: Clients) -> Iterator[tuple[S3Client, Stubber]]:
    with Stubber(clients.s3) as stub:
        yield clients.s3, stub


def model(service: str, operation: str) -> SimpleNamespace:
    return SimpleNamespace(name=operation, service_model=SimpleNamespace(service_name=service))


def answered(requests: Requests, service: str, operation: str, status: int = 200, **answer: object) -> None:
    parsed = {"ResponseMetadata": {"HTTPStatusCode": status}, **answer}
    requests.count(model=model(service, operation), parsed=parsed, http_response=None, context={})


def test_a_client_counts_what_it_was_answered(clients: Clients, s3: tuple[S3Client, Stubber]) -> None:
    client, stub = s3
    stub.add_response("put_object", {}, {**PLACE, "Body": b""})
    stub.add_response("head_object", {}, PLACE)
    client.put_object(Bucket="archives", Key="a", Body=b"")
    client.head_object(Bucket="archives", Key="a")

    assert clients.requests.usage == {"put_requests": 1, "get_requests": 1}


def test_writing_and_listing_cost_more_than_reading_and_removing_costs_nothing() -> None:
    requests = Requests()
    for operation in ("UploadPart", "CompleteMultipartUpload", "ListObjectsV2", "GetObject", "DeleteObjects"):
        answered(requests, "s3", operation)

    assert requests.usage == {"put_requests": 3, "get_requests": 1}


def test_an_object_that_is_not_there_was_asked_for_and_a_failure_of_s3_was_not() -> None:
    requests = Requests()
    answered(requests, "s3", "HeadObject", 404)
    answered(requests, "s3", "HeadObject", 503)

    assert requests.usage == {"get_requests": 1}


def test_bytes_are_counted_only_of_classes_that_are_paid_for_when_they_are_read() -> None:
    requests = Requests()
    answered(requests, "s3", "GetObject", StorageClass="GLACIER_IR", ContentLength=3 << 29)
    answered(requests, "s3", "GetObject", ContentLength=3 << 29)

    assert requests.usage == {"get_requests": 2, "read_gib:GLACIER_IR": 1.5}


def test_blocks_of_snapshots_are_counted_apart_from_lists_of_them() -> None:
    requests = Requests()
    answered(requests, "ebs", "ListSnapshotBlocks")
    answered(requests, "ebs", "GetSnapshotBlock")
    answered(requests, "ebs", "GetSnapshotBlock")
    answered(requests, "ec2", "DescribeVolumes")

    assert requests.usage == {"snapshot_lists": 1, "snapshot_blocks": 2}
