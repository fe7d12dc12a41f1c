"""Figures in the graph: computed numbers with all that makes them defensible."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any
from uuid import UUID

import strawberry
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import UNSET
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.field import StrawberryField

from app.api.figures import METRICS_MOST
from app.api.graphql.connections import First, check_first
from app.api.graphql.context import View
from app.api.graphql.inputs import FIRST
from app.api.graphql.nodes import KINDS, NAMES, load, missing, object_type
from app.api.graphql.scalars import FigureValue, ValueField, computed, described, enum_of, fields_of, shape_of
from app.api.metrics import MetricRead
from app.domain import ids
from app.domain.errors import Fault, Invalid
from app.domain.metrics import METRICS
from app.domain.metrics.catalogue import metric
from app.domain.metrics.spelling import Asked, spelled
from app.models.figures import AudienceSnapshot, ExplainedInput, Explanation, FigureInterval, FigureRead
from app.services import explanations, figures, inputs, unfolded
from app.services.figures import Computed, dimensions
from app.services.inputs import DIMENSIONS

_METRIC_FIELDS = (
    "slug",
    "title",
    "definition_version",
    "unit",
    "value_type",
    "description",
    "formula",
    "edge_rules",
    "source",
    "standing",
    "by",
    "cuts",
)
_OF_SUBJECTS = ("by", "cuts")
"""Fields that the row of the catalogue does not have: what figures there are of the metric."""
_AsOf = Annotated[
    datetime | None,
    strawberry.argument(description="As the facts stood at this instant; null: as the node's own view, or now."),
]
_Metrics = Annotated[
    list[str] | None,
    strawberry.argument(
        description="Only the figures of these metrics: by slug, with parameters in braces where one of several is "
        "meant, such as `completion_rate{denominator=enrolled}`; null: all."
    ),
]
_By = Annotated[
    list[str] | None,
    strawberry.argument(description=f"Cut into segments along a dimension, or two: {', '.join(DIMENSIONS)}."),
]
_Since = Annotated[date | None, strawberry.argument(name="from", description="Only facts placed on this day or later.")]
_Until = Annotated[date | None, strawberry.argument(name="to", description="Only facts placed before this day.")]
enum_of(AudienceSnapshot)
_Audience = Annotated[
    AudienceSnapshot,
    strawberry.argument(
        description="Which snapshot of an audience is the denominator: at the end without who has left by then, or at "
        "the start with everyone who worked here when it was offered."
    ),
]
_After = Annotated[strawberry.ID | None, strawberry.argument(description="Id of the last event of the page before.")]

_AfterFact = Annotated[strawberry.ID | None, strawberry.argument(description="The last address of the page before.")]

UNFOLDED_MOST = 20
"""Figures of one request whose events are read: a query for each."""

LISTED_MOST = 100
"""Figures of one request whose inputs are followed to rows: all of one subject, a few queries for each."""

_NOUNS = {"tenant": "tenant_settings"}
"""Nouns of subjects that go by another name."""


def _says(field: str, shape: type[BaseModel] = Explanation) -> str:
    return shape.model_fields[field].description or ""


async def _events(self: Any, first: First = FIRST, after: _After = UNSET) -> Any:
    check_first(first)
    found: Found = self.found
    try:
        place = ids.decode("evt", after) if after else None
    except ValueError as error:
        raise Invalid(f"after takes the id of a learning event: {error}.") from error

    async def batch(session: AsyncSession, wanted: list[Found]) -> Sequence[list[UUID]]:
        if len(wanted) > UNFOLDED_MOST:
            raise Invalid(f"Unfold the events of {UNFOLDED_MOST} figures at once at the most: each is a query.")
        pages = []
        for each in wanted:
            behind = each.computed.events
            rows = await explanations.events(session, each.computed, after=place, limit=first) if behind else []
            pages.append([row.id for row in rows])
        return pages

    event_ids = await found.view.load(("events behind", first, place), batch, found)
    return await asyncio.gather(*(load(found.view, "learning_event", each) for each in event_ids))


def _links(self: Any, first: First = FIRST, after: _AfterFact = UNSET) -> list[str]:
    check_first(first)
    links: list[str] = self.links
    later = [link for link in links if unfolded.key(link) > unfolded.key(after)] if after else links
    return later[:first]


def _input_type() -> Any:
    body = fields_of(ExplainedInput, ValueField)
    body["links"] = strawberry.field(resolver=_links, description=_says("links", ExplainedInput))
    del body["__annotations__"]["links"]
    return strawberry.type(
        type("ExplainedInput", (), body), name="ExplainedInput", description=described(ExplainedInput)
    )


_INPUT: Any = _input_type()


async def _inputs(session: AsyncSession, wanted: list["Found"]) -> Sequence[list[ExplainedInput]]:
    if sum(each.computed.behind is not None for each in wanted) > LISTED_MOST:
        raise Invalid(f"Unfold the inputs of {LISTED_MOST} figures that count rows at once at the most.")
    return [await unfolded.inputs_of(session, each.computed) for each in wanted]


class ExplanationNode:
    """A figure unfolded: its formula, what went in, and the measurements behind it."""

    title: str = computed(_says("title"))
    formula: str = computed(_says("formula"))
    edge_rules: list[str] = computed(_says("edge_rules"))
    source: str = computed(_says("source"))
    inputs: list[_INPUT] = computed(_says("inputs"))
    measurements = computed(_says("measurements"), StrawberryAnnotation("list[MeasurementNode]", namespace=NAMES))
    events = strawberry.field(
        resolver=_events,
        description="Learning events behind it, oldest first, each with its delivery.",
        graphql_type=StrawberryAnnotation("list[LearningEventNode]", namespace=NAMES),
    )

    def __init__(self, found: "Found") -> None:
        self.found = found
        self._metric = metric(found.computed.figure.metric)

    def get_title(self) -> str:
        """Return the metric's name."""
        return self._metric.title

    def get_formula(self) -> str:
        """Return the metric's formula."""
        return self._metric.formula

    def get_edge_rules(self) -> Sequence[str]:
        """Return what happens in the special cases."""
        return list(self._metric.edge_rules)

    def get_source(self) -> str:
        """Return where the definition comes from."""
        return self._metric.source

    async def get_inputs(self) -> list[ExplainedInput]:
        """Return every input with its value, description and links."""
        inputs: list[ExplainedInput] = await self.found.view.load("inputs behind", _inputs, self.found)
        return inputs

    async def get_measurements(self) -> list[Any]:
        """Return the measurements as they stood."""
        wanted = self.found.computed.measurement_ids
        found = await asyncio.gather(*(load(self.found.view, "measurement", each) for each in wanted))
        return [node for node in found if node is not None]


