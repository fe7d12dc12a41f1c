"""Reach, participation and completion: who was meant to learn, who began, who finished (metrics.md, section 2)."""

from __future__ import annotations

from decimal import Decimal

from app.domain.metrics.answers import Answer, caveat, share
from app.domain.metrics.definitions import (
    Input,
    InputType,
    Metric,
    Parameter,
    Standing,
    Vector,
    by_variant,
)

COUNT = InputType.COUNT


def participation_rate(*, audience: int, started_in_audience: int, started_outside_audience: int) -> Answer:
    """Return the share of the audience that has started."""
    answer = share(started_in_audience, audience, people=True).on_basis("audience")
    return answer.noting(
        caveat(
            "outside_audience",
            f"{started_outside_audience} people started without belonging to the audience; they are not counted.",
            when=started_outside_audience,
        )
    )


def completion_of_audience(*, audience: int, completed_in_audience: int) -> Answer:
    """Return the share of the audience that has completed."""
    return share(completed_in_audience, audience, people=True).on_basis("audience")


def completion_of_enrolled(*, enrolled: int, completed: int, withdrawn_before_start: int) -> Answer:
    """Return the share of those enrolled that has completed; who withdrew before starting never was a learner."""
    answer = share(completed, enrolled - withdrawn_before_start, people=True).on_basis("enrolled")
    return answer.noting(
        caveat(
            "withdrawn_before_start",
            f"{withdrawn_before_start} people withdrew before they started; they are not counted.",
            when=withdrawn_before_start,
        )
    )


def completion_of_cohort(*, horizon_days: int, mature: int, completed_within: int, too_young: int) -> Answer:
    """Return the share of a cohort that completed within the horizon, among those enrolled that long ago."""
    answer = share(completed_within, mature, people=True).on_basis(f"cohort_within_{horizon_days}_days")
    return answer.noting(
        caveat(
            "too_young",
            f"{too_young} people enrolled less than {horizon_days} days ago; they are not counted yet.",
            when=too_young,
        )
    )


