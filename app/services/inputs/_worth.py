"""Costs under subjects, and accepted effects of initiatives with what they are worth, from facts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from app.domain.figure import Caveat, Status, rounded, written
from app.domain.metrics.answers import caveat
from app.domain.metrics.catalogue import evaluate
from app.domain.metrics.costs import CostItem as Cost
from app.domain.metrics.returns import unapproved
from app.domain.money import Money
from app.models.effects import ClaimBasis, EffectEstimate
from app.models.kpis import Cadence, Direction, Kpi
from app.models.money import CostItem, UnitValue, ValueKind
from app.models.outcomes import Outcome
from app.models.statements import ImpactStatement
from app.models.unit import unit_of
from app.services import standing
from app.services.inputs._outcomes import with_kpis
from app.services.inputs._provider import Link, Scope
from app.services.inputs._rhythm import Rhythm, rhythm
from app.services.inputs._under import initiatives
from app.services.money import worth as in_margin
from app.services.versions import rows_at

PLACES = Decimal(1).scaleb(-12)
_HEADLINE_GRADE = 3
_Z = Decimal("1.959963984540")
"""The 97.5th percentile of the standard normal distribution."""


@dataclass(frozen=True, slots=True)
class Spent:
    """The cost items under one subject, each with the day on which it was incurred."""

    items: tuple[Cost, ...] = ()
    links: tuple[Link, ...] = ()
    days: tuple[date, ...] = ()

    def only(self, chosen: Sequence[int]) -> "Spent":
        """Return the items at these places."""
        parts = (tuple(each[n] for n in chosen) for each in (self.items, self.links, self.days))
        return Spent(*parts)  # type: ignore[arg-type]  # the three tuples in the order of the fields

    @property
    def mixed(self) -> str | None:
        """Why the items cannot be added on any basis: amounts of two currencies never are."""
        return mixed(item.amount for item in self.items)

    @property
    def refusal(self) -> str | None:
        """Why nothing can be set against the fully loaded sum: there is none, or it is below 0."""
        return self.mixed or self._sum()[1]

    def total(self) -> Money | None:
        """Return the fully loaded sum; None without items, or where there is a `refusal`."""
        amount = None if self.mixed else self._sum()[0]
        return None if amount is None else Money(amount, self.items[0].amount.currency)

    def _sum(self) -> tuple[Decimal | None, str | None]:
        """Return the sum of items of one currency, or why it is no cost."""
        figure = evaluate("cost", {"items": self.items})
        wrong = figure.status is Status.INCONSISTENT
        return figure.value if isinstance(figure.value, Decimal) else None, figure.reason if wrong else None


def mixed(amounts: Iterable[Money]) -> str | None:
    """Return the sentence that refuses a sum over several currencies, or None for one."""
    currencies = sorted({each.currency for each in amounts})
    if len(currencies) <= 1:
        return None
    return f"{' and '.join(currencies)} are never added: convert to one currency first, with a dated rate"


async def spent(session: AsyncSession, scope: Scope) -> dict[UUID, Spent]:
    """Return the cost items under each subject, those of an initiative once; two queries at the most."""
    table = rows_at(session, CostItem, scope.as_of)
    under = initiatives(session, scope)
    names = ("id", "version", "category", "amount", "currency", "used", "lifetime", "incurred_on")
    statement = (
        select(under.c.subject, *(table.c[name] for name in names))
        .select_from(table.join(under, under.c.initiative_id == table.c.initiative_id))
        .where(table.c.incurred_on <= scope.today)
        .order_by(table.c.id)
    )
    found: dict[UUID, list[Any]] = {}
    for row in await session.execute(statement):
        found.setdefault(row.subject, []).append(row)
    return {
        subject: Spent(
            tuple(Cost(row.category, Money(row.amount, row.currency), row.used, row.lifetime) for row in rows),
            tuple(Link("cost_item", row.id, row.version) for row in rows),
            tuple(row.incurred_on for row in rows),
        )
        for subject, rows in found.items()
    }


@dataclass(frozen=True, slots=True)
class Worth:
    """An accepted effect of an initiative on an outcome in improvements of the KPI, and what one unit is worth."""

    outcome: Outcome
    kpi: Kpi
    estimate: Any
    result: Mapping[str, Any]
    claim: Mapping[str, Any]
    unit_value: Any
    raw_change: float | None = None

    @property
    def sign(self) -> int:
        """+1 where higher is better."""
        return 1 if self.kpi.direction == Direction.HIGHER_IS_BETTER else -1

    @property
    def units(self) -> Decimal:
        """The units that the effect was had on."""
        return exact(self.claim["units"])

    @property
    def effect(self) -> Decimal:
        """The improvement per unit and period that is claimed."""
        return self.whole / self.units

    @property
    def whole(self) -> Decimal:
        """The improvement of all units in a period that is claimed: all of it, or the share of what several did."""
        return self.sign * exact(self.claim["value"])

    def ends(self) -> tuple[Decimal, Decimal] | None:
        """Return the improvement of all units in a period at the ends of its 95 % interval; None: not known."""
        interval = self.result["interval"] or {}
        low, high = interval.get("low"), interval.get("high")
        error = self.claim.get("standard_error")
        if self.claim["basis"] == ClaimBasis.ALONE and self.result["transform"] == "none" and None not in (low, high):
            first, last = sorted(self.sign * exact(each) * self.units for each in (low, high))
            return first, last
        if error is None:
            return None
        margin = exact(error) * _Z
        return self.whole - margin, self.whole + margin

    @property
    def rhythm(self) -> Rhythm:
        """The periods that the effect is told of: those of its panel, whatever the KPI's cadence is today."""
        return rhythm(self.estimate.panel.get("period_days"), Cadence(self.kpi.cadence))

    @property
    def a_year(self) -> Decimal:
        """Periods a year."""
        return self.rhythm.a_year

    @property
    def worth(self) -> Money | None:
        """What one unit is worth, of revenue its margin; None where nobody has said."""
        return None if self.unit_value is None else Money(in_margin(self.unit_value), self.unit_value.currency)

    @property
    def approved(self) -> bool:
        """Whether somebody answers for the unit value."""
        return self.unit_value is not None and self.unit_value.approver_id is not None

    @property
    def observed(self) -> float | None:
        """The periods after the exposure in which units were observed, on average; None: not kept."""
        return (self.estimate.exposed_side or {}).get("periods")

    def inputs(self) -> dict[str, Any]:
        """Return the inputs of the annual benefit, the unit value as it was stated."""
        stated = self.unit_value
        return {
            "effect_per_period": self.effect,
            "units": self.units,
            "periods_per_year": self.a_year,
            "unit_value": None if stated is None else Money(stated.amount, stated.currency),
            "value_kind": ValueKind.MARGIN.value if stated is None else str(stated.kind),
            "margin_rate": None if stated is None else stated.margin_rate,
            "unit_value_approved": self.approved,
        }

    def benefit(self) -> Money | None:
        """Return the benefit of a year; None where it cannot be valued."""
        worth = self.worth
        if worth is None:
            return None
        return Money(self.whole * self.a_year * worth.amount, worth.currency)

    def caveats(self, *, annual: bool = True) -> tuple[Caveat, ...]:
        """Return what is said beside money: of the evidence, of the unit value and, of a year's, what is assumed."""
        notes = (
            unapproved(approved=self.unit_value is None or self.approved),
            self._assumed() if annual else None,
            self._other_period() if annual else None,
        )
        return (*self.evidence(), *(note for note in notes if note))

    def _assumed(self) -> Caveat | None:
        """Return how much of a year was observed, where it was not all: the rest is assumed, as a statement says."""
        seen = None if self.observed is None else exact(self.observed)
        year = f"the year's {written(rounded(self.a_year))} periods ({self.kpi.name}, by {self.rhythm.spoken})"
        if seen is None:
            detail = f"How many of {year} were observed is not known; that the effect lasts is assumed, not shown."
            return Caveat("periods_assumed", detail)
        rest = self.a_year - seen
        said = f"{written(rounded(seen))} of {year} were observed on average; that the effect lasts through the other"
        return caveat("periods_assumed", f"{said} {written(rounded(rest))} is assumed, not shown.", when=rest > 0)

    def _other_period(self) -> Caveat | None:
        """Return that the effect is of other periods than those in which the KPI is measured now."""
        other = self.rhythm.cadence != Cadence(self.kpi.cadence)
        detail = (
            f"The effect is by {self.rhythm.spoken}, as it was estimated; {self.kpi.name} is by {self.kpi.cadence}."
        )
        return caveat("other_period", detail, when=other)

    def evidence(self) -> tuple[Caveat, ...]:
        """Return what is said of the evidence."""
        grade = self.result["grade"]
        said = f"Evidence grade {grade} ({self.result['estimator']})."
        notes = [Caveat("evidence_grade", said)]
        if self.claim["basis"] == ClaimBasis.SPLIT:
            notes.append(Caveat("shared_effect", "Of what several initiatives did together, its share only."))
        if grade < _HEADLINE_GRADE:
            notes.append(Caveat("indicative", "Below grade 3 a return is indicative only, never a headline."))
        return tuple(notes)

    def links(self) -> dict[str, Sequence[Link]]:
        """Return the facts behind the inputs."""
        effect = [Link("effect_estimate", self.estimate.id)]
        valued = [] if self.unit_value is None else [Link("unit_value", self.unit_value.id, self.unit_value.version)]
        return {"effect_per_period": effect, "units": effect, "unit_value": valued}

    @property
    def about(self) -> tuple[Link, ...]:
        """The unit value and the KPI that it is of."""
        valued = () if self.unit_value is None else (Link("unit_value", self.unit_value.id, self.unit_value.version),)
        return (*valued, Link("kpi", self.kpi.id, self.kpi.version))


