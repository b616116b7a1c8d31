"""The manifest of an archive: written last, so that its presence means that everything it names is there.

The format is specified in ``docs/archive-format.md``. Field names in JSON are the ones here.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from backup_actions.errors import ManifestUnreadable
from backup_actions.model.sealed_json import check_values, sealed, unsealed

FORMAT = "backup-actions/archive"
FORMAT_VERSION = 1
MANIFEST_NAME = "manifest.json"
RESUME_FOLDER = "resume"
"""Where notes lie with which an unfinished archive can go on; a complete one has none."""

_MEMBER_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DUMP_OBJECT = re.compile(r"(.*/)?sections/(?P<file>(?P<member>[a-z0-9-]+)\.[a-z0-9]+)\.(zst|gz)")

Role = Literal["whole", "partition", "gap"]
Kind = Literal["files", "device", "dump"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """An object beside the manifest. ``name`` is relative to it; ``crc64nvme`` is S3's base64 form, over all bytes."""

    name: str
    size_bytes: int
    crc64nvme: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """What a region's superblock says: ``type`` in the words of ``mount -t``; empty texts where it says nothing."""

    type: str
    uuid: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A stretch of the device: a partition, a gap between partitions (boot loader, tables), or the whole of it.

    ``number`` is the partition's in its table, or counts the gaps from 0.
    """

    number: int
    role: Role
    offset_bytes: int
    size_bytes: int
    name: str = ""
    type_id: str = ""
    unique_id: str = ""
    file_system: FileSystem | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a block device is divided; ``table`` is gpt, mbr or none. Regions cover the device without overlap."""

    table: Literal["gpt", "mbr", "none"]
    size_bytes: int
    sector_size_bytes: int
    disk_id: str
    regions: tuple[Region, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many entries of each type, as found in the source."""

    files: int = 0
    directories: int = 0
    symlinks: int = 0
    hardlinks: int = 0
    devices: int = 0
    fifos: int = 0
    sockets: int = 0

    @property
    def entries(self) -> int:
        """All that a tar carries: everything but sockets."""
        return self.files + self.directories + self.symlinks + self.hardlinks + self.devices + self.fifos


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One archived region: its files as a tar, or its bytes as an image; or what one run of a dump program wrote.

    ``stream_blake3`` is the hash of the uncompressed stream (tar or image), made of the digests of its frames;
    ``raw_because`` says why a device image was taken where files might have been expected.
    """

    name: str
    kind: Kind
    codec: Literal["zstd", "gzip"]
    object: StoredObject
    index: StoredObject | None
    region_index: int | None
    """The place of its region in ``layout.regions``, from 0; None for a directory."""
    logical_volume: str = ""
    """The name of the LVM logical volume within the region, if the member is one."""
    frames: int
    stream_bytes: int
    stream_blake3: str
    source_bytes: int
    """Bytes of file content, or of the region; what a progress bar and a ratio refer to."""
    counts: Counts = field(default_factory=Counts)
    raw_because: str = ""
    sockets: tuple[str, ...] = ()
    """The first thousand paths; ``counts`` has them all."""
    notes: tuple[str, ...] = ()
    """What a reader should know of how it was read: a journal that could not be replayed, a mount left out."""

    @property
    def dump_file(self) -> str:
        """What the content of a member of kind ``dump`` is called as a file."""
        named = _DUMP_OBJECT.fullmatch(self.object.name)
        return named["file"] if named and named["member"] == self.name else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that a reader needs to find, check and restore an archive."""

    tool_version: str
    created: str
    source: Mapping[str, Any]
    """``kind`` (directory, image, block-device, ebs-snapshot, database-server), ``name``, ``recovery_point`` if any."""
    layout: Layout | None
    members: tuple[Member, ...]
    description: StoredObject | None = None
    """Of a dump, and of nothing else: what the databases held, counted and hashed."""
    format: str = FORMAT
    format_version: int = FORMAT_VERSION

    @property
    def objects(self) -> tuple[StoredObject, ...]:
        """Every object that it names: the description of a dump, the members, their indexes."""
        beside = (self.description, *(each for member in self.members for each in (member.object, member.index)))
        return tuple(each for each in beside if each is not None)

    @property
    def stored_bytes(self) -> int:
        """What the members and their indexes occupy."""
        return sum(m.object.size_bytes + (m.index.size_bytes if m.index else 0) for m in self.members)

    @property
    def is_dump(self) -> bool:
        """Whether databases are in it."""
        return self.description is not None

    @property
    def source_bytes(self) -> int:
        """What was read from the source."""
        return sum(member.source_bytes for member in self.members)

    def to_bytes(self) -> bytes:
        """The manifest as it is stored: JSON for people too, with a hash over all the rest of it."""
        content = dataclasses.asdict(self)
        if self.description is None:
            del content["description"]  # readers that know of no dumps know everything else
        return sealed(content)

    def above(self, folder: str) -> Manifest:
        """The same for a manifest that stands above the folder in which everything lies."""

        def named(stored: StoredObject | None) -> StoredObject | None:
            return replace(stored, name=f"{folder}/{stored.name}") if stored else None

        members = [
            replace(each, object=named(each.object) or each.object, index=named(each.index)) for each in self.members
        ]
        return replace(self, members=tuple(members), description=named(self.description))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raise ManifestUnreadable for anything that is not a manifest of a known version."""
        try:
            raw = unsealed(data, form=FORMAT, version=FORMAT_VERSION)
            layout = raw.pop("layout")
            members = raw.pop("members")
            description = raw.pop("description", None)
            manifest = cls(
                layout=_layout(layout) if layout else None,
                members=tuple(map(_member, members)),
                description=StoredObject(**description) if description else None,
                **raw,
            )
            check_values(manifest)
            _check_members(manifest)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as wrong:
            raise ManifestUnreadable(reason=f"{type(wrong).__name__}: {wrong}") from wrong
        return manifest


def _layout(raw: dict[str, Any]) -> Layout:
    regions = tuple(
        Region(**{**region, "file_system": FileSystem(**region["file_system"]) if region["file_system"] else None})
        for region in raw["regions"]
    )
    return Layout(**{**raw, "regions": regions})


def _member(raw: dict[str, Any]) -> Member:
    return Member(
        **{
            **raw,
            "object": StoredObject(**raw["object"]),
            "index": StoredObject(**raw["index"]) if raw["index"] else None,
            "counts": Counts(**raw["counts"]),
            "sockets": tuple(raw["sockets"]),
            "notes": tuple(raw["notes"]),
        }
    )


def _check_members(manifest: Manifest) -> None:
    """Raise ValueError where members could be confused, would lie elsewhere, or name regions that are not there."""
    regions = len(manifest.layout.regions) if manifest.layout else 0
    for region in manifest.layout.regions if manifest.layout else ():
        if manifest.layout and region.offset_bytes + region.size_bytes > manifest.layout.size_bytes:
            raise ValueError(f"a region ends behind the device, at byte {region.offset_bytes + region.size_bytes}")
    names = [member.name for member in manifest.members]
    if len(set(names)) != len(names) or not names:
        raise ValueError(f"its members are {names}")
    for member in manifest.members:
        if not _MEMBER_NAME.fullmatch(member.name):
            raise ValueError(f"a member is named {member.name!r}")
        if member.region_index is not None and member.region_index not in range(regions):
            raise ValueError(f"{member.name} is of region {member.region_index}, and there are {regions}")
        if (member.kind == "files") != (member.index is not None):
            raise ValueError(f"{member.name} is of kind {member.kind} and its index is {member.index}")
        if (member.kind == "dump") != manifest.is_dump:
            raise ValueError(f"{member.name} is of kind {member.kind} and the description is {manifest.description}")
        if member.kind == "dump" and not member.dump_file:
            raise ValueError(f"{member.name} lies in {member.object.name!r}")
