"""What it costs to keep an artifact in S3, or the backup in AWS Backup, for so many days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from backup_actions.costs.charges import Charge, total_usd
from backup_actions.costs.prices import HOURS_A_MONTH, Prices

# What leaves a class earlier, or is smaller, is charged as if it had not been:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-class-intro.html
MINIMUM_DAYS: Mapping[str, int] = {"STANDARD_IA": 30, "GLACIER_IR": 90, "GLACIER": 90, "DEEP_ARCHIVE": 180}
_MINIMUM_OBJECT_KIB = 128
# Of an archived object S3 keeps 8 KiB at the price of Standard and 32 KiB at that of its class, and charges for both.
_ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
_NAME_KIB, _INDEX_KIB = 8, 32
_KIB_A_GIB = Decimal(1 << 20)

_ROWS: Mapping[str, str] = {
    "STANDARD": "s3_standard_gib_month",
    "STANDARD_IA": "s3_standard_ia_gib_month",
    "GLACIER_IR": "s3_glacier_ir_gib_month",
    "GLACIER": "s3_glacier_gib_month",
    "DEEP_ARCHIVE": "s3_deep_archive_gib_month",
    "UNREAD_30": "s3_standard_ia_gib_month",
    "UNREAD_90": "s3_glacier_ir_gib_month",
}
"""Class → its price; the last two are the tiers of Intelligent-Tiering for what nobody reads, without a minimum.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intelligent-tiering-overview.html
"""
_UNREAD = ((0, "STANDARD"), (30, "UNREAD_30"), (90, "UNREAD_90"))
_WORDS: Mapping[str, str] = {
    "STANDARD": "Standard",
    "STANDARD_IA": "Standard-IA",
    "GLACIER_IR": "Glacier Instant Retrieval",
    "GLACIER": "Glacier Flexible Retrieval",
    "DEEP_ARCHIVE": "Glacier Deep Archive",
    "UNREAD_30": "Intelligent-Tiering, not read for 30 days",
    "UNREAD_90": "Intelligent-Tiering, not read for 90 days",
}
_TRANSITIONS: Mapping[str, str] = {
    "GLACIER": "s3_1000_transitions_to_glacier",
    "DEEP_ARCHIVE": "s3_1000_transitions_to_deep_archive",
}

_BACKUPS: Mapping[str, tuple[str, str | None]] = {
    "EBS": ("ebs_snapshot_gib_month", "ebs_snapshot_cold_gib_month"),
    "RDS": ("rds_snapshot_gib_month", None),
    "DynamoDB": ("dynamodb_backup_gib_month", "dynamodb_backup_cold_gib_month"),
}
"""Resource type → what its backups cost warm, and cold where AWS Backup has that."""
COLD_MINIMUM_DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """The class that artifacts are written in, and the days after which they move on and end."""

    storage_class: str = "STANDARD"
    glacier_days: int | None = None
    deep_archive_days: int | None = None
    expiration_days: int | None = None

    @property
    def moves_after_days(self) -> tuple[int | None, ...]:
        """The days that end the stay in the class in which it was written, where it has an end."""
        return (self.glacier_days, self.deep_archive_days, self.expiration_days)


@dataclass(frozen=True, slots=True)
class _Stay:
    """The days from and to which an artifact is in a class."""

    storage_class: str
    begins: int
    ends: int
    is_left: bool
    """Whether it is left by then, or goes on."""

    @property
    def charged_days(self) -> int:
        """Those of the stay; of one that ends too early, all that S3 charges for."""
        days = self.ends - self.begins
        return max(days, MINIMUM_DAYS.get(self.storage_class, 0)) if self.is_left else days


def kept_charges(keeping: Keeping, prices: Prices, *, gib: Decimal, objects: int, days: int) -> tuple[Charge, ...]:
    """An artifact of so many objects for so many days from when it was written. Raises PriceUnknown."""
    charges = [charge for stay in _stays(keeping, days) for charge in _charges(stay, prices, gib, objects)]
    if keeping.storage_class == "INTELLIGENT_TIERING":
        until = min(day for day in (days, *keeping.moves_after_days) if day is not None)
        monitored = objects * prices.usd("s3_1000_monitored_objects_month") / 1000
        charges.append(_by_the_day("storage", "monitoring of objects", monitored, Decimal(1), until))
    return tuple(charges)


def month_usd(keeping: Keeping, prices: Prices, *, gib: Decimal, age_days: int) -> Decimal:
    """A month of something that was written so many days ago; nothing once it has expired. Raises PriceUnknown."""
    if keeping.expiration_days is not None and age_days >= keeping.expiration_days:
        return Decimal(0)
    *_, stay = _stays(keeping, age_days + 1)
    return gib * prices.usd(_ROWS[stay.storage_class])


def left_charges(resource_type: str, prices: Prices, *, gib: Decimal, days: int) -> tuple[Charge, ...]:
    """The backup, left where it is and as it is. Raises PriceUnknown, KeyError for a type that is not known."""
    warm, _ = _BACKUPS[resource_type]
    return (_by_the_day("backup", "warm", prices.usd(warm), gib, days),)


def cold_charges(
    resource_type: str, prices: Prices, *, gib: Decimal, days: int, cold_after_days: int
) -> tuple[Charge, ...] | None:
    """The same where it is moved to cold storage after some days; None where AWS Backup cannot. Raises PriceUnknown."""
    warm, cold = _BACKUPS[resource_type]
    if cold is None or days <= cold_after_days:
        return None
    cold_days = max(days - cold_after_days, COLD_MINIMUM_DAYS)
    return (
        _by_the_day("backup", "warm", prices.usd(warm), gib, cold_after_days),
        _by_the_day("backup", "cold", prices.usd(cold), gib, cold_days),
    )


def pays_after_days(
    run_usd: Decimal,
    keeping: Keeping,
    resource_type: str,
    prices: Prices,
    *,
    gib: Decimal,
    freed_gib: Decimal,
    objects: int,
    at_most_days: int,
) -> int | None:
    """The first day on which run and artifact have cost less than the backup would have. Raises PriceUnknown."""
    for day in range(1, at_most_days + 1):
        kept = run_usd + total_usd(kept_charges(keeping, prices, gib=gib, objects=objects, days=day))
        if kept < total_usd(left_charges(resource_type, prices, gib=freed_gib, days=day)):
            return day
    return None


def _stays(keeping: Keeping, days: int) -> Iterator[_Stay]:
    expired = keeping.expiration_days is not None and keeping.expiration_days <= days
    ends = min(days, keeping.expiration_days or days)
    colder = ((keeping.glacier_days, "GLACIER"), (keeping.deep_archive_days, "DEEP_ARCHIVE"))
    moves = [(begins, storage_class) for begins, storage_class in colder if begins is not None and begins < ends]
    until = moves[0][0] if moves else ends
    written = _UNREAD if keeping.storage_class == "INTELLIGENT_TIERING" else ((0, keeping.storage_class),)
    steps = [*(step for step in written if step[0] < until), *moves, (ends, "")]
    for (begins, storage_class), (left, after) in pairwise(steps):
        yield _Stay(storage_class, begins, left, bool(after) or expired)


def _charges(stay: _Stay, prices: Prices, gib: Decimal, objects: int) -> Iterator[Charge]:
    row, days = _ROWS[stay.storage_class], stay.charged_days
    smallest_gib = objects * _MINIMUM_OBJECT_KIB / _KIB_A_GIB
    if stay.storage_class in _TRANSITIONS:
        usd = prices.usd(_TRANSITIONS[stay.storage_class]) * objects / 1000
        what = f"transition to {_WORDS[stay.storage_class]}"
        yield Charge(kind="storage", what=what, quantity=Decimal(objects), unit="objects", usd=usd)
    charged_gib = max(gib, smallest_gib) if stay.storage_class in {"STANDARD_IA", "GLACIER_IR"} else gib
    yield _by_the_day("storage", _WORDS[stay.storage_class], prices.usd(row), charged_gib, days)
    if stay.storage_class in _ARCHIVED:
        names, index = objects * _NAME_KIB / _KIB_A_GIB, objects * _INDEX_KIB / _KIB_A_GIB
        yield _by_the_day("storage", "its names, 8 KiB an object", prices.usd(_ROWS["STANDARD"]), names, days)
        yield _by_the_day("storage", "its index, 32 KiB an object", prices.usd(row), index, days)


def _by_the_day(kind: str, what: str, monthly_usd: Decimal, gib: Decimal, days: int) -> Charge:
    months = days * 24 / HOURS_A_MONTH
    return Charge(kind=kind, what=what, quantity=gib * months, unit="GiB months", usd=monthly_usd * gib * months)
