"""Raw members back into sparse files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO

from backup_actions.archive.frame_reader import FrameReader
from backup_actions.errors import ExtractionFailed
from backup_actions.model.progress import Progress


def write_image(frames: FrameReader, file: IO[bytes], offset: int, progress: Progress) -> None:
    """The member's bytes are in the file from the offset on, runs of zeros as holes.

    The file must hold nothing but holes there. Raises ArchiveDamaged where the bytes are not those that were read.
    """
    position, zeros = offset, b""
    for piece in frames.whole():
        if piece is zeros:  # frames of zeros are mostly one and the same
            pass
        elif any_bytes(piece):
            file.seek(position)
            file.write(piece)
        else:
            zeros = piece
        position += len(piece)
        progress.add(len(piece))


def any_bytes(piece: bytes) -> bool:
    """Whether anything but zeros is in there, at the speed of memcmp."""
    return bool(piece) and (piece[0] != 0 or piece != bytes(len(piece)))


def create_image(path: Path, size_bytes: int) -> IO[bytes]:
    """A new file of that size, all hole. Raises ExtractionFailed where something stands there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("xb")
        os.truncate(file.fileno(), size_bytes)
    except OSError as failure:
        raise ExtractionFailed(path=path, reason=failure.strerror) from failure
    return file
