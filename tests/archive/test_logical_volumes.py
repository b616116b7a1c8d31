"""LVM: with the tools there, each logical volume is archived by itself; without them the region is an image.

The kernel of few test machines has a device mapper, so LVM's commands are stand-ins that say what the real ones say;
what they activate are real file systems. What their reports look like was seen with those of LVM 2.03.16.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.archive.programs import looped, run

from backup_actions.archive import Archive, ArchiveOptions, FolderStore, archive, regions, verify
from backup_actions.archive.logical_volumes import activated, reason_not_to_activate

MIB = 1 << 20
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root and loop devices")
METADATA = b"the text of the volume group's metadata"
GROUP = "6d3Jay-eAQZ-otZl-1pXQ-uIdf-ptBg-C3fO5l"
UUIDS = {"root": "7fupA0-dSc2-LKW9-k8zW-5lqS-hNYh-3EaOTd", "data+1": "NjHWwh-IGSe-XUKz-KXkL-tMAJ-FdZu-EkrpqG"}
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
    """Put stand-ins for LVM's commands first on the path; what they are told is logged.

    What they activate stands in a ``/sys`` of the test's own: on the device that they are told, or where ``elsewhere``
    says that another job was faster. As with LVM, what is active already is passed over.
    """
    folder, system = tmp_path / "bin", tmp_path / "sys"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(regions, "reason_not_to_activate", lambda: "")
    monkeypatch.setattr(regions, "activated", partial(activated, system=system))

    def make(
        *,
        volumes: dict[str, Path],
        missing: str = "0",
        vgchange: str = "",
        elsewhere: dict[str, Path] | None = None,
        by_host: bool = False,
    ) -> Path:
        group = {"vg_name": "vg0", "vg_uuid": GROUP, "vg_missing_pv_count": missing, "pv_count": "1"}
        listed = [{"lv_name": name, "lv_path": str(path), "lv_uuid": UUIDS[name]} for name, path in volumes.items()]
        said = {
            "pvs": {"report": [{"pv": [{**group, "pe_start": str(MIB)}]}]},
            "lvs": {"report": [{"lv": listed}]},
        }
        on = {name: (elsewhere or {}).get(name, Path("$2")) for name in volumes}
        activate = "\n".join(_activation(system, name, volumes[name], on[name]) for name in volumes)
        scripts = {name: f"cat <<'END'\n{json.dumps(answer)}\nEND" for name, answer in said.items()}
        scripts["pvs"] += f"\n{activate}" if by_host else ""
        scripts["vgchange"] = vgchange or activate
        gone = f"rm -r {system}/block/dm-${{name#vg0/}}"
        scripts["lvchange"] = f"for name in vg0/root vg0/data+1; do case $* in *$name*) {gone}; esac; done"
        for name, script in scripts.items():
            (folder / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/log\n{script}\n')
            (folder / name).chmod(0o755)
        return tmp_path / "log"

    return make


def _activation(system: Path, name: str, volume: Path, on: Path) -> str:
    mapped = system / "block" / f"dm-{name}"
    return f"""if [ ! -e {mapped} ]; then
        mkdir -p {mapped}/dm {mapped}/slaves/below
        echo LVM-{GROUP.replace("-", "")}{UUIDS[name].replace("-", "")} > {mapped}/dm/uuid
        cat /sys/block/{volume.name}/dev > {mapped}/dev
        cat /sys/block/$(basename {on})/dev > {mapped}/slaves/below/dev
    fi"""


@pytest.fixture(name="volumes")
def _volumes(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """Two logical volumes: one with files, one without a file system. Loop devices stand for those of LVM."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(b"content")
    root, swap = tmp_path / "root", tmp_path / "swap"
    for path in (root, swap):
        with path.open("wb") as file:
            file.truncate(16 * MIB)
    run("mkfs.ext4", "-q", "-F", "-d", tmp_path / "tree", root)
    with swap.open("r+b") as file:
        file.write(os.urandom(MIB))
    with looped(root) as root_device, looped(swap) as swap_device:
        yield {"root": Path(root_device), "data+1": Path(swap_device)}


