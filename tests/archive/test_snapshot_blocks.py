"""An EBS snapshot read through the direct APIs: its volume's bytes, checked, and nothing unwritten asked for."""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.flow.disks import unmountable

from backup_actions.archive import Archive, ArchiveOptions, FolderStore, SnapshotBlocks, archive, verify
from backup_actions.archive.device import BlockSource
from backup_actions.archive.layout import read_layout
from backup_actions.aws import Clients
from backup_actions.contract import Statement
from backup_actions.errors import ArchiveInterrupted, SourceUnreadable
from backup_actions_local.calls import Call, Handler
from backup_actions_local.clock import SimulatedClock
from backup_actions_local.front import Audit, Faults, Front, Roles
from backup_actions_local.services.block_store import BlockStore
from backup_actions_local.services.durations import Durations
from backup_actions_local.services.ebs import BLOCK_BYTES, Ebs
from backup_actions_local.services.hosting.devices import PlainFiles
from backup_actions_local.services.place import Place

from .resumption import Notes as Told
from .resumption import random_image
from .test_devices import NEEDS_ROOT, Notes

MIB = 1 << 20
KEY = "arn:aws:kms:us-east-1:111122223333:key/customer"
READS = Statement(
    ("ebs:ListSnapshotBlocks", "ebs:GetSnapshotBlock"), on="arn:aws:ec2:us-east-1::snapshot/*", because="x"
)
DECRYPTS = Statement(("kms:Decrypt",), on=KEY, when={"StringEquals": {"kms:ViaService": "ec2.us-east-1.amazonaws.com"}})


class Tampering(Ebs):
    """Blocks come with other bytes than their checksum says, as often as planned."""

    tampered = 0

    def handlers(self) -> Mapping[str, Handler]:
        """Those of the real thing, but for the bytes."""
        known = dict(super().handlers())
        honest = known["GetSnapshotBlock"]

        def get(call: Call) -> Mapping[str, Any]:
            answer = dict(honest(call))
            if self.tampered:
                self.tampered -= 1
                answer["BlockData"] = b"?" + answer["BlockData"][1:]
            return answer

        return known | {"GetSnapshotBlock": get}


@dataclass
class World:
    """An embedded AWS with nothing but snapshots."""

    clock: SimulatedClock
    store: BlockStore
    front: Front
    service: Tampering

    def snapshot(self, image: Path, *, kms_key_id: str = "", takes_seconds: float = 0) -> str:
        volume = self.store.make_volume(image, zone="us-east-1a", kms_key_id=kms_key_id)
        return self.store.take_snapshot(volume, takes_seconds=takes_seconds)

    def may(self, *statements: Statement) -> None:
        self.front.roles.add("reader", statements)

    def blocks(self, snapshot_id: str) -> SnapshotBlocks:
        return SnapshotBlocks(Clients(self.front.session("reader")).ebs, snapshot_id, clock=self.clock)

    def asked(self, operation: str) -> list[str]:
        return [entry.resource for entry in self.front.audit.of("ebs", operation)]


@pytest.fixture(name="world")
def _world(tmp_path: Path) -> Iterator[World]:
    clock = SimulatedClock()
    store = BlockStore(
        clock=clock, place=Place(), directory=tmp_path / "aws", durations=Durations(), devices=PlainFiles()
    )
    service, roles, faults = Tampering(store), Roles(clock), Faults()
    roles.add("reader", (READS, DECRYPTS))
    with Front(
        clock=clock, roles=roles, faults=faults, audit=Audit(), services=[service], key_of=store.key_of
    ) as front:
        yield World(clock, store, front, service)
        faults.assert_all_happened()
    store.close()


