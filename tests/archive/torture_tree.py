"""A tree with everything that a Linux file system can hold, and a way to see every attribute of it."""

# Names here hold any bytes, which pathlib does not take.
# ruff: noqa: PTH115, PTH118, PTH211

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import stat
import struct
import subprocess
from pathlib import Path
from typing import Any

_CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)  # cap_net_raw, effective; linux/capability.h
_FAR = 4_200_000_000  # 2103: beyond 32 bits signed, within what ext4 keeps


def plant(root: Path) -> None:
    """Fill the folder."""
    root.mkdir(exist_ok=True)
    _files(root)
    _links(root)
    _names(root)
    if os.geteuid() == 0:
        _what_only_root_can(root)
    os.utime(root / "plain", ns=(-1_500_000_001, -1_500_000_001))
    os.utime(root / "far", ns=(_FAR * 10**9 + 7, _FAR * 10**9 + 7))
    os.utime(root / "sub", ns=(10**18 + 123_456_789, 10**18 + 123_456_789))


def _files(root: Path) -> None:
    (root / "plain").write_bytes(b"plain content\n" * 1000)
    (root / "empty").touch()
    (root / "far").write_bytes(os.urandom(3 << 20))
    (root / "zeros").write_bytes(bytes(1 << 20))
    (root / "sub" / "deeper").mkdir(parents=True)
    (root / "sub" / "suid").write_bytes(b"x")
    (root / "sub" / "suid").chmod(0o6751)
    (root / "sticky").mkdir()
    (root / "sticky").chmod(0o1777)
    (root / "empty-folder").mkdir()
    for number in range(300):
        (root / "sub" / f"small-{number}").write_bytes(f"{number}\n".encode() * number)
    with (root / "sparse").open("wb") as file:
        for at in (0, 5 << 20, 9 << 30):
            file.seek(at)
            file.write(b"island" * 700)
        file.truncate((9 << 30) + (1 << 20))
    with (root / "all-hole").open("wb") as file:
        file.truncate(1 << 30)
    with (root / "many-islands").open("wb") as file:
        for number in range(400):
            file.seek(number << 14)
            file.write(b"i" * 4096)
    os.setxattr(root / "plain", "user.note", bytes(range(256)))
    os.setxattr(root / "sparse", "user.note", b"on a sparse file")
    os.setxattr(root / "sub", "user.note", b"on a folder=with equals\nand a newline")


def _links(root: Path) -> None:
    os.link(root / "far", root / "sub" / "far-again")
    os.link(root / "sparse", root / "sub" / "sparse-again")
    (root / "link").symlink_to("plain")
    (root / "dangling").symlink_to("/nowhere/" + "x" * 250)
    os.symlink(b"bytes-\xff\xfe", os.fsencode(root) + b"/bytes-link")


def _names(root: Path) -> None:
    raw = os.fsencode(root)
    for name in (
        b"not-utf8-\xff\xfe\x80",
        b"new\nline",
        b"back\\slash",
        b" space ",
        b"-dash",
        "Übergröße-漢字".encode(),
    ):
        Path(os.fsdecode(raw + b"/" + name)).write_bytes(name)
    (root / ("n" * 255)).write_bytes(b"the longest name")
    deep = root
    for _ in range(5):
        deep /= "d" * 120
    deep.mkdir(parents=True)
    (deep / "at the end of a long path").write_bytes(b"here")


def _what_only_root_can(root: Path) -> None:
    os.mkfifo(root / "fifo", 0o640)
    os.mknod(root / "character", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.mknod(root / "block", stat.S_IFBLK | 0o600, os.makedev(259, 70_000))
    os.chown(root / "sub" / "small-7", 4_000_000_000, 3_999_999_999)
    os.lchown(root / "link", 12, 34)
    (root / "ping").write_bytes(b"capable")
    os.setxattr(root / "ping", "security.capability", _CAPABILITY)
    os.setxattr(root / "plain", "trusted.secret", b"\0\1\2")
    subprocess.run(["setfacl", "-m", "u:1234:rwx,g:4321:r", root / "sub" / "small-1"], check=True)
    subprocess.run(["setfacl", "-d", "-m", "u:1234:rwx", root / "sticky"], check=True)


def add_socket(path: Path) -> None:
    """A socket, which no tar can hold."""
    here = Path.cwd()
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as listener:
        os.chdir(path.parent)  # a socket's path may not exceed 107 bytes
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)


def seen(root: Path) -> dict[bytes, dict[str, Any]]:
    """Every attribute of everything below root, sockets left out."""
    raw = os.fsencode(root)
    found: dict[bytes, dict[str, Any]] = {b".": _attributes(raw)}
    for folder, folders, files in os.walk(raw):
        for name in (*folders, *files):
            path = os.path.join(folder, name)
            if not stat.S_ISSOCK(os.lstat(path).st_mode):
                found[os.path.relpath(path, raw)] = _attributes(path)
    first_of: dict[int, bytes] = {}
    for path in sorted(found):
        found[path]["same file as"] = first_of.setdefault(found[path].pop("inode"), path)
    return found


def _attributes(path: bytes) -> dict[str, Any]:
    about = os.lstat(path)
    kind = stat.S_IFMT(about.st_mode)
    attributes: dict[str, Any] = {
        "mode": about.st_mode,
        "owner": (about.st_uid, about.st_gid),
        "mtime": about.st_mtime_ns,
        "inode": about.st_ino,
        "xattrs": {
            name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)
        },
    }
    if kind == stat.S_IFREG:
        attributes |= {
            "size": about.st_size,
            "content": _content(path),
            "hollow": about.st_blocks * 512 < about.st_size,
        }
    elif kind == stat.S_IFLNK:
        attributes["target"] = os.readlink(path)
    elif kind in {stat.S_IFCHR, stat.S_IFBLK}:
        attributes["device"] = about.st_rdev
    return attributes


def _content(path: bytes) -> list[tuple[int, str]]:
    """The hash of each block that is not zero: reading 9 GiB of holes would take longer than all tests."""
    blocks: list[tuple[int, str]] = []
    with Path(os.fsdecode(path)).open("rb") as file:
        at = 0
        while True:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA) & ~0xFFFF
            except OSError:
                return blocks
            data = os.pread(file.fileno(), 1 << 16, at)
            if not data:
                return blocks
            if any(data):
                blocks.append((at, hashlib.sha256(data.ljust(1 << 16, b"\0")).hexdigest()))
            at += 1 << 16
