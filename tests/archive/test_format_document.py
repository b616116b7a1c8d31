"""The written specification names what the code writes, and its commands work."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from backup_actions.archive import ArchiveOptions, FolderStore, archive
from backup_actions.archive.index_rows import SCHEMA
from backup_actions.model.manifest import Counts, FileSystem, Layout, Manifest, Member, Region, StoredObject

PAGE = (Path(__file__).parents[2] / "docs" / "archive-format.md").read_text(encoding="utf-8")


def test_every_column_of_the_index_is_described_in_order() -> None:
    section = PAGE.split("## index.parquet")[1].split("## ")[0]
    first_cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]

    assert re.findall(r"`(\w+)`", " ".join(first_cells)) == SCHEMA.names


@pytest.mark.parametrize("kind", [Manifest, Layout, Region, FileSystem, Member, StoredObject, Counts])
def test_every_field_of_the_manifest_is_described(kind: type) -> None:
    section = PAGE.split("## manifest.json")[1].split("## Reading")[0]

    assert [field.name for field in dataclasses.fields(kind) if f"`{field.name}`" not in section] == []


def test_its_commands_restore_a_tree_an_image_and_one_file(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "hosts").write_bytes(b"127.0.0.1 localhost\n" * 100_000)
    (tmp_path / "image").write_bytes(b"not a file system" * 100_000)
    store, place = FolderStore(tmp_path / "files"), tmp_path / "files"
    archive(tmp_path / "tree", store, options=ArchiveOptions(frame_size_mib=1))
    gzipped = FolderStore(tmp_path / "gzip")
    archive(tmp_path / "tree", gzipped, options=ArchiveOptions(codec="gzip"))
    archive(tmp_path / "image", FolderStore(tmp_path / "disk"))
    row = pq.read_table(place / "index.parquet").to_pylist()[1]
    commands = re.findall(r"^(?:zstd|gzip) .*$", PAGE.split("## Reading")[1], re.MULTILINE)
    assert len(commands) == 4

    for command, folder in zip(commands, ("files", "gzip", "disk", "files"), strict=True):
        (tmp_path / folder / "restored").mkdir(exist_ok=True)
        filled = f"data_offset={row['data_offset']} size_bytes={row['size_bytes']}; {command}"
        done = subprocess.run(["sh", "-c", filled], cwd=tmp_path / folder, check=True, capture_output=True)

    hosts = (tmp_path / "tree" / "hosts").read_bytes()
    assert done.stdout == hosts
    assert [(tmp_path / folder / "restored" / "hosts").read_bytes() for folder in ("files", "gzip")] == [hosts, hosts]
    assert (tmp_path / "disk" / "disk.img").read_bytes() == (tmp_path / "image").read_bytes()


def test_its_command_gives_the_hash_of_a_stream(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "noise").write_bytes(os.urandom(9 << 20))
    manifest = archive(tmp_path / "tree", FolderStore(tmp_path / "archive"))
    (command,) = re.findall(r"^zstd .*b3sum$", PAGE, re.MULTILINE)
    program = tmp_path / "b3sum"
    program.write_text(
        f"#!{sys.executable}\n"
        "import blake3, sys\n"
        "digest = blake3.blake3(sys.stdin.buffer.read()).digest()\n"
        "sys.stdout.buffer.write(digest if '--raw' in sys.argv else digest.hex().encode())\n"
    )
    program.chmod(0o755)

    done = subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path / "archive",
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=True,
        capture_output=True,
        text=True,
    )

    assert done.stdout == manifest.members[0].stream_blake3