@pytest.fixture(name="image")
def _image(tmp_path: Path) -> Path:
    """40 blocks and a half: number 3, 4 and the last, which is half a block, hold something."""
    path = tmp_path / "sparse.img"
    with path.open("wb") as file:
        for at in (3 * BLOCK_BYTES + 1000, 4 * BLOCK_BYTES, 40 * BLOCK_BYTES + 100):
            file.seek(at)
            file.write(b"something " * 5000)
        file.truncate(40 * BLOCK_BYTES + BLOCK_BYTES // 2)
    return path


@pytest.fixture(name="small_disk", scope="module")
def _small_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ext4 of 16 MiB without a partition table, with six MiB in it."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "tree").mkdir()
    (folder / "tree" / "noise").write_bytes(hashlib.shake_128(b"noise").digest(6 * MIB))
    with (folder / "small.img").open("wb") as file:
        file.truncate(16 * MIB)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-d", str(folder / "tree"), str(folder / "small.img")], check=True)
    return folder / "small.img"


@pytest.fixture(name="broken_disk")
def _broken_disk(small_disk: Path, tmp_path: Path) -> Path:
    return unmountable(small_disk, tmp_path)


@pytest.fixture(name="disk")
def _disk(small_disk: Path, tmp_path: Path) -> Path:
    """A GiB with a partition table and an ext4 in its one partition."""
    disk = tmp_path / "disk.img"
    with disk.open("wb") as file:
        file.truncate(1 << 30)
        file.seek(MIB)
        file.write(small_disk.read_bytes())
    table = "label: gpt\nlabel-id: 0fc63daf-8483-4772-8e79-3d69d8477de4\nstart=2048, size=32768\n"
    subprocess.run(["sfdisk", "-q", str(disk)], input=table.encode(), check=True)
    subprocess.run(["fallocate", "--dig-holes", str(disk)], check=True)
    return disk


def test_every_byte_is_the_volume_s_and_zeros_follow_its_end(world: World, image: Path) -> None:
    with world.blocks(world.snapshot(image)) as blocks:
        content = image.read_bytes()
        whole = blocks.read(0, 64 * BLOCK_BYTES)
        odd = blocks.read(3 * BLOCK_BYTES + 999, BLOCK_BYTES + 7)

    assert (blocks.size_bytes, blocks.is_device, blocks.sector_size_bytes()) == (1 << 30, False, None)
    assert whole == content.ljust(64 * BLOCK_BYTES, b"\0")
    assert odd == content[3 * BLOCK_BYTES + 999 :][: BLOCK_BYTES + 7]


def test_only_what_was_written_is_asked_for(world: World, image: Path) -> None:
    with world.blocks(world.snapshot(image)) as blocks:
        written = list(blocks.written(0, blocks.size_bytes))
        inside = list(blocks.written(3 * BLOCK_BYTES + 5, 4 * BLOCK_BYTES + 5))
        blocks.read(0, 64 * BLOCK_BYTES)

    assert written == [(3 * BLOCK_BYTES, 5 * BLOCK_BYTES), (40 * BLOCK_BYTES, 41 * BLOCK_BYTES)]
    assert inside == [(3 * BLOCK_BYTES + 5, 4 * BLOCK_BYTES + 5)]
    assert len(world.asked("GetSnapshotBlock")) == 3
    assert len(world.asked("ListSnapshotBlocks")) == 1


def test_a_buffer_that_was_used_before_has_zeros_where_nothing_was_written(world: World, image: Path) -> None:
    buffer = bytearray(b"!" * (2 * BLOCK_BYTES + 10))
    with world.blocks(world.snapshot(image)) as blocks:
        blocks.read_into(2 * BLOCK_BYTES, memoryview(buffer))

    assert bytes(buffer) == image.read_bytes()[2 * BLOCK_BYTES :][: len(buffer)]


def test_many_small_looks_into_a_block_cost_one_request(world: World, image: Path) -> None:
    with world.blocks(world.snapshot(image)) as blocks:
        for at in range(100):
            blocks.peek(3 * BLOCK_BYTES + 512 * at, 512)

    assert len(world.asked("GetSnapshotBlock")) == 1


def test_reading_behind_the_end_is_an_error_and_peeking_there_is_not(world: World, image: Path) -> None:
    with world.blocks(world.snapshot(image)) as blocks:
        assert blocks.peek(blocks.size_bytes - 5, 10) == bytes(5)
        with pytest.raises(SourceUnreadable, match="it ends at byte 1073741824"):
            blocks.read(blocks.size_bytes - 5, 10)


def test_an_archive_of_the_snapshot_gives_the_disk_back(world: World, disk: Path, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "archive")
    with world.blocks(world.snapshot(disk)) as blocks:
        manifest = archive(blocks, store, options=ArchiveOptions(raw="always", threads=2))
    Archive.open(store).rebuild_disk(tmp_path / "rebuilt.img")

    assert manifest.source == {"kind": "ebs-snapshot", "name": blocks.name}
    assert any("bytes that are in use were read" in note for member in manifest.members for note in member.notes)
    with BlockSource(disk) as device:
        assert manifest.layout == read_layout(device)
    with disk.open("rb") as before, (tmp_path / "rebuilt.img").open("rb") as after:
        for start, length in ((0, 18 * MIB), ((1 << 30) - MIB, MIB)):
            before.seek(start)
            after.seek(start)
            assert before.read(length) == after.read(length)
    # Everything lies in the first 17 MiB and in the copy of the table at the end.
    assert len(world.asked("GetSnapshotBlock")) <= 2 * 17 + 1


def test_an_interrupted_archive_of_a_snapshot_goes_on(world: World, tmp_path: Path) -> None:
    image, store, notes = random_image(tmp_path / "random.img"), FolderStore(tmp_path / "archive"), Told()
    options = ArchiveOptions(frame_size_mib=1, threads=2, memory_mib=160)  # twenty frames at a time
    snapshot_id = world.snapshot(image)
    with world.blocks(snapshot_id) as blocks, pytest.raises(ArchiveInterrupted):
        archive(blocks, store, options=options, progress=Told(until_bytes=31 * MIB), checkpoint_seconds=3600)
    before = len(world.asked("GetSnapshotBlock"))
    with world.blocks(snapshot_id) as blocks:
        archive(blocks, store, options=options, progress=notes, checkpoint_seconds=3600)

    assert "an unfinished archive is continued" in notes.text
    assert "from its beginning" not in notes.text
    assert len(world.asked("GetSnapshotBlock")) - before < 81  # of the 81 that were written
    assert verify(store).ok


def test_without_a_device_nothing_is_mounted(world: World, small_disk: Path, tmp_path: Path) -> None:
    with world.blocks(world.snapshot(small_disk)) as blocks:
        (member,) = archive(blocks, FolderStore(tmp_path / "archive"), options=ArchiveOptions(threads=2)).members

    assert (member.kind, member.raw_because) == ("device", "there is no device to mount")


@NEEDS_ROOT
def test_what_cannot_be_mounted_is_read_from_the_snapshot(world: World, broken_disk: Path, tmp_path: Path) -> None:
    snapshot_id, stores = world.snapshot(broken_disk), [FolderStore(tmp_path / name) for name in ("a", "b")]
    from_snapshot, from_disk = (
        archive(broken_disk, store, unmountable_from=reopen, options=ArchiveOptions(threads=2)).members[0]
        for store, reopen in zip(stores, (lambda: world.blocks(snapshot_id), None), strict=True)
    )

    assert from_snapshot.kind == from_disk.kind == "device"
    assert set(from_snapshot.notes) - set(from_disk.notes) == {f"it was read from ebs:{snapshot_id}"}
    assert from_snapshot.stream_blake3 == from_disk.stream_blake3
    assert len(world.asked("GetSnapshotBlock")) > 10


@NEEDS_ROOT
def test_what_cannot_be_mounted_is_read_from_the_device_where_the_snapshot_may_not_be(
    world: World, broken_disk: Path, tmp_path: Path
) -> None:
    world.may()
    snapshot_id, progress = world.snapshot(broken_disk), Notes()
    store = FolderStore(tmp_path / "archive")
    archive(broken_disk, store, unmountable_from=lambda: world.blocks(snapshot_id), progress=progress)

    assert any(note.endswith(f"{broken_disk} is read instead") for note in progress.notes)
    assert verify(store).ok


@NEEDS_ROOT
def test_what_can_be_mounted_asks_nothing_of_the_snapshot(world: World, small_disk: Path, tmp_path: Path) -> None:
    snapshot_id = world.snapshot(small_disk)
    archive(small_disk, FolderStore(tmp_path / "archive"), unmountable_from=lambda: world.blocks(snapshot_id))

    assert world.asked("ListSnapshotBlocks") == []


def test_encrypted_snapshots_are_read_with_their_key_through_ec2(world: World, image: Path) -> None:
    with world.blocks(world.snapshot(image, kms_key_id=KEY)) as blocks:
        assert blocks.read(4 * BLOCK_BYTES, 9) == b"something"


@pytest.mark.parametrize(
    ("statements", "missing"), [((DECRYPTS,), "ebs:ListSnapshotBlocks"), ((READS,), "kms:Decrypt")]
)
def test_what_may_not_be_read_says_which_permission_is_missing(
    world: World, image: Path, statements: tuple[Statement, ...], missing: str
) -> None:
    snapshot_id = world.snapshot(image, kms_key_id=KEY)
    world.may(*statements)

    with pytest.raises(SourceUnreadable, match=f"not authorized to perform: {missing}"):
        world.blocks(snapshot_id)


def test_a_snapshot_that_is_not_complete_is_refused_by_its_state(world: World, image: Path) -> None:
    snapshot_id = world.snapshot(image, takes_seconds=60)

    with pytest.raises(SourceUnreadable, match=f"cannot read ebs:{snapshot_id}: .*is pending"):
        world.blocks(snapshot_id)


def test_a_snapshot_that_does_not_exist_is_refused(world: World) -> None:
    with pytest.raises(SourceUnreadable, match="does not exist"):
        world.blocks("snap-0123456789abcdef0")


@pytest.mark.parametrize("is_new", [True, False])
def test_a_new_snapshot_that_is_not_known_yet_is_waited_for(world: World, image: Path, is_new: bool) -> None:
    snapshot_id, client = world.snapshot(image), Clients(world.front.session("reader")).ebs
    world.front.faults.on("ebs", "ListSnapshotBlocks").fail("ResourceNotFoundException", status=404)
    waits = nullcontext() if is_new else pytest.raises(SourceUnreadable)

    with waits, SnapshotBlocks(client, snapshot_id, clock=world.clock, is_new=is_new) as blocks:
        assert blocks.read(4 * BLOCK_BYTES, 9) == b"something"


def test_throttled_and_failing_requests_are_made_again(world: World, image: Path) -> None:
    snapshot_id, on = world.snapshot(image), world.front.faults.on
    on("ebs", "ListSnapshotBlocks").fail("ThrottlingException").times(3)
    on("ebs", "GetSnapshotBlock").fail("RequestThrottledException").times(4)
    on("ebs", "GetSnapshotBlock").fail_after("InternalServerException").times(2)
    with world.blocks(snapshot_id) as blocks:
        assert blocks.read(0, 64 * BLOCK_BYTES).startswith(image.read_bytes())


def test_a_block_that_cannot_be_had_is_named(world: World, image: Path) -> None:
    world.front.faults.on("ebs", "GetSnapshotBlock").fail("AccessDeniedException", status=403).always()
    named = pytest.raises(SourceUnreadable, match=r"cannot read block [34] of ebs:snap-")
    with world.blocks(world.snapshot(image)) as blocks, named:
        blocks.read(3 * BLOCK_BYTES, 2 * BLOCK_BYTES)


def test_a_damaged_block_is_asked_for_again(world: World, image: Path) -> None:
    world.service.tampered = 2
    with world.blocks(world.snapshot(image)) as blocks:
        assert blocks.read(4 * BLOCK_BYTES, 9) == b"something"


def test_a_block_that_stays_damaged_is_never_archived(world: World, image: Path) -> None:
    world.service.tampered = 1000
    refused = pytest.raises(SourceUnreadable, match="do not have the checksum that came with them")
    with world.blocks(world.snapshot(image)) as blocks, refused:
        blocks.read(4 * BLOCK_BYTES, 9)


@pytest.mark.parametrize("days", [6.99, 7, 30])
def test_tokens_that_expire_are_asked_for_anew(world: World, image: Path, days: float) -> None:
    with world.blocks(world.snapshot(image)) as blocks:
        before = blocks.read(4 * BLOCK_BYTES, BLOCK_BYTES)
        world.clock.sleep(86_400 * days)

        assert blocks.read(4 * BLOCK_BYTES, BLOCK_BYTES) == before
    assert len(world.asked("ListSnapshotBlocks")) == 2


def test_a_token_that_is_refused_before_its_time_is_asked_for_anew(world: World, image: Path) -> None:
    world.front.faults.on("ebs", "GetSnapshotBlock").fail("ValidationException")
    with world.blocks(world.snapshot(image)) as blocks:
        assert blocks.read(4 * BLOCK_BYTES, 9) == b"something"
    assert len(world.asked("ListSnapshotBlocks")) == 2


# ------------------------------------------------------------------------------------ against a snapshot of 64 TiB

TIB = 1 << 40
_TOKEN = "T" * 256


class Huge:
    """A client of the largest snapshot there is, all of it written, with the longest tokens there are."""

    def __init__(self, *, of_nothing: Callable[[int], bool] = lambda _number: False) -> None:
        self.lists = 0
        self._of_nothing = of_nothing

    def list_snapshot_blocks(self, *, SnapshotId: str, MaxResults: int, **where: Any) -> dict[str, Any]:  # noqa: N803
        del SnapshotId
        self.lists += 1
        first = int(where.get("StartingBlockIndex", where.get("NextToken", 0)))
        behind = min(first + MaxResults, 64 * TIB // BLOCK_BYTES)
        numbers = [] if self._of_nothing(first) else range(first, behind)
        answer = {
            "Blocks": [{"BlockIndex": number, "BlockToken": _TOKEN} for number in numbers],
            "VolumeSize": 65_536,
            "BlockSize": BLOCK_BYTES,
            "ExpiryTime": datetime(2026, 1, 15, tzinfo=UTC) + timedelta(days=7),
        }
        return answer | ({"NextToken": str(behind)} if behind < 64 * TIB // BLOCK_BYTES else {})

    def get_snapshot_block(self, **_block: Any) -> dict[str, Any]:
        data = b"h" * BLOCK_BYTES
        checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
        return {"BlockData": io.BytesIO(data), "Checksum": checksum}


def _huge(client: Huge) -> SnapshotBlocks:
    return SnapshotBlocks(cast("Any", client), "snap-0", clock=SimulatedClock())


def test_listing_the_largest_snapshot_takes_no_more_memory_than_a_few_pages() -> None:
    client = Huge()
    with _huge(client) as blocks:
        tracemalloc.start()
        try:
            pages = sum(1 for _ in blocks.written(64 * TIB - 6 * 10_000 * BLOCK_BYTES, 64 * TIB))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert blocks.size_bytes == 64 * TIB
        assert blocks.read(64 * TIB - 3, 3) == b"hhh"
    assert (pages, client.lists) == (6, 7)
    assert peak < 20 * MIB  # four pages of 2.6 MiB, and the answer that is being read


def test_empty_pages_that_lead_on_are_followed() -> None:
    half = 10_000 * BLOCK_BYTES
    with _huge(Huge(of_nothing=lambda first: first < 20_000)) as blocks:
        assert blocks.read(0, 10) == bytes(10)
        assert list(blocks.written(0, 3 * half)) == [(2 * half, 3 * half)]


def test_a_listing_out_of_order_is_refused() -> None:
    client = SimpleNamespace(
        list_snapshot_blocks=lambda **_: {
            "Blocks": [{"BlockIndex": number, "BlockToken": "t"} for number in (1, 3, 2)],
            "VolumeSize": 1,
            "BlockSize": BLOCK_BYTES,
            "ExpiryTime": datetime(2027, 1, 1, tzinfo=UTC),
        }
    )
    with pytest.raises(SourceUnreadable, match="it lists block 2 amiss"):
        SnapshotBlocks(cast("Any", client), "snap-0", clock=SimulatedClock())