METRICS: tuple[Metric, ...] = (
    Metric(
        slug="participation_rate",
        title="Participation rate",
        unit="ratio",
        description="How much of the target audience has begun.",
        formula="|started ∩ audience| / |audience|",
        edge_rules=(
            "Distinct resolved persons, never accounts or events; one of several pursuits begun is a start.",
            "A completion implies a start.",
            "Participants outside the audience are reported apart and never in the numerator.",
            "An empty audience is not_applicable, never 0 % or 100 %.",
        ),
        source="Center for Talent Reporting, TDRp (number of participants); ISO 30414:2018, participation in training",
        standing=Standing.STANDARD,
        inputs=(
            Input("audience", COUNT, "People in the audience snapshot."),
            Input("started_in_audience", COUNT, "Of these, people with at least one start or completion."),
            Input(
                "started_outside_audience",
                COUNT,
                "People who started without belonging to the audience.",
                required=False,
                default=0,
            ),
        ),
        compute=participation_rate,
        vectors=(
            Vector(
                "participation-ordinary",
                "30 of 40 people of the audience have started, 3 others too",
                {"audience": 40, "started_in_audience": 30, "started_outside_audience": 3},
                {
                    "status": "ok",
                    "value": "0.75",
                    "unit": "ratio",
                    "numerator": "30",
                    "denominator": "40",
                    "n_people": 40,
                    "caveats": ["outside_audience"],
                },
            ),
            Vector(
                "participation-empty-audience",
                "an audience of nobody has no rate",
                {"audience": 0, "started_in_audience": 0},
                {"status": "not_applicable", "value": None},
            ),
            Vector(
                "participation-contradiction",
                "more starters than people in the audience",
                {"audience": 4, "started_in_audience": 5},
                {"status": "inconsistent", "value": None},
            ),
        ),
    ),
    Metric(
        slug="completion_rate",
        definition_version=2,
        title="Completion rate",
        unit="ratio",
        description="How many of those who should learn, of those enrolled, or of a cohort have completed.",
        formula=(
            "audience: |completed ∩ audience| / |audience|; enrolled: |completed ∩ enrolled| / (|enrolled| - "
            "|withdrawn before start|); cohort: |completed within H days| / |enrolled at least H days ago|"
        ),
        edge_rules=(
            "audience is the definition of the Center for Talent Reporting; enrolled is what most platforms mean.",
            "Who withdrew after starting stays in the denominator of enrolled.",
            "Distinct people: of several pursuits all must be completed (enrolled: but those left before the start).",
            "cohort: enrolments younger than the horizon are excluded and counted.",
            "Only the cohort variant may be compared over time.",
            "audience: a completion counts since the latest offer, where there was one offer an earlier one too.",
            "A later audience is a new offer if it sets a due day; without one it lists people for the offer they had.",
            "enrolled, cohort: the first completion counts, later attempts do not undo it. Still valid: validity_rate.",
            "A denominator of 0 is not_applicable.",
        ),
        source="Center for Talent Reporting, TDRp (audience); common practice (enrolled); cohort analysis, ours",
        standing=Standing.STANDARD,
        variant_parameter="denominator",
        parameters=(
            Parameter(
                "denominator",
                InputType.CHOICE,
                "Whose completion is asked for.",
                default="audience",
                allowed=("audience", "enrolled", "cohort"),
            ),
            Parameter(
                "horizon_days",
                COUNT,
                "H of the cohort variant: days a learner is given before counting.",
                default=90,
                low=Decimal(1),
                variant="cohort",
            ),
        ),
        inputs=(
            Input("audience", COUNT, "People in the audience snapshot.", variant="audience"),
            Input("completed_in_audience", COUNT, "Of these, people who completed.", variant="audience"),
            Input("enrolled", COUNT, "People enrolled or assigned, withdrawn ones included.", variant="enrolled"),
            Input("completed", COUNT, "Of the people enrolled, those who completed.", variant="enrolled"),
            Input(
                "withdrawn_before_start",
                COUNT,
                "Of the people enrolled, those who withdrew before they started.",
                required=False,
                default=0,
                variant="enrolled",
            ),
            Input("mature", COUNT, "People of the cohort enrolled at least the horizon ago.", variant="cohort"),
            Input("completed_within", COUNT, "Of these, people who completed within the horizon.", variant="cohort"),
            Input(
                "too_young",
                COUNT,
                "People of the cohort enrolled less than the horizon ago.",
                required=False,
                default=0,
                variant="cohort",
            ),
        ),
        compute=by_variant(
            "denominator",
            {
                "audience": completion_of_audience,
                "enrolled": completion_of_enrolled,
                "cohort": completion_of_cohort,
            },
        ),
        vectors=(
            Vector(
                "GV-J-4-of-5",
                "4 of 5 is 80 %, and the truth may be anywhere from 37.6 % to 96.4 %",
                {"audience": 5, "completed_in_audience": 4},
                {
                    "status": "ok",
                    "value": "0.8",
                    "interval": {"low": "0.375535", "high": "0.963776", "level": "0.95", "method": "wilson"},
                },
                {"denominator": "audience"},
            ),
            Vector(
                "GV-J-80-of-100",
                "80 of 100 is 80 % as well, from 71.1 % to 86.7 %",
                {"enrolled": 100, "completed": 80},
                {
                    "status": "ok",
                    "value": "0.8",
                    "interval": {"low": "0.711171", "high": "0.866633", "level": "0.95", "method": "wilson"},
                },
                {"denominator": "enrolled"},
            ),
            Vector(
                "completion-enrolled-withdrawn",
                "two of twelve withdrew before the start: nine of ten completed",
                {"enrolled": 12, "completed": 9, "withdrawn_before_start": 2},
                {"status": "ok", "value": "0.9", "denominator": "10", "caveats": ["withdrawn_before_start"]},
                {"denominator": "enrolled"},
            ),
            Vector(
                "completion-cohort",
                "18 of 24 mature enrolments within 30 days; six are too young to say",
                {"mature": 24, "completed_within": 18, "too_young": 6},
                {"status": "ok", "value": "0.75", "n_people": 24, "caveats": ["too_young"]},
                {"denominator": "cohort", "horizon_days": 30},
            ),
            Vector(
                "completion-nobody-enrolled",
                "nobody enrolled: no rate",
                {"enrolled": 0, "completed": 0},
                {"status": "not_applicable", "value": None},
                {"denominator": "enrolled"},
            ),
            Vector(
                "completion-unknown",
                "the audience is not known: no data, never 0 %",
                {"audience": None, "completed_in_audience": 0},
                {"status": "no_data", "value": None},
            ),
        ),
    ),
)
