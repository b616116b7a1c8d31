"""One member of an archive after the other: a tree or an image goes through frames into its objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from backup_actions.archive.allocation import Extent
from backup_actions.archive.device import Blocks
from backup_actions.archive.frames import FramedStream
from backup_actions.archive.interrupts import uninterrupted
from backup_actions.archive.journal import Journal, SoFar
from backup_actions.archive.kept_frames import compare_kept_frames
from backup_actions.archive.options import ArchiveOptions
from backup_actions.archive.region_image import archive_region
from backup_actions.archive.store import CannotResumeError, Store
from backup_actions.archive.tree_so_far import SourceDiffers
from backup_actions.archive.under_way import MemberUnderWay
from backup_actions.errors import ArchiveExists, BackupActionsError
from backup_actions.model.manifest import MANIFEST_NAME, Kind, Member, Region, StoredObject
from backup_actions.model.progress import Progress

if TYPE_CHECKING:
    from io import BufferedIOBase

_SUFFIX = {"zstd": "zst", "gzip": "gz"}
_READ_BYTES = 1 << 20


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
    """Writes members; each is whole when its method returns. With a journal another process can go on with them."""

    to: Store
    options: ArchiveOptions
    progress: Progress
    journal: Journal | None = None
    require_unchanged: Callable[[], None] = lambda: None
    """Raises SourceUnreadable where the source is known to have changed while it was read."""
    manifest_in: Store | None = None
    """Where the manifest will stand; by default where the members do."""
    stand: list[str] = field(default_factory=list)
    """The names of objects that were written and stand, in order."""

    def finished(self, name: str) -> Member | None:
        """The member of that name, where an earlier process has finished it."""
        return self.journal.finished(name) if self.journal else None

    def files(self, place: Place, root: Path, *, expected_bytes: int | None, one_file_system: bool) -> Member:
        """The tree below root, as a tar of about that size. Raises SourceUnreadable, UploadFailed, ArchiveExists."""
        # With them comes pyarrow, which images and dumps can do without.
        from backup_actions.archive.files import archive_tree
        from backup_actions.archive.index import IndexWriter

        def write(work: MemberUnderWay) -> Member:
            with (
                self.to.create(f"{place.folder}index.parquet") as index_writer,
                IndexWriter(index_writer, self.options.frame_bytes) as index,
            ):
                tree = archive_tree(
                    root,
                    work.frames,
                    index,
                    one_file_system=one_file_system,
                    progress=self.progress,
                    journal=work.tree,
                    read_ahead_mib=self.options.read_ahead_mib,
                )
                stream = work.frames.finish()
                for note in tree.notes:
                    self.progress.note(f"{place.name}: {note}")
                member = self._member(place, "files", stream, work.stored.seal(), source_bytes=tree.content_bytes)
                self._require_worth()
                stored_index = index.finish()
                self.stand.append(stored_index.name)
                return replace(
                    member,
                    index=stored_index,
                    counts=tree.counts,
                    sockets=tree.sockets,
                    notes=(*place.notes, *tree.notes),
                )

        name = f"{place.folder}files.tar.{_SUFFIX[self.options.codec]}"
        return self._written(place.name, name, expected_bytes, write, is_tree=True)

    def image(
        self,
        blocks: Blocks,
        region: Region,
        place: Place,
        extents: Callable[[], Iterable[Extent]],
        wanted_bytes: int,
    ) -> Member:
        """An image of the region, with zeros for all that lies outside of the extents."""
        finished = self.finished(place.name)
        if finished:
            return finished

        def write(work: MemberUnderWay) -> Member:
            start_at = 0
            if work.begun:
                start_at = work.begun.frames.stream_bytes
                compare_kept_frames(blocks, region, extents(), work.begun.frames, self.options.frame_bytes)
            archive_region(blocks, region, work.frames, self.progress, extents(), start_at=start_at)
            stream = work.frames.finish()
            return self._member(place, "device", stream, work.stored.seal(), source_bytes=region.size_bytes)

        self.progress.start(place.name, wanted_bytes)
        name = f"{place.folder}device.img.{_SUFFIX[self.options.codec]}"
        return self._written(place.name, name, wanted_bytes, write, is_tree=False)

    def stream(
        self,
        place: Place,
        file_name: str,
        opened: Callable[[], AbstractContextManager[BinaryIO]],
        expected_bytes: int | None,
    ) -> Member:
        """All that can be read from what is opened. Raises what that raises, and UploadFailed, ArchiveExists.

        May be called from several threads. A stream cannot be read again from its midst: an interruption keeps
        nothing of it, but all that is finished.
        """
        finished = self.finished(place.name)
        if finished:
            return finished
        name = f"sections/{file_name}.{_SUFFIX[self.options.codec]}"
        with MemberUnderWay(
            self.to,
            place.name,
            name,
            self.options,
            expected_bytes=expected_bytes,
            journal=None,
            begun=None,
            is_tree=False,
        ) as work:
            with opened() as source:
                reader = cast("BufferedIOBase", source)  # a BinaryIO may read into a buffer too, but does not say so
                while length := reader.readinto(work.frames.room()[:_READ_BYTES]):
                    work.frames.take(length)
                    self.progress.add(length)
            stream = work.frames.finish()
            member = self._member(place, "dump", stream, work.stored.seal(), source_bytes=stream.stream_bytes)
            self._require_worth()
            if self.journal:
                self.journal.will_finish(member)
            work.stored.finish()
            return member

    def _written(
        self,
        member: str,
        name: str,
        expected_bytes: int | None,
        write: Callable[[MemberUnderWay], Member],
        *,
        is_tree: bool,
    ) -> Member:
        """What ``write`` gives once its object stands; it begins again where what was kept is of no use."""

        def attempt(begun: SoFar | None) -> Member:
            with MemberUnderWay(
                self.to,
                member,
                name,
                self.options,
                expected_bytes=expected_bytes,
                journal=self.journal,
                begun=begun,
                is_tree=is_tree,
            ) as work:
                written = write(work)
                self._require_worth()
                if self.journal:
                    self.journal.will_finish(written)
                self.stand.append(work.stored.finish().name)
                return written

        begun = self.journal.begun(member, name) if self.journal else None
        if begun is None or self.journal is None:
            return attempt(None)
        try:
            return attempt(begun)
        except (CannotResumeError, SourceDiffers) as differs:
            self.progress.note(f"{member} is archived from its beginning: {differs}")
            self.journal.forget()
            return attempt(None)

    @contextmanager
    def leaving_nothing(self) -> Iterator[None]:
        """A block that fails leaves no object that no manifest names, or it is said."""
        try:
            yield
        except BaseException:
            with uninterrupted():
                self._remove_all()
            raise

    def _remove_all(self) -> None:
        for name in self.stand:
            try:
                self._require_absent()  # or it may be the object of whoever was faster
                self.to.remove(name)
            except ArchiveExists:
                return
            except (BackupActionsError, OSError) as failure:
                self.progress.note(f"{self.to.location}/{name} could not be removed: {failure}")

    def _require_worth(self) -> None:
        """Raises SourceUnreadable, and ArchiveExists: whoever was faster must not have his objects written over."""
        self.require_unchanged()
        self._require_absent()

    def _require_absent(self) -> None:
        whole = self.manifest_in or self.to
        if whole.describe(MANIFEST_NAME) is not None:
            raise ArchiveExists(where=whole.location)

    def _member(
        self, place: Place, kind: Kind, stream: FramedStream, stored: StoredObject, *, source_bytes: int
    ) -> Member:
        return Member(
            name=place.name,
            kind=kind,
            codec=self.options.codec,
            object=stored,
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
