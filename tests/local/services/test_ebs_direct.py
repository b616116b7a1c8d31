"""The EBS direct APIs over the snapshots of the embedded AWS: what is listed, what is read, what is refused."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from backup_actions_local.clock import START
from backup_actions_local.front import Audit, Faults, Front, Roles
from backup_actions_local.services.ebs import BLOCK_BYTES, Ebs
from backup_actions_local.services.identifiers import Identifiers

from .conftest import ZONE, Cloud

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from types_boto3_ebs import EBSClient

MIB = 1 << 20


@pytest.fixture(name="ebs")
def _ebs(cloud: Cloud) -> Iterator[EBSClient]:
    with Front(
        clock=cloud.clock, roles=Roles(cloud.clock), faults=Faults(), audit=Audit(), services=[Ebs(cloud.store)]
    ) as front:
        yield front.administrator.client("ebs")


@pytest.fixture(name="volume_id")
def _volume_id(cloud: Cloud, image: Path) -> str:
    """Eight MiB, of which the eighth block holds something."""
    return cloud.store.make_volume(image, zone=ZONE)


@pytest.fixture(name="snapshot_id")
def _snapshot_id(cloud: Cloud, volume_id: str) -> str:
    return cloud.store.take_snapshot(volume_id)


def _write(cloud: Cloud, volume_id: str, *blocks: int) -> None:
    with cloud.store.volume(volume_id).image.open("r+b") as writing:
        for number in blocks:
            writing.seek(number * BLOCK_BYTES)
            writing.write(b"%d" % number)


def _listed(ebs: EBSClient, snapshot_id: str, **params: Any) -> list[int]:
    return [block["BlockIndex"] for block in ebs.list_snapshot_blocks(SnapshotId=snapshot_id, **params)["Blocks"]]


def _token(ebs: EBSClient, snapshot_id: str, index: int) -> str:
    (block,) = [
        block for block in ebs.list_snapshot_blocks(SnapshotId=snapshot_id)["Blocks"] if block["BlockIndex"] == index
    ]
    return block["BlockToken"]


def _refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str, str]:
    response: Mapping[str, Any] = error.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Reason"]


def test_only_blocks_that_were_written_are_listed(cloud: Cloud, ebs: EBSClient, volume_id: str) -> None:
    _write(cloud, volume_id, 0, 3, 15)
    answer = ebs.list_snapshot_blocks(SnapshotId=cloud.store.take_snapshot(volume_id))

    assert [block["BlockIndex"] for block in answer["Blocks"]] == [0, 3, 8, 15]
    assert (answer["VolumeSize"], answer["BlockSize"]) == (1, BLOCK_BYTES)
    assert answer["ExpiryTime"] == START + timedelta(days=7)
    assert "NextToken" not in answer


def test_a_block_is_the_snapshot_s_bytes_with_their_checksum(
    cloud: Cloud, ebs: EBSClient, image: Path, snapshot_id: str
) -> None:
    answer = ebs.get_snapshot_block(SnapshotId=snapshot_id, BlockIndex=8, BlockToken=_token(ebs, snapshot_id, 8))
    data = answer["BlockData"].read()

    assert data == image.read_bytes()[8 * BLOCK_BYTES : 9 * BLOCK_BYTES]
    assert base64.b64decode(answer["Checksum"]) == hashlib.sha256(data).digest()
    assert (answer["DataLength"], answer["ChecksumAlgorithm"]) == (len(data), "SHA256")


def test_the_last_block_is_as_long_as_the_bytes_are(cloud: Cloud, ebs: EBSClient, tmp_path: Path) -> None:
    odd = tmp_path / "odd.img"
    odd.write_bytes(b"x" * (BLOCK_BYTES + 700))
    snapshot_id = cloud.store.take_snapshot(cloud.store.make_volume(odd, zone=ZONE))
    answer = ebs.get_snapshot_block(SnapshotId=snapshot_id, BlockIndex=1, BlockToken=_token(ebs, snapshot_id, 1))

    assert (answer["DataLength"], answer["BlockData"].read()) == (700, b"x" * 700)


def test_pages_follow_each_other_without_a_gap(cloud: Cloud, ebs: EBSClient, tmp_path: Path) -> None:
    full = tmp_path / "full.img"
    full.write_bytes(b"f" * (130 * BLOCK_BYTES))
    snapshot_id = cloud.store.take_snapshot(cloud.store.make_volume(full, zone=ZONE))
    first = ebs.list_snapshot_blocks(SnapshotId=snapshot_id, MaxResults=100)
    second = ebs.list_snapshot_blocks(
        SnapshotId=snapshot_id, MaxResults=100, NextToken=first["NextToken"], StartingBlockIndex=7
    )

    assert [block["BlockIndex"] for block in [*first["Blocks"], *second["Blocks"]]] == list(range(130))
    assert "NextToken" not in second
    assert _listed(ebs, snapshot_id, StartingBlockIndex=128) == [128, 129]


def test_only_what_differs_between_two_snapshots_is_listed_as_changed(
    cloud: Cloud, ebs: EBSClient, volume_id: str
) -> None:
    before = cloud.store.take_snapshot(volume_id)
    _write(cloud, volume_id, 2, 8)
    after = cloud.store.take_snapshot(volume_id)
    changed = ebs.list_changed_blocks(FirstSnapshotId=before, SecondSnapshotId=after)["ChangedBlocks"]

    assert [(block["BlockIndex"], sorted(block)[1:]) for block in changed] == [
        (2, ["SecondBlockToken"]),
        (8, ["FirstBlockToken", "SecondBlockToken"]),
    ]
    answer = ebs.get_snapshot_block(SnapshotId=after, BlockIndex=2, BlockToken=changed[0]["SecondBlockToken"])
    assert answer["BlockData"].read().rstrip(b"\0") == b"2"


def test_snapshots_of_two_volumes_are_not_compared(cloud: Cloud, ebs: EBSClient, image: Path, snapshot_id: str) -> None:
    other = cloud.store.take_snapshot(cloud.store.make_volume(image, zone=ZONE))
    with pytest.raises(ClientError) as refused:
        ebs.list_changed_blocks(FirstSnapshotId=other, SecondSnapshotId=snapshot_id)

    assert _refusal(refused) == (400, "ValidationException", "UNRELATED_SNAPSHOTS")


def test_block_tokens_are_good_for_seven_days(cloud: Cloud, ebs: EBSClient, snapshot_id: str) -> None:
    token = _token(ebs, snapshot_id, 8)
    cloud.clock.sleep(7 * 86_400 - 1)
    assert ebs.get_snapshot_block(SnapshotId=snapshot_id, BlockIndex=8, BlockToken=token)["BlockData"].read()
    cloud.clock.sleep(1)
    with pytest.raises(ClientError) as refused:
        ebs.get_snapshot_block(SnapshotId=snapshot_id, BlockIndex=8, BlockToken=token)

    assert _refusal(refused) == (400, "ValidationException", "INVALID_BLOCK_TOKEN")


def test_a_block_token_is_good_for_its_block_alone(cloud: Cloud, ebs: EBSClient, volume_id: str) -> None:
    _write(cloud, volume_id, 0)
    snapshot_id = cloud.store.take_snapshot(volume_id)
    with pytest.raises(ClientError) as refused:
        ebs.get_snapshot_block(SnapshotId=snapshot_id, BlockIndex=0, BlockToken=_token(ebs, snapshot_id, 8))

    assert _refusal(refused) == (400, "ValidationException", "INVALID_BLOCK_TOKEN")


def test_page_tokens_are_good_for_an_hour(cloud: Cloud, ebs: EBSClient, tmp_path: Path) -> None:
    full = tmp_path / "full.img"
    full.write_bytes(b"f" * (101 * BLOCK_BYTES))
    snapshot_id = cloud.store.take_snapshot(cloud.store.make_volume(full, zone=ZONE))
    token = ebs.list_snapshot_blocks(SnapshotId=snapshot_id, MaxResults=100)["NextToken"]
    cloud.clock.sleep(3600)
    with pytest.raises(ClientError) as refused:
        ebs.list_snapshot_blocks(SnapshotId=snapshot_id, NextToken=token)

    assert _refusal(refused) == (400, "ValidationException", "INVALID_PAGE_TOKEN")


def test_a_snapshot_that_does_not_exist_is_not_found(cloud: Cloud, ebs: EBSClient) -> None:
    with pytest.raises(ebs.exceptions.ResourceNotFoundException) as refused:
        ebs.list_snapshot_blocks(SnapshotId=Identifiers("nobody's").resource("snap"))

    assert _refusal(refused) == (404, "ResourceNotFoundException", "SNAPSHOT_NOT_FOUND")


def test_a_snapshot_is_not_read_before_it_is_complete(cloud: Cloud, ebs: EBSClient, volume_id: str) -> None:
    snapshot_id = cloud.store.take_snapshot(volume_id, takes_seconds=60)
    with pytest.raises(ClientError) as refused:
        ebs.list_snapshot_blocks(SnapshotId=snapshot_id)
    cloud.clock.sleep(60)

    assert _refusal(refused) == (400, "ValidationException", "INVALID_SNAPSHOT_ID")
    assert _listed(ebs, snapshot_id) == [8]
