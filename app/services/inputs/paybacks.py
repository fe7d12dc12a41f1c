"""When accepted effects have paid what was spent: inputs from days on which money goes out and comes in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.figure import Status
from app.domain.money import Money
from app.models.initiatives import Alignment
from app.services.inputs._cuts import VALUED
from app.services.inputs._provider import Given, Place, Provider, Scope
from app.services.inputs._pursuits import members
from app.services.inputs._worth import Spent, Worth, mixed, spent, worths
from app.services.versions import rows_at

_BASIS = "fully_loaded"


@dataclass(frozen=True, slots=True)
class Flows:
    """What was spent on an initiative, and its accepted effects with the first day on which each can show."""

    spent: Spent = field(default_factory=Spent)
    worths: tuple[tuple[Worth, date | None], ...] = ()

    def benefits(self) -> list[tuple[date, Money]] | None:
        """Return the benefits of the first year at the ends of the effects' periods; None where one cannot be dated."""
        found: list[tuple[date, Money]] = []
        for worth, since in self.worths:
            unit = worth.worth
            if unit is None or since is None:
                return None
            amount = Money(worth.whole * unit.amount, unit.currency)
            found += [(end, amount) for end in worth.rhythm.ends(since, int(worth.a_year))]
        return found or None


async def _load(session: AsyncSession, scope: Scope) -> Mapping[Place, Flows]:
    costs, effects = await spent(session, scope), await worths(session, scope)
    offered = members(session, scope)
    first = select(offered.c.subject, func.min(offered.c.offered_on)).group_by(offered.c.subject)
    began: dict[UUID, date] = {row[0]: row[1] for row in await session.execute(first)}
    links = rows_at(session, Alignment, scope.as_of)
    columns = (links.c.initiative_id, links.c.outcome_id, links.c.lag_days)
    lags = {
        (row[0], row[1]): timedelta(days=row[2])
        for row in await session.execute(select(*columns).where(links.c.initiative_id.in_(scope.ids)))
    }
    return {
        (each, ()): Flows(
            costs.get(each, Spent()),
            tuple((worth, _since(worth, began.get(each), lags)) for worth in effects.get(each, [])),
        )
        for each in scope.ids
    }


def _since(worth: Worth, began: date | None, lags: Mapping[tuple[UUID, UUID], timedelta]) -> date | None:
    """Return the first day on which an effect can show: the lag of the alignment after the first offer."""
    lag = lags.get((worth.estimate.initiative_id, worth.outcome.id), timedelta(0))
    return None if began is None else began + lag


def _dated(found: Flows, _scope: Scope) -> Given:
    behind = [link for worth, _ in found.worths for each in worth.links().values() for link in each]
    links = {"flows": (*found.spent.links, *behind)}
    caveats = tuple(dict.fromkeys(note for worth, _ in found.worths for note in worth.caveats()))
    benefits = found.benefits()
    values: dict[str, Any] = {"flows": None, "cost_basis": _BASIS}
    if benefits is None or not found.spent.items:
        return Given(values, caveats=caveats, links=links)
    charged = [item.charged() for item in found.spent.items]
    refusal = found.spent.refusal or mixed([*charged, *(amount for _, amount in benefits)])
    if refusal:
        return Given(values, instead=(Status.INCONSISTENT, refusal), links=links)
    out = [(day, Money(-each.amount, each.currency)) for day, each in zip(found.spent.days, charged, strict=True)]
    by_day: dict[date, Decimal] = {}
    for day, amount in (*out, *benefits):
        by_day[day] = by_day.get(day, Decimal(0)) + amount.amount
    currency = charged[0].currency
    flows = [{"on": day, "amount": Money(amount, currency)} for day, amount in sorted(by_day.items())]
    return Given(values | {"flows": flows}, caveats=caveats, links=links)


PROVIDERS = (Provider(metrics={"payback{dated}": _dated}, kinds=frozenset({"initiative"}), load=_load, refused=VALUED),)
