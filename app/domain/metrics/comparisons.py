"""Figures beside figures: parts pooled into a whole (G9), and one period against another (G6, G12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from app.domain.errors import Fault, Invalid
from app.domain.figure import Caveat, Figure, Status, arithmetic, rounded
from app.domain.metrics.intervals import wilson

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Change:
    """A change named in both ways: `difference` in `difference_unit`, and `relative_percent` of the earlier value.

    `relative_percent` is None where the earlier value is 0. Both are rounded by the one rounding rule.
    """

    difference: Decimal
    difference_unit: str
    relative_percent: Decimal | None


def pooled(parts: Sequence[Figure]) -> Figure:
    """Return the figure of the whole from figures of its disjoint parts: the ratio of sums, never a mean of ratios.

    For ratios of counts. Parts without value join with their numerator and denominator. Raises Invalid when there is
    no part, when parts differ in metric, version, unit or parameters, or when one is suppressed: its numbers are not
    known, and must not become known as a difference.
    """
    if faults := tuple(_pooling_faults(parts)):
        raise Invalid("these figures cannot be pooled", errors=faults)
    first = parts[0]
    with arithmetic():
        top = sum((part.numerator or Decimal(0) for part in parts), Decimal(0))
        bottom = sum((part.denominator or Decimal(0) for part in parts), Decimal(0))
        value = None if bottom == 0 else rounded(top / bottom)
    interval = None if value is None else wilson(int(top), int(bottom))
    counted = [part.n_people for part in parts if part.n_people is not None]
    return replace(
        first,
        status=Status.NOT_APPLICABLE if value is None else Status.OK,
        reason="nothing to divide by: the denominator is 0" if value is None else None,
        value=value,
        numerator=top,
        denominator=bottom,
        n_people=sum(counted) if counted else None,
        interval=interval and replace(interval, low=rounded(interval.low), high=rounded(interval.high)),
        caveats=(Caveat("pooled", f"Ratio of sums over {len(parts)} parts."),),
    )


def _pooling_faults(parts: Sequence[Figure]) -> list[Fault]:
    if not parts:
        return [Fault("missing_field", "there is no part to pool", pointer="/parts")]
    first, faults = parts[0], []
    for index, part in enumerate(parts):
        pointer = f"/parts/{index}"
        if _definition(part) != _definition(first):
            faults.append(Fault("not_comparable", "another metric, version, unit or parameter", pointer=pointer))
        elif part.status in {Status.SUPPRESSED, Status.INCONSISTENT, Status.PROVISIONAL}:
            faults.append(Fault("not_comparable", f"a part that is {part.status} cannot be pooled", pointer=pointer))
        elif not _whole(part.numerator) or not _whole(part.denominator):
            faults.append(Fault("not_comparable", "only ratios of counts can be pooled", pointer=pointer))
    return faults


def _whole(number: Decimal | None) -> bool:
    return number is not None and number == number.to_integral_value()


def _definition(figure: Figure) -> tuple[str, int, str, tuple[tuple[str, str], ...]]:
    parameters = tuple(sorted((name, repr(value)) for name, value in figure.parameters.items()))
    return figure.metric, figure.definition_version, figure.unit, parameters


def change(earlier: Figure, later: Figure) -> Change:
    """Return the change between two figures of the same definition, in points and in percent of the earlier.

    Raises Invalid when the definitions differ, when one has no decimal value, or when one is provisional: an open
    period is never compared with a full one.
    """
    faults = []
    if _definition(earlier) != _definition(later):
        faults.append(Fault("not_comparable", "compare figures of one metric, version, unit and parameters"))
    for name, figure in (("earlier", earlier), ("later", later)):
        if figure.status is Status.PROVISIONAL:
            detail = f"the {name} period is still open; wait for its end, or compare prorated figures"
            faults.append(Fault("not_comparable", detail, pointer=f"/{name}"))
        elif not isinstance(figure.value, Decimal):
            detail = f"the {name} figure is {figure.status}: it has no number to compare"
            faults.append(Fault("not_comparable", detail, pointer=f"/{name}"))
    if faults or not isinstance(earlier.value, Decimal) or not isinstance(later.value, Decimal):
        raise Invalid("these figures cannot be compared", errors=tuple(faults))
    ratio = earlier.unit == "ratio"
    with arithmetic():
        difference = later.value - earlier.value
        relative = None if earlier.value == 0 else HUNDRED * difference / abs(earlier.value)
        scaled = HUNDRED * difference if ratio else difference
    return Change(
        difference=rounded(scaled),
        difference_unit="percentage_points" if ratio or earlier.unit == "percent" else earlier.unit,
        relative_percent=None if relative is None else rounded(relative),
    )
