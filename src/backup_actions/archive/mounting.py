"""A region of a device or image, mounted read-only through a loop device of its own, and always let go again."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from backup_actions.archive.interrupts import uninterrupted
from backup_actions.errors import DeviceUnavailable, ToolMissing
from backup_actions.model.manifest import Region

# nouuid: a copy of the root volume has the UUID of the file system that the machine runs on.
# subvolid=5: the top of a btrfs, from which every subvolume and snapshot is seen.
_OPTIONS = {"xfs": ("nouuid",), "btrfs": ("subvolid=5",)}
# How a journal is left alone, where the device may not be written to.
# https://docs.kernel.org/admin-guide/ext4.html, .../xfs.html, https://btrfs.readthedocs.io/en/latest/btrfs-man5.html
_WITHOUT_JOURNAL = {"ext3": "noload", "ext4": "noload", "xfs": "norecovery", "btrfs": "rescue=nologreplay"}
PHYSICAL_VOLUME = "LVM2_member"
# What files have beside their content, and a kernel need not show: it can be built without (btrfs of Amazon Linux 2023
# has no ACLs, https://github.com/amazonlinux/amazon-linux-2023/issues/793), or a mount option switches it off.
_ATTRIBUTES = {
    "system.posix_acl_access": "ACLs",
    "user.backup-actions": "attributes of users",
    "trusted.backup-actions": "trusted attributes",
    "security.backup-actions": "capabilities and labels",
}
_NOT_KEPT = {"squashfs": frozenset({"system.posix_acl_access"}), "iso9660": frozenset(_ATTRIBUTES)}
_MOUNTED_WHOLE = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "squashfs", "erofs", "iso9660"})
_KEPT_AS_IMAGE = {
    "vfat": "a tar does not keep the attributes of FAT",
    "exfat": "a tar does not keep the attributes of exFAT",
    "ntfs": "a tar does not keep the security descriptors and streams of NTFS",
    "swap": "it is swap space",
    "crypto_LUKS": "it is encrypted",
    "linux_raid_member": "software RAID is not assembled",
}


class CannotMountError(Exception):
    """The region has to be archived as an image; the message says why."""


class HiddenAttributesError(CannotMountError):
    """It could be mounted, and is let go again: the kernel does not show all that its files have."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """A file system that can be read."""

    root: Path
    journal_ignored: bool
    """Its journal was not replayed: changes that were under way may be missing."""


def reason_not_to_mount(region: Region) -> str:
    """Why an image is taken without trying, or an empty text."""
    if region.role == "gap":
        return "it lies outside of every partition"
    if region.file_system is None:
        return "no file system was recognised"
    kind = region.file_system.type
    return (
        ""
        if kind in _MOUNTED_WHOLE or kind == PHYSICAL_VOLUME
        else _KEPT_AS_IMAGE.get(kind, f"{kind} cannot be mounted")
    )


@contextmanager
def mounted(source: Path, region: Region, *, source_is_scratch: bool) -> Iterator[Mounted]:
    """The region's file system at a place of its own until the block ends.

    On a scratch copy the journal is replayed, which writes to it although the mount is read-only. A source that is not
    ours is never written to; a journal that would have to be replayed is ignored then. Raises CannotMountError,
    HiddenAttributesError, DeviceUnavailable, ToolMissing.
    """
    if region.file_system is None:
        raise CannotMountError(reason_not_to_mount(region))
    kind = region.file_system.type
    with ExitStack() as held:
        root = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="backup-actions-mount-")))
        with uninterrupted():
            device = attach_loop(source, region, read_only=not source_is_scratch)
            held.callback(detach_loop, device)
        with uninterrupted():
            journal_ignored = _mount(device, root, kind, source_is_scratch=source_is_scratch)
            held.callback(_unmount, root)
        _require_attributes(root, kind)
        yield Mounted(root, journal_ignored)


def attach_loop(source: Path, region: Region, *, read_only: bool) -> str:
    """A loop device over the region; the caller detaches it. Raises DeviceUnavailable, ToolMissing."""
    command = ["losetup", "--find", "--show", f"--offset={region.offset_bytes}", f"--sizelimit={region.size_bytes}"]
    done = run_tool([*command, *(["--read-only"] if read_only else []), str(source)], "losetup")
    if done.returncode != 0:
        raise DeviceUnavailable(what=source, reason=said(done))
    return done.stdout.strip()


def _mount(device: str, root: Path, kind: str, *, source_is_scratch: bool) -> bool:
    options = ("ro", "nodev", "nosuid", "noexec", *_OPTIONS.get(kind, ()))
    refused = _try_mount(device, root, kind, options)
    if not refused:
        return False
    without = _WITHOUT_JOURNAL.get(kind)
    if without and not source_is_scratch and not _try_mount(device, root, kind, (*options, without)):
        return True
    raise CannotMountError(f"{kind} could not be mounted: {refused}")


def _try_mount(device: str, root: Path, kind: str, options: tuple[str, ...]) -> str:
    done = run_tool(["mount", "-t", kind, "-o", ",".join(options), device, str(root)], "mount")
    return said(done).replace(f"mount: {root}: ", "") if done.returncode != 0 else ""


def _require_attributes(root: Path, kind: str) -> None:
    """Whatever the file system keeps of its files can be read. Raises HiddenAttributesError.

    What the kernel does not show no file lists, and nobody misses it. Asked for by name it is "not supported", where it
    would otherwise be said that there is none.
    """
    for name, words in _ATTRIBUTES.items():
        try:
            os.getxattr(root, name)
        except OSError as failure:
            if failure.errno == errno.ENOTSUP and name not in _NOT_KEPT.get(kind, ()):
                hidden = f"the kernel of this machine does not show the {words} of {kind}"
                raise HiddenAttributesError(hidden) from failure


def _unmount(root: Path) -> None:
    with uninterrupted():
        if run_tool(["umount", str(root)], "umount").returncode != 0:
            run_tool(["umount", "--lazy", str(root)], "umount")  # somebody looks into it: it goes when they leave


def detach_loop(device: str) -> None:
    """The loop device is free again."""
    with uninterrupted():
        run_tool(["losetup", "--detach", device], "losetup")


def run_tool(command: list[str], program: str) -> subprocess.CompletedProcess[str]:
    """Run a program of the system, its messages in English. Raises ToolMissing."""
    environment = {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin", "LC_ALL": "C"}
    try:
        # A session of its own: Ctrl-C on a terminal must not stop an unmount half-way.
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, start_new_session=True
        )
    except FileNotFoundError as missing:
        raise ToolMissing(program=program, purpose="mount file systems", package="mount") from missing


def said(done: subprocess.CompletedProcess[str]) -> str:
    """What a program that failed had to say."""
    lines = [line.strip() for line in done.stderr.splitlines() if "dmesg(1)" not in line]
    return " ".join(lines) or f"{done.args[0]} ended with code {done.returncode}"
