"""Uploads to S3: planned parts, checksums that are ours, nothing left behind by a failure."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backup_actions.archive import S3Store
from backup_actions.archive.part_body import BodyOnDisk
from backup_actions.archive.part_sizes import LARGEST_OBJECT_BYTES, MAX_PART_BYTES, MAX_PARTS, closes, part_bytes
from backup_actions.errors import ArchiveExists, UploadFailed

TIB = 1 << 40


class Tampering:
    """An S3 client whose calls may be changed or refused on their way."""

    def __init__(self, client: Any, **changes: Callable[..., Any]) -> None:
        self._client = client
        self._changes = changes

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name not in self._changes:
            return call
        return lambda **parameters: self._changes[name](call, parameters)


def tampering(client: Any, **changes: Callable[..., Any]) -> Any:
    """Any, because it takes the place of a client of a hundred methods."""
    return Tampering(client, **changes)


def open_uploads(store: S3Store) -> list[str]:
    found = store.client.list_multipart_uploads(Bucket="archives", Prefix=store.prefix).get("Uploads", [])
    return [upload["Key"] for upload in found]


def upload(store: S3Store, size_bytes: int) -> None:
    with store.create("object") as writer:
        for at in range(0, size_bytes, 1 << 20):
            writer.write(os.urandom(min(1 << 20, size_bytes - at)))
        writer.finish()


def test_a_part_that_changes_on_its_way_is_refused_by_the_server_and_the_upload_is_removed(s3_store: S3Store) -> None:
    def flip(call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        body = bytearray(parameters["Body"].read())
        body[1000] ^= 1
        return call(**{**parameters, "Body": bytes(body)})

    store = replace(s3_store, client=tampering(s3_store.client, upload_part=flip))

    with pytest.raises(UploadFailed, match="BadDigest"):
        upload(store, 20 << 20)

    assert s3_store.describe("object") is None
    assert open_uploads(s3_store) == []


def test_a_small_object_that_changes_on_its_way_is_refused(s3_store: S3Store) -> None:
    def flip(call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        return call(**{**parameters, "Body": b"other bytes"})

    store = replace(s3_store, client=tampering(s3_store.client, put_object=flip))

    with pytest.raises(UploadFailed, match="BadDigest"):
        upload(store, 100)


def test_a_part_that_fails_stops_the_upload_even_while_more_is_written(s3_store: S3Store) -> None:
    numbers = count()

    def fail_third(call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        if next(numbers) == 2:
            return call(**{**parameters, "ChecksumCRC64NVME": "AAAAAAAAAAA="})
        return call(**parameters)

    store = replace(s3_store, client=tampering(s3_store.client, upload_part=fail_third))

    with pytest.raises(UploadFailed):
        upload(store, 96 << 20)

    assert next(numbers) < 12
    assert open_uploads(s3_store) == []


def test_a_part_that_gets_lost_before_completion_is_noticed(s3_store: S3Store) -> None:
    def lose_one(call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        parts = parameters["MultipartUpload"]["Parts"]
        return call(**{**parameters, "MultipartUpload": {"Parts": parts[:-1]}})

    store = replace(s3_store, client=tampering(s3_store.client, complete_multipart_upload=lose_one))

    with pytest.raises(UploadFailed):
        upload(store, 20 << 20)

    assert open_uploads(s3_store) == []


def test_an_answer_lost_on_the_way_does_not_make_our_own_manifest_a_stranger(s3_store: S3Store) -> None:
    def twice(call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        call(**parameters)
        return call(**parameters)

    store = replace(s3_store, client=tampering(s3_store.client, put_object=twice))

    assert store.put_if_absent("manifest.json", b"ours").size_bytes == 4
    with pytest.raises(ArchiveExists):
        store.put_if_absent("manifest.json", b"theirs")


def test_every_request_names_the_owner_and_the_key_where_they_are_given(s3_store: S3Store) -> None:
    seen: list[dict[str, Any]] = []

    def note(_: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        seen.append(parameters)
        return {"UploadId": "1", "ETag": "x", "ContentLength": 1}

    methods = ("put_object", "create_multipart_upload", "upload_part", "complete_multipart_upload", "head_object")
    client = tampering(None, **dict.fromkeys(methods, note))
    client._client = s3_store.client
    store = replace(s3_store, client=client, kms_key_arn="arn:aws:kms:::key/1", expected_bucket_owner="111122223333")

    upload(store, 10)
    upload(store, 9 << 20)
    store.describe("object")

    assert all(parameters["ExpectedBucketOwner"] == "111122223333" for parameters in seen)
    begun = [parameters for parameters in seen if "UploadId" not in parameters and "ChecksumMode" not in parameters]
    assert [parameters["SSEKMSKeyId"] for parameters in begun] == ["arn:aws:kms:::key/1"] * 2


@given(st.one_of(st.none(), st.integers(0, 40 * TIB)))
def test_no_part_is_larger_than_s3_takes_and_none_smaller_than_the_one_before(expected_bytes: int | None) -> None:
    sizes = [part_bytes(number, expected_bytes) for number in (1, 2, 1000, 1001, 5000, 9500, 9501, MAX_PARTS)]

    assert sizes == sorted(sizes)
    assert sizes[0] >= 8 << 20
    assert sizes[-1] <= MAX_PART_BYTES


def schedule(expected_bytes: int | None, frame_bytes: int) -> int:
    """How many bytes 10,000 parts take when they are filled with frames of this size."""
    total = 0
    for number in range(1, MAX_PARTS + 1):
        planned = part_bytes(number, expected_bytes)
        frames = min(-(-planned // frame_bytes), MAX_PART_BYTES // frame_bytes)
        assert closes(frames * frame_bytes, frame_bytes, planned)
        assert not closes((frames - 1) * frame_bytes, frame_bytes, planned)
        assert frames * frame_bytes <= MAX_PART_BYTES
        total += frames * frame_bytes
    return total


@pytest.mark.parametrize("frame_bytes", [150, 700_001, (4 << 20) + 40, (64 << 20) + 300])
def test_parts_of_whole_frames_hold_what_was_expected_up_to_the_largest_object_of_s3(frame_bytes: int) -> None:
    largest = LARGEST_OBJECT_BYTES * 98 // 100

    assert schedule(largest, frame_bytes) > largest


def test_what_s3_cannot_take_is_refused_before_anything_is_sent(s3_store: S3Store) -> None:
    store = replace(s3_store, client=tampering(None))

    with pytest.raises(UploadFailed, match="S3 takes 53687091200000"):
        store.create("object", expected_bytes=LARGEST_OBJECT_BYTES + 1)


def test_parts_end_where_frames_end(s3_store: S3Store) -> None:
    sizes: list[int] = []

    def note(call: Callable[..., Any], parameters: dict[str, Any]) -> Any:
        sizes.append(parameters["Body"].size_bytes)
        return call(**parameters)

    store = replace(s3_store, client=tampering(s3_store.client, upload_part=note))
    with store.create("object") as writer:
        for _ in range(7):
            writer.write(bytes(3_000_000))
        writer.finish()

    assert sorted(sizes) == [3_000_000, 9_000_000, 9_000_000]


def test_parts_that_would_take_too_much_memory_lie_on_the_disk_and_arrive_as_well(s3_store: S3Store) -> None:
    pieces = [os.urandom(3_000_000) for _ in range(4)]

    with s3_store.create("object", memory_bytes=16 << 20) as writer:
        assert isinstance(writer._body, BodyOnDisk)
        for piece in pieces:
            writer.write(piece)
        finished = writer.finish()

    assert s3_store.read("object") == b"".join(pieces)
    assert s3_store.describe("object") == finished


@pytest.mark.parametrize("expected_bytes", [0, 1 << 30, 78 << 30, TIB, 5 * TIB, 40 * TIB])
def test_what_was_expected_fits_and_so_does_much_more(expected_bytes: int) -> None:
    room = sum(part_bytes(number, expected_bytes) for number in range(1, MAX_PARTS + 1))

    assert room > expected_bytes * 1.05 + TIB


def test_a_stream_of_unknown_length_may_have_seven_tebibytes() -> None:
    assert schedule(None, 4 << 20) > 7 * TIB
