"""What an estimate is computed from: stored facts or a posted panel, told in words and built for the engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.metrics.privacy import Sensitivity, minimum_cohort
from app.models.effect_options import EffectOptions, Transform
from app.models.initiatives import Initiative
from app.models.kpis import Direction, Kpi, SubjectKind
from app.models.outcomes import Outcome
from app.models.panels import Panel, PanelDescription
from app.models.plans import EvaluationPlan
from app.services import fact_panels, plans, posted_panels
from app.services.estimation import Names
from app.services.fact_panels import FactPanel
from app.services.panels import Facts


@dataclass(frozen=True, slots=True)
class Data:
    """What an estimate is computed from: what is told of it, and how the engine's panel is built.

    `build` takes the design and, where it is not that of the options, the scale. Nothing is shown of fewer than
    `least_people` by themselves. `spelled` names the columns that a covariate became, `take_up` the one that says who
    took part.
    """

    description: dict[str, Any]
    names: Names
    transform: Transform
    known_in_time: Callable[[EvaluationPlan], Any]
    build: Callable[..., Any]
    design: Mapping[str, Any] = field(default_factory=dict)
    least_people: int = 0
    spelled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    take_up: str | None = None


@dataclass(frozen=True, slots=True)
class About:
    """The initiative and the outcome that an estimate is about, where it is about any."""

    initiative: Initiative
    outcome: Outcome
    kpi: Kpi


async def posted(session: AsyncSession, panel: Panel, about: About | None, options: EffectOptions) -> Data:
    """Return the data of a panel that an analyst brought, perhaps about an initiative and an outcome."""
    description = PanelDescription.model_validate(panel.description)
    columns = await posted_panels.columns_of(session, panel.id)
    transform = options.transform or description.transform

    async def in_time(plan: EvaluationPlan) -> bool:
        return plan.locked_at is not None and plan.locked_at < panel.recorded_at

    def build(design: Mapping[str, Any], scale: Transform = transform) -> Any:
        return posted_panels.built(description, columns, transform=scale.value, design=_typed(design))

    told = {name: panel.summary[name] for name in ("shape", "units", "exposed_units", "periods", "observations")}
    return Data(
        description={"unit": description.unit or "row", **told, "data_sha256": panel.sha256},
        names=Names(
            description.title or "The exposure" if about is None else about.initiative.title,
            description.outcome if about is None else about.kpi.name,
        ),
        transform=description.transform,
        known_in_time=in_time,
        build=build,
        design={}
        if about is None or description.assignment != "unknown"
        else {"assignment": about.initiative.assignment},
    )


async def stored(session: AsyncSession, about: About, options: EffectOptions, *, as_of: datetime | None) -> Data:
    """Return the data of stored facts; Invalid (`not_evaluable`) when there is nothing to compare."""
    found = await fact_panels.of(session, about.initiative, about.kpi, options, as_of=as_of)
    facts, traits = found.facts, found.traits
    offered = min(row.exposed_on for row in facts.rows if row.exposed_on is not None)
    overlaps = found.overlaps(about.initiative.id)

    async def in_time(plan: EvaluationPlan) -> bool:
        return await plans.locked_in_time(session, plan, about.kpi, offered)

    def build(design: Mapping[str, Any], scale: Transform = options.transform or Transform.NONE) -> Any:
        from app.domain.impact.design import Design  # noqa: PLC0415  the engine is imported at first use
        from app.domain.impact.panel_rows import build as engine_panel  # noqa: PLC0415  the same

        clustered = facts.rows[0].cluster is not None
        return engine_panel(
            outcome=[row.value for row in facts.rows],
            unit=[row.unit for row in facts.rows],
            period=[row.period_start.isoformat() for row in facts.rows],
            first_exposed=facts.first_exposed(),
            cluster=[row.cluster for row in facts.rows] if clustered else None,
            covariates={name: [values[row.unit_id] for row in facts.rows] for name, values in traits.columns.items()},
            transform=scale.value,
            design=Design(**_typed(design)),
        )

    return Data(
        description=_described(found, overlaps),
        names=Names(about.initiative.title, about.kpi.name),
        transform=Transform.NONE,
        known_in_time=in_time,
        build=build,
        design={
            "assignment": about.initiative.assignment,
            "exposure_basis": options.exposure.value,
            "lower_is_better": about.kpi.direction == Direction.LOWER_IS_BETTER,
            "period_days": _period_days(facts),
            "other_initiatives": sum(each["flagged"] for each in overlaps),
        },
        least_people=minimum_cohort(Sensitivity.PERFORMANCE) if facts.unit_kind == SubjectKind.PERSON else 0,
        spelled=traits.spelled,
        take_up=traits.take_up,
    )


def _period_days(facts: Facts) -> int:
    """Return the usual length of a period in days: the median."""
    lengths = sorted((row.period_end - row.period_start).days for row in facts.rows)
    return lengths[len(lengths) // 2]


def _described(found: FactPanel, overlaps: list[dict[str, Any]]) -> dict[str, Any]:
    facts = found.facts
    exposed = {row.unit for row in facts.rows if row.exposed_on is not None}
    clusters = {row.cluster for row in facts.rows}
    return {
        "unit": facts.unit_kind,
        "units": len({row.unit for row in facts.rows}),
        "exposed_units": len(exposed),
        "periods": [day.isoformat() for day in facts.periods],
        "period_days": _period_days(facts),
        "observations": len(facts.rows),
        "assignment_level": found.level.value,
        "clusters": None if clusters == {None} else len(clusters),
        "overlaps": overlaps,
        "unmeasured": found.unmeasured,
        "contaminated": {"units": found.contaminated, "left_out": found.left_out},
        "incomplete": len(found.traits.unknown),
        "data_sha256": found.sha256(),
    }


def _typed(design: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the engine's Design with words turned into its enumerations."""
    from app.domain.impact import design as engine  # noqa: PLC0415  the engine is imported at first use

    kinds: Mapping[str, Callable[[Any], Any]] = {
        "assignment": engine.Assignment,
        "exposure_basis": engine.ExposureBasis,
        "look_method": engine.LookMethod,
        "plan": engine.Plan,
    }
    return {name: kinds[name](value) if name in kinds else value for name, value in design.items()}
