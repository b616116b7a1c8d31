"""How fast the work was found to be: the figures of ``docs/performance.md``, which a test compares with it.

Measured in November 2026 on two vCPUs of x86, which is what a job has; no EBS or S3 of AWS's own was in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

_MIB = Decimal(1 << 20)


@dataclass(frozen=True, slots=True)
class Measured:
    """A data set of the page, found by the beginning of its heading, and how long ours took for it."""

    heading: str
    megabytes: Decimal
    seconds: Decimal

    @property
    def mib_per_s(self) -> Decimal:
        """What went through in a second."""
        return self.megabytes * 1_000_000 / _MIB / self.seconds


LARGE_FILES = Measured("Large files", Decimal(800), Decimal("3.5"))
SMALL_FILES = Measured("100,000 small files", Decimal(800), Decimal("6.1"))
SLOW_DEVICE = Measured("Small files on a device that takes 5 ms", Decimal(31), Decimal("2.1"))
"""Counted by what was sent: the device is what a volume is like that is loaded while it is read."""
POSTGRESQL = Measured("Databases", Decimal(1000), Decimal("8.4"))
MARIADB = Measured("Databases", Decimal(1000), Decimal("14.8"))
DYNAMODB_JSON = Measured("DynamoDB's export as Parquet", Decimal(280), Decimal("4.4"))
"""600,000 items of 467 bytes of JSON."""

STORED_SHARE: Mapping[str, Decimal] = {
    "ebs-archive": Decimal("0.5"),
    "rds-dump": Decimal("0.15"),
    "rds-export": Decimal("0.25"),
    "dynamodb-export": Decimal("0.35"),
}
"""What is stored of a byte: the page's sets of files became half, its databases less than a sixth of their size. For
exports it is an assumption; DynamoDB's own compressed JSON is kept beside its Parquet files."""
