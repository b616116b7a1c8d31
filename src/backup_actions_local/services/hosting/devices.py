"""Block devices of hosts that do not exist: loop devices over image files as root, the files themselves otherwise."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from backup_actions.errors import DeviceUnavailable

_WITHDRAWN_WITHIN_SECONDS = 5.0
_PAUSE_SECONDS = 0.02


class Devices(Protocol):
    """How a volume's image becomes a device and ceases to be one."""

    def present(self, image: Path) -> Path:
        """Return the device that shows the image's bytes. Raises DeviceUnavailable."""
        ...

    def in_use(self, device: Path) -> bool:
        """Whether something is mounted from it or stands on it."""
        ...

    def clear(self, device: Path) -> None:
        """End all that is mounted from the device or stands on it, as the end of a container would."""
        ...

    def withdraw(self, device: Path) -> None:
        """Take the device away, with all that is mounted from it or stands on it, as the end of its host would."""
        ...


class PlainFiles:
    """Without root: the image is the device. It can be read, not mounted."""

    def present(self, image: Path) -> Path:
        """Return the image."""
        return image

    def in_use(self, device: Path) -> bool:
        """A file holds nobody."""
        del device
        return False

    def clear(self, device: Path) -> None:
        """Do nothing: nothing stands on a file."""

    def withdraw(self, device: Path) -> None:
        """Do nothing: the file belongs to the volume."""


class LoopDevices:
    """As root: one loop device each."""

    def present(self, image: Path) -> Path:
        """Set up a loop device. Raises DeviceUnavailable."""
        try:
            made = _run("losetup", "--find", "--show", str(image))
        except FileNotFoundError as missing:
            raise DeviceUnavailable(what=image, reason="losetup is not installed") from missing
        if made.returncode:
            raise DeviceUnavailable(what=image, reason=made.stderr.strip())
        return Path(made.stdout.strip())

    def in_use(self, device: Path) -> bool:
        """Whether it is mounted, another loop device shows a part of it, or a process has it open."""
        return bool(_mounts_of(device) or _loops_on(device) or _is_open(device))

    def clear(self, device: Path) -> None:
        """Unmount lazily, and detach what stands on it."""
        _clear(device)

    def withdraw(self, device: Path) -> None:
        """Unmount lazily, detach what stands on it, detach it. Raises DeviceUnavailable when it does not go in time."""
        until = time.monotonic() + _WITHDRAWN_WITHIN_SECONDS
        while _backing_file(device):
            _clear(device)
            _run("losetup", "--detach", str(device))
            if time.monotonic() > until:
                raise DeviceUnavailable(what=device, reason="something still holds it")
            if _backing_file(device):
                time.sleep(_PAUSE_SECONDS)


def devices_of_this_machine() -> Devices:
    """Loop devices where this process may make them."""
    return LoopDevices() if os.geteuid() == 0 and Path("/dev/loop-control").exists() else PlainFiles()


def loops_over(folder: Path) -> list[Path]:
    """The loop devices whose image lies under the folder."""
    inside = str(folder.resolve()) + os.sep
    return [loop for loop in _loops() if _backing_file(loop).startswith(inside)]


def _clear(device: Path) -> None:
    for loop in _loops_on(device):
        _clear(loop)
        _run("losetup", "--detach", str(loop))
    for mount_point in reversed(_mounts_of(device)):
        _run("umount", "--lazy", mount_point)


def _mounts_of(device: Path) -> list[str]:
    """Mount points by the mount table; its format: https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html"""
    number = _device_number(device)
    points = []
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split(" ")
        # btrfs shows a device number that is nobody's, so the source counts too
        if fields[2] == number or after.split(" ")[1] == str(device):
            points.append(_unescaped(fields[4]))
    return points


def _unescaped(text: str) -> str:
    """The table writes blanks and backslashes in octal."""
    return (
        text.encode("utf-8", "surrogateescape")
        .decode("unicode_escape")
        .encode("latin-1")
        .decode("utf-8", "surrogateescape")
    )


def _device_number(device: Path) -> str:
    try:
        number = device.stat().st_rdev
    except OSError:
        return "none"
    return f"{os.major(number)}:{os.minor(number)}"


def _loops() -> list[Path]:
    return [Path("/dev") / node.name for node in Path("/sys/block").glob("loop*") if (node / "loop").exists()]


def _loops_on(device: Path) -> list[Path]:
    return [loop for loop in _loops() if loop != device and _backing_file(loop) == str(device)]


def _backing_file(loop: Path) -> str:
    try:
        text = (Path("/sys/block") / loop.name / "loop" / "backing_file").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it was detached
        return ""
    return text.strip().removesuffix(" (deleted)")


def _is_open(device: Path) -> bool:
    """Whether a process that this one may look at has the device open."""
    # Not by Path, which takes many times as long for the thousands of files that a machine has open.
    with os.scandir("/proc") as processes:
        return any(_has_open(process.path, str(device)) for process in processes if process.name.isdecimal())


def _has_open(process: str, file: str) -> bool:
    with suppress(OSError), os.scandir(f"{process}/fd") as opened:  # processes come and go
        return any(_leads_to(link.path, file) for link in opened)
    return False


def _leads_to(link: str, file: str) -> bool:
    with suppress(OSError):  # so do their files
        return os.readlink(link) == file  # noqa: PTH115 - see above
    return False


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
