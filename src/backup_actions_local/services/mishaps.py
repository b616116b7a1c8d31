"""What goes wrong without an API answer saying so, planned in advance: lost hosts, no capacity, lost events."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Mishap:
    """One planned mishap. ``times`` is how often it strikes, None always; it must strike at least once."""

    what: str
    kind: str
    subject: str
    times: int | None = 1
    struck: int = 0
    seconds: float = 0.0

    @property
    def has_happened(self) -> bool:
        """Whether it struck as often as was planned."""
        return self.struck >= (self.times if self.times is not None else 1)


@dataclass(eq=False, slots=True)
class JobKill:
    """The end of a job's host at one point of its work: after so many bytes, or when it says a certain thing."""

    job_name: str
    """The beginning of the job's name."""
    after_bytes: int | None = None
    at: str | None = None
    """The beginning of a note, or of what a piece of work is called when it starts."""
    attempts: tuple[int, ...] | None = (1,)
    """None is every attempt."""
    struck: int = 0

    def concerns(self, job_name: str, attempt: int) -> bool:
        """Whether this attempt is to die."""
        return job_name.startswith(self.job_name) and (self.attempts is None or attempt in self.attempts)


@dataclass(eq=False)
class Mishaps:
    """The plan. A test ends with ``assert_all_happened``."""

    _planned: list[Mishap] = field(default_factory=list)
    _kills: list[JobKill] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def kill_job(
        self,
        job_name: str,
        *,
        after_bytes: int | None = None,
        at: str | None = None,
        attempts: tuple[int, ...] | None = (1,),
    ) -> JobKill:
        """Lose the host of a job whose name begins so, at that point of the given attempts."""
        if (after_bytes is None) == (at is None):
            raise ValueError("a job dies either after some bytes or at something it says")
        kill = JobKill(job_name, after_bytes, at, attempts)
        self._kills.append(kill)
        return kill

    def no_job_capacity(self, zone: str) -> Mishap:
        """No host can be had in this zone: jobs stay RUNNABLE."""
        return self._plan(f"no hosts in {zone}", "job capacity", zone, None)

    def job_does_not_start(self, times: int | None = 1) -> Mishap:
        """The next attempts of jobs end before their containers run: Docker is too slow."""
        return self._plan("a container that does not start", "job start", "", times)

    def no_volume_capacity(self, zone: str, times: int | None = None) -> Mishap:
        """CreateVolume answers InsufficientVolumeCapacity in this zone."""
        return self._plan(f"no volumes in {zone}", "volume capacity", zone, times)

    def volume_fails(self, times: int | None = 1) -> Mishap:
        """The next volumes end in ``error`` instead of ``available``."""
        return self._plan("a volume in error", "volume error", "", times)

    def backup_fails(self, times: int | None = 1) -> Mishap:
        """The next backup jobs end in FAILED."""
        return self._plan("a failed backup job", "backup failure", "", times)

    def copy_job_fails(self, times: int | None = 1) -> Mishap:
        """The next copy jobs of AWS Backup end in FAILED."""
        return self._plan("a failed copy job", "copy job failure", "", times)

    def export_fails(self, times: int | None = 1) -> Mishap:
        """The next exports of DynamoDB tables fail when their data is written and their manifests are not."""
        return self._plan("a failed export", "export failure", "", times)

    def database_export_fails(self, times: int | None = 1) -> Mishap:
        """The next exports of database snapshots fail when one table has been written."""
        return self._plan("a failed export of a database", "database export failure", "", times)

    def database_export_warns(self, reason: str) -> Mishap:
        """The next export of a database snapshot is complete, and warns of this."""
        return self._plan(reason, "database export warning", "", 1)

    def database_export_loses_file(self, times: int | None = 1) -> Mishap:
        """The next Parquet files of an export are never written, and the export is complete all the same."""
        return self._plan("a lost Parquet file", "lost file", "", times)

    def database_export_damages_file(self, times: int | None = 1) -> Mishap:
        """The next Parquet files of an export are cut in half."""
        return self._plan("a damaged Parquet file", "damaged file", "", times)

    def no_database_capacity(self, zone: str, times: int | None = None) -> Mishap:
        """What makes a DB instance answers InsufficientDBInstanceCapacity in this zone."""
        return self._plan(f"no DB instances in {zone}", "database capacity", zone, times)

    def database_becomes(self, status: str, times: int | None = 1) -> Mishap:
        """The next DB instances end in ``failed``, ``incompatible-restore`` or ``storage-full``, not ``available``."""
        return self._plan(status, "database status", "", times)

    def snapshot_copy_fails(self, times: int | None = 1) -> Mishap:
        """The next copies of snapshots, of databases or volumes, go wrong when their time has come."""
        return self._plan("a failed copy of a snapshot", "snapshot copy failure", "", times)

    def snapshot_copy_never_ends(self, times: int | None = 1) -> Mishap:
        """The next copies of snapshots are never complete."""
        return self._plan("an endless copy of a snapshot", "endless snapshot copy", "", times)

    def keep_recovery_point(self, times: int | None = 1) -> Mishap:
        """The next deletions are answered with 200 and leave the recovery point EXPIRED."""
        return self._plan("a deletion that is not carried out", "kept point", "", times)

    def drop_event(self, detail_type: str, times: int | None = 1) -> Mishap:
        """Lose the next events of this type."""
        return self._plan(f"a lost event {detail_type!r}", "drop", detail_type, times)

    def repeat_event(self, detail_type: str, times: int | None = 1) -> Mishap:
        """Deliver the next events of this type twice."""
        return self._plan(f"a repeated event {detail_type!r}", "repeat", detail_type, times)

    def delay_event(self, detail_type: str, seconds: float, times: int | None = 1) -> Mishap:
        """Deliver the next events of this type late, so that others overtake them."""
        mishap = self._plan(f"a late event {detail_type!r}", "delay", detail_type, times)
        mishap.seconds = seconds
        return mishap

    def strike(self, kind: str, subject: str = "") -> Mishap | None:
        """Return the mishap that is due for this subject, and count it."""
        with self._lock:
            for mishap in self._planned:
                spent = mishap.times is not None and mishap.struck >= mishap.times
                if mishap.kind == kind and mishap.subject == subject and not spent:
                    mishap.struck += 1
                    return mishap
        return None

    def kill_of(self, job_name: str, attempt: int) -> JobKill | None:
        """The planned end of this attempt."""
        return next((kill for kill in self._kills if kill.concerns(job_name, attempt)), None)

    def missing(self) -> str | None:
        """What was planned and has not happened, in words; ``Faults.expect`` asks for it."""
        missing = [mishap.what for mishap in self._planned if not mishap.has_happened]
        missing += [f"the end of {kill.job_name}" for kill in self._kills if not kill.struck]
        return ", ".join(missing) or None

    def assert_all_happened(self) -> None:
        """Raise AssertionError when something that was planned did not happen."""
        if missing := self.missing():
            raise AssertionError(f"planned, but did not happen: {missing}")

    def _plan(self, what: str, kind: str, subject: str, times: int | None) -> Mishap:
        mishap = Mishap(what, kind, subject, times)
        self._planned.append(mishap)
        return mishap
