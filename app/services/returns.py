"""How the return of a statement is told: amounts of money to the cent, ratios in the units of the metrics."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from app.domain.figure import PLACES

_CENT = Decimal("0.01")
_UNITS = {
    "bcr": "times",
    "roi": "percent",
    "roi_spread": "percent",
    "probability_positive": "ratio",
    "probability_hurdle": "ratio",
}
"""The units of a return's numbers that are no money, as the catalogue of metrics has them."""


def priced(found: Mapping[str, Any] | None, currency: str) -> dict[str, Any] | None:
    """Return what the engine found as it is told: money as such, roi in percent, and under `units` each ratio's."""
    if found is None:
        return None
    money = {name: {"amount": amount_of(found[name]), "currency": currency} for name in ("benefit", "cost", "net")}
    spreads = {
        "benefit_spread": _each(amount_of, found["benefit_spread"]),
        "roi_spread": _each(_percent, found["roi_spread"]),
    }
    return {**found, **money, **spreads, "roi": _percent(found["roi"]), "units": dict(_UNITS)}


def _each(told: Callable[[float], Any], spread: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spread with its median and the ends of its intervals told in some way."""
    return {
        name: [told(end) for end in value] if isinstance(value, list) else told(value) for name, value in spread.items()
    }


def amount_of(value: float) -> str:
    """Return an amount to the cent."""
    return str(Decimal(repr(value)).quantize(_CENT))


def _percent(ratio: float) -> float:
    """Return a ratio in percent, rounded as figures are."""
    return round(100.0 * ratio, PLACES)
