"""Cost items of initiatives and unit values of KPIs. Money is one object outside and two columns inside."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from app.models.money import CostItem, CostItemRead, CostItemWrite, UnitValue, UnitValueRead, UnitValueWrite
from app.services.nouns import NounType

_FINEST = Decimal("0.000001")


def _columns(name: str) -> Callable[[Any], dict[str, Any]]:
    """Return what turns the money in field `name` into the columns amount and currency."""

    def columns(fields: Any) -> dict[str, Any]:
        values: dict[str, Any] = fields.model_dump()
        money: dict[str, Any] = values.pop(name)
        return values | money

    return columns


def _shown(name: str) -> Callable[[Any], Mapping[str, Any]]:
    """Return what turns the columns amount and currency into the money in field `name`."""

    def shown(row: Any) -> Mapping[str, Any]:
        values = dict(row) if isinstance(row, Mapping) else row.model_dump()
        return values | {name: {"amount": values["amount"], "currency": values["currency"]}}

    return shown


COST_ITEMS = NounType(
    row=CostItem,
    write=CostItemWrite,
    read=CostItemRead,
    plural="cost_items",
    search=("title",),
    filters=("initiative_id", "category", "currency"),
    sorts=("created_at", "recorded_at", "incurred_on", "amount"),
    ranges=("incurred_on",),
    columns=_columns("cost"),
    shown=_shown("cost"),
)

UNIT_VALUES = NounType(
    row=UnitValue,
    write=UnitValueWrite,
    read=UnitValueRead,
    plural="unit_values",
    search=("basis",),
    filters=("kpi_id", "kind", "approver_id", "currency"),
    sorts=("created_at", "recorded_at", "valid_from"),
    ranges=("valid_from", "valid_to"),
    columns=_columns("value"),
    shown=_shown("value"),
)


def worth(row: Any) -> Decimal:
    """Return what one unit is worth in the currency of a unit value: of revenue, the margin."""
    amount: Decimal = row.amount
    return amount if row.margin_rate is None else (amount * row.margin_rate).quantize(_FINEST)


def charged(row: Any) -> Decimal:
    """Return what a cost item costs this turn: of development that serves longer, the part used."""
    amount: Decimal = row.amount
    return amount if row.used is None else (amount * row.used / row.lifetime).quantize(_FINEST)
