"""Told effects, the one accepted, and what is claimed together (metrics.md, section 5, simple figures)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.domain.attainment import Direction
from app.domain.figure import Caveat, ValueType, rounded, written
from app.domain.metrics.answers import Answer, caveat, inconsistent, no_data, not_applicable
from app.domain.metrics.definitions import KPI_UNIT, Input, InputType, Metric, Parameter, Standing, Vector
from app.domain.metrics.outcomes import DIRECTION

COUNT, DECIMAL = InputType.COUNT, InputType.DECIMAL
ZERO, ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What each of `count` people tells: a change, the share due to the initiative, how sure they are."""

    change: Decimal
    share: Decimal
    confidence: Decimal
    shares_total: Decimal | None = None
    role: str = "participant"
    count: int = 1


@dataclass(frozen=True, slots=True)
class Candidate:
    """One method's estimate of the same effect; `grade` is the evidence grade 0..5."""

    method: str
    grade: int
    effect: Decimal


@dataclass(frozen=True, slots=True)
class Claim:
    """The share of one outcome's change in one period that is accepted for an initiative."""

    initiative: str
    share: Decimal


@dataclass(frozen=True, slots=True)
class Stratum:
    """The effect within one group of `n` people."""

    name: str
    effect: Decimal
    n: int


def estimate_adjusted(*, drop_above: Decimal | None, asked: int, estimates: Sequence[Estimate]) -> Answer:
    """Return the sum of told changes, each times its share and its confidence; silence adds nothing."""
    if any((told.shares_total or ZERO) > 1 or told.share > (told.shares_total or ONE) for told in estimates):
        return inconsistent("the shares of one person over all named factors add up to more than 1")
    told = sum(each.count for each in estimates)
    if told > asked:
        return inconsistent(f"{told} people answered, but only {asked} were asked")
    if asked == 0:
        return not_applicable("nobody was asked")
    kept = [each for each in estimates if drop_above is None or abs(each.change) <= drop_above]
    n = sum(each.count for each in kept)
    value = sum((each.change * each.share * each.confidence * each.count for each in kept), ZERO)
    roles = ", ".join(sorted({each.role for each in kept})) or "nobody"
    return Answer(value=value, n_people=n, basis="self_report").noting(
        Caveat("self_report", f"Told by {roles}, not measured; never mixed with measured effects."),
        caveat("per_person", f"{written(rounded(value / n))} each, over {n} people." if n else "", when=n),
        caveat("silent", f"{asked - told} of {asked} people said nothing; they count as 0.", when=asked - told),
        caveat("extremes_dropped", f"{told - n} estimates beyond the declared limit are dropped.", when=told - n),
    )


def accepted_effect(*, direction: str, candidates: Sequence[Candidate]) -> Answer:
    """Return the estimate of the most credible method, between equals the least favourable."""
    if not candidates:
        return no_data("no method has given an estimate")
    sign = Direction(direction).sign
    ranked = sorted(candidates, key=lambda candidate: (-candidate.grade, sign * candidate.effect))
    chosen, others = ranked[0], ranked[1:]
    listed = ", ".join(f"{each.method} (grade {each.grade}) {written(rounded(each.effect))}" for each in others)
    return Answer(value=chosen.effect, basis=chosen.method).noting(
        caveat("other_estimates", f"Not taken: {listed}.", when=others)
    )


def attribution_budget(*, claims: Sequence[Claim]) -> Answer:
    """Return the sum of the shares of one outcome that initiatives claim."""
    if not claims:
        return no_data("nothing is claimed")
    claimed = sum((claim.share for claim in claims), ZERO)
    names = ", ".join(claim.initiative for claim in claims)
    return Answer(value=claimed).noting(
        caveat(
            "over_budget", f"More than the whole is claimed by {names}; settle it before accepting.", when=claimed > 1
        )
    )


