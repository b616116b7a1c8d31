"""S3 through the front, against a real S3 server."""

from __future__ import annotations

import base64
import io
import os
import resource
import tracemalloc
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from awscrt.checksums import crc64nvme
from botocore.config import Config
from botocore.exceptions import ClientError

from backup_actions.aws import Clients
from backup_actions.contract.permissions import Statement
from backup_actions_local.calls import Refused
from backup_actions_local.front.exchange import Incoming, RequestBody
from backup_actions_local.front.objects import Objects
from backup_actions_local.seaweed import ObjectServer

from .conftest import SetUp, Stage

MIB = 1024 * 1024
KEY = "arn:aws:kms:us-east-1:111122223333:key/k"


def crc(data: bytes) -> str:
    return base64.b64encode(crc64nvme(data).to_bytes(8, "big")).decode()


def code_of(call: Any, **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return str(caught.value.response["Error"]["Code"])


@pytest.fixture(name="stage")
def _stage(set_up: SetUp, s3_server: ObjectServer) -> Stage:
    return set_up(objects=s3_server)


@pytest.fixture(name="s3")
def _s3(stage: Stage) -> Any:
    return Clients(stage.front.administrator).s3


@pytest.fixture(name="bucket")
def _bucket(s3: Any) -> str:
    name = f"bucket-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


def test_an_object_with_an_awkward_name_comes_back_whole_and_in_part(s3: Any, bucket: str) -> None:
    key = "a b/ü=+&%2F.txt"
    s3.put_object(Bucket=bucket, Key=key, Body=b"hello", ChecksumCRC64NVME=crc(b"hello"))

    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"hello"
    assert s3.get_object(Bucket=bucket, Key=key, Range="bytes=1-3")["Body"].read() == b"ell"
    head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    assert (head["ContentLength"], head["ChecksumCRC64NVME"]) == (5, crc(b"hello"))
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="a b/")["Contents"]] == [key]


def test_a_body_from_a_stream_arrives(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=io.BytesIO(b"x" * MIB))

    assert s3.head_object(Bucket=bucket, Key="k")["ContentLength"] == MIB


def test_it_answers_where_more_than_a_thousand_files_are_open(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 8 * MIB)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        with ExitStack() as files:
            for _ in range(1100):
                files.enter_context(Path(os.devnull).open("rb"))
            body = s3.get_object(Bucket=bucket, Key="k")["Body"]  # has the connection that was there before
            assert [s3.head_object(Bucket=bucket, Key="k")["ContentLength"] for _ in range(3)] == [8 * MIB] * 3
            assert len(body.read()) == 8 * MIB
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_an_existing_object_is_not_overwritten_when_told_so(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")

    assert code_of(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*") == "PreconditionFailed"


def test_a_wrong_checksum_is_refused(s3: Any, bucket: str) -> None:
    assert code_of(s3.put_object, Bucket=bucket, Key="k", Body=b"1", ChecksumCRC64NVME=crc(b"2")) == "BadDigest"


def upload(s3: Any, bucket: str, parts: list[bytes]) -> tuple[str, list[dict[str, Any]]]:
    upload_id = s3.create_multipart_upload(
        Bucket=bucket, Key="big", ChecksumAlgorithm="CRC64NVME", ChecksumType="FULL_OBJECT"
    )["UploadId"]
    done = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(
                Bucket=bucket, Key="big", UploadId=upload_id, PartNumber=number, Body=part, ChecksumCRC64NVME=crc(part)
            )["ETag"],
            "ChecksumCRC64NVME": crc(part),
        }
        for number, part in enumerate(parts, 1)
    ]
    return upload_id, done


def complete(s3: Any, bucket: str, upload_id: str, parts: list[dict[str, Any]], checksum: str) -> Any:
    return s3.complete_multipart_upload(
        Bucket=bucket, Key="big", UploadId=upload_id, MultipartUpload={"Parts": parts},
        ChecksumType="FULL_OBJECT", ChecksumCRC64NVME=checksum,
    )  # fmt: skip


def test_parts_become_one_object_with_one_checksum(s3: Any, bucket: str) -> None:
    pieces = [b"a" * 5 * MIB, b"b"]
    upload_id, parts = upload(s3, bucket, pieces)

    assert [each["UploadId"] for each in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload_id]
    assert len(s3.list_parts(Bucket=bucket, Key="big", UploadId=upload_id)["Parts"]) == 2
    assert complete(s3, bucket, upload_id, parts, crc(b"".join(pieces)))["ChecksumCRC64NVME"] == crc(b"".join(pieces))
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == b"".join(pieces)


def test_a_wrong_checksum_of_the_whole_is_refused_and_the_upload_can_be_aborted(s3: Any, bucket: str) -> None:
    upload_id, parts = upload(s3, bucket, [b"a"])

    with pytest.raises(ClientError, match="BadDigest"):
        complete(s3, bucket, upload_id, parts, crc(b"b"))
    s3.abort_multipart_upload(Bucket=bucket, Key="big", UploadId=upload_id)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_deleted_objects_are_missing(s3: Any, bucket: str) -> None:
    for key in ("a", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
    s3.delete_object(Bucket=bucket, Key="a")
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "b"}]})

    assert code_of(s3.get_object, Bucket=bucket, Key="a") == "NoSuchKey"
    assert code_of(s3.head_object, Bucket=bucket, Key="b") == "404"


