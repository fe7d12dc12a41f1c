"""Figures of initiatives and outcomes, each with its explanation; and the catalogue of metrics."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import cursors
from app.api.deps import KEY_REQUIRED, AsOf, SessionOf, VaultOf
from app.api.routing import UnitRoute
from app.domain import ids
from app.domain.errors import NotFound
from app.domain.metrics.catalogue import metric as metric_row
from app.models.figures import (
    EventBehind,
    ExplainedInput,
    Explanation,
    FigureList,
    FigurePeriod,
    FigureRead,
    MeasurementBehind,
    plain,
)
from app.models.initiatives import Initiative
from app.models.kpis import SubjectKind
from app.models.outcomes import Outcome
from app.services import explanations, figures
from app.services.figures import Computed
from app.services.readings import value_of

router = APIRouter(tags=["figures"], route_class=UnitRoute, dependencies=[KEY_REQUIRED])

_INITIATIVE = Annotated[
    str, Path(description="Public id of the initiative.", examples=["ini_01h455vb4pex5vsknk084sn02q"])
]
_OUTCOME = Annotated[str, Path(description="Public id of the outcome.", examples=["out_01h455vb4pex5vsknk084sn02q"])]
_METRIC = Annotated[str, Path(description="Slug of the metric.", examples=["completion_rate"])]
_DENOMINATOR = Annotated[
    str | None, Query(description="Which completion_rate; needed only there.", examples=["audience"])
]
_PAGE = 100
_SUBJECT_PREFIX = {SubjectKind.TENANT: "ten", SubjectKind.ORG_UNIT: "org", SubjectKind.PERSON: "per"}


@router.get("/initiatives/{id}/figures", operation_id="getInitiativeFigures", summary="Figures of an initiative")
async def initiative_figures(id: _INITIATIVE, session: SessionOf, as_of: AsOf = None) -> FigureList:  # noqa: A002  the name of the path parameter
    """Return participation and completion, each with its denominator; completion by both."""
    found = await _of_initiative(session, id, as_of)
    return FigureList(items=[FigureRead.of(computed.figure) for computed in found])


@router.get("/outcomes/{id}/figures", operation_id="getOutcomeFigures", summary="Figures of an outcome")
async def outcome_figures(id: _OUTCOME, session: SessionOf, as_of: AsOf = None) -> FigureList:  # noqa: A002  the name of the path parameter
    """Return progress to the target, improvement, and the difference in differences of aligned initiatives."""
    found = await _of_outcome(session, id, as_of)
    return FigureList(items=[FigureRead.of(computed.figure) for computed in found])


@router.get(
    "/initiatives/{id}/figures/{metric}/explain",
    operation_id="explainInitiativeFigure",
    summary="Explain a figure of an initiative",
)
async def explain_initiative_figure(
    id: _INITIATIVE,  # noqa: A002  the name of the path parameter
    metric: _METRIC,
    request: Request,
    session: SessionOf,
    vault: VaultOf,
    denominator: _DENOMINATOR = None,
    as_of: AsOf = None,
    cursor: Annotated[str | None, Query(max_length=500, description="For further events.")] = None,
) -> Explanation:
    """Unfold a figure to its formula, its inputs, and the events and deliveries behind it."""
    found = await _of_initiative(session, id, as_of)
    computed = _chosen(found, metric, denominator)
    initiative_id = _id(Initiative.prefix, id)
    binding = f"{request.state.principal.tenant.slug} events of {initiative_id}"
    after = cursors.decode(vault, binding, cursor, [UUID])[0] if cursor else None
    rows = await explanations.events_of_initiative(session, initiative_id, as_of=as_of, after=after, limit=_PAGE + 1)
    shown = [_event(row) for row in rows[:_PAGE]] if computed.inputs else []
    following = cursors.encode(vault, binding, [rows[_PAGE - 1].id]) if len(rows) > _PAGE and shown else None
    return _explained(computed, events=shown, next_cursor=following)


@router.get(
    "/outcomes/{id}/figures/{metric}/explain",
    operation_id="explainOutcomeFigure",
    summary="Explain a figure of an outcome",
)
async def explain_outcome_figure(
    id: _OUTCOME,  # noqa: A002  the name of the path parameter
    metric: _METRIC,
    session: SessionOf,
    as_of: AsOf = None,
) -> Explanation:
    """Unfold a figure to its formula, its inputs, and the measurements behind it."""
    computed = _chosen(await _of_outcome(session, id, as_of), metric, None)
    rows = await explanations.measurements(session, computed.measurement_ids, as_of=as_of)
    shown = [
        MeasurementBehind(
            id=ids.encode("mea", row.id),
            subject_id=ids.encode(_SUBJECT_PREFIX[row.subject_kind], row.subject_id),
            period=FigurePeriod(start=row.period_start, end=row.period_end, zone=_zone(computed)),
            value=plain(value_of(row.value, row.numerator, row.denominator)),
            version=row.version,
        )
        for row in rows
    ]
    return _explained(computed, measurements=shown)


async def _of_initiative(session: AsyncSession, text: str, as_of: datetime | None) -> list[Computed]:
    initiative_id = _id(Initiative.prefix, text)
    await figures.require(session, Initiative, initiative_id, as_of)
    return (await figures.computed_of_initiatives(session, [initiative_id], as_of=as_of))[0]


async def _of_outcome(session: AsyncSession, text: str, as_of: datetime | None) -> list[Computed]:
    outcome_id = _id(Outcome.prefix, text)
    await figures.require(session, Outcome, outcome_id, as_of)
    return (await figures.computed_of_outcomes(session, [outcome_id], as_of=as_of))[0]


def _id(prefix: str, text: str) -> UUID:
    try:
        return ids.decode(prefix, text)
    except ValueError as error:
        raise NotFound(f"There is no {ids.PREFIXES[prefix]} {text[:60]!r}: {error}.") from error


def _chosen(found: list[Computed], slug: str, denominator: str | None) -> Computed:
    metric_row(slug)
    for computed in found:
        figure = computed.figure
        if figure.metric == slug and denominator in {None, figure.parameters.get("denominator")}:
            return computed
    raise NotFound(f"There is no figure {slug} of this kind here; its list of figures names those there are.")


def _explained(
    computed: Computed,
    *,
    events: list[EventBehind] | None = None,
    measurements: list[MeasurementBehind] | None = None,
    next_cursor: str | None = None,
) -> Explanation:
    row = metric_row(computed.figure.metric)
    described = {each.name: each.description for each in row.inputs}
    return Explanation(
        figure=FigureRead.of(computed.figure),
        title=row.title,
        formula=row.formula,
        edge_rules=list(row.edge_rules),
        source=row.source,
        inputs=[
            ExplainedInput(name=name, value=plain(value), description=described[name])
            for name, value in computed.inputs.items()
        ],
        events=events or [],
        measurements=measurements or [],
        next_cursor=next_cursor,
    )


def _event(row: Any) -> EventBehind:
    return EventBehind(
        id=row.id,
        kind=row.kind,
        occurred_at=row.occurred_at,
        person_id=row.person_id,
        activity_id=row.activity_id,
        delivery=f"/v1/deliveries/{ids.encode('dlv', row.delivery_id)}",
        delivery_id=row.delivery_id,
        body_sha256=row.body_sha256.hex(),
    )


def _zone(computed: Computed) -> str:
    period = computed.figure.period
    return "UTC" if period is None else period.zone
