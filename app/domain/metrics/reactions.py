"""What learners say: responses, recommendation and intent (metrics.md, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from app.domain.figure import Interval, Status
from app.domain.metrics.answers import Answer, caveat, no_data, share
from app.domain.metrics.definitions import (
    Input,
    InputType,
    Metric,
    Parameter,
    Standing,
    Vector,
    by_variant,
    part_of,
)
from app.domain.metrics.intervals import LEVEL, mean_interval, normal_quantile

COUNT = InputType.COUNT
DECIMAL = InputType.DECIMAL
HUNDRED = Decimal(100)
PROMOTER, DETRACTOR = 9, 6
INVITED = Input("invited", COUNT, "People invited to answer.", required=False)
UNDEFINED = {"status": "no_data", "value": None}


@dataclass(frozen=True, slots=True)
class Rating:
    """`count` answers with the same `score`."""

    score: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class PlannedUse:
    """`count` learners who plan to apply `percent` of what they learned."""

    percent: Decimal
    count: int = 1


def _beside_responses(answer: Answer, responses: int, invited: int | None) -> Answer:
    """Add what every survey figure carries: how many of those invited have answered."""
    if invited is None:
        return answer.noting(caveat("response_rate_unknown", "How many were invited is not known."))
    return answer.noting(caveat("response_rate", f"{responses} of {invited} invited people answered."))


def learning_nps(*, scores: Sequence[Rating], invited: int | None) -> Answer:
    """Return promoters minus detractors in percent of all answers, with the interval of a multinomial difference."""
    n = sum(rating.count for rating in scores)
    if n == 0:
        return no_data("nobody has answered")
    promoters = sum(rating.count for rating in scores if rating.score >= PROMOTER)
    detractors = sum(rating.count for rating in scores if rating.score <= DETRACTOR)
    net = Decimal(promoters - detractors)
    answer = Answer(
        value=HUNDRED * net / n,
        numerator=net,
        denominator=Decimal(n),
        n_people=n,
        interval=nps_interval(promoters, detractors, n),
    )
    alike = caveat("no_interval", "All answers fall into one group: no interval.", when=answer.interval is None)
    return _beside_responses(answer.noting(alike), n, invited)


def nps_interval(promoters: int, detractors: int, n: int, level: Decimal = LEVEL) -> Interval | None:
    """Return the interval of 100 · (p - d) from the multinomial variance (p + d - (p - d)²) / n, within ±100.

    None where the variance is 0: all answers in one group say nothing about the spread.
    """
    high, low = Decimal(promoters) / n, Decimal(detractors) / n
    variance = (high + low - (high - low) ** 2) / n
    if variance == 0:
        return None
    half = HUNDRED * normal_quantile(level) * variance.sqrt()
    centre = HUNDRED * (high - low)
    return Interval(max(centre - half, -HUNDRED), min(centre + half, HUNDRED), level, "multinomial_wald")


def intent_to_apply(*, responses: int, will_apply: int, invited: int | None) -> Answer:
    """Return the share of answers that choose a concrete way to apply what was learned."""
    return _beside_responses(share(will_apply, responses, people=True), responses, invited)


def scrap_planned(*, plans: Sequence[PlannedUse], invited: int | None) -> Answer:
    """Return 100 minus the mean percent of content that learners plan to apply."""
    n = sum(plan.count for plan in plans)
    if n == 0:
        return no_data("nobody has answered")
    mean = sum((plan.percent * plan.count for plan in plans), Decimal(0)) / n
    interval = mean_interval([HUNDRED - plan.percent for plan in plans], counts=[plan.count for plan in plans])
    answer = Answer(value=HUNDRED - mean, n_people=n, interval=interval, basis="planned")
    return _beside_responses(answer, n, invited)


def scrap_in_six_weeks(*, responses: int, will_apply_within_6_weeks: int, invited: int | None) -> Answer:
    """Return 100 minus the percent who say that they will apply it within six weeks."""
    applied = share(will_apply_within_6_weeks, responses, people=True)
    if applied.status is not Status.OK:
        return applied
    unused = share(responses - will_apply_within_6_weeks, responses, people=True)
    wilson = unused.interval
    answer = replace(
        unused,
        value=HUNDRED * (responses - will_apply_within_6_weeks) / responses,
        interval=wilson and Interval(HUNDRED * wilson.low, HUNDRED * wilson.high, wilson.level, wilson.method),
        basis="6wk",
    )
    return _beside_responses(answer, responses, invited)


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="response_rate",
        title="Response rate",
        unit="ratio",
        description="How many of those invited gave a valid answer. Stands beside every survey figure.",
        formula="valid responses / invited",
        edge_rules=("Nobody invited is not_applicable.", "More answers than invitations is inconsistent."),
        source="Standard",
        standing=Standing.STANDARD,
        inputs=(
            Input("invited", COUNT, "People invited to answer."),
            Input("valid_responses", COUNT, "People with a valid answer."),
        ),
        compute=part_of("valid_responses", "invited", people=True),
        vectors=(
            Vector(
                "response-ordinary",
                "32 of 80 answered",
                {"invited": 80, "valid_responses": 32},
                {"status": "ok", "value": "0.4", "n_people": 80},
            ),
            Vector(
                "response-nobody",
                "nobody was invited",
                {"invited": 0, "valid_responses": 0},
                {"status": "not_applicable", "value": None},
            ),
        ),
    ),
    Metric(
        slug="learning_nps",
        title="Net promoter score of learning",
        unit="score:-100..100",
        description="Share of promoters (9-10) minus share of detractors (0-6), times 100.",
        formula="100 · (|9-10| - |0-6|) / n; variance (p + d - (p - d)²) / n",
        edge_rules=(
            "The scale is 0 to 10, and 0 belongs to the detractors.",
            "The interval comes from the multinomial variance; with all answers in one group there is none.",
            "The response rate stands beside it.",
        ),
        source="Reichheld 2003; multinomial variance: standard",
        standing=Standing.STANDARD,
        inputs=(
            Input(
                "scores",
                InputType.RECORDS,
                "The answers.",
                fields=(
                    Input("score", COUNT, "Answer from 0 to 10.", high=Decimal(10)),
                    Input("count", COUNT, "How many such answers.", required=False, default=1),
                ),
                make=Rating,
            ),
            INVITED,
        ),
        compute=learning_nps,
        vectors=(
            Vector(
                "nps-ordinary",
                "50 promoters, 30 passives, 20 detractors: 30, give or take 15.3",
                {
                    "scores": [
                        {"score": 10, "count": 20},
                        {"score": 9, "count": 30},
                        {"score": 8, "count": 30},
                        {"score": 6, "count": 20},
                    ],
                    "invited": 400,
                },
                {
                    "status": "ok",
                    "value": "30",
                    "n_people": 100,
                    "interval": {
                        "low": "14.692192",
                        "high": "45.307808",
                        "level": "0.95",
                        "method": "multinomial_wald",
                    },
                    "caveats": ["response_rate"],
                },
            ),
            Vector(
                "nps-zero-belongs",
                "an answer of 0 is a detractor",
                {"scores": [{"score": 0}, {"score": 9}, {"score": 7, "count": 2}]},
                {"status": "ok", "value": "0", "caveats": ["response_rate_unknown"]},
            ),
            Vector(
                "nps-all-promoters",
                "three promoters: 100, and no interval is claimed",
                {"scores": [{"score": 10, "count": 3}]},
                {"status": "ok", "value": "100", "interval": None, "caveats": ["no_interval"]},
            ),
            Vector("nps-nobody", "nobody answered", {"scores": []}, UNDEFINED),
        ),
    ),
    Metric(
        slug="intent_to_apply",
        title="Intent to apply",
        unit="ratio",
        description="How many chose a concrete answer that says they will apply what they learned.",
        formula="answers of the kind “will apply” / valid answers",
        edge_rules=("Concrete choices are preferred to agreement scales.", "A prediction of the learner, not a deed."),
        source="Thalheimer, Performance-Focused Learner Surveys",
        standing=Standing.COMMON,
        inputs=(
            Input("responses", COUNT, "People with a valid answer."),
            Input("will_apply", COUNT, "Of these, people who chose a concrete “will apply” answer."),
            INVITED,
        ),
        compute=intent_to_apply,
        vectors=(
            Vector(
                "intent-ordinary",
                "27 of 36 will apply it",
                {"responses": 36, "will_apply": 27, "invited": 48},
                {"status": "ok", "value": "0.75", "caveats": ["response_rate"]},
            ),
            Vector(
                "intent-nobody",
                "nobody answered",
                {"responses": 0, "will_apply": 0},
                {"status": "not_applicable", "value": None},
            ),
        ),
    ),
    Metric(
        slug="scrap_rate",
        title="Scrap rate of learning",
        unit="percent",
        description="How much of the learning will not be used, as learners predict. Two formulas share the name.",
        formula="planned: 100 - mean percent planned to apply; 6wk: 100 - percent who will apply within six weeks",
        edge_rules=(
            "The definition is always named; the two are never compared.",
            "A self-report and a prediction.",
        ),
        source="Explorance (planned); KnowledgeAdvisors (6wk)",
        standing=Standing.COMMON,
        variant_parameter="definition",
        parameters=(
            Parameter("definition", InputType.CHOICE, "Which formula.", default="planned", allowed=("planned", "6wk")),
        ),
        inputs=(
            Input(
                "plans",
                InputType.RECORDS,
                "The answers.",
                variant="planned",
                fields=(
                    Input("percent", DECIMAL, "Percent of the content planned to apply.", low=Decimal(0), high=HUNDRED),
                    Input("count", COUNT, "How many such answers.", required=False, default=1),
                ),
                make=PlannedUse,
            ),
            Input("responses", COUNT, "People with a valid answer.", variant="6wk"),
            Input("will_apply_within_6_weeks", COUNT, "Of these, those who will apply it by then.", variant="6wk"),
            INVITED,
        ),
        compute=by_variant("definition", {"planned": scrap_planned, "6wk": scrap_in_six_weeks}),
        vectors=(
            Vector(
                "scrap-planned",
                "30 %, 50 % and twice 60 % planned: half is scrap",
                {"plans": [{"percent": "30"}, {"percent": "50"}, {"percent": "60", "count": 2}], "invited": 5},
                {"status": "ok", "value": "50", "n_people": 4, "basis": "planned"},
            ),
            Vector(
                "scrap-6wk",
                "36 of 60 will apply it within six weeks",
                {"responses": 60, "will_apply_within_6_weeks": 36, "invited": 80},
                {"status": "ok", "value": "40", "basis": "6wk"},
                {"definition": "6wk"},
            ),
            Vector("scrap-nobody", "nobody answered", {"plans": []}, UNDEFINED),
        ),
    ),
)
