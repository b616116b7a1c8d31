"""The page about networks has the prices and the endpoints that the code has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from backup_actions.costs import in_dollars, network_monthly_usd
from backup_actions.plugins import installed
from backup_actions.settings import DeploymentSettings, from_mapping
from backup_actions.settings.endpoints import (
    CALLED_BY_HOSTS,
    called_by_jobs,
    endpoint_count,
    gateway_count,
    interface_endpoints,
)

PAGE = (Path(__file__).parents[2] / "docs" / "network.md").read_text(encoding="utf-8")
ACTIONS = installed().actions


def settings(zones: int, **network: Any) -> DeploymentSettings:
    named = [f"us-east-1{letter}" for letter in "abc"[:zones]]
    required = {"account": "111122223333", "region": "us-east-1", "zones": named, "vaults": ["backups"]}
    return from_mapping({**required, "network": network}, ACTIONS)


def price(zones: int, **network: Any) -> str:
    chosen = settings(zones, **network)
    endpoints, gateways = endpoint_count(chosen, ACTIONS), gateway_count(chosen)
    return in_dollars(network_monthly_usd(endpoints=endpoints, gateways=gateways))


def test_the_prices_are_those_of_the_price_list() -> None:
    for kind, setting in (("isolated", "endpoint_zones"), ("nat", "nat_zones")):
        for many in ("one", "all"):
            prices = [price(zones, kind=kind, **{setting: many}) for zones in (1, 2, 3)]
            assert f"| `{kind}`, `{setting}: {many}` | {' | '.join(prices)} |" in PAGE


def test_every_endpoint_is_explained() -> None:
    explained = PAGE.partition("## Isolated: which endpoints")[2].partition("Switch actions off")[0]

    for name in interface_endpoints({*CALLED_BY_HOSTS, *called_by_jobs(ACTIONS)}):
        assert f"`{name}`" in explained