@pytest.fixture(name="other_disk")
def _other_disk(tmp_path: Path) -> Iterator[Path]:
    """The disk of another job, with the same UUIDs."""
    with (tmp_path / "other").open("wb") as file:
        file.truncate(MIB)
    with looped(tmp_path / "other") as device:
        yield Path(device)


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
    assert [call for call in calls if "--activate" in call][-1].endswith("--activate n vg0/root vg0/data+1")
    assert list((tmp_path / "sys" / "block").iterdir()) == []
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
def test_a_group_that_is_active_on_another_disk_is_left_alone_and_the_own_disk_archived_whole(
    physical_volume: Path, programs: Programs, volumes: dict[str, Path], other_disk: Path, tmp_path: Path
) -> None:
    log = programs(volumes=volumes)
    subprocess.run(["sh", "-c", _activation(tmp_path / "sys", "root", volumes["root"], other_disk)], check=True)
    store = FolderStore(tmp_path / "store")

    (member,) = archive(physical_volume, store, options=SCRATCH).members

    assert member.raw_because == "its volume group is active on another disk, which has the same UUIDs"
    assert b"".join(Archive.open(store).read_file("device.img")) == physical_volume.read_bytes()
    assert {call.split()[0] for call in log.read_text().splitlines()} == {"pvs"}


@pytest.mark.root
@NEEDS_ROOT
def test_of_two_jobs_that_activate_copies_at_once_neither_reads_the_others_or_takes_it_away(
    physical_volume: Path, programs: Programs, volumes: dict[str, Path], other_disk: Path, tmp_path: Path
) -> None:
    log = programs(volumes=volumes, elsewhere={"root": other_disk})
    store = FolderStore(tmp_path / "store")

    (member,) = archive(physical_volume, store, options=SCRATCH).members

    assert member.raw_because == "its volume group is active on another disk, which has the same UUIDs"
    assert b"".join(Archive.open(store).read_file("device.img")) == physical_volume.read_bytes()
    assert [call for call in log.read_text().splitlines() if "--activate" in call][-1].endswith("n vg0/data+1")
    assert [mapped.name for mapped in (tmp_path / "sys" / "block").iterdir()] == ["dm-root"]


@pytest.mark.root
@NEEDS_ROOT
def test_what_the_host_has_activated_on_our_own_device_is_read(
    physical_volume: Path, programs: Programs, volumes: dict[str, Path], tmp_path: Path
) -> None:
    programs(volumes=volumes, by_host=True)

    manifest = archive(physical_volume, FolderStore(tmp_path / "store"), options=SCRATCH)

    assert [member.logical_volume for member in manifest.members] == ["", "root", "data+1"]
    assert list((tmp_path / "sys" / "block").iterdir()) == []


@pytest.mark.root
@NEEDS_ROOT
@pytest.mark.parametrize(("path", "because"), [("", "was not activated"), ("/nowhere", "cannot be read: No such file")])
def test_a_group_with_a_volume_that_stays_inactive_is_archived_whole(
    path: str,
    because: str,
    physical_volume: Path,
    programs: Programs,
    volumes: dict[str, Path],
    other_disk: Path,
    tmp_path: Path,
) -> None:
    programs(
        volumes={**volumes, "data+1": Path(path or other_disk)},
        vgchange=_activation(tmp_path / "sys", "root", volumes["root"], Path("$2")),
    )

    (member,) = archive(physical_volume, FolderStore(tmp_path / "store"), options=SCRATCH).members

    assert member.raw_because.startswith("its logical volume data+1 ")
    assert because in member.raw_because
    assert list((tmp_path / "sys" / "block").iterdir()) == []


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
    assert reason_not_to_activate(tmp_path / "control").endswith("there is no device mapper")
