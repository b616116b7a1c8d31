"""Costs: prices as data, what a run will cost, what it did cost, what stands around it."""

from __future__ import annotations

from backup_actions.costs.billing import Bill, bill_for
from backup_actions.costs.charges import Charge, in_dollars, number, total_usd
from backup_actions.costs.estimating import COLD_AFTER_DAYS, Estimate, estimate
from backup_actions.costs.keeping import Keeping
from backup_actions.costs.predicting import Subject, predictable
from backup_actions.costs.prices import HOURS_A_MONTH, Price, Prices, known_regions, prices_of
from backup_actions.costs.runs import By, Run, Sum, run_of, summed
from backup_actions.costs.standing import Standing, network_monthly_usd, standing_charges

__all__ = [
    "COLD_AFTER_DAYS",
    "HOURS_A_MONTH",
    "Bill",
    "By",
    "Charge",
    "Estimate",
    "Keeping",
    "Price",
    "Prices",
    "Run",
    "Standing",
    "Subject",
    "Sum",
    "bill_for",
    "estimate",
    "in_dollars",
    "known_regions",
    "network_monthly_usd",
    "number",
    "predictable",
    "prices_of",
    "run_of",
    "standing_charges",
    "summed",
    "total_usd",
]