object_type(ExplanationNode, name="Explanation", description=described(Explanation))


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A figure with its inputs, in a view of the graph."""

    computed: Computed
    view: View

    def get_explanation(self) -> ExplanationNode:
        """Return how the figure came about."""
        return ExplanationNode(self)

    def get_definition(self) -> Any:
        """Return the row of the catalogue."""
        return metric(self.computed.figure.metric)


@cache
def _cut(slug: str) -> MetricRead:
    return MetricRead.of(metric(slug))


class _MetricField(ValueField):
    """A field of a metric, of its row or of what figures there are of it."""

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:
        """Return the value under the field's own name."""
        shown = _cut(source.slug) if self.name in _OF_SUBJECTS else source
        return super().get_result(shown, info, args, kwargs)


def _metric_type() -> Any:
    body = fields_of(MetricRead, _MetricField, only=_METRIC_FIELDS)
    return strawberry.type(type("MetricNode", (), body), name="Metric", description="The definition of a metric.")


MetricNode = _metric_type()


class _FigureField(StrawberryField):
    """A field of the figure itself."""

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: Any) -> Any:  # noqa: ARG002  the base class sets the signature
        """Return the figure's own value."""
        return getattr(source.computed.figure, self.name)


def _figure_type() -> Any:
    shape_of(FigureInterval, low=Decimal, high=Decimal, level=Decimal)
    body = fields_of(
        FigureRead, _FigureField, value=FigureValue | None, numerator=Decimal | None, denominator=Decimal | None
    )
    body["explanation"] = computed("Its formula and what went in.")
    body["definition"] = computed("The metric that it is a value of.")
    body["__annotations__"] |= {"explanation": ExplanationNode, "definition": MetricNode}
    return strawberry.type(type("FigureNode", (), body), name="Figure", description=described(FigureRead))


FigureNode = _figure_type()


def figures_of(kind: str) -> Any:
    """Declare the figures of a node that is a subject of that kind; those of siblings are computed together."""
    noun = _NOUNS.get(kind, kind)

    async def resolve(
        self: Any,
        as_of: _AsOf = UNSET,
        metrics: _Metrics = UNSET,
        by: _By = UNSET,
        since: _Since = UNSET,
        until: _Until = UNSET,
        audience: _Audience = AudienceSnapshot.AT_END,
    ) -> Any:
        view: View = self.view if not as_of else self.view.graph.view(as_of or None)
        if view is not self.view and await load(view, noun, self.row.id) is None:
            raise missing(KINDS[noun], ids.encode(self.prefix, self.row.id))
        asked = _asked(kind, metrics or None)
        cut = figures.View(
            view.at,
            since=since or None,
            until=until or None,
            audience=audience.value,
            by=dimensions(by or []),
        )

        async def batch(session: AsyncSession, subject_ids: list[UUID]) -> Sequence[list[Found]]:
            rows = await figures.compute(session, kind, subject_ids, asked, cut)
            return [[Found(each, view) for each in row] for row in rows]

        return await view.load(("figures", kind, asked, cut), batch, self.row.id)

    return strawberry.field(
        resolver=resolve,
        description="Its figures, in the order of the catalogue.",
        graphql_type=list[FigureNode] | None,  # type: ignore[valid-type]  # made at run time
    )


def _asked(kind: str, metrics: Sequence[str] | None) -> tuple[Asked, ...]:
    """Return what to compute: all that the kind of subject has, or of the metrics named every variant or the one."""
    every = inputs.metrics_of(kind)
    if metrics is None:
        return every
    if len(metrics) > METRICS_MOST:
        fault = Fault("too_long", f"takes {METRICS_MOST} metrics at the most", parameter="metrics")
        raise Invalid(f"Ask for {METRICS_MOST} metrics at the most, or for all.", errors=(fault,))
    wanted = {each if "{" in each else metric(each).slug for each in metrics}
    plain_ones = [each for each in every if each.slug in wanted]
    return (*plain_ones, *(spelled(each) for each in metrics if "{" in each))


def _metric(slug: Annotated[str, strawberry.argument(description="Slug of the metric.")]) -> Any:
    return metric(slug)


def _metrics() -> Any:
    return list(METRICS)


CATALOGUE = {
    "metric": strawberry.field(
        resolver=_metric, description="A metric of the catalogue by its slug.", graphql_type=MetricNode | None
    ),
    "metrics": strawberry.field(
        resolver=_metrics,
        description="The catalogue: every metric, by subject.",
        graphql_type=list[MetricNode] | None,  # type: ignore[valid-type]  # made at run time
    ),
}
"""What the root has of the catalogue."""
