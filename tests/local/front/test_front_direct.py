"""Calls without a socket are signed, permitted, noted and failed as all others, and their bodies are the same."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from backup_actions.contract.permissions import Statement
from backup_actions_local.front.audit import Verdict
from backup_actions_local.front.sessions import Lending

if TYPE_CHECKING:
    from tests.local.front.conftest import SetUp, Stage
    from types_boto3_s3 import S3Client

    from backup_actions_local.seaweed import ObjectServer

MAY_LIST = Statement(("ec2:DescribeVolumes",), on="*", because="Describe* has no resource-level control")
LARGE = os.urandom(1 << 20)


@pytest.fixture(name="direct")
def _direct(set_up: SetUp) -> Stage:
    return set_up(is_direct=True)


@pytest.fixture(name="s3")
def _s3(set_up: SetUp, s3_server: ObjectServer) -> Iterator[S3Client]:
    client: S3Client = set_up(is_direct=True, objects=s3_server).administrator("s3")
    client.create_bucket(Bucket="direct")
    yield client
    for found in client.list_objects_v2(Bucket="direct").get("Contents", []):
        client.delete_object(Bucket="direct", Key=found["Key"])
    client.delete_bucket(Bucket="direct")


def test_a_permitted_call_is_answered_and_noted_though_nothing_listens_any_more(direct: Stage) -> None:
    client = direct.client("ec2", MAY_LIST)
    direct.front.stop()

    assert [volume["VolumeId"] for volume in client.describe_volumes()["Volumes"]] == ["vol-1"]
    assert [(entry.operation, entry.verdict) for entry in direct.audit.entries] == [
        ("DescribeVolumes", Verdict.ALLOWED)
    ]


def test_what_is_not_permitted_is_refused(direct: Stage) -> None:
    with pytest.raises(ClientError, match="not authorized"):
        direct.client("ec2").describe_volumes()

    assert [entry.verdict for entry in direct.audit.entries] == [Verdict.REFUSED]


def test_a_planned_fault_strikes(direct: Stage) -> None:
    direct.faults.on("ec2", "DescribeVolumes").fail("InternalError", status=500)

    assert direct.client("ec2", MAY_LIST).describe_volumes()["ResponseMetadata"]["RetryAttempts"] == 1
    direct.faults.assert_all_happened()


def test_keys_that_were_never_given_out_are_refused(direct: Stage) -> None:
    session = direct.front.session("administrator")
    session.get_credentials().secret_key = "another"  # type: ignore[union-attr]

    with pytest.raises(ClientError, match=r"SignatureDoesNotMatch|AuthFailure"):
        session.client("ec2").describe_volumes()


@pytest.mark.parametrize("body", [LARGE, io.BytesIO(LARGE)], ids=["bytes", "file"])
def test_a_large_object_comes_back_as_it_was_whole_and_piece_by_piece(s3: S3Client, body: bytes | io.BytesIO) -> None:
    s3.put_object(Bucket="direct", Key="large", Body=body)

    assert s3.get_object(Bucket="direct", Key="large")["Body"].read() == LARGE
    pieces = list(s3.get_object(Bucket="direct", Key="large")["Body"].iter_chunks(300_000))
    assert b"".join(pieces) == LARGE
    assert {len(piece) for piece in pieces[:-1]} == {300_000}


def test_an_object_that_is_asked_about_is_not_sent(s3: S3Client) -> None:
    s3.put_object(Bucket="direct", Key="small", Body=b"four")

    assert s3.head_object(Bucket="direct", Key="small")["ContentLength"] == 4


def test_whoever_borrows_a_client_signs_as_himself(direct: Stage) -> None:
    for role in ("one", "other"):
        direct.roles.add(role, [MAY_LIST])
    lending = Lending(direct.front.session_with, Config())

    for role in ("one", "other", "one"):
        with lending.client("ec2", direct.roles.issue(role)) as client:
            client.describe_volumes()

    assert [entry.caller.role for entry in direct.audit.entries if entry.caller] == ["one", "other", "one"]


def test_a_client_that_is_lent_out_is_not_lent_to_another(direct: Stage) -> None:
    lending, administrator = Lending(direct.front.session_with, Config()), direct.roles.issue("administrator")

    with lending.client("ec2", administrator) as first, lending.client("ec2", administrator) as second:
        assert first is not second
    with lending.client("ec2", administrator) as third:
        assert third in {first, second}
