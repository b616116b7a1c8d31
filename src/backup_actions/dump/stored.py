"""A dump that stands complete in a store: what it says of itself, and the content of its sections."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Self

from backup_actions.archive import Store
from backup_actions.archive.frame_reader import FrameReader
from backup_actions.dump.description import Database, DumpDescription, Part, Section
from backup_actions.errors import ManifestUnreadable, NotADump
from backup_actions.model.manifest import MANIFEST_NAME, Manifest


@dataclass(frozen=True, slots=True)
class StoredDump:
    """Manifest and description say the same: each section is a member, and there is no other."""

    store: Store
    manifest: Manifest
    description: DumpDescription

    @classmethod
    def open(cls, store: Store) -> Self:
        """Raises ArchiveMissing, ManifestUnreadable, UnsafePath, and NotADump for an archive of something else."""
        manifest = Manifest.from_bytes(store.read(MANIFEST_NAME))
        if manifest.description is None:
            raise NotADump(where=store.location, reason=f"it is of the kind {manifest.source.get('kind')}")
        data = store.read(manifest.description.name, 0, manifest.description.size_bytes + 1)
        if len(data) != manifest.description.size_bytes:
            raise ManifestUnreadable(reason=f"{manifest.description.name} has not the size that the manifest says")
        description = DumpDescription.from_bytes(data)
        members = {member.name for member in manifest.members}
        sections = {section.member for section in description.sections}
        if members != sections:
            differing = ", ".join(sorted(members ^ sections)[:3])
            raise ManifestUnreadable(reason=f"members and sections are not the same: {differing}")
        return cls(store, manifest, description)

    def database(self, name: str) -> Database | None:
        """The database of that name."""
        return next((each for each in self.description.databases if each.name == name), None)

    def sections(self, database: str, part: Part) -> tuple[Section, ...]:
        """Those of one part of a database, in the order in which they are loaded."""
        return tuple(each for each in self.description.sections if (each.database, each.part) == (database, part))

    def stream_bytes(self, database: str) -> int:
        """How much the sections of a database have in all."""
        of_it = {section.member for section in self.description.sections if section.database == database}
        return sum(member.stream_bytes for member in self.manifest.members if member.name in of_it)

    def content(self, section: Section) -> Generator[bytes, None, None]:
        """What the dump program wrote. Raises ArchiveDamaged, also after the last bytes. Memory: a FrameReader's."""
        member = next(member for member in self.manifest.members if member.name == section.member)
        yield from FrameReader(self.store, member).whole()
