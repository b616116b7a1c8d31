"""``resume/checkpoint.json``: what of an unfinished archive is done, for whoever goes on with it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self, TypeVar, get_type_hints

from backup_actions.archive.store import KeptObject
from backup_actions.errors import ManifestUnreadable
from backup_actions.model.json_types import JsonObject
from backup_actions.model.manifest import RESUME_FOLDER, Manifest, Member

CHECKPOINT_NAME = f"{RESUME_FOLDER}/checkpoint.json"
FORMAT = "backup-actions/checkpoint"
FORMAT_VERSION = 1
MOST_BYTES = 64 << 20  # more than any checkpoint has; what is longer is none


_Typed = TypeVar("_Typed", KeptObject, "Blob")


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

    def to_bytes(self) -> bytes:
        """JSON, with a hash over all the rest of it."""
        content = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "identity": self.identity,
            "finished": json.loads(self.finished.to_bytes()) if self.finished else None,
            "under_way": dataclasses.asdict(self.under_way) if self.under_way else None,
        }
        return _canonical({**content, "sha256": hashlib.sha256(_canonical(content)).hexdigest()})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raise CheckpointDamagedError for anything else than a checkpoint of a known version."""
        try:
            raw = _intact(json.loads(data))
            finished, under_way = raw["finished"], raw["under_way"]
            return cls(
                identity=raw["identity"],
                finished=Manifest.from_bytes(_canonical(finished)) if finished else None,
                under_way=_under_way(under_way) if under_way else None,
            )
        except CheckpointDamagedError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError, ManifestUnreadable) as wrong:
            raise CheckpointDamagedError(f"the checkpoint cannot be read: {type(wrong).__name__}: {wrong}") from wrong


def _intact(raw: dict[str, Any]) -> dict[str, Any]:
    stated = raw.pop("sha256")
    if stated != hashlib.sha256(_canonical(raw)).hexdigest():
        raise CheckpointDamagedError("the checkpoint was altered after it was written")
    if (raw["format"], raw["format_version"]) != (FORMAT, FORMAT_VERSION):
        raise CheckpointDamagedError(f"the checkpoint is {raw['format']} {raw['format_version']}")
    return raw


def _canonical(content: JsonObject) -> bytes:
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"


def _under_way(raw: dict[str, Any]) -> UnderWay:
    return UnderWay(
        member=str(raw["member"]),
        object=str(raw["object"]),
        kept=_typed(KeptObject, raw["kept"]),
        frames=_typed(Blob, raw["frames"]),
        tree=_typed(Blob, raw["tree"]) if raw["tree"] else None,
    )


def _typed(kind: type[_Typed], raw: dict[str, Any]) -> _Typed:
    """Raises TypeError where a value is neither a text nor a count."""
    made = kind(**raw)
    for name, hint in get_type_hints(kind).items():
        value = getattr(made, name)
        if type(value) is not hint or (hint is int and value < 0):
            raise TypeError(f"{name} is {value!r}")
    return made
