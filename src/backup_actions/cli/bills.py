"""How money is written: the lines of a bill, an estimate, sums of runs."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from backup_actions.costs import COLD_AFTER_DAYS, in_dollars, number, total_usd
from backup_actions.model.quantities import bytes_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from backup_actions.costs import By, Charge, Estimate, Sum
    from backup_actions.model.json_types import JsonObject

Row = tuple[str, ...]


def estimate_rows(estimate: Estimate) -> list[Row]:
    """The run line by line, at best and at worst, then what is kept, then what leaving the backup alone costs."""
    days, years = estimate.days, Decimal(estimate.days) / 365
    for_so_long = f"{years.normalize():f} years" if days % 365 == 0 else f"{days} days"
    least = {charge.what: charge for charge in estimate.least.charges}
    rows: list[Row] = [("THE RUN", "LEAST", "MOST")]
    for charge in estimate.most.charges:
        cheaper = least.get(charge.what)
        rows.append((charge.what, in_dollars(cheaper.usd) if cheaper else "$0", in_dollars(charge.usd)))
    rows.append(("in all", in_dollars(estimate.least.usd), in_dollars(estimate.most.usd)))
    rows.append(("", "", ""))
    rows.append((f"KEEPING {estimate.stored_gib:.0f} GIB FOR {for_so_long.upper()}", "", ""))
    rows += [(charge.what, "", in_dollars(charge.usd)) for charge in estimate.kept]
    rows.append(("in all", "", in_dollars(total_usd(estimate.kept))))
    rows.append(("", "", ""))
    rows.append(("THE BACKUP INSTEAD, FOR AS LONG", "", ""))
    rows.append(("as it is", "", in_dollars(total_usd(estimate.left))))
    if estimate.cold is not None:
        rows.append((f"in cold storage from day {COLD_AFTER_DAYS} on", "", in_dollars(total_usd(estimate.cold))))
    return rows


def verdict_on(estimate: Estimate) -> str:
    """When it pays, in a sentence."""
    if estimate.action == "offsite-copy":
        return "The import costs what the backup costs, in the other account: it is safety that it buys."
    if estimate.pays_after_days is None:
        return "It does not pay within ten years, even if the backup is deleted."
    return f"If the backup is deleted it pays from day {estimate.pays_after_days} on, at the most that a run may cost."


def standing_rows(charges: Sequence[Charge]) -> Iterator[Row]:
    """What stands, with the sum below."""
    yield ("EVERY MONTH", "NUMBER", "")
    for charge in charges:
        yield (charge.what, f"{charge.quantity:f}", in_dollars(charge.usd))
    yield ("in all", "", in_dollars(total_usd(charges)))


def sum_rows(sums: Sequence[Sum], by: By) -> list[Row]:
    """A row for each, a column for each kind of cost that there is; what nobody counted is said and is no zero."""
    kinds = list(dict.fromkeys(kind for each in sums for kind in each.usd_by_kind))
    heading = (by.upper(), "RUNS", *(kind.upper() for kind in kinds), "IN ALL", "STORED", "STORAGE A MONTH")
    return [heading, *(_sum_row(each, kinds) for each in sums)]


def _sum_row(each: Sum, kinds: Sequence[str]) -> Row:
    counted = each.runs - each.uncounted
    money = [in_dollars(each.usd_by_kind.get(kind, Decimal(0))) if counted else "-" for kind in kinds]
    in_all = in_dollars(each.usd) if counted else "not counted"
    more = f" and {each.uncounted} not counted" if counted and each.uncounted else ""
    stored = bytes_in_words(each.stored_bytes)
    return (each.name, str(each.runs), *money, f"{in_all}{more}", stored, in_dollars(each.storage_month_usd))


def sums_described(sums: Iterable[Sum], by: By) -> list[JsonObject]:
    """The same for scripts; of what was not counted there is no figure."""
    return [
        {
            by: each.name,
            "runs": each.runs,
            "uncounted": each.uncounted,
            "usd": number(each.usd) if each.runs > each.uncounted else None,
            "usd_by_kind": {kind: number(usd) for kind, usd in each.usd_by_kind.items()},
            "unpriced": list(each.unpriced),
            "stored_bytes": each.stored_bytes,
            "storage_month_usd": number(each.storage_month_usd),
        }
        for each in sums
    ]
