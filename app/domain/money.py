"""Money: exact amounts in one currency. Two currencies are never added; converting is a decision, not arithmetic."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from app.domain.errors import Invalid

_CURRENCY = re.compile(r"[A-Z]{3}")


class CurrencyMismatch(Invalid):
    """Amounts of two currencies met in one sum."""

    code = "currency_mismatch"


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in an ISO 4217 currency. Raises ValueError for a malformed code or an amount without value."""

    amount: Decimal
    currency: str

    def __post_init__(self) -> None:
        if not _CURRENCY.fullmatch(self.currency):
            raise ValueError(f"{self.currency!r} is not an ISO 4217 code of three capital letters")
        if not self.amount.is_finite():
            raise ValueError("an amount of money is finite")

    def __add__(self, other: Money) -> Money:
        """Return the sum. Raises CurrencyMismatch."""
        return Money(self.amount + self.like(other).amount, self.currency)

    def __sub__(self, other: Money) -> Money:
        """Return the difference. Raises CurrencyMismatch."""
        return Money(self.amount - self.like(other).amount, self.currency)

    def times(self, factor: Decimal | int) -> Money:
        """Return the amount multiplied, unrounded."""
        return Money(self.amount * factor, self.currency)

    def like(self, other: Money) -> Money:
        """Return `other` after checking that it is of the same currency. Raises CurrencyMismatch."""
        if other.currency != self.currency:
            raise CurrencyMismatch(
                f"{other.currency} cannot be added to {self.currency}; convert to one currency first, with a dated rate"
            )
        return other


def total(amounts: Iterable[Money]) -> Money | None:
    """Return the sum, or None for no amounts (no currency is known then). Raises CurrencyMismatch."""
    result: Money | None = None
    for amount in amounts:
        result = amount if result is None else result + amount
    return result
