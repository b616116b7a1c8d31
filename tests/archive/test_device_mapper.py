"""What stands on what, told by a ``/sys`` of the test's own: the kernel of few test machines has a device mapper."""

from __future__ import annotations

from pathlib import Path

from backup_actions.archive.device_mapper import MappedDevice, lvm_uuid, mapped_devices

GROUP = "6d3Jay-eAQZ-otZl-1pXQ-uIdf-ptBg-C3fO5l"
VOLUME = "7fupA0-dSc2-LKW9-k8zW-5lqS-hNYh-3EaOTd"
NAME = "LVM-6d3JayeAQZotZl1pXQuIdfptBgC3fO5l7fupA0dSc2LKW9k8zW5lqShNYh3EaOTd"


def mapped(system: Path, number: int, uuid: str, *below: Path) -> Path:
    """A device of the device mapper, as the kernel shows it."""
    folder = system / "block" / f"dm-{number}"
    (folder / "dm").mkdir(parents=True)
    (folder / "dm" / "uuid").write_text(f"{uuid}\n")
    (folder / "dev").write_text(f"253:{number}\n")
    (folder / "slaves").mkdir()
    for device in below:
        (folder / "slaves" / device.name).symlink_to(device)
    return folder


def disk(system: Path, name: str, number: str, *, is_partition: bool = False) -> Path:
    """A device that stands on no other; of a partition the kernel does not even show that it might."""
    folder = system / "devices" / name
    (folder if is_partition else folder / "slaves").mkdir(parents=True)
    (folder / "dev").write_text(f"{number}\n")
    return folder


def test_the_names_of_a_volumes_layers_begin_with_the_uuids_of_its_group_and_its_own() -> None:
    assert lvm_uuid(GROUP, VOLUME) == NAME
    assert NAME.startswith(lvm_uuid(GROUP))


def test_all_layers_of_a_thin_volume_stand_on_what_its_pool_has_its_data_on(tmp_path: Path) -> None:
    loop, partition = disk(tmp_path, "loop3", "7:3"), disk(tmp_path, "nvme1n1p2", "259:4", is_partition=True)
    metadata = mapped(tmp_path, 0, f"{lvm_uuid(GROUP)}{'m' * 32}-tmeta", loop)
    data = mapped(tmp_path, 1, f"{lvm_uuid(GROUP)}{'d' * 32}-tdata", partition)
    pool = mapped(tmp_path, 2, f"{lvm_uuid(GROUP)}{'p' * 32}-tpool", metadata, data)
    mapped(tmp_path, 3, NAME, pool)

    grounds = {found.number: found.stands_on for found in mapped_devices(GROUP, tmp_path)}

    assert grounds == {"253:0": {"7:3"}, "253:1": {"259:4"}, "253:2": {"7:3", "259:4"}, "253:3": {"7:3", "259:4"}}


def test_what_stands_on_nothing_stands_on_itself(tmp_path: Path) -> None:
    mapped(tmp_path, 0, NAME)

    (found,) = mapped_devices(GROUP, tmp_path)

    assert found == MappedDevice(NAME, "253:0", frozenset({"253:0"}))


def test_other_groups_and_devices_of_others_are_not_of_the_group(tmp_path: Path) -> None:
    loop = disk(tmp_path, "loop3", "7:3")
    mapped(tmp_path, 0, NAME.replace("LVM-6d3Jay", "LVM-AAAAAA"), loop)
    mapped(tmp_path, 1, "CRYPT-LUKS2-0123456789abcdef-root", loop)
    mapped(tmp_path, 2, "", loop)

    assert mapped_devices(GROUP, tmp_path) == []


def test_what_goes_away_while_it_is_looked_at_is_not_there(tmp_path: Path) -> None:
    (mapped(tmp_path, 0, NAME) / "dev").unlink()

    assert mapped_devices(GROUP, tmp_path) == []


def test_where_there_is_no_device_mapper_nothing_is_active(tmp_path: Path) -> None:
    assert mapped_devices(GROUP, tmp_path) == []
