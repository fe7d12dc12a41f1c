"""What initiatives cost and what their accepted effects are worth, each amount with its basis and its facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.figure import Status
from app.domain.money import Money
from app.models.days import first_day
from app.models.initiatives import Initiative, InitiativeStatus
from app.services.inputs import learners, volumes
from app.services.inputs._cuts import VALUED, refuse
from app.services.inputs._provider import BUCKETS, Given, Link, Place, Provider, Scope
from app.services.inputs._worth import PLACES, Spent, Worth, exact, mixed, spent, worths
from app.services.versions import rows_at

_WEEKS = Decimal("52.1775")
_BASIS = "fully_loaded"


async def _costs(session: AsyncSession, scope: Scope) -> Mapping[Place, Spent]:
    return {
        place: part
        for subject, each in (await spent(session, scope)).items()
        for place, part in _by_time(subject, each, scope)
    }


def _by_time(subject: UUID, spent: Spent, scope: Scope) -> list[tuple[Place, Spent]]:
    """Return what was spent in the time asked for, and in each bucket of it: a cost lies on the day it was incurred."""
    found: dict[Place, list[int]] = {}
    for n, day in enumerate(spent.days):
        if (scope.since is None or day >= scope.since) and (scope.until is None or day < scope.until):
            found.setdefault((subject, tuple(first_day(day, each) for each in scope.by)), []).append(n)
    return [(place, spent.only(chosen)) for place, chosen in found.items()]


def _cost(found: Spent, _scope: Scope) -> Given:
    if found.mixed:
        return Given({"items": None}, instead=(Status.INCONSISTENT, found.mixed), links={"items": found.links})
    return Given({"items": found.items}, links={"items": found.links})


@dataclass(frozen=True, slots=True)
class Returns:
    """What was spent on an initiative, and its accepted effects with their worth."""

    spent: Spent = field(default_factory=Spent)
    worths: tuple[Worth, ...] = ()
    late_days: int = 0
    of: tuple[UUID, ...] = ()
    """The initiative."""

    def given(self, names: Mapping[str, str], *, annual: bool = True) -> Given:
        """Return benefit and cost under the names of a formula (`benefit`, `cost`), on the fully loaded basis.

        `annual`: the figure is of a year's benefit, of which a part may be assumed.
        """
        benefits = [each for worth in self.worths if (each := worth.benefit()) is not None]
        refusal = self.spent.refusal or mixed([*benefits, *(item.amount for item in self.spent.items)])
        links: dict[str, Sequence[Link]] = {names["cost"]: self.spent.links}
        links[names["benefit"]] = [link for worth in self.worths for each in worth.links().values() for link in each]
        caveats = tuple(dict.fromkeys(note for worth in self.worths for note in worth.caveats(annual=annual)))
        values: dict[str, Any] = dict.fromkeys(names.values()) | {"cost_basis": _BASIS}
        if refusal:
            return Given(values, instead=(Status.INCONSISTENT, refusal), links=links)
        values[names["cost"]] = self.spent.total()
        if benefits and len(benefits) == len(self.worths):
            values[names["benefit"]] = Money(sum((each.amount for each in benefits), Decimal(0)), benefits[0].currency)
        return Given(values, caveats=caveats, links=links)


async def _returns(session: AsyncSession, scope: Scope) -> Mapping[Place, Returns]:
    costs, effects = await spent(session, scope), await worths(session, scope)
    table = rows_at(session, Initiative, scope.as_of)
    statement = select(table.c.id, table.c.ends_on, table.c.status).where(table.c.id.in_(scope.ids))
    late = {row.id: _late(row.ends_on, row.status, scope.today) for row in await session.execute(statement)}
    return {
        (each, ()): Returns(costs.get(each, Spent()), tuple(effects.get(each, ())), late.get(each, 0), (each,))
        for each in scope.ids
    }


def _late(ends_on: date | None, status: str, today: date) -> int:
    """Return by how many days an initiative that has not ended is behind its last day."""
    going = status in {
        InitiativeStatus.IDEA,
        InitiativeStatus.ALIGNED,
        InitiativeStatus.READY,
        InitiativeStatus.RUNNING,
    }
    return max(0, (today - ends_on).days) if ends_on is not None and going else 0


def _ratio(found: Returns, _scope: Scope) -> Given:
    return found.given({"benefit": "benefit", "cost": "cost"})


def _horizon(found: Returns, _scope: Scope) -> Given:
    given = found.given({"benefit": "annual_benefit", "cost": "cost"})
    values = {"annual_benefit": given.inputs["annual_benefit"]}
    return replace(given, inputs=values)


def _delay(found: Returns, _scope: Scope) -> Given:
    given = found.given({"benefit": "value_per_week", "cost": "cost"}, annual=False)
    benefit = given.inputs["value_per_week"]
    weekly = None if benefit is None else Money((benefit.amount / _WEEKS).quantize(PLACES), benefit.currency)
    links = {**given.links, "weeks_late": [Link("initiative", each) for each in found.of]}
    inputs = {"value_per_week": weekly, "weeks_late": Decimal(found.late_days) / 7}
    return replace(given, inputs=inputs, links=links)


def _break_even(found: Returns, _scope: Scope) -> Given:
    """Return the cost beside what the whole raw change would be worth, as if all of it were due to the learning."""
    given = found.given({"benefit": "monetised_change", "cost": "cost"})
    if given.instead:
        return given
    changes = [each for worth in found.worths if (each := _raw_worth(worth)) is not None]
    whole = None
    if changes and len(changes) == len(found.worths):
        whole = Money(sum((each.amount for each in changes), Decimal(0)), changes[0].currency)
    return replace(given, inputs={**given.inputs, "monetised_change": whole})


def _raw_worth(worth: Worth) -> Money | None:
    """Return a year's worth of the raw change of the exposed units, where the estimate tells it."""
    raw, unit = worth.raw_change, worth.worth
    if raw is None or unit is None:
        return None
    return Money(worth.sign * exact(raw) * worth.units * worth.a_year * unit.amount, unit.currency)