def simpson_check(*, minimum_n: int, pooled_effect: Decimal, strata: Sequence[Stratum]) -> Answer:
    """Return whether the pooled effect points the way of every stratum that is large enough."""
    large = [stratum for stratum in strata if stratum.n >= minimum_n]
    if not large:
        return no_data(f"no stratum has {minimum_n} people or more")
    against = [stratum.name for stratum in large if stratum.effect * pooled_effect < 0]
    n = sum(stratum.n for stratum in large)
    standardised = sum((stratum.effect * stratum.n for stratum in large), ZERO) / n
    return Answer(value="differs" if against else "agrees", n_people=n).noting(
        caveat("strata_differ", f"Against the pooled effect: {', '.join(against)}.", when=against),
        caveat("standardised_effect", f"Standardised to the strata: {written(rounded(standardised))}.", when=against),
        caveat("small_strata", f"{len(strata) - len(large)} strata are too small.", when=len(strata) - len(large)),
    )


def _rate(name: str, description: str) -> Input:
    return Input(name, DECIMAL, description, low=ZERO, high=ONE)


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="estimate_adjusted",
        title="Adjusted estimate",
        unit="kpi",
        description="What participants or others say has changed because of the initiative, discounted twice.",
        formula="Σ changeᵢ · shareᵢ · confidenceᵢ",
        edge_rules=(
            "A self-report: never mixed with measured effects, and no isolation method here.",
            "Silence counts as 0 (Phillips, guiding principle 6).",
            "Extreme estimates are dropped by a declared rule and counted (principle 8).",
            "Shares of one person over all named factors of more than 1 are inconsistent.",
            "The role of the source is kept.",
        ),
        source="Phillips, guiding principles 5 to 8",
        standing=Standing.COMMON,
        parameters=(
            Parameter("drop_above", DECIMAL, "Drop changes larger than this in size.", default=None, low=ZERO),
        ),
        inputs=(
            Input("asked", COUNT, "People asked."),
            Input(
                "estimates",
                InputType.RECORDS,
                "The answers.",
                fields=(
                    Input("change", DECIMAL, "Δ: the change one person names, in KPI units."),
                    _rate("share", "Share due to the initiative, 0..1."),
                    _rate("confidence", "How sure the person is, 0..1."),
                    Input("shares_total", DECIMAL, "Sum of the shares over all factors.", required=False, low=ZERO),
                    Input("role", InputType.TEXT, "Role of the source.", required=False, default="participant"),
                    Input("count", COUNT, "How many such people.", required=False, default=1),
                ),
                make=Estimate,
            ),
            KPI_UNIT,
        ),
        compute=estimate_adjusted,
        vectors=(
            Vector(
                "GV-B",
                "20 people tell 336,000 together, 70 % sure: 235,200, 11,760 each",
                {
                    "asked": 20,
                    "estimates": [{"change": "16800", "share": "1", "confidence": "0.7", "count": 20}],
                    "kpi_unit": "USD",
                },
                {"status": "ok", "value": "235200", "n_people": 20, "caveats": ["self_report", "per_person"]},
            ),
            Vector(
                "estimate-silence-and-extremes",
                "one of four is silent, one boasts",
                {
                    "asked": 4,
                    "estimates": [
                        {"change": "100", "share": "0.5", "confidence": "0.8", "count": 2},
                        {"change": "9000", "share": "1", "confidence": "1"},
                    ],
                },
                {"status": "ok", "value": "80", "n_people": 2, "caveats": ["silent", "extremes_dropped"]},
                {"drop_above": "1000"},
            ),
            Vector(
                "estimate-shares-over-one",
                "60 % to training and 130 % in all",
                {
                    "asked": 1,
                    "estimates": [{"change": "100", "share": "0.6", "confidence": "1", "shares_total": "1.3"}],
                },
                {"status": "inconsistent", "value": None},
            ),
        ),
    ),
    Metric(
        slug="accepted_effect",
        title="Accepted effect",
        unit="kpi",
        description="The one estimate taken for further reckoning.",
        formula="the estimate with the highest evidence grade; between equals, the least favourable",
        edge_rules=("All others are listed.", "A self-report never has a grade above 1."),
        source="Phillips, guiding principles 3 and 4",
        standing=Standing.COMMON,
        inputs=(
            DIRECTION,
            Input(
                "candidates",
                InputType.RECORDS,
                "The estimates.",
                fields=(
                    Input("method", InputType.TEXT, "Method."),
                    Input("grade", COUNT, "Evidence grade 0..5.", high=Decimal(5)),
                    Input("effect", DECIMAL, "Effect in KPI units, sign of the KPI."),
                ),
                make=Candidate,
            ),
            KPI_UNIT,
        ),
        compute=accepted_effect,
        vectors=(
            Vector(
                "accepted-ordinary",
                "two of grade 3; lower is better, so the smaller fall",
                {
                    "direction": "lower_is_better",
                    "candidates": [
                        {"method": "did", "grade": 3, "effect": "-4"},
                        {"method": "synthetic_control", "grade": 3, "effect": "-3"},
                        {"method": "pre_post", "grade": 1, "effect": "-1"},
                    ],
                },
                {"status": "ok", "value": "-3", "basis": "synthetic_control", "caveats": ["other_estimates"]},
            ),
            Vector(
                "accepted-nothing",
                "no estimate",
                {"direction": "lower_is_better", "candidates": []},
                {"status": "no_data", "value": None},
            ),
        ),
    ),
    Metric(
        slug="attribution_budget",
        title="Attribution budget",
        unit="ratio",
        description="How much of one outcome's change in one period is claimed by all initiatives together.",
        formula="Σ accepted shares of one outcome and period; must not exceed 1",
        edge_rules=("Above 1 blocks acceptance until settled; the caveat over_budget names the claims.",),
        source="metrics.md section 5",
        standing=Standing.OURS,
        inputs=(
            Input(
                "claims",
                InputType.RECORDS,
                "Accepted shares.",
                fields=(
                    Input("initiative", InputType.TEXT, "Initiative."),
                    _rate("share", "Accepted share of the change, 0..1."),
                ),
                make=Claim,
            ),
        ),
        compute=attribution_budget,
        vectors=(
            Vector(
                "budget-kept",
                "exactly the whole",
                {"claims": [{"initiative": "a", "share": "0.7"}, {"initiative": "b", "share": "0.3"}]},
                {"status": "ok", "value": "1", "caveats": []},
            ),
            Vector(
                "budget-over",
                "more than the whole",
                {"claims": [{"initiative": "a", "share": "0.7"}, {"initiative": "b", "share": "0.4"}]},
                {"status": "ok", "value": "1.1", "caveats": ["over_budget"]},
            ),
        ),
    ),
    Metric(
        slug="simpson_check",
        title="Simpson check",
        unit="word",
        description="Whether the effect over all points the same way as the effect within every large group.",
        formula="agrees if sign(pooled) = sign(effect) in every stratum with n >= k, else differs",
        edge_rules=(
            "If they differ, the effect standardised to the strata is shown.",
            "Small strata are counted apart.",
        ),
        source="Simpson 1951; standard statistics",
        standing=Standing.STANDARD,
        value_type=ValueType.ENUM,
        parameters=(Parameter("minimum_n", COUNT, "k: smallest stratum looked at.", default=5, low=ONE),),
        inputs=(
            Input("pooled_effect", DECIMAL, "Effect over all, in KPI units."),
            Input(
                "strata",
                InputType.RECORDS,
                "Effects within groups.",
                fields=(
                    Input("name", InputType.TEXT, "Group."),
                    Input("effect", DECIMAL, "Effect within it, in KPI units."),
                    Input("n", COUNT, "People in it."),
                ),
                make=Stratum,
            ),
        ),
        compute=simpson_check,
        vectors=(
            Vector(
                "simpson-differs",
                "better over all, worse in both sites",
                {
                    "pooled_effect": "2",
                    "strata": [{"name": "north", "effect": "-1", "n": 30}, {"name": "south", "effect": "-2", "n": 10}],
                },
                {"status": "ok", "value": "differs", "caveats": ["strata_differ", "standardised_effect"]},
            ),
            Vector(
                "simpson-agrees",
                "the one stratum against it is too small to count",
                {
                    "pooled_effect": "2",
                    "strata": [{"name": "north", "effect": "1", "n": 30}, {"name": "south", "effect": "-2", "n": 4}],
                },
                {"status": "ok", "value": "agrees", "n_people": 30, "caveats": ["small_strata"]},
            ),
            Vector(
                "simpson-too-small",
                "only small strata",
                {"pooled_effect": "2", "strata": [{"name": "south", "effect": "-2", "n": 4}]},
                {"status": "no_data", "value": None},
            ),
        ),
    ),
)
