"""Who competes on which data: our command, and what people put together from stock programs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace

OURS = "backup-actions"


@dataclass(frozen=True, slots=True)
class Contender:
    """A shell command; ``$SOURCE`` is the data, ``$KEY`` an address in S3, ``$REPOSITORY`` a folder of its own."""

    name: str
    command: str
    before: str = ""
    """What is not measured: making an empty repository."""
    once: bool = False
    """So slow that one round must do."""

    def missing(self) -> str | None:
        """The first program that is not on this machine."""
        commands = [piece.split()[0] for piece in self.command.split("|")]
        return next((program for program in commands if shutil.which(program) is None), None)


_ARCHIVE = Contender(OURS, 'backup-actions archive "$SOURCE" "$KEY"')
_TAR_CEILING = Contender("tar, zstd -1, /dev/null (no upload)", 'tar -C "$SOURCE" -c . | zstd -T0 -1 -c -q | cat')
_TAR = [
    Contender("tar, zstd -1, s5cmd", 'tar -C "$SOURCE" -c . | zstd -T0 -1 -c -q | s5cmd pipe "$KEY"'),
    Contender("tar, igzip -1, s5cmd", 'tar -C "$SOURCE" -c . | igzip -1 -c | s5cmd pipe "$KEY"'),
]
_SEED = Contender("tar -z, aws s3 cp", 'tar -C "$SOURCE" -cz . | aws s3 cp - "$KEY"', once=True)
_REPOSITORIES = [
    Contender(
        "restic (local repository)",
        'restic --no-cache -q -r "$REPOSITORY" backup "$SOURCE"',
        before='restic --no-cache -q -r "$REPOSITORY" init',
        once=True,
    ),
    Contender(
        "borg (local repository)",
        'borg create "$REPOSITORY::first" "$SOURCE"',
        before='borg init --encryption=none "$REPOSITORY"',
        once=True,
    ),
]
_DEVICE = [
    Contender(f"{OURS} --raw always", 'backup-actions archive --raw always "$SOURCE" "$KEY"'),
    Contender("dd, zstd -1 (no upload)", 'dd if="$SOURCE" bs=10M status=none | zstd -T0 -1 -c -q | cat', once=True),
]
_DEVICE_SEED = Contender("dd, gzip, aws s3 cp", 'dd if="$SOURCE" bs=10M | gzip | aws s3 cp - "$KEY"', once=True)

_SLOW_TAR = Contender(
    "tar, /dev/null (no upload)", 'tar -C "$SOURCE" -c . | cat', once=True
)  # to /dev/null it reads nothing

FILES = [_ARCHIVE, *_TAR, _TAR_CEILING]
SMALL_FILES = [*FILES, _SEED, *_REPOSITORIES]
SLOW_FILES = [_ARCHIVE, replace(_TAR[0], once=True), _SLOW_TAR]
IMAGE = [_ARCHIVE, *_DEVICE]
IMAGE_WITH_SEED = [*IMAGE, _DEVICE_SEED]