def exact(value: Any) -> Decimal:
    """Return a number of the impact engine as a decimal of twelve places at the most."""
    return Decimal(repr(float(value))).quantize(PLACES)


async def worths(session: AsyncSession, scope: Scope) -> dict[UUID, list[Worth]]:
    """Return the accepted effects of each initiative with their worth: the newest of each outcome; six queries.

    Those of the initiatives of a scope; of outcomes, those on them. Accepted is what people let stand.
    """
    table = EffectEstimate
    about = table.outcome_id if scope.kind == "outcome" else table.initiative_id
    names = (*standing.COLUMNS, "panel", "initiative_id", "outcome_id", "accepted", "results", "exposed_side")
    statement = (
        select(*(col(getattr(table, name)) for name in (*names, "recorded_at")))
        .where(
            col(table.tenant_id) == unit_of(session).tenant.id,
            col(about).in_(scope.ids),
            col(table.decided_at).is_not(None),
            col(table.accepted).is_not(None),
            col(table.recorded_at) <= scope.now,
        )
        .order_by(col(table.recorded_at), col(table.id))
    )
    rows = (await session.execute(statement)).all()
    claims = await standing.claims(session, rows, scope.as_of)
    accepted = {(row.initiative_id, row.outcome_id): row for row in rows if row.id in claims}
    pairs = await with_kpis(session, {outcome_id for _, outcome_id in accepted}, scope.as_of)
    values = await _unit_values(session, scope, {kpi.id for _, kpi in pairs.values()})
    raw = await _raw_changes(session, scope, {row.id for row in accepted.values()})
    found: dict[UUID, list[Worth]] = {}
    for (initiative_id, outcome_id), row in sorted(accepted.items(), key=lambda each: each[0]):
        result = next(each for each in row.results if each["estimator"] == row.accepted)
        if outcome_id in pairs:
            outcome, kpi = pairs[outcome_id]
            worth = Worth(outcome, kpi, row, result, claims[row.id], values.get(kpi.id), raw.get(row.id))
            found.setdefault(initiative_id, []).append(worth)
    return found


async def _raw_changes(session: AsyncSession, scope: Scope, estimate_ids: set[UUID]) -> dict[UUID, float | None]:
    """Return how the exposed units changed on average, as the statements on estimates tell it."""
    table = ImpactStatement
    statement = (
        select(col(table.effect_estimate_id), col(table.body))
        .where(
            col(table.tenant_id) == unit_of(session).tenant.id,
            col(table.effect_estimate_id).in_(estimate_ids),
            col(table.recorded_at) <= scope.now,
        )
        .order_by(col(table.recorded_at), col(table.id))
    )
    return {row[0]: row[1]["stakes"].get("raw_change") for row in await session.execute(statement)}


async def _unit_values(session: AsyncSession, scope: Scope, kpi_ids: set[UUID]) -> dict[UUID, Any]:
    """Return what a unit of each KPI is worth today: of those in force the one that began last."""
    table = rows_at(session, UnitValue, scope.as_of)
    in_force = (table.c.valid_from <= scope.today) & (table.c.valid_to.is_(None) | (table.c.valid_to > scope.today))
    statement = select(table).where(table.c.kpi_id.in_(kpi_ids), in_force).order_by(table.c.valid_from, table.c.id)
    return {row.kpi_id: row for row in await session.execute(statement)}
