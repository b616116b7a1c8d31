"""How file systems are mounted, told by the commands that are run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from backup_actions.archive import mounting
from backup_actions.model.manifest import FileSystem, Region


@pytest.mark.parametrize(("kind", "options"), [("xfs", {"nouuid"}), ("ext4", set()), ("btrfs", {"subvolid=5"})])
def test_what_has_the_uuid_of_a_mounted_file_system_is_mounted_and_nothing_for_writing(
    kind: str, options: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run: list[list[str]] = []

    def note(command: list[str], _tool: str) -> subprocess.CompletedProcess[str]:
        run.append(command)
        return subprocess.CompletedProcess(command, 0, "/dev/loop7\n", "")

    monkeypatch.setattr(mounting, "run_tool", note)
    monkeypatch.setattr(os, "getxattr", lambda _path, _name: b"")
    found = FileSystem(type=kind)
    region = Region(number=1, role="partition", offset_bytes=1_048_576, size_bytes=8_388_608, file_system=found)

    with mounting.mounted(tmp_path / "disk", region, source_is_scratch=True):
        pass

    (mount,) = (command for command in run if command[0] == "mount")
    given = set(mount[mount.index("-o") + 1].split(","))
    assert given == {"ro", "nodev", "nosuid", "noexec"} | options
    assert [command[0] for command in run] == ["losetup", "mount", "umount", "losetup"]
