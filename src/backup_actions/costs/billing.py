"""Puts prices to what was counted, or to what will be: the same words, the same sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from backup_actions.costs.charges import Charge, total_usd
from backup_actions.costs.prices import HOURS_A_MONTH, Prices
from backup_actions.model.usage import Counted, Usage, of_kind

# Batch runs one such job on a host of two vCPUs, which is paid for while it starts and until Batch lets go of it.
_HOST_VCPUS, _HOST_DISK_GIB = 2, 50
_IDLE_HOURS_AN_ATTEMPT = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class _Rate:
    """How one thing that is counted is paid for."""

    kind: str
    what: str
    unit: str
    price: str
    per: Decimal = Decimal(1)
    """How many of the counted make one unit of the price."""


_A_THOUSAND = Decimal(1000)
_A_VCPU, _ITS_REQUESTS = "ec2_spot_vcpu_hour", "requests"
_RATES: Mapping[str, tuple[_Rate, ...]] = {
    Counted.JOB_VCPU_HOURS: (_Rate("compute", "hosts of jobs, on Spot", "vCPU hours", _A_VCPU),),
    Counted.JOB_HOURS: (
        _Rate("compute", "their public addresses", "hours", "public_ipv4_hour"),
        _Rate("compute", "their disks", "hours", "ebs_gp3_gib_month", HOURS_A_MONTH / _HOST_DISK_GIB),
    ),
    Counted.JOB_ATTEMPTS: (
        _Rate("compute", "hosts that start and go", "attempts", _A_VCPU, 1 / (_HOST_VCPUS * _IDLE_HOURS_AN_ATTEMPT)),
    ),
    Counted.VOLUME_GIB_HOURS: (_Rate("volume", "the volume", "GiB hours", "ebs_gp3_gib_month", HOURS_A_MONTH),),
    Counted.VOLUME_IOPS_HOURS: (
        _Rate("volume", "its IOPS above 3,000", "IOPS hours", "ebs_gp3_iops_month", HOURS_A_MONTH),
    ),
    Counted.VOLUME_MIB_PER_S_HOURS: (
        _Rate("volume", "its MiB/s above 125", "MiB/s hours", "ebs_gp3_mib_per_s_month", HOURS_A_MONTH),
    ),
    Counted.VOLUME_INITIALIZED_GIB: (_Rate("volume", "its loading at a rate", "GiB", "ebs_initialized_gib"),),
    Counted.DATABASE_GIB_HOURS: (_Rate("database", "its disk", "GiB hours", "rds_gp3_gib_month", HOURS_A_MONTH),),
    Counted.DYNAMODB_TABLE_GIB_HOURS: (
        _Rate("database", "the restored table", "GiB hours", "dynamodb_table_gib_month", HOURS_A_MONTH),
        _Rate("database", "its recovery", "GiB hours", "dynamodb_recovery_gib_month", HOURS_A_MONTH),
    ),
    Counted.RDS_EXPORTED_GIB: (_Rate("export", "RDS's export", "GiB", "rds_exported_gib"),),
    Counted.DYNAMODB_EXPORTED_GIB: (_Rate("export", "DynamoDB's export", "GiB", "dynamodb_exported_gib"),),
    Counted.DYNAMODB_RESTORED_GIB: (_Rate("export", "the restore before it", "GiB", "dynamodb_restored_gib"),),
    of_kind(Counted.SNAPSHOT_GIB_HOURS, "EBS"): (
        _Rate("copy", "the copy until it is imported", "GiB hours", "ebs_snapshot_gib_month", HOURS_A_MONTH),
    ),
    of_kind(Counted.SNAPSHOT_GIB_HOURS, "RDS"): (
        _Rate("copy", "the copy until it is imported", "GiB hours", "rds_snapshot_gib_month", HOURS_A_MONTH),
    ),
    of_kind(Counted.SNAPSHOT_GIB_HOURS, "Aurora"): (
        _Rate("copy", "the copy until it is imported", "GiB hours", "aurora_snapshot_gib_month", HOURS_A_MONTH),
    ),
    Counted.BETWEEN_REGIONS_GIB: (_Rate("transfer", "from region to region", "GiB", "between_regions_gib"),),
    Counted.SNAPSHOT_BLOCKS: (
        _Rate(_ITS_REQUESTS, "the snapshot's blocks", "blocks", "ebs_1000_snapshot_blocks", _A_THOUSAND),
    ),
    Counted.SNAPSHOT_LISTS: (
        _Rate(_ITS_REQUESTS, "lists of its blocks", "requests", "ebs_1000_snapshot_lists", _A_THOUSAND),
    ),
    Counted.PUT_REQUESTS: (
        _Rate(_ITS_REQUESTS, "requests that write or list", "requests", "s3_1000_puts", _A_THOUSAND),
    ),
    Counted.GET_REQUESTS: (_Rate(_ITS_REQUESTS, "requests that read", "requests", "s3_1000_gets", _A_THOUSAND),),
    of_kind(Counted.READ_GIB, "STANDARD_IA"): (
        _Rate(_ITS_REQUESTS, "reading what is in Standard-IA", "GiB", "s3_standard_ia_read_gib"),
    ),
    of_kind(Counted.READ_GIB, "GLACIER_IR"): (
        _Rate(_ITS_REQUESTS, "reading what is in Glacier IR", "GiB", "s3_glacier_ir_read_gib"),
    ),
    Counted.STATE_TRANSITIONS: (
        _Rate("workflow", "steps of state machines", "transitions", "states_1000_transitions", _A_THOUSAND),
    ),
}
_KINDS = ("compute", "volume", "database", "export", "copy", "transfer", "requests", "workflow")
"""The order of a bill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What it comes to, line by line; what was counted and has no price is told and not taken for nothing."""

    charges: tuple[Charge, ...]
    unpriced: tuple[str, ...] = ()
    """The names of the prices that are missing; or of what was counted, where nobody has heard of it."""

    @property
    def usd(self) -> Decimal:
        """The sum of its lines."""
        return total_usd(self.charges)

    def by_kind(self) -> dict[str, Decimal]:
        """Sums of the lines of a kind, in the order in which the kinds first come."""
        sums: dict[str, Decimal] = {}
        for charge in self.charges:
            sums[charge.kind] = sums.get(charge.kind, Decimal(0)) + charge.usd
        return sums


def bill_for(usage: Usage, prices: Prices) -> Bill:
    """The charges for what was used. It needs no price but those of what was used."""
    unpriced: list[str] = []
    charges: list[Charge] = []
    for name, amount in sorted(usage.items(), key=lambda used: _order_of(used[0])):
        rates = _rates_of(name)
        missing = [rate.price for rate in rates if rate.price not in prices.rows] if rates else [name]
        unpriced += missing
        if not missing:
            charges += [_charge(rate, Decimal(str(amount)), prices) for rate in rates]
    charges.sort(key=lambda charge: _KINDS.index(charge.kind))
    return Bill(charges=tuple(charge for charge in charges if charge.usd), unpriced=tuple(unpriced))


def _order_of(name: str) -> tuple[int, str]:
    names = list(_RATES)
    return (names.index(name) if name in _RATES else -1, name)


def _rates_of(name: str) -> tuple[_Rate, ...]:
    counted, _, kind = name.partition(":")
    if counted == Counted.DATABASE_HOURS:
        return (_Rate("database", f"the temporary {kind}", "hours", f"rds_hour:{kind}"),)
    return _RATES.get(name, ())


def _charge(rate: _Rate, amount: Decimal, prices: Prices) -> Charge:
    usd = amount / rate.per * prices.usd(rate.price)
    return Charge(kind=rate.kind, what=rate.what, quantity=amount, unit=rate.unit, usd=usd)
