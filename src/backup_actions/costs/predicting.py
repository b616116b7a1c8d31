"""What a run of an action on a resource of some size will use, at best and at worst."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from backup_actions.costs.measured import (
    DYNAMODB_JSON,
    LARGE_FILES,
    MARIADB,
    POSTGRESQL,
    SLOW_DEVICE,
    SMALL_FILES,
    STORED_SHARE,
    Measured,
)
from backup_actions.model.usage import Counted, Usage, added, of_kind, usage_of_volume

_SMALL_FILE_KIB = 64
_VOLUME_MIB_PER_S = 250  # the default of the EBS archive's settings, which a test compares
_PART_MIB, _PARTS_AT_MOST, _FETCHED_MIB = 8, 9_500, 16
_MIB_A_BLOCK, _BLOCKS_A_LIST = Decimal("0.5"), 1000
_FILES_A_GIB = 100  # that RDS and DynamoDB write: an assumption, a request each
_OBJECTS_OF_OURS = 10  # the files, their index, the images of what lies between, the manifest
_HOURS_UNTIL_IMPORTED = 24
_READ_FOR_A_FEE = ("STANDARD_IA", "GLACIER_IR")
_A_LITTLE_HOURS = Decimal("0.1")  # to make a volume, to find a host, to look through what was written


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a run is on, and how."""

    gib: Decimal
    files: int = 0
    """How many files are on it, where that is known."""
    storage_class: str = "STANDARD"
    from_snapshot: bool = False
    """Whether an EBS archive reads the snapshot's blocks, without a volume."""
    database_class: str = "db.t4g.medium"
    resource_type: str = "EBS"
    """Of an off-site copy: EBS or RDS."""
    other_region: bool = False
    """Whether an off-site copy goes to another region."""

    def stored_gib(self, action: str) -> Decimal:
        """What the artifact will occupy, as far as that can be said before."""
        return self.gib * STORED_SHARE.get(action, Decimal(1))

    def objects(self, action: str) -> int:
        """How many objects it will be: a few large ones of ours, many of exports."""
        return math.ceil(self.gib * _FILES_A_GIB) if action.endswith("-export") else _OBJECTS_OF_OURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What will be used if all goes as fast as it did here, and what if it goes as slowly as it may."""

    least: Usage
    most: Usage
    assumed: tuple[str, ...]


def predicted(action: str, subject: Subject) -> Prediction:
    """What one run will use. Raises KeyError for an action that is not ours."""
    return _PREDICTIONS[action](subject)


def predictable() -> tuple[str, ...]:
    """The actions that something can be said about."""
    return tuple(_PREDICTIONS)


def _ebs_archive(subject: Subject) -> Prediction:
    small = subject.files and subject.gib * 1024 * 1024 / subject.files < _SMALL_FILE_KIB
    fast = SMALL_FILES if small else LARGE_FILES
    reading = "the snapshot's blocks" if subject.from_snapshot else "a volume that is loaded while it is read"
    return Prediction(
        least=_archived(subject, fast),
        most=_archived(subject, SLOW_DEVICE),
        assumed=(
            f"from {SLOW_DEVICE.mib_per_s:.0f} ({reading}) to {fast.mib_per_s:.0f} MiB a second",
            _ratio("ebs-archive"),
        ),
    )


def _archived(subject: Subject, pace: Measured) -> Usage:
    working = _hours(subject.gib, pace) + _A_LITTLE_HOURS
    verifying = _hours(subject.gib, LARGE_FILES)
    blocks = subject.gib * 1024 / _MIB_A_BLOCK
    read: Usage = (
        {Counted.SNAPSHOT_BLOCKS: float(blocks), Counted.SNAPSHOT_LISTS: math.ceil(blocks / _BLOCKS_A_LIST)}
        if subject.from_snapshot
        else usage_of_volume(
            gib=float(subject.gib), hours=float(working + verifying), iops=3000, mib_per_s=_VOLUME_MIB_PER_S
        )
    )
    return added((_jobs(working, verifying), read, _stored("ebs-archive", subject), _steps(working, verifying)))


def _rds_dump(subject: Subject) -> Prediction:
    return Prediction(
        least=_dumped(subject, POSTGRESQL),
        most=_dumped(subject, MARIADB),
        assumed=(
            f"from {MARIADB.mib_per_s:.0f} (MariaDB) to {POSTGRESQL.mib_per_s:.0f} MiB a second (PostgreSQL); to load "
            "the dump back and compare takes twice as long",
            f"a {subject.database_class} with a disk of twice the snapshot, billed from when it is available",
            _ratio("rds-dump"),
        ),
    )


def _dumped(subject: Subject, pace: Measured) -> Usage:
    dumping, loading = _hours(subject.gib, pace), 2 * _hours(subject.gib, pace)
    hosted = dumping + loading + 2 * _A_LITTLE_HOURS
    database = {
        of_kind(Counted.DATABASE_HOURS, subject.database_class): float(hosted),
        Counted.DATABASE_GIB_HOURS: float(2 * subject.gib * hosted),
    }
    return added((_jobs(dumping, loading), database, _stored("rds-dump", subject), _steps(hosted, loading)))


def _rds_export(subject: Subject) -> Prediction:
    usage = added(
        (
            _jobs(_A_LITTLE_HOURS),
            {Counted.RDS_EXPORTED_GIB: float(subject.gib), **_written_by_aws(subject)},
            _steps(_hours(subject.gib, MARIADB), _A_LITTLE_HOURS),
        )
    )
    return Prediction(least=usage, most=usage, assumed=(f"RDS writes {_FILES_A_GIB} files a GiB", _ratio("rds-export")))


def _dynamodb_export(subject: Subject) -> Prediction:
    converting = _hours(subject.gib, DYNAMODB_JSON)
    least = added(
        (
            _jobs(converting, converting),
            {Counted.DYNAMODB_EXPORTED_GIB: float(subject.gib), **_written_by_aws(subject)},
            _stored("dynamodb-export", subject),
            _steps(2 * converting, converting),
        )
    )
    restored: Usage = {
        Counted.DYNAMODB_RESTORED_GIB: float(subject.gib),
        Counted.DYNAMODB_TABLE_GIB_HOURS: float(subject.gib * (3 * converting + 1)),
    }
    return Prediction(
        least=least,
        most=added((least, restored)),
        assumed=(
            "least: the table's own history is exported; its point-in-time recovery has a price by itself",
            "most: the backup is restored to a table first",
            f"{DYNAMODB_JSON.mib_per_s:.0f} MiB of JSON a second; DynamoDB writes {_FILES_A_GIB} files a GiB",
            _ratio("dynamodb-export"),
        ),
    )


def _offsite_copy(subject: Subject) -> Prediction:
    kept = of_kind(Counted.SNAPSHOT_GIB_HOURS, subject.resource_type)
    usage = added(
        (
            {kept: float(subject.gib * _HOURS_UNTIL_IMPORTED)},
            {Counted.BETWEEN_REGIONS_GIB: float(subject.gib) if subject.other_region else 0},
            _steps(Decimal(_HOURS_UNTIL_IMPORTED)),
        )
    )
    assumed = f"the copy is whole, and stays for {_HOURS_UNTIL_IMPORTED} hours until its import is acknowledged"
    return Prediction(least=usage, most=usage, assumed=(assumed,))


_PREDICTIONS: Mapping[str, Callable[[Subject], Prediction]] = {
    "ebs-archive": _ebs_archive,
    "rds-export": _rds_export,
    "rds-dump": _rds_dump,
    "dynamodb-export": _dynamodb_export,
    "offsite-copy": _offsite_copy,
}


def _hours(gib: Decimal, pace: Measured) -> Decimal:
    return gib * 1024 / pace.mib_per_s / 3600


def _jobs(*hours: Decimal) -> Usage:
    """Jobs of two vCPUs, each at its first attempt."""
    total = float(sum(hours))
    return {Counted.JOB_HOURS: total, Counted.JOB_VCPU_HOURS: 2 * total, Counted.JOB_ATTEMPTS: len(hours)}


def _stored(action: str, subject: Subject) -> Usage:
    """The requests to store an artifact and to read it back, and the fee of a class that is not read for nothing."""
    stored_gib = subject.stored_gib(action)
    used: dict[str, float] = {
        Counted.PUT_REQUESTS: min(_PARTS_AT_MOST, math.ceil(stored_gib * 1024 / _PART_MIB)) + 10,
        Counted.GET_REQUESTS: math.ceil(stored_gib * 1024 / _FETCHED_MIB) + 20,
    }
    if subject.storage_class in _READ_FOR_A_FEE:
        used[of_kind(Counted.READ_GIB, subject.storage_class)] = float(stored_gib)
    return used


def _written_by_aws(subject: Subject) -> Usage:
    return {Counted.PUT_REQUESTS: float(subject.gib * _FILES_A_GIB)}


def _steps(*waits: Decimal) -> Usage:
    """The machine around an action, its own steps, and three for each look at what it waits for."""
    looks = sum(_looks(float(hours) * 3600) for hours in waits)
    return {Counted.STATE_TRANSITIONS: 50 + 3 * looks}


def _looks(seconds: float) -> int:
    """Twenty seconds apart at first and a fifth more each time, up to ten minutes."""
    looks, pause = 1, 20.0
    while seconds > 0:
        looks, seconds, pause = looks + 1, seconds - pause, min(600, pause * 1.2)
    return looks


def _ratio(action: str) -> str:
    return f"what is stored has {STORED_SHARE[action]:.0%} of the size"
