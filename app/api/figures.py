"""Figures: of any subjects, cut into segments, as of any instant; each with its explanation."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import cursors
from app.api.deps import KEY_REQUIRED, AsOf, SessionOf, VaultOf
from app.api.doors import MISSING
from app.api.routing import UnitRoute
from app.domain import ids
from app.domain.errors import NotFound
from app.domain.metrics.spelling import ask, spelled
from app.models.figures import AudienceSnapshot, Explanation, FigureList
from app.models.figures import FigureRead as Read
from app.models.unit import unit_of
from app.models.values import Day
from app.services import explanations, figures, subjects
from app.services.explanations import Place
from app.services.figures import DIMENSIONS_MOST, Computed, View, dimensions
from app.services.inputs import DIMENSIONS
from app.services.subjects import SubjectId
from app.vault import Vault

router = APIRouter(tags=["figures"], route_class=UnitRoute, dependencies=[KEY_REQUIRED])

SUBJECTS_MOST, METRICS_MOST = 200, 20

_PAGE = 100
_Metric = Annotated[str, Path(description="Slug of the metric.", examples=["completion_rate"])]
_Metrics = Annotated[
    list[str],
    Query(
        min_length=1,
        max_length=METRICS_MOST,
        description="Metric by slug, with parameters in braces; repeat it for several.",
        examples=[["participation_rate", "completion_rate{denominator=enrolled}"]],
    ),
]
_Some = Annotated[
    list[str],
    Query(
        max_length=METRICS_MOST,
        description="Only these metrics, by slug, with parameters in braces; repeat it for several.",
        examples=[["participation_rate", "completion_rate{denominator=enrolled}"]],
    ),
]
_Subjects = Annotated[
    list[str],
    Query(
        min_length=1,
        max_length=SUBJECTS_MOST,
        description="Public id of an initiative, outcome, objective, activity, org unit, source or the tenant; repeat "
        "it for several.",
        examples=[["ini_01h455vb4pex5vsknk084sn02q"]],
    ),
]
_By = Annotated[
    list[str],
    Query(
        max_length=DIMENSIONS_MOST,
        description=f"Cut into segments along a dimension, or two: {', '.join(DIMENSIONS)}. Org units count their "
        "subtree; buckets of time are cut in the tenant's zone.",
        examples=[["role"]],
    ),
]
_From = Annotated[
    Day | None, Query(alias="from", description="Only facts placed on this day or later.", examples=["2026-01-01"])
]
_To = Annotated[
    Day | None, Query(alias="to", description="Only facts placed before this day.", examples=["2026-04-01"])
]
_Audience = Annotated[
    AudienceSnapshot,
    Query(
        description="Which snapshot of an audience is the denominator: at_end leaves out who has left by then, "
        "at_start counts everyone who worked here when it was offered."
    ),
]
_Segments = Annotated[
    list[str],
    Query(max_length=DIMENSIONS_MOST, description="`dimension:value` of the segment; an empty value: those without."),
]
_Limit = Annotated[
    int, Query(ge=1, le=200, description="Learning events, and facts that inputs link to, on one page.", examples=[50])
]
_Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")]


@router.get(
    "/figures", operation_id="getFigures", summary="Figures of any subjects, cut into segments", responses=MISSING
)
async def get_figures(
    session: SessionOf,
    metric: _Metrics,
    subject: _Subjects,
    by: _By = [],  # noqa: B006  FastAPI copies it
    since: _From = None,
    until: _To = None,
    audience: _Audience = AudienceSnapshot.AT_END,
    as_of: AsOf = None,
) -> FigureList:
    """Return the figures by subject in the order asked, within it by metric, within it by segment.

    Figures of fewer people than the minimum are suppressed, and so is what they could be computed from.
    """
    view = View(as_of, since=since, until=until, audience=audience.value, by=dimensions(by))
    asked = [spelled(each) for each in metric]
    wanted = [subjects.read(each) for each in subject]
    await subjects.require(session, wanted, as_of)
    found = await figures.of_many(session, wanted, asked, view)
    return FigureList(items=[Read.of(each.figure) for row in found for each in row])


@router.get("/figures/explain", operation_id="explainFigure", summary="Explain a figure", responses=MISSING)
async def explain_figure(
    request: Request,
    session: SessionOf,
    vault: VaultOf,
    metric: Annotated[str, Query(description="The metric, as in the list.", examples=["participation_rate"])],
    subject: Annotated[str, Query(description="Public id.", examples=["ini_01h455vb4pex5vsknk084sn02q"])],
    segment: _Segments = [],  # noqa: B006  FastAPI copies it
    since: _From = None,
    until: _To = None,
    audience: _Audience = AudienceSnapshot.AT_END,
    as_of: AsOf = None,
    limit: _Limit = _PAGE,
    cursor: _Cursor = None,
) -> Explanation:
    """Unfold a figure to its formula, its inputs with their values, and the facts behind them down to the bytes."""
    pairs = [each.partition(":") for each in segment]
    wanted = {dimension: value or None for dimension, _, value in pairs}
    by = dimensions([dimension for dimension, _, _ in pairs])
    view = View(as_of, since=since, until=until, audience=audience.value, by=by)
    about = subjects.read(subject)
    await subjects.require(session, [about], as_of)
    [found] = await figures.of_many(session, [about], [spelled(metric)], view)
    chosen = [each for each in found if each.figure.segment == wanted or (not wanted and len(found) == 1)]
    if not chosen:
        raise NotFound("There is no such segment of this figure; the list of figures names those there are.")
    return await _explained(request, session, vault, chosen[0], view, cursor, limit)


async def _explained(
    request: Request,
    session: AsyncSession,
    vault: Vault,
    computed: Computed,
    view: View,
    cursor: str | None,
    limit: int,
) -> Explanation:
    binding = f"{request.state.principal.tenant.slug} facts of {computed.figure.explain}"
    after = Place(*cursors.decode(vault, binding, cursor, [UUID, str])) if cursor else Place()
    found = await explanations.explain(session, computed, view, after=after, limit=limit)
    following = cursors.encode(vault, binding, [found.last.event, found.last.fact]) if found.last else None
    return found.shown.model_copy(update={"next_cursor": following})


def _add(kind: str) -> None:
    """Register the figures of one kind of subject, and their explanations by slug."""
    plural, spoken = subjects.PLURALS[kind], kind.replace("_", " ")
    camel = "".join(part.capitalize() for part in kind.split("_"))
    article = "an" if spoken[0] in "aeiou" else "a"
    example = ids.encode(subjects.ROWS[kind].prefix, UUID("01890a5d-ac96-774b-bcce-b302099a8057"))
    id_param = Annotated[str, Path(description=f"Public id of the {spoken}.", examples=[example])]

    async def listing(
        id: str,  # noqa: A002  the name of the path parameter
        session: SessionOf,
        as_of: AsOf = None,
        metric: _Some = [],  # noqa: B006  FastAPI copies it
    ) -> FigureList:
        found = await _of_one(session, subjects.of_kind(kind, id), as_of, metric)
        return FigureList(items=[Read.of(computed.figure) for computed in found])

    async def explaining(
        id: str,  # noqa: A002  the name of the path parameter
        metric: _Metric,
        request: Request,
        session: SessionOf,
        vault: VaultOf,
        denominator: Annotated[
            str | None, Query(description="Which completion_rate; needed only there.", examples=["audience"])
        ] = None,
        as_of: AsOf = None,
        limit: _Limit = _PAGE,
        cursor: _Cursor = None,
    ) -> Explanation:
        about = subjects.of_kind(kind, id)
        await subjects.require(session, [about], as_of)
        asked = ask(metric, {"denominator": denominator})
        view = View(as_of)
        [found] = await figures.of_many(session, [about], [asked], view)
        if not found:
            raise NotFound(f"There is no figure {asked} here; the list of figures names those there are.")
        return await _explained(request, session, vault, found[0], view, cursor, limit)

    listing.__annotations__["id"] = explaining.__annotations__["id"] = id_param
    router.add_api_route(
        f"/{plural}/{{id}}/figures",
        listing,
        operation_id=f"get{camel}Figures",
        summary=f"Figures of {article} {spoken}",
        description="Every figure that it has, each with its parameters at their defaults; or those of `metric`, as "
        "asked. GET /v1/figures gives those of many at once.",
        response_model=FigureList,
    )
    router.add_api_route(
        f"/{plural}/{{id}}/figures/{{metric}}/explain",
        explaining,
        operation_id=f"explain{camel}Figure",
        summary=f"Explain a figure of {article} {spoken}",
        description="Unfold a figure to its formula, its inputs with their values, and the facts behind them.",
        response_model=Explanation,
    )


async def _of_one(
    session: AsyncSession, about: SubjectId, as_of: datetime | None, metrics: Sequence[str]
) -> list[Computed]:
    await subjects.require(session, [about], as_of)
    if metrics:
        return (await figures.of_many(session, [about], [spelled(each) for each in metrics], View(as_of)))[0]
    return (await figures.everything(session, about.kind, [about.id], View(as_of)))[0]


for _kind in ("initiative", "outcome", "objective", "activity", "org_unit", "source"):
    _add(_kind)


@router.get(
    "/tenant/figures",
    operation_id="getTenantFigures",
    summary="Figures of the whole organisation",
    responses=MISSING,
)
async def tenant_figures(
    session: SessionOf,
    as_of: AsOf = None,
    metric: _Some = [],  # noqa: B006  FastAPI copies it
) -> FigureList:
    """Return every figure that the tenant as a whole has, each with its parameters at their defaults; or some."""
    about = SubjectId("tenant", unit_of(session).tenant.id)
    found = await _of_one(session, about, as_of, metric)
    return FigureList(items=[Read.of(computed.figure) for computed in found])
