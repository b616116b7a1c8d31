"""Volumes as real block devices: mounted, busy, torn down."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from backup_actions_local.services.ec2 import Ec2
from backup_actions_local.services.hosting.devices import loops_over
from backup_actions_local.services.neighbours import Neighbours

from .conftest import MIB, ZONE, Cloud, needs_root

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.root, needs_root()]


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    with path.open("wb") as writing:
        writing.truncate(16 * MIB)
    _run("mkfs.ext4", "-q", "-F", path)
    return path


@pytest.fixture(name="device")
def _device(rooted: Cloud, disk: Path) -> Path:
    """The device of an attached volume, as its host sees it."""
    volume, instance = rooted.store.make_volume(disk, zone=ZONE), rooted.store.launch(ZONE)
    rooted.ask(Ec2(rooted.store, rooted.mishaps, Neighbours()))(
        "AttachVolume", VolumeId=volume, InstanceId=instance.id, Device="/dev/sdf"
    )
    return next(node for node in instance.dev.iterdir() if node.is_symlink())


@pytest.fixture(name="mounted")
def _mounted(device: Path, tmp_path: Path) -> Path:
    point = tmp_path / "a mount point"
    point.mkdir()
    _run("mount", device, point)
    return point


def _volume(cloud: Cloud) -> tuple[str, str]:
    (volume,) = cloud.store.volumes()
    assert volume.attachment
    return volume.id, volume.attachment.instance_id


def test_an_attached_volume_is_a_block_device_that_can_be_mounted(device: Path, mounted: Path) -> None:
    assert device.is_block_device()
    assert (mounted / "lost+found").is_dir()


def test_a_mounted_volume_stays_busy_until_it_is_unmounted(rooted: Cloud, mounted: Path) -> None:
    ask = rooted.ask(Ec2(rooted.store, rooted.mishaps, Neighbours()))
    volume, _ = _volume(rooted)
    ask("DetachVolume", VolumeId=volume)
    rooted.clock.sleep(60)
    (busy,) = ask("DescribeVolumes", VolumeIds=[volume])["Volumes"][0]["Attachments"]
    _run("umount", mounted)
    state = ask("DescribeVolumes", VolumeIds=[volume])["Volumes"][0]["State"]

    assert (busy["State"], state) == ("busy", "available")
    assert not loops_over(rooted.directory)


def test_a_volume_that_is_read_is_in_use(rooted: Cloud, device: Path) -> None:
    ask = rooted.ask(Ec2(rooted.store, rooted.mishaps, Neighbours()))
    volume, _ = _volume(rooted)
    with device.open("rb"):
        ask("DetachVolume", VolumeId=volume)
        rooted.clock.sleep(60)
        state = ask("DescribeVolumes", VolumeIds=[volume])["Volumes"][0]["State"]

    assert state == "in-use"


def test_a_forced_detach_takes_the_mount_away(rooted: Cloud, mounted: Path) -> None:
    ask = rooted.ask(Ec2(rooted.store, rooted.mishaps, Neighbours()))
    volume, _ = _volume(rooted)
    ask("DetachVolume", VolumeId=volume, Force=True)
    rooted.clock.sleep(60)
    state = ask("DescribeVolumes", VolumeIds=[volume])["Volumes"][0]["State"]

    assert state == "available"
    assert not mounted.is_mount()


def test_a_lost_host_takes_mounts_and_loops_over_parts_of_the_disk_with_it(
    rooted: Cloud, device: Path, tmp_path: Path
) -> None:
    part = tmp_path / "part"
    part.mkdir()
    loop = device.resolve()
    _run("mount", "-o", "loop,offset=0,sizelimit=16777216", device, part)
    _, instance = _volume(rooted)
    rooted.store.lose(instance)

    assert not part.is_mount()
    assert not loops_over(rooted.directory)
    assert str(loop) not in _backing_files()


def test_the_end_of_a_container_takes_its_mounts_and_leaves_the_volume(rooted: Cloud, mounted: Path) -> None:
    volume, instance = _volume(rooted)
    rooted.store.retire(instance)

    assert not mounted.is_mount()
    assert rooted.store.volume(volume).state(rooted.clock.now()) == "in-use"


def test_closing_leaves_nothing_attached(rooted: Cloud, mounted: Path) -> None:
    rooted.store.close()

    assert not mounted.is_mount()
    assert not loops_over(rooted.directory)


def _backing_files() -> str:
    return subprocess.run(["losetup", "--list", "--noheadings"], check=True, capture_output=True, text=True).stdout
