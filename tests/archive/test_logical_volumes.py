"""LVM: with the tools there, each logical volume is archived by itself; without them the region is an image.

The kernel of few test machines has a device mapper, so LVM's commands are stand-ins that say what the real ones say;
what they activate are real file systems.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.archive.programs import run

from backup_actions.archive import Archive, ArchiveOptions, FolderStore, archive, regions, verify

MIB = 1 << 20
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root and loop devices")
METADATA = b"the text of the volume group's metadata"
Programs = Callable[..., Path]


@pytest.fixture(name="physical_volume")
def _physical_volume(tmp_path: Path) -> Path:
    """A device with LVM's label, some metadata, and data that belongs to a logical volume."""
    image = tmp_path / "pv"
    with image.open("wb") as file:
        file.truncate(64 * MIB)
        file.seek(512)
        file.write(b"LABELONE".ljust(20, b"\0") + (32).to_bytes(4, "little") + b"LVM2 001" + b"a" * 32)
        file.seek(4096)
        file.write(METADATA)
        file.seek(32 * MIB)
        file.write(b"inside a logical volume")
    return image


@pytest.fixture(name="programs")
def _programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Put stand-ins for LVM's commands first on the path; what they are told is logged."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(regions, "reason_not_to_activate", lambda: "")

    def make(*, volumes: dict[str, Path], missing: str = "0", vgchange: str = "exit 0") -> Path:
        group = {"vg_name": "vg0", "vg_missing_pv_count": missing, "pv_count": "1", "pe_start": str(MIB)}
        listed = [{"lv_name": name, "lv_path": str(path)} for name, path in volumes.items()]
        said = {"pvs": {"report": [{"pv": [group]}]}, "lvs": {"report": [{"lv": listed}]}}
        for name in ("pvs", "lvs", "vgchange"):
            answer = f"cat <<'END'\n{json.dumps(said[name])}\nEND" if name in said else vgchange
            (folder / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/log\n{answer}\n')
            (folder / name).chmod(0o755)
        return tmp_path / "log"

    return make


@pytest.fixture(name="volumes")
def _volumes(tmp_path: Path) -> dict[str, Path]:
    """Two logical volumes: one with files, one without a file system."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(b"content")
    root, swap = tmp_path / "root", tmp_path / "swap"
    for path in (root, swap):
        with path.open("wb") as file:
            file.truncate(16 * MIB)
    run("mkfs.ext4", "-q", "-F", "-d", tmp_path / "tree", root)
    swap.write_bytes(os.urandom(MIB))
    return {"root": root, "data+1": swap}


SCRATCH = ArchiveOptions(source_is_scratch=True)


@pytest.mark.root
@NEEDS_ROOT
def test_each_logical_volume_is_a_member_and_the_metadata_is_kept(
    physical_volume: Path, programs: Programs, volumes: dict[str, Path], tmp_path: Path
) -> None:
    programs(volumes=volumes)
    store = FolderStore(tmp_path / "store")

    manifest = archive(physical_volume, store, options=SCRATCH)

    assert [(m.name, m.kind, m.logical_volume) for m in manifest.members] == [
        ("whole", "device", ""),
        ("whole-lv1", "files", "root"),
        ("whole-lv2", "device", "data+1"),
    ]
    assert b"".join(Archive.open(store).read_file("whole-lv1/file")) == b"content"
    assert b"".join(Archive.open(store).read_file("whole-lv2/device.img")) == volumes["data+1"].read_bytes()
    assert verify(store).ok


@pytest.mark.root
@NEEDS_ROOT
def test_a_rebuilt_disk_has_the_metadata_and_names_the_volumes_to_be_filled(
    physical_volume: Path, programs: Programs, volumes: dict[str, Path], tmp_path: Path
) -> None:
    programs(volumes=volumes)
    store = FolderStore(tmp_path / "store")
    archive(physical_volume, store, options=SCRATCH)

    rebuilt = Archive.open(store).rebuild_disk(tmp_path / "disk")

    content = rebuilt.path.read_bytes()
    assert content[:MIB] == physical_volume.read_bytes()[:MIB]
    assert not content[MIB:].strip(b"\0")
    assert rebuilt.logical_volumes == ("whole-lv1", "whole-lv2")


@pytest.mark.root
@NEEDS_ROOT
def test_the_group_is_let_go_and_sees_no_other_device(
    physical_volume: Path, programs: Programs, volumes: dict[str, Path], tmp_path: Path
) -> None:
    log = programs(volumes=volumes)

    archive(physical_volume, FolderStore(tmp_path / "store"), options=SCRATCH)

    calls = log.read_text().splitlines()
    assert [call for call in calls if "--activate" in call][-1].endswith("--activate n vg0")
    assert all("--devices /dev/loop" in call for call in calls)
    assert run("losetup", "--associated", physical_volume) == ""


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.parametrize(
    ("trouble", "because"),
    [
        ({"missing": "1"}, "spans several devices"),
        ({"vgchange": "echo 'device-mapper: create ioctl failed' >&2; exit 5"}, "create ioctl failed"),
    ],
)
def test_a_group_that_does_not_activate_is_archived_whole_as_it_was(
    trouble: dict[str, str],
    because: str,
    physical_volume: Path,
    programs: Programs,
    volumes: dict[str, Path],
    tmp_path: Path,
) -> None:
    programs(volumes=volumes, **trouble)
    store = FolderStore(tmp_path / "store")

    (member,) = archive(physical_volume, store, options=SCRATCH).members

    assert because in member.raw_because
    assert b"".join(Archive.open(store).read_file("device.img")) == physical_volume.read_bytes()


@pytest.mark.root
@NEEDS_ROOT
def test_the_image_of_a_person_is_not_activated(
    physical_volume: Path, programs: Programs, volumes: dict[str, Path], tmp_path: Path
) -> None:
    log = programs(volumes=volumes)

    (member,) = archive(physical_volume, FolderStore(tmp_path / "store")).members

    assert member.raw_because == "logical volumes are not activated: that would write to the source"
    assert not log.exists()


def test_without_a_device_mapper_it_is_said_so(tmp_path: Path) -> None:
    from backup_actions.archive.logical_volumes import reason_not_to_activate

    assert reason_not_to_activate(tmp_path / "control").endswith("there is no device mapper")
