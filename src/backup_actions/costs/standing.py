"""What a deployment costs while nothing happens: its network, its keys, its alarms."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from backup_actions.costs.charges import Charge
from backup_actions.costs.prices import HOURS_A_MONTH, prices_of

if TYPE_CHECKING:
    from backup_actions.costs.prices import Prices


def network_monthly_usd(*, endpoints: int, gateways: int, prices: Prices | None = None) -> Decimal:
    """What the network costs in a month, without a byte sent. Raises PriceUnknown.

    ``endpoints`` counts an interface endpoint once for each zone that it stands in, ``gateways`` are NAT gateways.
    """
    return sum((charge.usd for charge in _network(endpoints, gateways, prices or prices_of())), Decimal(0))


def standing_charges(
    prices: Prices, *, endpoints: int, gateways: int, keys: int, alarms: int, metrics: int, dashboards: int
) -> tuple[Charge, ...]:
    """What a month costs in which no backup appears; what costs nothing is left out. Raises PriceUnknown."""
    around = (("keys", keys, "kms_key_month"), ("alarms", alarms, "cloudwatch_alarm_month"))
    seen = (("metrics", metrics, "cloudwatch_metric_month"), ("dashboards", dashboards, "cloudwatch_dashboard_month"))
    charges = (
        Charge(kind="standing", what=what, quantity=Decimal(number), unit="a month", usd=number * prices.usd(row))
        for what, number, row in (*around, *seen)
    )
    return tuple(charge for charge in (*_network(endpoints, gateways, prices), *charges) if charge.usd)


def _network(endpoints: int, gateways: int, prices: Prices) -> tuple[Charge, ...]:
    return tuple(
        Charge(
            kind="network",
            what=what,
            quantity=Decimal(number),
            unit="a month",
            usd=number * HOURS_A_MONTH * prices.usd(row),
        )
        for what, number, row in (
            ("interface endpoints", endpoints, "interface_endpoint_hour"),
            ("NAT gateways", gateways, "nat_gateway_hour"),
        )
        if number
    )
