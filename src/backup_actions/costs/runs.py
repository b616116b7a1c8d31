"""After: what runs did cost, from what the ledger says that they used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from backup_actions.costs.billing import Bill, bill_for
from backup_actions.costs.keeping import Keeping, month_usd
from backup_actions.costs.prices import Prices
from backup_actions.model.usage import GIB, Usage

By: TypeAlias = Literal["run", "action", "resource", "month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """An action on a recovery point that ended well, and its bill; None where the run did not count what it used."""

    run: str
    action: str
    resource: str
    ended_at: datetime
    stored_bytes: int
    bill: Bill | None


def run_of(*, run: str, action: str, resource: str, ended_at: str, details: Mapping[str, Any], prices: Prices) -> Run:
    """A run as the ledger has it; the last one of the action on a point, because it keeps no others."""
    usage: Usage = details.get("usage") or {}
    return Run(
        run=run,
        action=action,
        resource=resource,
        ended_at=datetime.fromisoformat(ended_at),
        stored_bytes=int(details.get("stored_bytes") or 0),
        bill=bill_for(usage, prices) if usage else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Runs that belong together. ``uncounted`` of them are in no figure of money but that of storage."""

    name: str
    runs: int
    uncounted: int
    usd_by_kind: Mapping[str, Decimal]
    stored_bytes: int
    storage_month_usd: Decimal
    """What a month from now on costs of what they have stored, in the classes where it is today."""
    unpriced: tuple[str, ...]

    @property
    def usd(self) -> Decimal:
        """All kinds together."""
        return sum(self.usd_by_kind.values(), Decimal(0))


_NAMES: Mapping[By, Callable[[Run], str]] = {
    "run": lambda run: run.run,
    "action": lambda run: run.action,
    "resource": lambda run: run.resource,
    "month": lambda run: f"{run.ended_at:%Y-%m}",
}


def summed(runs: Iterable[Run], by: By, *, keeping: Keeping, prices: Prices, now: datetime) -> list[Sum]:
    """The runs by what they are called, in the order in which these names first come. Raises PriceUnknown."""
    together: dict[str, list[Run]] = {}
    for run in runs:
        together.setdefault(_NAMES[by](run), []).append(run)
    return [_sum(name, those, keeping, prices, now) for name, those in together.items()]


def _sum(name: str, runs: list[Run], keeping: Keeping, prices: Prices, now: datetime) -> Sum:
    kinds: dict[str, Decimal] = {}
    bills = [run.bill for run in runs if run.bill is not None]
    for bill in bills:
        for kind, usd in bill.by_kind().items():
            kinds[kind] = kinds.get(kind, Decimal(0)) + usd
    storage = (
        month_usd(keeping, prices, gib=Decimal(run.stored_bytes) / GIB, age_days=(now - run.ended_at).days)
        for run in runs
    )
    return Sum(
        name=name,
        runs=len(runs),
        uncounted=len(runs) - len(bills),
        usd_by_kind=kinds,
        stored_bytes=sum(run.stored_bytes for run in runs),
        storage_month_usd=sum(storage, Decimal(0)),
        unpriced=tuple(sorted({each for bill in bills for each in bill.unpriced})),
    )
