"""Before: what a run will cost, what its artifact will cost to keep, and what leaving the backup alone would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from backup_actions.costs.billing import Bill, bill_for
from backup_actions.costs.charges import Charge, number, total_usd
from backup_actions.costs.keeping import Keeping, cold_charges, kept_charges, left_charges, pays_after_days
from backup_actions.costs.predicting import Subject, predicted
from backup_actions.costs.prices import Prices, known_regions
from backup_actions.errors import PriceUnknown
from backup_actions.model.json_types import JsonObject

COLD_AFTER_DAYS = 30
"""When the backup that is compared with would move to cold storage."""

_TEN_YEARS_DAYS = 3650
_BACKUP_OF: Mapping[str, str] = {
    "ebs-archive": "EBS",
    "rds-export": "RDS",
    "rds-dump": "RDS",
    "dynamodb-export": "DynamoDB",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Everything that can be said of an action on a resource before it runs."""

    action: str
    prices: Prices
    days: int
    stored_gib: Decimal
    least: Bill
    most: Bill
    kept: tuple[Charge, ...]
    left: tuple[Charge, ...]
    """The backup itself, warm, for the same time."""
    cold: tuple[Charge, ...] | None
    """The backup, cold from ``COLD_AFTER_DAYS`` on, where that is possible."""
    pays_after_days: int | None
    """If the backup goes at once; None: not within ten years."""
    assumed: tuple[str, ...]

    def to_json(self) -> JsonObject:
        """Everything, for scripts."""
        return {
            "action": self.action,
            "region": self.prices.region,
            "prices_as_of": self.prices.as_of,
            "run": {"least": _described(self.least.charges), "most": _described(self.most.charges)},
            "kept": {"days": self.days, "gib": number(self.stored_gib), **_described(self.kept)},
            "backup_left_warm": _described(self.left),
            "backup_moved_to_cold": _described(self.cold) if self.cold is not None else None,
            "pays_after_days": self.pays_after_days,
            "assumed": list(self.assumed),
        }


def estimate(
    action: str, subject: Subject, keeping: Keeping, prices: Prices, *, days: int, freed_gib: Decimal | None = None
) -> Estimate:
    """What an action will cost on such a resource. Raises PriceUnknown, KeyError for an action that is not ours.

    ``freed_gib`` is what deleting the backup frees: less than the whole where it shares blocks with others.
    """
    prediction = predicted(action, subject)
    least, most = bill_for(prediction.least, prices), bill_for(prediction.most, prices)
    for name in most.unpriced:
        raise PriceUnknown(name=name, region=prices.region, known=", ".join(known_regions()))
    backup = _BACKUP_OF.get(action, subject.resource_type)
    freed, stored, objects = freed_gib or subject.gib, subject.stored_gib(action), subject.objects(action)
    is_copy = action not in _BACKUP_OF  # it is kept as a snapshot in another account, and pays for safety alone
    return Estimate(
        action=action,
        prices=prices,
        days=days,
        stored_gib=stored,
        least=least,
        most=most,
        kept=left_charges(backup, prices, gib=stored, days=days)
        if is_copy
        else kept_charges(keeping, prices, gib=stored, objects=objects, days=days),
        left=left_charges(backup, prices, gib=freed, days=days),
        cold=cold_charges(backup, prices, gib=subject.gib, days=days, cold_after_days=COLD_AFTER_DAYS),
        pays_after_days=None
        if is_copy
        else pays_after_days(
            most.usd,
            keeping,
            backup,
            prices,
            gib=stored,
            freed_gib=freed,
            objects=objects,
            at_most_days=_TEN_YEARS_DAYS,
        ),
        assumed=prediction.assumed,
    )


def _described(charges: tuple[Charge, ...]) -> JsonObject:
    return {"usd": number(total_usd(charges)), "charges": [charge.to_json() for charge in charges]}
