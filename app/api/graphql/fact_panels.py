"""The panel behind an estimate from stored facts, in the graph: worked out for the outcome and an initiative."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import UNSET

from app.api.graphql.context import View
from app.api.graphql.inputs import checked
from app.api.graphql.scalars import enum_of, shape_of
from app.domain import ids
from app.domain.errors import NotFound, ThroughlineError
from app.models.effect_options import Contaminated, EffectOptions, ExposureChoice
from app.models.initiatives import Initiative
from app.models.panels import FactPanelRead
from app.services import effects

for _words in (ExposureChoice, Contaminated):
    enum_of(_words)

_Initiative = Annotated[strawberry.ID, strawberry.argument(description="Public id of the initiative.")]
_Exposure = Annotated[ExposureChoice, strawberry.argument(description="What counts as exposure.")]
_Contaminated = Annotated[
    Contaminated, strawberry.argument(description="What becomes of comparison units that another initiative reached.")
]
_Covariates = Annotated[
    list[str] | None, strawberry.argument(description="Covariates to be told, as in an estimate's options.")
]


def panel_of_outcome() -> Any:
    """Declare what an estimate for a node's outcome would rest on; those of siblings are worked out in one unit."""

    async def resolve(
        self: Any,
        initiative_id: _Initiative,
        exposure: _Exposure = ExposureChoice.OFFERED,
        contaminated: _Contaminated = Contaminated.LEAVE_OUT,
        covariates: _Covariates = UNSET,
    ) -> Any:
        view: View = self.view
        told = {"exposure": exposure, "contaminated": contaminated, "covariates": covariates or []}
        options, initiative = checked(EffectOptions, told), _decoded(initiative_id)

        async def batch(session: AsyncSession, outcome_ids: list[UUID]) -> Sequence[Any]:
            return [await _described(session, initiative, each, options, view) for each in outcome_ids]

        return await view.load(("fact panel", initiative, options.model_dump_json()), batch, self.row.id)

    return strawberry.field(
        resolver=resolve,
        description="What an estimate of an initiative's effect on it would rest on; null, with an error, where there "
        "is nothing to compare.",
        graphql_type=shape_of(FactPanelRead) | None,
    )


async def _described(
    session: AsyncSession, initiative_id: UUID, outcome_id: UUID, options: EffectOptions, view: View
) -> FactPanelRead | ThroughlineError:
    """Return the panel, or the error of this outcome alone."""
    try:
        return await effects.described(session, initiative_id, outcome_id, options, as_of=view.at)
    except ThroughlineError as error:
        return error


def _decoded(text: str) -> UUID:
    try:
        return ids.decode(Initiative.prefix, text)
    except ValueError as error:
        raise NotFound(f"There is no initiative {text[:60]!r}: {error}.") from error
