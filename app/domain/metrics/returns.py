"""Benefit against cost (metrics.md, section 6): benefit, net benefit, BCR, ROI, payback, break-even, range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import product

from app.domain.figure import Caveat, Interval, Status, rounded, written
from app.domain.metrics.answers import Answer, caveat, inconsistent, insufficient, not_applicable, quotient
from app.domain.metrics.costs import below_zero
from app.domain.money import Money, total

MONTHS = 12
DAYS_A_YEAR = Decimal("365.2425")
HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class CashFlow:
    """Money in (positive) or out (negative) on a date."""

    on: date
    amount: Money


def unapproved(*, approved: bool) -> Caveat | None:
    """Return what must stand beside all that rests on a unit value nobody answers for."""
    return caveat("unit_value_not_approved", "The unit value is not approved.", when=not approved)


def annual_benefit(
    *,
    effect_per_period: Decimal,
    units: Decimal,
    periods_per_year: Decimal,
    unit_value: Money,
    value_kind: str,
    margin_rate: Decimal | None,
    unit_value_approved: bool,
) -> Answer:
    """Return the yearly benefit of an effect. Revenue is turned into margin first, or there is no benefit."""
    gross = effect_per_period * units * periods_per_year * unit_value.amount
    revenue = value_kind == "revenue"
    if revenue and margin_rate is None:
        return insufficient("revenue is not a benefit: give the margin_rate", numerator=gross)
    value = gross * margin_rate if revenue and margin_rate is not None else gross
    share = "" if margin_rate is None else written(rounded(margin_rate))
    return Answer(value=value, numerator=gross, basis="margin_of_revenue" if revenue else value_kind).noting(
        caveat("revenue_to_margin", f"{written(rounded(gross))} of revenue, of which {share} is margin.", when=revenue),
        unapproved(approved=unit_value_approved),
    )


def benefit_horizon(*, annual_benefit: Money, years: Decimal, reason: str | None) -> Answer:
    """Return the benefit over the horizon; more than the first year needs a written reason."""
    if years > 1 and reason is None:
        return insufficient("a benefit beyond the first year needs a written reason")
    return Answer(value=annual_benefit.amount * years, basis="first_year" if years <= 1 else "declared_years").noting(
        caveat("horizon_reason", f"{written(rounded(years))} years because: {reason}", when=years > 1)
    )


def net_benefit(*, benefit: Money, cost: Money, cost_basis: str) -> Answer:
    """Return benefit minus cost."""
    if problem := below_zero(cost):
        return problem.on_basis(cost_basis)
    return Answer(value=(benefit - cost).amount, basis=cost_basis)


def bcr(*, benefit: Money, cost: Money, cost_basis: str) -> Answer:
    """Return benefit over cost."""
    return _over_cost(benefit.amount, cost).on_basis(cost_basis)


def roi(*, benefit: Money, cost: Money, cost_basis: str) -> Answer:
    """Return net benefit over cost in percent, which is (BCR - 1) · 100."""
    answer = _over_cost((benefit - cost).amount, cost).on_basis(cost_basis)
    return replace(answer, value=HUNDRED * answer.value) if isinstance(answer.value, Decimal) else answer


def _over_cost(amount: Decimal, cost: Money) -> Answer:
    if cost.amount == 0:
        return not_applicable("nothing was spent: there is no return on nothing", numerator=amount, denominator=0)
    return below_zero(cost) or quotient(amount, cost.amount)


def payback_average(*, benefit: Money, cost: Money, cost_basis: str) -> Answer:
    """Return the months until an even stream of the yearly benefit has paid the cost."""
    if problem := below_zero(cost):
        return problem.on_basis(cost_basis)
    if benefit.amount <= 0:
        return not_applicable("never: there is no benefit to pay the cost back").on_basis(cost_basis)
    return quotient(MONTHS * benefit.like(cost).amount, benefit.amount).on_basis(cost_basis)


def payback_dated(*, flows: Sequence[CashFlow], cost_basis: str) -> Answer:
    """Return the months from the first flow until the sum of all flows is no longer negative, for good."""
    if not flows:
        return insufficient("no dated flow is recorded").on_basis(cost_basis)
    ordered = sorted(flows, key=lambda flow: flow.on)
    sums = [total(flow.amount for flow in ordered if flow.on <= each.on) for each in ordered]
    under = [index for index, amount in enumerate(sums) if amount is not None and amount.amount < 0]
    if under and under[-1] == len(ordered) - 1:
        return not_applicable("never: the flows recorded do not pay the cost back").on_basis(cost_basis)
    paid_on = ordered[under[-1] + 1].on if under else ordered[0].on
    days = (paid_on - ordered[0].on).days
    return Answer(value=days * MONTHS / DAYS_A_YEAR, basis=cost_basis).noting(
        Caveat("paid_back_on", f"Paid back on {paid_on.isoformat()}.")
    )


def break_even_share(*, cost: Money, monetised_change: Money, cost_basis: str) -> Answer:
    """Return the share of the raw change that must be due to the training for it to pay."""
    if problem := below_zero(cost):
        return problem.on_basis(cost_basis)
    if monetised_change.amount <= 0:
        return not_applicable("the KPI has not become better: no share of it can pay the cost").on_basis(cost_basis)
    answer = quotient(cost.amount, cost.like(monetised_change).amount).on_basis(cost_basis)
    return answer.noting(
        caveat(
            "cannot_pay_back",
            "Even if all of the change were due to the training, it would not pay.",
            when=cost.amount > monetised_change.amount,
        )
    )


def roi_range(
    *,
    level: Decimal,
    effect_low: Decimal,
    effect: Decimal,
    effect_high: Decimal,
    unit_value_low: Money,
    unit_value: Money,
    unit_value_high: Money,
    cost_low: Money,
    cost: Money,
    cost_high: Money,
    cost_basis: str,
) -> Answer:
    """Return the ROI of the base case between the worst and the best combination of the ranges."""
    ordered = (
        effect_low <= effect <= effect_high
        and unit_value_low.amount <= unit_value.amount <= unit_value_high.amount
        and cost_low.amount <= cost.amount <= cost_high.amount
    )
    if not ordered:
        return inconsistent("each base case lies between its low and its high value")
    if problem := below_zero(cost_low):
        return problem.on_basis(cost_basis)
    if cost_low.amount == 0:
        return not_applicable("a cost of 0 in the range gives no return").on_basis(cost_basis)
    effects, values, costs = (effect_low, effect_high), (unit_value_low, unit_value_high), (cost_low, cost_high)
    cases = [_return(each, value, spent) for each, value, spent in product(effects, values, costs)]
    interval = Interval(min(cases), max(cases), level, "range_of_scenarios")
    return Answer(
        value=_return(effect, unit_value, cost), interval=interval, basis=cost_basis, status=Status.OK
    ).noting(Caveat("scenarios", "Worst and best case of the ranges, not a probability."))


def _return(effect: Decimal, value: Money, cost: Money) -> Decimal:
    return HUNDRED * (effect * value.amount - cost.amount) / cost.amount
