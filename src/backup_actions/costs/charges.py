"""Money: what is charged for, how much of it there was, and what that comes to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from backup_actions.model.json_types import JsonObject, JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One line of a bill; ``kind`` is what it is summed up under."""

    kind: str
    what: str
    quantity: Decimal
    unit: str
    usd: Decimal

    def to_json(self) -> JsonObject:
        """Amounts as numbers that a script can add up, to a ten-thousandth of a cent."""
        line: dict[str, JsonValue] = {
            "kind": self.kind,
            "what": self.what,
            "quantity": number(self.quantity),
            "unit": self.unit,
        }
        return {**line, "usd": number(self.usd)}


def total_usd(charges: Iterable[Charge]) -> Decimal:
    """The sum of the lines."""
    return sum((charge.usd for charge in charges), Decimal(0))


def number(amount: Decimal) -> float:
    """A JSON number with as many digits as mean something."""
    return round(float(amount), 6)


def in_dollars(usd: Decimal) -> str:
    """``$151``, ``$1.05``, ``$0.013``, ``$0``: no digit that nobody could know."""
    if usd < 0:
        return f"-{in_dollars(-usd)}"
    if usd < Decimal("0.00005"):
        return "$0"
    if usd >= Decimal("99.995"):
        return f"${_to(usd, Decimal(1)):,}"
    if usd >= Decimal("0.0995"):
        return f"${_to(usd, Decimal('0.01'))}"
    return f"${_to(usd, Decimal('0.001') if usd >= Decimal('0.00095') else Decimal('0.0001'))}"


def _to(usd: Decimal, step: Decimal) -> Decimal:
    return usd.quantize(step, ROUND_HALF_UP)
