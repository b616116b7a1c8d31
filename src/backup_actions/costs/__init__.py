"""Costs: prices as data, what a run will cost, what it did cost, what stands around it."""

from __future__ import annotations

from backup_actions.costs.charges import Charge, in_dollars, total_usd
from backup_actions.costs.prices import HOURS_A_MONTH, Price, Prices, known_regions, prices_of
from backup_actions.costs.standing import network_monthly_usd, standing_charges

__all__ = [
    "HOURS_A_MONTH",
    "Charge",
    "Price",
    "Prices",
    "in_dollars",
    "known_regions",
    "network_monthly_usd",
    "prices_of",
    "standing_charges",
    "total_usd",
]
