"""What one more unit of an outcome costs with each of the initiatives that serve it, by what each was found to do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain import ids
from app.domain.figure import Status
from app.domain.metrics.answers import caveat
from app.domain.money import Money
from app.models.initiatives import Initiative
from app.services.inputs._cuts import VALUED
from app.services.inputs._provider import Given, Link, Place, Provider, Scope
from app.services.inputs._worth import Spent, Worth, mixed, spent, worths

_NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Option:
    """One initiative for an outcome: what it cost in all, and what it did to the outcome in a period."""

    worth: Worth
    spent: Spent
    elsewhere: int = 0

    @property
    def effect(self) -> Decimal:
        """The improvement of all units in a period."""
        return self.worth.whole

    def links(self) -> list[Link]:
        """Return the estimate behind the effect."""
        return [Link("effect_estimate", self.worth.estimate.id)]


@dataclass(frozen=True, slots=True)
class Step:
    """An option beside the next cheaper one (Drummond: options in the order of their cost); None: nothing is done."""

    option: Option
    cheaper: Option | None
    refusal: str | None = None


async def _load(session: AsyncSession, scope: Scope) -> Mapping[Place, Step]:
    effects = await worths(session, scope)
    theirs = replace(scope, kind="initiative", ids=tuple(effects), by=())
    costs, served = await spent(session, theirs), await worths(session, theirs)
    options: dict[UUID, list[Option]] = {}
    for initiative_id, listed in effects.items():
        for worth in listed:
            option = Option(worth, costs.get(initiative_id, Spent()), len(served.get(initiative_id, ())) - 1)
            options.setdefault(worth.outcome.id, []).append(option)
    return {
        (outcome_id, (step.option.worth.estimate.initiative_id,)): step
        for outcome_id, listed in options.items()
        for step in _steps(listed)
    }


def _steps(options: list[Option]) -> list[Step]:
    """Return the options in the order of their cost, each beside the one before; without a cost, beside nothing."""
    refusal = mixed(item.amount for option in options for item in option.spent.items)
    refusal = refusal or next((option.spent.refusal for option in options if option.spent.refusal), None)
    if refusal:
        return [Step(option, None, refusal) for option in options]
    totals = [(option.spent.total(), option) for option in options]
    priced = sorted(
        ((total.amount, option) for total, option in totals if total is not None),
        key=lambda each: (each[0], each[1].worth.estimate.initiative_id),
    )
    steps = [Step(option, None) for total, option in totals if total is None]
    cheaper: Option | None = None
    for _, option in priced:
        steps.append(Step(option, cheaper))
        cheaper = option
    return steps


def _ratio(found: Step, _scope: Scope) -> Given:
    option, cheaper = found.option, found.cheaper
    cost = option.spent.total()
    before = None if cost is None else Money(Decimal(0), cost.currency)
    against, effect = _NOTHING, Decimal(0)
    links = {"cost_new": option.spent.links, "effect_new": option.links()}
    if cheaper is not None:
        before, effect = cheaper.spent.total(), cheaper.effect
        against = ids.encode(Initiative.prefix, cheaper.worth.estimate.initiative_id)
        links |= {"cost_old": cheaper.spent.links, "effect_old": cheaper.links()}
    values: dict[str, Any] = {
        "cost_new": None if found.refusal else cost,
        "cost_old": None if found.refusal else before,
        "effect_new": option.effect,
        "effect_old": effect,
        "cost_basis": "fully_loaded",
    }
    sentence = f"Its whole cost is counted here, and it has an accepted effect on {option.elsewhere} more outcomes."
    note = caveat("serves_others", sentence, when=option.elsewhere)
    return Given(
        values,
        caveats=(*option.worth.evidence(), *((note,) if note else ())),
        links=links,
        about=(Link("outcome", option.worth.outcome.id, option.worth.outcome.version),),
        parameters={"against": against},
        instead=(Status.INCONSISTENT, found.refusal) if found.refusal else None,
    )


PROVIDERS = (
    Provider(
        metrics={"icer": _ratio},
        kinds=frozenset({"outcome"}),
        load=_load,
        by=frozenset({"initiative"}),
        always=("initiative",),
        refused=VALUED,
    ),
)
