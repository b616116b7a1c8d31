"""Is what was restored what was there? Compared entry by entry, attribute by attribute."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

# What a file system makes for itself and nobody put there.
_OWN = frozenset({b"lost+found"})


def differences(expected: Path, found: Path, *, owners: bool) -> list[str]:
    """Every difference in names, types, modes, times, links, content and extended attributes; empty if there is none.

    ``owners`` also compares uid and gid, which only root can restore.
    """
    before, after = _described(expected, owners=owners), _described(found, owners=owners)
    gone = [f"missing: {os.fsdecode(name)}" for name in before.keys() - after.keys()]
    new = [f"unexpected: {os.fsdecode(name)}" for name in after.keys() - before.keys()]
    both = before.keys() & after.keys()
    changed = [
        f"{os.fsdecode(name)}: {key} was {before[name][key]!r:.60} and is {after[name].get(key)!r:.60}"
        for name in both
        for key in before[name]
        if before[name][key] != after[name].get(key)
    ]
    return sorted([*gone, *new, *changed])


def _described(tree: Path, *, owners: bool) -> dict[bytes, dict[str, object]]:
    first_name: dict[tuple[int, int], bytes] = {}
    described = {}
    for path, name in _walk(os.fsencode(tree), b""):
        status = os.lstat(path)
        facts: dict[str, object] = {"mode": oct(status.st_mode)}
        if owners:
            facts["owner"] = (status.st_uid, status.st_gid)
        if not stat.S_ISDIR(status.st_mode):  # a folder's time changes as files are put into it by whoever builds it
            facts["mtime_ns"] = status.st_mtime_ns
        if stat.S_ISREG(status.st_mode):
            facts["size"] = status.st_size
            facts["content"] = _digest(path)
            if status.st_nlink > 1:
                facts["same file as"] = first_name.setdefault((status.st_dev, status.st_ino), name)
        if stat.S_ISLNK(status.st_mode):
            facts["target"] = os.readlink(path)  # noqa: PTH115 - any byte may be in it
        else:
            facts["xattrs"] = {key: os.getxattr(path, key) for key in sorted(os.listxattr(path))}
        if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            facts["device"] = status.st_rdev
        described[name] = facts
    return described


def _walk(folder: bytes, name: bytes) -> Iterator[tuple[bytes, bytes]]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        inner = name + b"/" + entry.name
        if not name and entry.name in _OWN:
            continue
        yield entry.path, inner
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, inner)


def _digest(path: bytes) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 - any byte may be in the name
        return hashlib.file_digest(file, "blake2b").hexdigest()
