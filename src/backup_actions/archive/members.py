"""One member of an archive after the other: a tree or an image goes through frames into its objects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from backup_actions.archive.allocation import Extent
from backup_actions.archive.device import Blocks
from backup_actions.archive.files import archive_tree
from backup_actions.archive.frames import FramedStream, FrameWriter
from backup_actions.archive.index import IndexWriter
from backup_actions.archive.options import ArchiveOptions
from backup_actions.archive.region_image import archive_region
from backup_actions.archive.store import ObjectWriter, Store
from backup_actions.model.manifest import Kind, Member, Region
from backup_actions.model.progress import Progress

_SUFFIX = {"zstd": "zst", "gzip": "gz"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a member goes, and what is said of it whatever it holds."""

    name: str
    folder: str = ""
    region_index: int | None = None
    raw_because: str = ""
    notes: tuple[str, ...] = ()
    logical_volume: str = ""


@dataclass(frozen=True, slots=True)
class MemberWriter:
    """Writes members; each is whole when its method returns."""

    to: Store
    options: ArchiveOptions
    progress: Progress

    def files(self, place: Place, root: Path, *, expected_bytes: int | None, one_file_system: bool) -> Member:
        """The tree below root, of about that many bytes as a tar. Raises SourceUnreadable, UploadFailed."""
        name = f"{place.folder}files.tar.{_SUFFIX[self.options.codec]}"
        with (
            self.to.create(name, expected_bytes=expected_bytes) as stored,
            self.to.create(f"{place.folder}index.parquet") as stored_index,
            IndexWriter(stored_index, self.options.frame_bytes) as index,
            FrameWriter(stored.write, self.options) as frames,
        ):
            tree = archive_tree(root, frames, index, one_file_system=one_file_system, progress=self.progress)
            member = self._member(place, "files", frames.finish(), stored, source_bytes=tree.content_bytes)
            for note in tree.notes:
                self.progress.note(f"{place.name}: {note}")
            return replace(
                member,
                index=index.finish(),
                counts=tree.counts,
                sockets=tree.sockets,
                notes=(*place.notes, *tree.notes),
            )

    def image(
        self, blocks: Blocks, region: Region, place: Place, extents: Iterable[Extent], wanted_bytes: int
    ) -> Member:
        """An image of the region, with zeros for all that lies outside of the extents."""
        self.progress.start(place.name, wanted_bytes)
        name = f"{place.folder}device.img.{_SUFFIX[self.options.codec]}"
        with (
            self.to.create(name, expected_bytes=wanted_bytes) as stored,
            FrameWriter(stored.write, self.options) as frames,
        ):
            archive_region(blocks, region, frames, self.progress, extents)
            return self._member(place, "device", frames.finish(), stored, source_bytes=region.size_bytes)

    def _member(
        self, place: Place, kind: Kind, stream: FramedStream, stored: ObjectWriter, *, source_bytes: int
    ) -> Member:
        return Member(
            name=place.name,
            kind=kind,
            codec=self.options.codec,
            object=stored.finish(),
            index=None,
            region_index=place.region_index,
            logical_volume=place.logical_volume,
            frames=stream.frames,
            stream_bytes=stream.stream_bytes,
            stream_blake3=stream.blake3,
            source_bytes=source_bytes,
            raw_because=place.raw_because,
            notes=place.notes,
        )
