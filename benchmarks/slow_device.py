"""A block device whose every read takes milliseconds, as that of a volume does whose blocks come from a snapshot."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from backup_actions.archive.tree_program import pipe

_SOURCE = Path(__file__).with_suffix(".c")
_READS_AT_ONCE = 128


@contextmanager
def slow_device(image: Path, folder: Path, *, delay_milliseconds: float = 5) -> Iterator[Path]:
    """A read-only loop device with the image's bytes; it is gone when the block is left. Needs root and /dev/fuse."""
    program, slow = folder / "slow_device", folder / "slow"
    slow.mkdir(exist_ok=True)
    _run("cc", "-O2", "-pthread", "-o", program, _SOURCE)
    command: list[str | Path] = [program, slow, image, str(round(delay_milliseconds * 1000)), str(_READS_AT_ONCE)]
    with ExitStack() as undo:
        process = undo.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
        undo.callback(process.kill)
        if pipe(process.stdout).readline() != b"ready\n":
            raise OSError("the slow device cannot be made: it needs root and /dev/fuse")
        undo.callback(_run, "umount", slow)
        device = Path(_run("losetup", "--show", "--find", "--read-only", "--direct-io=on", slow / "image").strip())
        undo.callback(_run, "losetup", "--detach", device)
        yield device


@contextmanager
def slow_tree(image: Path, folder: Path, *, delay_milliseconds: float = 5) -> Iterator[Path]:
    """The file system of the image, mounted from a slow device, of which nothing is cached."""
    place = folder / "mounted"
    place.mkdir(exist_ok=True)
    with slow_device(image, folder, delay_milliseconds=delay_milliseconds) as device:
        _run("mount", "-o", "ro", device, place)
        try:
            yield place
        finally:
            _run("umount", place)


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
