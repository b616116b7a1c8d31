"""What a deployment costs while nothing happens: its network, its keys, its alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from backup_actions.costs.charges import Charge
from backup_actions.costs.prices import HOURS_A_MONTH, prices_of

if TYPE_CHECKING:
    from backup_actions.costs.prices import Prices


def network_monthly_usd(*, endpoints: int, gateways: int, prices: Prices | None = None) -> Decimal:
    """What the network costs in a month, without a byte sent. Raises PriceUnknown.

    ``endpoints`` counts an interface endpoint once for each zone that it stands in, ``gateways`` are NAT gateways.
    """
    return sum((charge.usd for charge in _network(endpoints, gateways, prices or prices_of())), Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is paid for by the month, counted."""

    endpoints: int = 0
    """Interface endpoints, each once for each of its zones."""
    gateways: int = 0
    keys: int = 0
    alarms: int = 0
    """By the metrics that they watch."""
    metrics: int = 0
    dashboards: int = 0

    @classmethod
    def of_template(cls, template: Mapping[str, Any], *, metrics: int) -> Self:
        """What a CloudFormation template makes; metrics of one's own are in no template."""
        made = [(each["Type"], each.get("Properties", {})) for each in template["Resources"].values()]
        kinds = Counter(kind for kind, _ in made)
        return cls(
            endpoints=sum(_zones(properties) for kind, properties in made if kind == "AWS::EC2::VPCEndpoint"),
            gateways=kinds["AWS::EC2::NatGateway"],
            keys=kinds["AWS::KMS::Key"],
            alarms=sum(_watched(properties) for kind, properties in made if kind == "AWS::CloudWatch::Alarm"),
            metrics=metrics,
            dashboards=kinds["AWS::CloudWatch::Dashboard"],
        )


def standing_charges(standing: Standing, prices: Prices) -> tuple[Charge, ...]:
    """What a month costs in which no backup appears; what costs nothing is left out. Raises PriceUnknown."""
    rows = (
        ("keys", standing.keys, "kms_key_month"),
        ("alarms, by the metrics they watch", standing.alarms, "cloudwatch_alarm_month"),
        ("metrics of its own", standing.metrics, "cloudwatch_metric_month"),
        ("dashboards", standing.dashboards, "cloudwatch_dashboard_month"),
    )
    charges = (
        Charge(kind="standing", what=what, quantity=Decimal(number), unit="a month", usd=number * prices.usd(row))
        for what, number, row in rows
    )
    network = _network(standing.endpoints, standing.gateways, prices)
    return tuple(charge for charge in (*network, *charges) if charge.usd)


def _zones(endpoint: Mapping[str, Any]) -> int:
    return len(endpoint.get("SubnetIds", ())) if endpoint.get("VpcEndpointType") == "Interface" else 0


def _watched(alarm: Mapping[str, Any]) -> int:
    """An expression costs what its metrics cost: https://aws.amazon.com/cloudwatch/pricing/."""
    return sum("MetricStat" in each for each in alarm.get("Metrics", ())) or 1


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
