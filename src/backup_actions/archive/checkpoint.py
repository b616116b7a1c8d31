"""``resume/checkpoint.json``: what of an unfinished archive is done, for whoever goes on with it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from backup_actions.archive.checksums import Crc64Nvme
from backup_actions.archive.store import KeptObject, checked_name
from backup_actions.errors import ManifestUnreadable, UnsafePath
from backup_actions.model.json_types import JsonObject
from backup_actions.model.manifest import RESUME_FOLDER, Manifest, Member
from backup_actions.model.sealed_json import check_values, sealed, unsealed

CHECKPOINT_NAME = f"{RESUME_FOLDER}/checkpoint.json"
FORMAT = "backup-actions/checkpoint"
FORMAT_VERSION = 1
MOST_BYTES = 64 << 20  # more than any checkpoint has; what is longer is none


class CheckpointDamagedError(ValueError):
    """A checkpoint, or what it refers to, is not as it was written. The text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """An object below ``resume/`` that belongs to the checkpoint."""

    name: str
    size_bytes: int
    sha256: str

    @classmethod
    def of(cls, name: str, data: bytes) -> Self:
        """What these bytes are called and how they are known again."""
        return cls(name=name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())

    def checked(self, data: bytes) -> bytes:
        """The data, if it is this. Raises CheckpointDamagedError."""
        if len(data) != self.size_bytes or hashlib.sha256(data).hexdigest() != self.sha256:
            raise CheckpointDamagedError(f"{self.name} is not what it was")
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A member that is not finished: its object, and the frames and entries that the kept bytes of it hold."""

    member: str
    object: str
    kept: KeptObject
    frames: Blob
    tree: Blob | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """``identity`` is all that has to be the same for another process to go on: program, options, source, layout."""

    identity: JsonObject
    finished: Manifest | None
    """A manifest of the members that are finished, if there are any."""
    under_way: UnderWay | None

    @property
    def members(self) -> tuple[Member, ...]:
        """The members that are finished."""
        return self.finished.members if self.finished else ()

    def _names(self) -> Iterator[str]:
        """Every object that is read because of it."""
        for member in self.members:
            yield from (stored.name for stored in (member.object, member.index) if stored)
        if self.under_way:
            yield from (blob.name for blob in (self.under_way.frames, self.under_way.tree) if blob)

    def to_bytes(self) -> bytes:
        """JSON, with a hash over all the rest of it."""
        return sealed(
            {
                "format": FORMAT,
                "format_version": FORMAT_VERSION,
                "identity": self.identity,
                "finished": self.finished.to_bytes().decode() if self.finished else None,
                "under_way": dataclasses.asdict(self.under_way) if self.under_way else None,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raise CheckpointDamagedError for anything else than a checkpoint of a known version."""
        try:
            raw = unsealed(data, form=FORMAT, version=FORMAT_VERSION)
            finished, under_way = raw["finished"], raw["under_way"]
            checkpoint = cls(
                identity=raw["identity"],
                finished=Manifest.from_bytes(finished.encode()) if finished else None,
                under_way=_under_way(under_way) if under_way else None,
            )
            for name in checkpoint._names():
                checked_name(name)
        except ManifestUnreadable as wrong:
            raise CheckpointDamagedError(f"the checkpoint cannot be used: {wrong.facts['reason']}") from wrong
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError, UnsafePath) as wrong:
            raise CheckpointDamagedError(f"the checkpoint cannot be read: {type(wrong).__name__}: {wrong}") from wrong
        return checkpoint


def _under_way(raw: dict[str, Any]) -> UnderWay:
    under_way = UnderWay(
        member=raw["member"],
        object=raw["object"],
        kept=KeptObject(**raw["kept"]),
        frames=Blob(**raw["frames"]),
        tree=Blob(**raw["tree"]) if raw["tree"] else None,
    )
    check_values(under_way)
    Crc64Nvme.from_base64(under_way.kept.crc64nvme)
    return under_way
