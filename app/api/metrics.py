"""`/v1/metrics`: the catalogue of metrics, and any of them computed from inputs given in the request."""

from typing import Annotated, Any, Self

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from app.api.deps import KEY_REQUIRED
from app.api.routing import KeyRoute
from app.domain.figure import ValueType
from app.domain.metrics import METRICS, catalogue, evaluate, metric
from app.domain.metrics.definitions import Metric, Standing
from app.models.figures import FigureRead
from app.services.inputs import DIMENSIONS, cuts_of

router = APIRouter(prefix="/metrics", tags=["metrics"], route_class=KeyRoute, dependencies=[KEY_REQUIRED])

_SLUG = Annotated[str, Path(description="Slug of the metric.", examples=["participation_rate"])]


class MetricInput(BaseModel):
    """One input, parameter or field of a record."""

    name: str = Field(description="Name in the formula.", examples=["audience"])
    type: str = Field(description="count, decimal, money, date, datetime, text, flag, choice, decimals or records.")
    description: str = Field(description="What it is.")
    default: Any = Field(default=None, description="Taken when it is left out.")
    variant: str | None = Field(default=None, description="Only used with this variant of the metric.")
    allowed: list[str] = Field(default=[], description="The words of a choice.")
    low: str | None = Field(default=None, description="Least value, a decimal.")
    high: str | None = Field(default=None, description="Greatest value, a decimal.")
    required: bool = Field(default=False, description="Whether it must be given; null is then: not known.")
    fields: list["MetricInput"] = Field(default=[], description="Fields of each record.")


class MetricVector(BaseModel):
    """Inputs, and the part of the figure that must come out: a test for any implementation."""

    id: str = Field(description="Name of the vector.", examples=["GV-F"])
    title: str = Field(description="The case in words.")
    inputs: dict[str, Any] = Field(description="What goes in.")
    parameters: dict[str, Any] = Field(description="Declared choices.")
    expected: dict[str, Any] = Field(description="Fields of the figure; `caveats` lists codes that must be present.")


class MetricCuts(BaseModel):
    """What a metric can be cut by, and of every other dimension why it has no segments along it."""

    metric: str = Field(description="The metric, with its variant.", examples=["completion_rate{denominator=audience}"])
    subjects: list[str] = Field(description="Kinds of subject.", examples=[["activity", "initiative", "tenant"]])
    by: list[str] = Field(description="Dimensions that it can be cut by.", examples=[["org_unit", "role", "month"]])
    refused: dict[str, str] = Field(
        description="The other dimensions, each with the reason why there are no segments along it.",
        examples=[{"source": "learning is offered to people whatever platform they use"}],
    )


class MetricRead(BaseModel):
    """One metric: everything that another tool needs to get the same answers."""

    slug: str = Field(description="Name of the metric.", examples=["participation_rate"])
    title: str = Field(description="Name for people.")
    definition_version: int = Field(description="Raised with every change of formula, rule or rounding.")
    unit: str = Field(description="Unit of the value; kpi and money are completed from the inputs.")
    value_type: ValueType = Field(description="How to read the value.")
    description: str = Field(description="What it tells.")
    formula: str = Field(description="The formula.")
    edge_rules: list[str] = Field(description="What happens in the special cases.")
    source: str = Field(description="Where the definition comes from.")
    standing: Standing = Field(description="The field's standard, common practice, or ours; may grow.")
    variant_parameter: str | None = Field(description="The parameter that chooses a variant, if there are any.")
    parameters: list[MetricInput] = Field(description="Declared choices.")
    inputs: list[MetricInput] = Field(description="What goes in.")
    vectors: list[MetricVector] = Field(description="Cases with their right answers.")
    by: list[str] = Field(description="Dimensions that it can be cut by, in one variant at least.", examples=[["role"]])
    cuts: list[MetricCuts] = Field(
        description="What each of its variants can be asked of and cut by; empty where stored facts answer it nowhere."
    )

    @classmethod
    def of(cls, row: Metric) -> Self:
        """Return a row of the catalogue with what its figures can be cut by."""
        cuts = [
            MetricCuts(
                metric=str(each.asked), subjects=list(each.subjects), by=list(each.by), refused=dict(each.refused)
            )
            for each in cuts_of(row.slug)
        ]
        by = [each for each in DIMENSIONS if any(each in one.by for one in cuts)]
        return cls.model_validate(row.as_json() | {"by": by, "cuts": cuts})


class MetricCatalogue(BaseModel):
    """Every metric, and the rules that all of them obey."""

    rules: dict[str, str] = Field(description="Rounding, arithmetic, zero denominators, unknown inputs.")
    metrics: list[MetricRead] = Field(description=f"All {len(METRICS)} of them, by subject.")


class MetricQuestion(BaseModel):
    """Inputs of one evaluation; nothing is stored."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"inputs": {"audience": 40, "started_in_audience": 30}, "parameters": {}}]},
    )

    inputs: dict[str, Any] = Field(description="By name; decimals as strings.")
    parameters: dict[str, Any] = Field(default_factory=dict, description="Declared choices, by name.")


@router.get("", operation_id="listMetrics", summary="Read the catalogue of metrics")
async def list_metrics() -> MetricCatalogue:
    """Return every definition with formula, edge rules, source and test vectors."""
    return MetricCatalogue(rules=catalogue()["rules"], metrics=[MetricRead.of(row) for row in METRICS])


@router.get("/{slug}", operation_id="getMetric", summary="Read the definition of a metric")
async def get_metric(slug: _SLUG) -> MetricRead:
    """Return one definition."""
    return MetricRead.of(metric(slug))


@router.post("/{slug}/evaluate", operation_id="evaluateMetric", summary="Compute a metric from given inputs")
async def evaluate_metric(slug: _SLUG, question: MetricQuestion) -> FigureRead:
    """Compute the figure from the inputs of the request, so that anyone can check a definition on a published case."""
    return FigureRead.of(evaluate(slug, question.inputs, question.parameters))
