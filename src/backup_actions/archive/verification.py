"""Reads an archive back and compares everything with everything; nothing that the writer kept is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from blake3 import blake3

from backup_actions.archive.checksums import Crc64Nvme
from backup_actions.archive.comparison import TreeComparison
from backup_actions.archive.entries import Entry, counted
from backup_actions.archive.frame_reader import Frame, FrameReader
from backup_actions.archive.index import IndexReader
from backup_actions.archive.report import MemberReport, Problem, VerificationReport
from backup_actions.archive.store import Store
from backup_actions.archive.stream_hash import stream_hash
from backup_actions.errors import ArchiveDamaged, ArchiveMissing, ManifestUnreadable, SettingInvalid, UnsafePath
from backup_actions.model.manifest import MANIFEST_NAME, Manifest, Member, StoredObject
from backup_actions.model.progress import Progress, Silence

_FETCH_BYTES = 16 << 20
_MOST_PROBLEMS = 1_000  # of one member; an archive damaged all over need not be described byte by byte


def verify(store: Store, *, sample: float | None = None, progress: Progress | None = None) -> VerificationReport:
    """Damage is reported, never raised. Raises ArchiveMissing where there is no manifest, and what AWS refuses.

    ``sample`` is the share of frames to read, above 0; None reads everything. Which frames a sample takes depends on
    nothing but the archive. Memory: that of a FrameReader and one batch of index rows.
    """
    if sample is not None and not 0 < sample <= 1:
        raise SettingInvalid(name="sample", value=sample, reason="it must be above 0 and at most 1")
    try:
        manifest = Manifest.from_bytes(store.read(MANIFEST_NAME))
    except ManifestUnreadable as wrong:
        problem = Problem(object=MANIFEST_NAME, reason=str(wrong))
        return VerificationReport(
            location=store.location, sample=sample, complete=False, members=(), problems=(problem,)
        )
    checks = [_MemberCheck(store, member, sample, progress or Silence()) for member in manifest.members]
    reports = tuple(check.report() for check in checks)
    described = _description_problems(store, manifest.description) if manifest.description else ()
    return VerificationReport(
        location=store.location,
        sample=sample,
        complete=all(check.is_complete for check in checks),
        members=reports,
        problems=(*described, *(problem for check in checks for problem in check.problems)),
    )


def _description_problems(store: Store, expected: StoredObject) -> Iterator[Problem]:
    """Where the description of a dump is not, byte for byte, what the manifest says."""
    try:
        found = store.describe(expected.name)
        data = store.read(expected.name, 0, expected.size_bytes + 1) if found else b""
    except UnsafePath as unsafe:
        yield Problem(object=expected.name, reason=str(unsafe))
        return
    checksum = Crc64Nvme()
    checksum.update(data)
    if found is None:
        yield Problem(object=expected.name, reason="it is not there")
    elif (len(data), checksum.base64()) != (expected.size_bytes, expected.crc64nvme) or found != expected:
        yield Problem(object=expected.name, reason="it is not what was written")


@dataclass
class _MemberCheck:
    """One member; problems gather while it is read."""

    store: Store
    member: Member
    sample: float | None
    progress: Progress
    problems: list[Problem] = field(default_factory=list)
    is_complete: bool = False
    _frames_checked: int = 0
    _comparison: TreeComparison | None = None
    _hashes: int = 0
    _index_bytes: int = 0

    def report(self) -> MemberReport:
        """Check everything and say how much it was."""
        member = self.member
        self.progress.start(member.name, member.object.size_bytes if self.sample is None else None)
        frames = FrameReader(self.store, member)
        try:
            if self._stands(member.object):
                index = self._index()
                if index is not None:
                    self._comparison = TreeComparison(index, self._complain)
                self._find_frames(frames)
                if self.sample is None:
                    self._check_whole(frames)
                else:
                    self._check_sample(frames, self.sample)
        except (ArchiveDamaged, ArchiveMissing, UnsafePath) as damaged:
            self._complain(str(damaged))
        comparison = self._comparison
        return MemberReport(
            name=member.name,
            bytes_read=frames.bytes_read + self._index_bytes,
            frames_checked=self._frames_checked,
            frames=member.frames,
            entries_compared=comparison.compared if comparison else 0,
            entries=member.counts.entries,
            hashes_compared=self._hashes + (comparison.hashes if comparison else 0),
        )

    def _find_frames(self, frames: FrameReader) -> None:
        """By the seek table; where it is damaged, one after the other."""
        try:
            len(frames.table)
        except ArchiveDamaged as damaged:
            self._complain(str(damaged))
            frames.find_frames()

    def _miss_frames(self, frames: FrameReader) -> None:
        """Complain of what could not be found, and name the files in it."""
        found, end = frames.stream_bytes, self.member.stream_bytes
        if found >= end:
            return
        reason = f"bytes {found} to {end} of its content are in no frame that could be found"
        if self._comparison is not None:
            self._comparison.lose(len(frames.table), found, end, reason)
        else:
            self._complain(reason, len(frames.table))

    def _check_whole(self, frames: FrameReader) -> None:
        checksum, digests = Crc64Nvme(), bytearray()
        for frame in frames.frames(0, len(frames.table)):
            checksum.update(frame.stored)
            digests += frame.digest
            self._check_frame(frames, frame)
        for piece in frames.tail():
            checksum.update(piece)
        self._miss_frames(frames)
        if self._comparison is not None:
            self._comparison.finish()
            found = counted(dict(self._comparison.types), self.member.counts.sockets)
            nothing_lost = all(problem.frame is None for problem in self.problems)
            if nothing_lost and found != self.member.counts:
                self._complain("it does not hold as many entries of each type as the manifest says")
        if checksum.base64() != self.member.object.crc64nvme:
            self._complain(f"its bytes have the CRC64NVME {checksum.base64()}, not {self.member.object.crc64nvme}")
        if stream_hash(digests) != self.member.stream_blake3:
            self._complain("its content has another hash than what was archived")
        self._hashes += 1
        self.is_complete = self._frames_checked == self.member.frames

    def _check_sample(self, frames: FrameReader, share: float) -> None:
        content_offsets = frames.table.content_offsets
        for run in _runs(_sampled(self.member, len(frames.table), share)):
            if self._comparison is not None:
                self._comparison.skip_to(content_offsets[run[0]])
            for frame in frames.frames(run[0], run[-1] + 1):
                self._check_frame(frames, frame)
        self._miss_frames(frames)

    def _check_frame(self, frames: FrameReader, frame: Frame) -> None:
        """Compare what the frame holds, or complain where it is damaged."""
        start, end = frames.table.content_offsets[frame.number : frame.number + 2]
        self.progress.add(len(frame.stored))
        self._frames_checked += 1
        if self._comparison is None:
            if frame.problem:
                self._complain(frame.problem, frame.number)
        elif frame.problem:
            self._comparison.lose(frame.number, start, end, frame.problem)
        else:
            self._comparison.feed(frame.number, start, frame.content)

    def _stands(self, expected: StoredObject) -> bool:
        """Whether the store has the object; a wrong size or checksum is complained about and no reason to stop."""
        found = self.store.describe(expected.name)
        if found is None:
            self._complain("it is not there", of=expected.name)
            return False
        if found.size_bytes != expected.size_bytes:
            reason = f"it has {found.size_bytes} bytes, not {expected.size_bytes}"
            self._complain(reason, of=expected.name)
        if found.crc64nvme != expected.crc64nvme:
            reason = f"the store states the CRC64NVME {found.crc64nvme or '(none)'}, not {expected.crc64nvme}"
            self._complain(reason, of=expected.name)
        return True

    def _index(self) -> Iterator[Entry] | None:
        """Rows to compare with, or None: of an image, or where the index itself is not as it was written."""
        index = self.member.index
        if index is None or not self._stands(index):
            return None
        checksum = Crc64Nvme()
        for start in range(0, index.size_bytes, _FETCH_BYTES):
            data = self.store.read(index.name, start, min(index.size_bytes, start + _FETCH_BYTES))
            if not data:
                break  # it is shorter than the manifest says, which may be any number
            self._index_bytes += len(data)
            checksum.update(data)
        if checksum.base64() != index.crc64nvme:
            reason = f"its bytes have the CRC64NVME {checksum.base64()}, not {index.crc64nvme}"
            self._complain(reason, of=index.name)
            return None
        return IndexReader(self.store, index).entries()

    def _complain(self, reason: str, frame: int | None = None, files: tuple[str, ...] = (), *, of: str = "") -> None:
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(Problem(object=of or self.member.object.name, reason=reason, frame=frame, files=files))


def _sampled(member: Member, frames: int, share: float) -> list[int]:
    """Frames by the hash of their number and the archive's content; at least one, if there is any."""
    chosen = [number for number in range(frames) if _rank(member, number) < share]
    return chosen or [min(range(frames), key=lambda number: _rank(member, number))] if frames else []


def _rank(member: Member, number: int) -> float:
    digest = blake3(f"{member.stream_blake3} {number}".encode()).digest(8)
    return int.from_bytes(digest, "big") / 2**64


def _runs(numbers: list[int]) -> list[list[int]]:
    """Numbers that follow each other, together: their frames are fetched and walked in one go."""
    return [[number for _, number in run] for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0])]
