"""What is said of a deployment whose settings are right: what it uses and costs, and whether its account fits."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from backup_actions.cli.cells import cell
from backup_actions.costs import in_dollars, known_regions, network_monthly_usd, prices_of
from backup_actions.errors import AccountUnfit
from backup_actions.settings.endpoints import endpoint_count, gateway_count
from backup_actions.settings.remarks import remarks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from pathlib import Path

    from backup_actions.account import Result
    from backup_actions.cli.output import Output
    from backup_actions.contract import Action
    from backup_actions.model.json_types import JsonObject
    from backup_actions.settings import DeploymentSettings

# Where no others are known.
_LIST_PRICES = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One deployment of a settings file."""

    path: Path
    settings: DeploymentSettings
    enabled: tuple[str, ...]
    interface_endpoints: int
    nat_gateways: int
    network_monthly_usd: Decimal
    prices: str
    remarks: tuple[str, ...]
    results: tuple[Result, ...] | None
    """What was found of its account; None where nobody looked."""

    def to_json(self) -> JsonObject:
        """All of it, for scripts."""
        found: JsonObject = {
            "settings": str(self.path),
            "name": self.settings.name,
            "account": self.settings.account,
            "region": self.settings.region,
            "enabled": list(self.enabled),
            "network": {
                "kind": self.settings.network.kind,
                "interface_endpoints": self.interface_endpoints,
                "nat_gateways": self.nat_gateways,
                "monthly_usd": float(self.network_monthly_usd),
                "prices": self.prices,
            },
            "remarks": list(self.remarks),
        }
        return found if self.results is None else {**found, "checks": [asdict(result) for result in self.results]}

    def show(self, output: Output) -> None:
        """Write it for people."""
        used, settings = ", ".join(self.enabled) or "no action", self.settings
        output.data(f"{self.path} is right: {used} in {settings.account}, {settings.region}, as {settings.name}.")
        monthly_usd = in_dollars(self.network_monthly_usd)
        output.data(
            f"The network ({settings.network.kind}) costs {monthly_usd} a month before anything is sent"
            + (f", by the list prices of {self.prices}." if self.network_monthly_usd else ".")
        )
        for remark in self.remarks:
            output.talk(f"Look again: {remark}.")
        if self.results is not None:
            output.data("")
            rows = [(one.outcome, one.subject, cell(one.says)) for one in self.results]
            output.table([("OUTCOME", "SUBJECT", ""), *rows])

    def require_fit(self) -> None:
        """Raises AccountUnfit where something of the account is wrong."""
        wrong = [result.subject for result in self.results or () if result.outcome == "wrong"]
        if wrong:
            subjects = ", ".join(dict.fromkeys(wrong))
            raise AccountUnfit(count=len(wrong), account=self.settings.account, path=self.path, subjects=subjects)


def checked(path: Path, settings: DeploymentSettings, actions: Sequence[Action], *, account: bool) -> Checked:
    """One deployment, its account looked at where that is asked for. Raises AwsNotConfigured."""
    prices = prices_of(settings.region if settings.region in known_regions() else _LIST_PRICES)
    endpoints, gateways = endpoint_count(settings, actions), gateway_count(settings)
    return Checked(
        path=path,
        settings=settings,
        enabled=tuple(action.name for action in settings.enabled(actions)),
        interface_endpoints=endpoints,
        nat_gateways=gateways,
        network_monthly_usd=network_monthly_usd(endpoints=endpoints, gateways=gateways, prices=prices),
        prices=prices.region,
        remarks=tuple(remarks(settings, actions)),
        results=_looked_at(settings, actions) if account else None,
    )


def _looked_at(settings: DeploymentSettings, actions: Sequence[Action]) -> tuple[Result, ...]:
    from backup_actions.account import looked_at
    from backup_actions.aws import Clients, translated

    with translated():
        return tuple(looked_at(settings, actions, Clients(region=settings.region)))
