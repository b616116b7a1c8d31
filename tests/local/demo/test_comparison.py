"""The comparison of what was restored with what was there notices every kind of difference."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from backup_actions_local.demo.comparison import differences


def build(tree: Path) -> None:
    """A small tree with one of everything that any user can make."""
    (tree / "folder").mkdir(parents=True)
    (tree / "folder/file").write_text("content")
    (tree / "folder/same").hardlink_to(tree / "folder/file")
    (tree / "link").symlink_to("folder/file")
    os.setxattr(tree / "folder/file", "user.origin", b"here")
    for path in (tree / "folder/file", tree / "link"):
        os.utime(path, (1000, 1000), follow_symlinks=False)


def rewrite(tree: Path) -> None:
    (tree / "folder/file").write_text("another")
    os.utime(tree / "folder/file", (1000, 1000))


def unlink_pair(tree: Path) -> None:
    (tree / "folder/same").unlink()
    (tree / "folder/same").write_text("content")
    os.utime(tree / "folder/same", (1000, 1000))


def retarget(tree: Path) -> None:
    (tree / "link").unlink()
    (tree / "link").symlink_to("elsewhere")
    os.utime(tree / "link", (1000, 1000), follow_symlinks=False)


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": rewrite,
    "mode": lambda tree: (tree / "folder/file").chmod(0o600),
    "mtime_ns": lambda tree: os.utime(tree / "folder/file", (1001, 1001)),
    "xattrs": lambda tree: os.setxattr(tree / "folder/file", "user.origin", b"there"),
    "same file as": unlink_pair,
    "target": retarget,
    "missing": lambda tree: (tree / "link").unlink(),
    "unexpected": lambda tree: (tree / "new").write_text(""),
}


def test_equal_trees_have_no_difference(tmp_path: Path) -> None:
    for name in ("before", "after"):
        build(tmp_path / name)

    assert differences(tmp_path / "before", tmp_path / "after", owners=True) == []


@pytest.mark.parametrize("name", CHANGES)
def test_every_kind_of_change_is_named(name: str, tmp_path: Path) -> None:
    for side in ("before", "after"):
        build(tmp_path / side)
    CHANGES[name](tmp_path / "after")

    found = differences(tmp_path / "before", tmp_path / "after", owners=True)

    assert any(name in line for line in found)