def test_a_large_object_passes_in_bounded_memory(stage: Stage, s3: Any, bucket: str) -> None:
    body = bytes(48 * MIB)
    tracemalloc.start()
    try:
        s3.put_object(Bucket=bucket, Key="k", Body=body)
        for _ in s3.get_object(Bucket=bucket, Key="k")["Body"].iter_chunks(MIB):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 12 * MIB


def test_without_the_right_to_list_a_missing_key_is_access_denied(stage: Stage, bucket: str) -> None:
    read = Statement(("s3:GetObject",), on=f"arn:aws:s3:::{bucket}/*", because="every archive")
    see = Statement(("s3:ListBucket",), on=f"arn:aws:s3:::{bucket}")

    blind = stage.client("s3", read, role="blind")
    assert code_of(blind.head_object, Bucket=bucket, Key="nowhere") == "403"
    assert code_of(blind.get_object, Bucket=bucket, Key="nowhere") == "AccessDenied"
    assert code_of(stage.client("s3", read, see).head_object, Bucket=bucket, Key="nowhere") == "404"


def test_a_refused_upload_stores_nothing(stage: Stage, s3: Any, bucket: str) -> None:
    worker = stage.client(
        "s3", Statement(("s3:PutObject",), on=f"arn:aws:s3:::{bucket}/mine/*", because="its own prefix")
    )

    worker.put_object(Bucket=bucket, Key="mine/k", Body=b"1")
    for body in (b"1" * MIB, io.BytesIO(b"1" * MIB)):
        assert code_of(worker.put_object, Bucket=bucket, Key="theirs/k", Body=body) == "AccessDenied"

    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["mine/k"]


def test_a_lost_answer_leaves_the_object(stage: Stage, s3: Any, bucket: str) -> None:
    stage.faults.on("s3", "PutObject").fail_after("InvalidAnswer", status=400)
    worker = stage.client("s3", Statement(("s3:PutObject",), on=f"arn:aws:s3:::{bucket}/k"))

    assert code_of(worker.put_object, Bucket=bucket, Key="k", Body=b"1") == "InvalidAnswer"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


def test_a_bucket_with_a_key_needs_the_key_and_names_it(set_up: SetUp, s3_server: ObjectServer) -> None:
    stage = set_up(objects=s3_server, key_of=lambda arn: KEY if arn == "arn:aws:s3:::locked" else None)
    stage.administrator("s3").create_bucket(Bucket="locked")
    put = Statement(("s3:PutObject",), on="arn:aws:s3:::locked/*", because="every archive")
    use = Statement(
        ("kms:GenerateDataKey",), on=KEY, when={"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    )

    assert (
        code_of(stage.client("s3", put, role="keyless").put_object, Bucket="locked", Key="k", Body=b"")
        == "AccessDenied"
    )
    answer = stage.client("s3", put, use).put_object(Bucket="locked", Key="k", Body=b"", ServerSideEncryption="aws:kms")
    assert (answer["ServerSideEncryption"], answer["SSEKMSKeyId"]) == ("aws:kms", KEY)


def test_a_bucket_of_another_owner_than_expected_is_denied(s3: Any, bucket: str) -> None:
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner="111122223333")

    assert code_of(s3.head_bucket, Bucket=bucket, ExpectedBucketOwner="444455556666") == "403"


class BrokenOff(io.BytesIO):
    """A client that dies while it sends."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise ConnectionResetError


@pytest.mark.parametrize("stream", [io.BytesIO(b"x" * 1000), BrokenOff()])
def test_an_upload_that_breaks_off_is_given_up_at_once_and_stores_nothing(
    s3: Any, bucket: str, s3_server: ObjectServer, stream: io.BytesIO
) -> None:
    headers = {"content-length": str(MIB), "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    body = RequestBody(stream, headers, lambda: None)

    with pytest.raises(Refused, match="broke off"):
        Objects(s3_server).answer(Incoming("PUT", f"/{bucket}/k", "", headers, body), None, key_arn=None)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_server_that_does_not_answer_is_unavailable(set_up: SetUp) -> None:
    dead = ObjectServer("http://127.0.0.1:9", "key", "secret", 0)
    client = set_up(objects=dead).front.administrator.client("s3", config=Config(retries={"total_max_attempts": 1}))

    assert code_of(client.get_object, Bucket="bucket", Key="k") == "ServiceUnavailable"


def test_an_object_was_written_by_the_clock_of_the_embedded_aws(stage: Stage, s3: Any, bucket: str) -> None:
    written = stage.clock.now().replace(microsecond=0)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")

    with stage.clock.actor():
        stage.clock.sleep(86_400)

    assert s3.head_object(Bucket=bucket, Key="k")["LastModified"] == written
    assert s3.get_object(Bucket=bucket, Key="k")["LastModified"] == written
