"""Prices as data: a file per region, each row with its unit and its source, any replaced by a file of one's own.

The files are TOML, which functions can read without a package of anybody's, and which keeps decimals exact.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from backup_actions.errors import PricesUnreadable, PriceUnknown

HOURS_A_MONTH = Decimal(730)
"""What AWS divides the price of a month by."""

_OURS = Path(__file__).parent / "price_lists"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What one unit of something costs."""

    name: str
    usd: Decimal
    unit: str
    source: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """The prices of one region."""

    region: str
    as_of: str
    rows: Mapping[str, Price]

    def usd(self, name: str) -> Decimal:
        """The price of one unit. Raises PriceUnknown."""
        if name not in self.rows:
            raise PriceUnknown(name=name, region=self.region, known=", ".join(known_regions()))
        return self.rows[name].usd

    def hourly_usd(self, name: str) -> Decimal:
        """An hour of what is priced by the month. Raises PriceUnknown."""
        return self.usd(name) / HOURS_A_MONTH


def known_regions() -> tuple[str, ...]:
    """The regions whose prices are here."""
    return tuple(sorted(path.stem for path in _OURS.glob("*.toml")))


def prices_of(region: str = "us-east-1", own: Path | None = None) -> Prices:
    """The region's prices, with the rows of a file of one's own in their place. Raises PricesUnreadable.

    A region that is not known has no rows but those of the file: whatever else is asked of it raises PriceUnknown.
    """
    ours = _shipped(region) if region in known_regions() else Prices(region=region, as_of="", rows={})
    if own is None:
        return ours
    theirs = _read(own, ours)
    if theirs.region != region:
        raise PricesUnreadable(path=own, reason=f"its prices are those of {theirs.region}, not of {region}")
    return replace(theirs, rows={**ours.rows, **theirs.rows})


@cache
def _shipped(region: str) -> Prices:
    return _read(_OURS / f"{region}.toml", Prices(region=region, as_of="", rows={}))


def _read(path: Path, instead_of: Prices) -> Prices:
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        region, as_of = str(raw.pop("region")), str(raw.pop("as_of"))
        rows = {name: _row(name, row, instead_of.rows.get(name)) for name, row in raw.items()}
    except KeyError as missing:
        raise PricesUnreadable(path=path, reason=f"{missing.args[0]} is missing") from missing
    except (OSError, ValueError, TypeError) as wrong:
        raise PricesUnreadable(path=path, reason=wrong) from wrong
    return Prices(region=region, as_of=as_of, rows=rows)


def _row(name: str, row: Mapping[str, Any], instead_of: Price | None) -> Price:
    if not isinstance(row, Mapping):
        raise TypeError(f"{name} must be a section: [{name}], and below it usd = …")
    usd = row["usd"]
    if isinstance(usd, bool) or not isinstance(usd, int | Decimal) or not Decimal(usd).is_finite() or usd < 0:
        raise ValueError(f"usd of {name} must be a number, 0 or more")
    if extra := sorted(set(row) - {"usd", "unit", "source", "note"}):
        raise ValueError(f"{name} has {', '.join(extra)}: a row is usd, unit, source and note")
    return Price(
        name=name,
        usd=Decimal(usd),
        unit=str(row.get("unit") or (instead_of.unit if instead_of else "")),
        source=str(row.get("source") or "one's own"),
        note=str(row.get("note") or ""),
    )