async def _by_outcome(session: AsyncSession, scope: Scope) -> Mapping[Place, Returns]:
    costs, effects = await spent(session, scope), await worths(session, scope)
    return {
        (initiative_id, (worth.outcome.id,)): Returns(costs.get(initiative_id, Spent()), (worth,))
        for initiative_id, listed in effects.items()
        for worth in listed
    }


def _annual(found: Returns, _scope: Scope) -> Given:
    [worth] = found.worths
    return Given(worth.inputs(), caveats=worth.caveats(), links=worth.links(), about=worth.about)


def _range(found: Returns, _scope: Scope) -> Given:
    """Return the ends of the effect's interval beside exact costs and an exact unit value."""
    [worth] = found.worths
    ends = worth.ends()
    low, high = (None, None) if ends is None else (ends[0] * worth.a_year, ends[1] * worth.a_year)
    unit, cost = worth.worth, found.spent.total()
    amounts = [each for each in (unit, *(item.amount for item in found.spent.items)) if each is not None]
    refusal = found.spent.refusal or mixed(amounts)
    values: dict[str, Any] = {
        "effect_low": low,
        "effect": worth.whole * worth.a_year,
        "effect_high": high,
        "cost_basis": _BASIS,
    }
    for end in ("_low", "", "_high"):
        values |= {f"unit_value{end}": None if refusal else unit, f"cost{end}": None if refusal else cost}
    behind = {"effect": worth.links()["effect_per_period"], "unit_value": worth.links()["unit_value"]}
    behind["cost"] = found.spent.links
    links = {f"{name}{end}": each for name, each in behind.items() for end in ("_low", "", "_high")}
    instead = (Status.INCONSISTENT, refusal) if refusal else None
    return Given(values, caveats=worth.caveats(), links=links, about=worth.about, instead=instead)


@dataclass(frozen=True, slots=True)
class PerUse:
    """What was spent under a subject, and how much learning came of it."""

    spent: Spent = field(default_factory=Spent)
    learned: learners.Counts = field(default_factory=learners.nothing)
    used: learners.Counts = field(default_factory=learners.nothing)
    effect: Decimal | None = None
    effects: tuple[Link, ...] = ()


async def _per_use(session: AsyncSession, scope: Scope) -> Mapping[Place, PerUse]:
    costs = await _costs(session, scope)
    counted, used = await learners.pursued(session, scope), await volumes.used(session, scope)
    effects = await worths(session, scope) if scope.kind == "initiative" else {}
    found: dict[Place, PerUse] = {}
    for place in (*((each, ()) for each in scope.ids if not scope.by), *costs, *counted, *used):
        listed = effects.get(place[0], [])
        bought = listed[0].whole if len(listed) == 1 and not scope.by else None
        found[place] = PerUse(
            costs.get(place, Spent()),
            counted.get(place, learners.nothing()),
            used.get(place, learners.nothing()),
            bought,
            tuple(Link("effect_estimate", worth.estimate.id) for worth in listed),
        )
    return found


def _cost_per(found: PerUse, scope: Scope) -> Given:
    per = scope.parameters.get("per", "learner")
    quantity: Any = {
        "learner": found.learned["started"],
        "completion": found.learned["completions"],
        "hour": volumes.hours_of(found.used),
        "outcome_unit": found.effect,
    }[per]
    of_people = per != "outcome_unit"
    people = found.learned["people"] if of_people else None
    values = {"cost": found.spent.total(), "cost_basis": _BASIS, "quantity": quantity}
    links = {"cost": found.spent.links, "quantity": found.effects if per == "outcome_unit" else ()}
    if found.spent.refusal:
        refused = (Status.INCONSISTENT, found.spent.refusal)
        return Given(values | {"cost": None}, people, instead=refused, links=links, of_people=of_people)
    return Given(values, people, caveats=found.learned.beside, links=links, of_people=of_people)


_INITIATIVE = frozenset({"initiative"})

_WHOLE = "a cost item is of an initiative as a whole, not of a part of its people or activities"
_OF_COSTS = refuse(people=_WHOLE, learning=_WHOLE)

PROVIDERS = (
    Provider(
        metrics={"cost": _cost},
        kinds=frozenset({"tenant", "objective", "outcome", "initiative"}),
        load=_costs,
        nothing=Spent,
        by=frozenset(BUCKETS),
        refused=_OF_COSTS,
    ),
    Provider(
        metrics={
            "net_benefit": _ratio,
            "bcr": _ratio,
            "roi": _ratio,
            "payback{average}": _ratio,
            "benefit_horizon": _horizon,
            "cost_of_delay": _delay,
            "break_even_share": _break_even,
        },
        kinds=_INITIATIVE,
        load=_returns,
        refused=VALUED,
    ),
    Provider(
        metrics={"annual_benefit": _annual, "roi_range": _range},
        kinds=_INITIATIVE,
        load=_by_outcome,
        by=frozenset({"outcome"}),
        always=("outcome",),
        refused=VALUED,
    ),
    Provider(
        metrics={"cost_per": _cost_per},
        kinds=frozenset({"tenant", "objective", "outcome", "initiative"}),
        load=_per_use,
        parameters=("per",),
        by=frozenset(BUCKETS),
        people=True,
        refused=_OF_COSTS,
    ),
)
