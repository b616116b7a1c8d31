"""What runs cost, without storage and network, where the prices of the region are known."""

from __future__ import annotations

from decimal import Decimal

from backup_actions.costs import bill_for, prices_of
from backup_actions.model.usage import Usage


def usd_of(usage: Usage, region: str) -> Decimal | None:
    """What it comes to; None where no prices are known: nothing is said then rather than too little."""
    prices = prices_of(region)
    return bill_for(usage, prices).usd if prices.rows else None
