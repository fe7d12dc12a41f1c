"""What to expect without an effect, and what could be detected at all (metrics.md, section 5, simple figures)."""

from __future__ import annotations

from decimal import Decimal

from app.domain.figure import rounded, written
from app.domain.metrics.answers import Answer, caveat, not_applicable
from app.domain.metrics.definitions import KPI_UNIT, Input, InputType, Metric, Parameter, Standing, Vector
from app.domain.metrics.intervals import normal_point

COUNT, DECIMAL = InputType.COUNT, InputType.DECIMAL
ZERO, ONE = Decimal(0), Decimal(1)


def rtm_expected(*, retest_correlation: Decimal, population_mean: Decimal, selected_mean: Decimal) -> Answer:
    """Return the change to be expected from regression to the mean alone."""
    return Answer(value=(1 - retest_correlation) * (population_mean - selected_mean))


def mde(
    *,
    alpha: Decimal,
    power: Decimal,
    standard_deviation: Decimal,
    per_arm: int,
    cluster_size: Decimal,
    intracluster_correlation: Decimal,
    serial_factor: Decimal,
) -> Answer:
    """Return the smallest effect that a comparison of two equal arms would detect."""
    if per_arm == 0:
        return not_applicable("arms without people detect nothing")
    design = 1 + (cluster_size - 1) * intracluster_correlation
    reach = normal_point(1 - alpha / 2) + normal_point(power)
    value = reach * standard_deviation * (2 * design * serial_factor / per_arm).sqrt()
    return Answer(value=value, basis="individual" if design == 1 else "clustered").noting(
        caveat("design_effect", f"Design effect {written(rounded(design))}.", when=design != 1)
    )


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="rtm_expected",
        title="Expected regression to the mean",
        unit="kpi",
        description="The change to expect without any training where the cohort was picked for its low baseline.",
        formula="(1 - ρ) · (μ - x̄ of the selected)",
        edge_rules=(
            "ρ is the test-retest correlation of the KPI.",
            "Shown when the cohort was picked by its baseline.",
        ),
        source="Standard statistics; Galton 1886",
        standing=Standing.STANDARD,
        inputs=(
            Input("retest_correlation", DECIMAL, "ρ, -1..1.", low=-ONE, high=ONE),
            Input("population_mean", DECIMAL, "μ: mean of all, in KPI units."),
            Input("selected_mean", DECIMAL, "Mean of the cohort at its baseline, in KPI units."),
            KPI_UNIT,
        ),
        compute=rtm_expected,
        vectors=(
            Vector(
                "rtm-ordinary",
                "picked at 70 where all have 80, ρ = 0.6: 4 come by themselves",
                {"retest_correlation": "0.6", "population_mean": "80", "selected_mean": "70"},
                {"status": "ok", "value": "4"},
            ),
            Vector(
                "rtm-perfect",
                "a KPI that repeats itself does not regress",
                {"retest_correlation": "1", "population_mean": "80", "selected_mean": "70"},
                {"status": "ok", "value": "0"},
            ),
        ),
    ),
    Metric(
        slug="mde",
        title="Minimum detectable effect",
        unit="kpi",
        description="The smallest effect that a planned comparison would detect.",
        formula="(z(1 - α/2) + z(power)) · sd · √(2 · (1 + (m - 1) · ICC) · serial / n per arm)",
        edge_rules=("Two equal arms, people counted per arm.", "Clusters by the design effect 1 + (m - 1) · ICC."),
        source="Cohen 1988; Donner and Klar 2000 (design effect)",
        standing=Standing.STANDARD,
        parameters=(
            Parameter(
                "alpha", DECIMAL, "Two-sided level.", default=Decimal("0.05"), low=Decimal("0.0001"), high=ONE / 2
            ),
            Parameter("power", DECIMAL, "Power.", default=Decimal("0.80"), low=ONE / 2, high=Decimal("0.9999")),
        ),
        inputs=(
            Input("standard_deviation", DECIMAL, "Standard deviation of the KPI between people.", low=ZERO),
            Input("per_arm", COUNT, "n: people per arm."),
            Input("cluster_size", DECIMAL, "m: people per cluster.", required=False, default=ONE, low=ONE),
            Input("intracluster_correlation", DECIMAL, "ICC, 0..1.", required=False, default=ZERO, low=ZERO, high=ONE),
            Input(
                "serial_factor",
                DECIMAL,
                "Variance factor of repeated measurement; 1 for one measurement.",
                required=False,
                default=ONE,
                low=ZERO,
            ),
            KPI_UNIT,
        ),
        compute=mde,
        vectors=(
            Vector(
                "mde-cohen",
                "64 per arm detect half a standard deviation (Cohen)",
                {"standard_deviation": "1", "per_arm": 64},
                {"status": "ok", "value": "0.495255", "basis": "individual"},
            ),
            Vector(
                "mde-clusters",
                "teams of 11 with ICC 0.1 double the variance",
                {"standard_deviation": "1", "per_arm": 128, "cluster_size": "11", "intracluster_correlation": "0.1"},
                {"status": "ok", "value": "0.495255", "basis": "clustered", "caveats": ["design_effect"]},
            ),
            Vector(
                "mde-nobody",
                "no people",
                {"standard_deviation": "1", "per_arm": 0},
                {"status": "not_applicable", "value": None},
            ),
        ),
    ),
)
