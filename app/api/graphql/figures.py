"""Figures in the graph: computed numbers with all that makes them defensible."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession
from strawberry import UNSET
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.field import StrawberryField

from app.api.graphql.context import View
from app.api.graphql.nodes import KINDS, NAMES, load, missing, object_type
from app.api.graphql.scalars import FigureValue, ValueField, computed, described, fields_of, shape_of
from app.api.metrics import MetricRead
from app.domain import ids
from app.domain.metrics.catalogue import metric
from app.models.figures import ExplainedInput, Explanation, FigureInterval, FigureRead
from app.services import explanations
from app.services.figures import Computed

Compute = Callable[..., Awaitable[list[list[Computed]]]]

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
)
_INPUT: Any = shape_of(ExplainedInput)
_AsOf = Annotated[
    datetime | None,
    strawberry.argument(description="As the facts stood at this instant; null: as the node's own view, or now."),
]
_Metrics = Annotated[
    list[str] | None, strawberry.argument(description="Only the figures of these metrics, by slug; null: all.")
]


def _says(field: str) -> str:
    return Explanation.model_fields[field].description or ""


class ExplanationNode:
    """A figure unfolded: its formula, what went in, and the measurements behind it."""

    title: str = computed(_says("title"))
    formula: str = computed(_says("formula"))
    edge_rules: list[str] = computed(_says("edge_rules"))
    source: str = computed(_says("source"))
    inputs: list[_INPUT] = computed(_says("inputs"))
    measurements = computed(_says("measurements"), StrawberryAnnotation("list[MeasurementNode]", namespace=NAMES))

    def __init__(self, found: "Found") -> None:
        self._found = found
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

    def get_inputs(self) -> list[ExplainedInput]:
        """Return every input with its value, description and links."""
        return explanations.inputs_of(self._found.computed)

    async def get_measurements(self) -> list[Any]:
        """Return the measurements as they stood."""
        wanted = self._found.computed.measurement_ids
        found = await asyncio.gather(*(load(self._found.view, "measurement", each) for each in wanted))
        return [node for node in found if node is not None]


object_type(ExplanationNode, name="Explanation", description=described(Explanation))


@dataclass(frozen=True, slots=True)
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


def _metric_type() -> Any:
    body = fields_of(MetricRead, ValueField, only=_METRIC_FIELDS)
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


def figures_of(noun: str, compute: Compute) -> Any:
    """Declare the figures of a node; `compute` is the service that works out those of many."""

    async def resolve(self: Any, as_of: _AsOf = UNSET, metrics: _Metrics = UNSET) -> Any:
        view: View = self.view if not as_of else self.view.graph.view(as_of or None)
        slugs = {metric(slug).slug for slug in metrics or ()}
        if view is not self.view and await load(view, noun, self.row.id) is None:
            raise missing(KINDS[noun], ids.encode(self.prefix, self.row.id))

        async def batch(session: AsyncSession, noun_ids: list[UUID]) -> Sequence[list[Found]]:
            rows = await compute(session, noun_ids, as_of=view.at)
            return [[Found(each, view) for each in row] for row in rows]

        found: list[Found] = await view.load(("figures", noun), batch, self.row.id)
        return [each for each in found if not slugs or each.computed.figure.metric in slugs]

    return strawberry.field(
        resolver=resolve,
        description="Its figures, in the order of the catalogue.",
        graphql_type=list[FigureNode] | None,  # type: ignore[valid-type]  # made at run time
    )
