"""What was spent on learning that people say they will not use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.figure import Status
from app.domain.metrics.catalogue import evaluate
from app.services.inputs import surveys
from app.services.inputs._cuts import refuse
from app.services.inputs._listed import listed
from app.services.inputs._provider import Given, Label, Link, Place, Provider, Scope
from app.services.inputs._worth import Spent, spent
from app.services.inputs.surveys import KINDS, Told

_PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Scrapped:
    """The answers under a subject, and what was spent under it."""

    told: Told = field(default_factory=Told)
    spent: Spent = field(default_factory=Spent)


async def _load(session: AsyncSession, scope: Scope) -> Mapping[Place, Scrapped]:
    told, costs = await surveys.told(session, scope), await spent(session, scope)
    return {(each, ()): Scrapped(told.get((each, ()), Told()), costs.get(each, Spent())) for each in scope.ids}


def _cost(found: Scrapped, scope: Scope) -> Given:
    definition = str(scope.parameters.get("definition", _PLANNED))
    read = surveys.planned if definition == _PLANNED else surveys.within_six_weeks
    answers = read(found.told, scope)
    rate = evaluate("scrap_rate", answers.inputs, {"definition": definition}).value
    values = {
        "scrap_rate": rate if isinstance(rate, Decimal) else None,
        "cost": found.spent.total(),
        "cost_basis": "fully_loaded",
    }
    refused = (Status.INCONSISTENT, found.spent.refusal) if found.spent.refusal else None
    return Given(
        values | ({"cost": None} if refused else {}),
        answers.n_people,
        links={"cost": found.spent.links},
        instead=refused,
        least=answers.least,
    )


async def _answers(
    session: AsyncSession, scope: Scope, labels: tuple[Label, ...], least: int
) -> Mapping[str, Sequence[Link] | str]:
    """List the answers that the rate was read from, by the definition asked for."""
    planned = scope.parameters.get("definition", _PLANNED) == _PLANNED
    listing = listed(surveys.PLANNED if planned else surveys.SIX_WEEKS)
    found = await listing(session, scope, labels, least)
    return {"scrap_rate": found["plans" if planned else "responses"]}


_WHOLE = "what was spent is spent on the whole: ask for scrap_rate of the part"
_REFUSED = refuse(people=_WHOLE, learning=_WHOLE, time=_WHOLE)

PROVIDERS = (
    Provider(
        metrics={"scrap_cost": _cost},
        kinds=KINDS,
        load=_load,
        nothing=Scrapped,
        parameters=("definition",),
        people=True,
        behind={"scrap_cost": _answers},
        refused=_REFUSED,
    ),
)
